//! Whatever the bytes, the answer is a value or one line with the place.

use std::time::{Duration, Instant};

use memsec_core::{
    Cidr, Error, Packet, Policy, Proto, Report, Snapshot, audit, explain,
};

const INPUT: &str = "*filter\n:INPUT ACCEPT [0:0]\n";

fn rules(text: &str) -> Snapshot {
    Snapshot::new()
        .with_command("iptables-save", text)
        .with_command("ip6tables-save", "")
}

fn port() -> Policy {
    let port = memsec_core::Port { proto: Proto::Tcp, port: 11211 };
    let mut policy = Policy::new();
    policy.ports.push(port);
    policy
}

fn audited(text: &str) -> Result<Report, Error> {
    audit(&rules(text), &port())
}

fn error(text: &str) -> String {
    audited(text).map_or_else(|e| e.to_string(), |_| "no error".to_owned())
}

#[track_caller]
fn says(error: &str, place: &str, words: &str) {
    assert!(error.starts_with(place), "{error}");
    assert!(error.contains(words), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_dump_that_is_cut_off() {
    let text = format!("{INPUT}-A INPUT -j DROP\n");
    says(&error(&text), "iptables-save:", "COMMIT");
}

#[test]
fn a_chain_that_jumps_to_itself() {
    let rules = ":A - [0:0]\n-A INPUT -j A\n-A A -j A\n";
    let text = format!("{INPUT}{rules}COMMIT\n");
    says(&error(&text), "iptables-save:5:", "A");
}

#[test]
fn chains_that_jump_in_a_circle() {
    let text = format!(
        "{INPUT}:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n\
         -A B -g A\nCOMMIT\n"
    );
    says(&error(&text), "iptables-save:", "is jumped to again");
}

#[test]
fn a_jump_to_a_chain_that_is_missing() {
    let text = format!("{INPUT}-A INPUT -j NOWHERE\nCOMMIT\n");
    // An extension that is not known looks the same: it is unknown, and
    // neither an error nor forgotten.
    match audited(&text) {
        Ok(report) => assert!(report.exposures.iter().any(|e| !e.exact)),
        Err(error) => says(&error.to_string(), "iptables-save:3:", "NOWHERE"),
    }
}

#[test]
fn a_conf_that_is_not_utf8() {
    let json = r#"{"schema": 1, "files": {
        "/etc/memcached.conf": {"base64": "LXAgMQotbCD/Cg=="}}}"#;
    let snapshot = Snapshot::from_json("s.json", json).unwrap();
    let error = audit(&snapshot, &Policy::new()).unwrap_err().to_string();
    assert_eq!(error, "/etc/memcached.conf:2:4: byte 0xff is not UTF-8");
}

#[test]
fn json_that_is_cut_off() {
    let error = Snapshot::from_json("s.json", "{\"schema\": 1,\n \"files\"");
    says(&error.unwrap_err().to_string(), "s.json:2:8: ", "EOF");
}

#[test]
fn json_of_another_schema() {
    for (name, result) in [
        ("s", Snapshot::from_json("s", r#"{"schema": 9}"#).err()),
        ("p", Policy::from_json("p", r#"{"schema": 9}"#).err()),
    ] {
        let error = result.unwrap().to_string();
        says(&error, &format!("{name}:1:13: "), "schema 9 is not known");
    }
}

#[test]
fn an_address_with_host_bits() {
    let json = r#"{"allow": ["10.0.0.1", "10.20.0.7/24"]}"#;
    let error = Policy::from_json("p.json", json).unwrap_err().to_string();
    says(&error, "p.json:1:", "the network is 10.20.0.0/24");
    assert!("2001:db8::1/64".parse::<Cidr>().is_err());
}

#[test]
fn listings_that_are_not_json() {
    for command in ["ip -j address", "nft -j list ruleset"] {
        let snapshot = rules("").with_command(command, "eth0: <UP>\n");
        let error = audit(&snapshot, &port()).unwrap_err().to_string();
        says(&error, &format!("{command}:1:"), "expected");
    }
}

#[test]
fn a_line_of_100_megabytes() {
    let start = Instant::now();
    let line = "-A INPUT -m comment --comment ".to_owned();
    let text = format!("{INPUT}{line}{}\nCOMMIT\n", "x".repeat(100 << 20));
    let _ = audited(&text);
    let conf = Snapshot::new()
        .with_file("/etc/memcached.conf", &"-l 0.0.0.0,".repeat(1 << 20));
    let _ = audit(&conf, &Policy::new());
    let words = format!("{INPUT}-A INPUT{}\nCOMMIT\n", " -v".repeat(1 << 20));
    let _ = audited(&words);
    // Quadratic time would be hours; a busy machine takes its minutes.
    assert!(start.elapsed() < Duration::from_secs(600));
}

#[test]
fn chains_nested_ten_thousand_deep() {
    let mut text = INPUT.to_owned();
    let depth = 10_000;
    for n in 0..depth {
        text += &format!(":C{n} - [0:0]\n");
    }
    text += "-A INPUT -j C0\n";
    for n in 1..depth {
        text += &format!("-A C{} -j C{n}\n", n - 1);
    }
    text += &format!("-A C{} -j DROP\nCOMMIT\n", depth - 1);
    let report = audited(&text).unwrap();
    let ipv4 = report.exposures.iter().find(|e| e.may.is_empty());
    assert!(ipv4.is_some(), "nobody gets through");
}

#[test]
fn text_around_a_dump_does_not_change_what_it_says() {
    let text = format!(
        "# Warning: iptables-legacy tables present, use iptables-legacy\n\
         {INPUT}-A INPUT -j DROP\nCOMMIT\n# Completed\n"
    );
    let dropped = audited(&text).unwrap();
    let crlf = audited(&text.replace('\n', "\r\n")).unwrap();
    let may = |report: &Report| report.exposures[0].may.clone();
    assert_eq!((may(&dropped).len(), may(&crlf).len()), (0, 0));
}

#[test]
fn what_is_not_known_is_not_dropped() {
    let text = format!(
        "{INPUT}-A INPUT -m magic --spell 7 -j DROP\n\
         -A INPUT -j ACCEPT\nCOMMIT\n"
    );
    let report = audited(&text).unwrap();
    let exposure = &report.exposures[0];
    assert!(!exposure.exact && exposure.must.is_empty());
    assert_eq!(exposure.may.len(), 1);
    let named = report.unknown.iter().filter_map(|u| u.place.line);
    assert!(named.into_iter().any(|line| line == 3), "{:?}", report.unknown);
}

mod any_bytes {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn in_any_text_give_an_answer_or_an_error(
            conf in "(-[lUpusdhaSYZ] ?[0-9a-z.:,\\[\\]#$\"' ]{0,12}\n?){0,6}",
            dump in "\\*filter\n(-A INPUT [-!a-z0-9./:, \"]{0,30}\n){0,5}COMMIT\n",
            noise in ".{0,60}",
        ) {
            let snapshot = rules(&dump)
                .with_file("/etc/memcached.conf", &conf)
                .with_file("/etc/sysconfig/memcached", &noise);
            if let Ok(report) = audit(&snapshot, &port()) {
                let _ = report.plan().to_json();
            }
            let _ = audit(&rules(&noise), &port());
            let packet = Packet::new([192, 0, 2, 20].into());
            let _ = explain(&snapshot, &packet);
            let _ = Snapshot::from_json("noise", &noise);
        }
    }
}
