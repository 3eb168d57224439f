//! The rules that a plan renders are what nft and iptables-restore take: the
//! real programs check them, in a network namespace of their own.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use memsec_core::{Plan, Render};
use serde_json::json;

/// Whether a program takes the text; `None` where there is no such program
/// or no right to make a namespace.
fn takes(program: &[&str], text: &str) -> Option<bool> {
    let unshare = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.arg("--net").args(words);
        command
    };
    let version = unshare(&[program[0], "--version"]).output().ok()?;
    if !version.status.success() {
        assert!(std::env::var_os("CI").is_none(), "{} is missing", program[0]);
        println!("skipped: needs root and {}", program[0]);
        return None;
    }
    let mut child = unshare(program).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Some(child.wait().unwrap().success())
}

fn plan(allow: &[&str], udp: bool) -> Plan {
    let rule = ["INPUT", "-s", "192.0.2.20/32", "-p", "tcp", "-j", "ACCEPT"];
    let manager = |program: &str, rule: &[&str]| {
        let mut command = vec![program, "-w", "-A"];
        command.extend(rule);
        json!({
            "kind": "manager", "summary": "", "settles": [],
            "command": command,
        })
    };
    let six = rule.map(|word| match word {
        "192.0.2.20/32" => "2001:db8::20/128",
        word => word,
    });
    let plan = json!({
        "schema": 1, "empty": false,
        "steps": [
            {
                "kind": "guard", "summary": "", "settles": [],
                "guard": { "ports": [11211, 11212], "allow": allow, "udp": udp },
            },
            manager("iptables", &rule),
            manager("ip6tables", &six),
        ],
        "proof": { "holds": true, "claims": [] },
    });
    Plan::from_json("plan", &plan.to_string()).unwrap()
}

const CLIENTS: &[&str] = &["10.20.0.0/24", "192.0.2.20", "2001:db8:1::20"];

fn nft(allow: &[&str], udp: bool) {
    let text = plan(allow, udp).render(Render::Nft).unwrap();
    assert_ne!(takes(&["nft", "-f", "-"], &text), Some(false), "{text}");
    // What is there already is replaced.
    let twice = format!("{text}{text}");
    assert_ne!(takes(&["nft", "-f", "-"], &twice), Some(false), "{twice}");
}

#[test]
fn nft_takes_a_guard_with_clients() {
    nft(CLIENTS, false);
}

#[test]
fn nft_takes_a_guard_that_lets_clients_in_over_udp() {
    nft(CLIENTS, true);
}

#[test]
fn nft_takes_a_guard_that_lets_nobody_in() {
    nft(&[], false);
}

#[test]
fn each_restore_program_takes_the_lines_of_its_family() {
    let text = plan(CLIENTS, true).render(Render::IptablesRestore).unwrap();
    for program in ["iptables-restore", "ip6tables-restore"] {
        let line = [program, "--noflush"];
        assert_ne!(takes(&line, &text), Some(false), "{program}: {text}");
    }
}

#[test]
fn the_lines_stand_for_themselves() {
    let text = plan(CLIENTS, false).render(Render::IptablesRestore).unwrap();
    assert!(text.contains(
        "-4 -A MEMSEC -s 10.20.0.0/24 -p tcp -m multiport --dports \
         11211,11212 -j RETURN\n"
    ));
    assert!(text.contains("-A MEMSEC -p udp -m multiport --dports"));
    assert!(text.contains("-6 -A INPUT -s 2001:db8::20/128 -p tcp"));
}
