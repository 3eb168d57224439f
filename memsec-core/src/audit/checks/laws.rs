//! What holds of the findings of any host.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::{
    Policy, Render, Report, Snapshot, Style, audit, snapshot::Process,
};

/// A word that no text of ours has.
const SECRET: &str = "hunter2zq";

/// A host on which every place that a secret can be in has it: files that
/// somebody took along by mistake, settings, the environment.
fn host_with_secrets(argv: &str, also: &str) -> Snapshot {
    let mut process = Process {
        pid: 812,
        exe: "/usr/bin/memcached".to_owned(),
        argv: argv.split(' ').map(str::to_owned).collect(),
        uid: Some(110),
        version: Some("1.6.18".to_owned()),
        ..Process::default()
    };
    process.env.insert("MEMCACHED_SASL_PWDB".to_owned(), "/pwdb".to_owned());
    let container = format!(
        r#"[{{"Name": "/web", "Config": {{"Image": "memcached",
            "Env": ["MEMCACHED_PASSWORD={SECRET}"], "Cmd": ["memcached"]}},
            "HostConfig": {{"NetworkMode": "host"}}}}]"#
    );
    let line = format!("admin:{SECRET}\n");
    let key = format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n");
    let shadow = format!("# {SECRET}\nPASS={SECRET}\n");
    Snapshot::new()
        .with_file("/etc/memcached.conf", &argv.replace(' ', "\n"))
        .with_file("/etc/m.auth", &line)
        .with_file("/pwdb", &line)
        .with_file("/etc/k.pem", &key)
        .with_file("/etc/shadow", &shadow)
        .with_file(also, &line)
        .with_command("docker inspect", &container)
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "")
        .with_process(process)
}

const OPTIONS: [&str; 7] = [
    "-Y /etc/m.auth",
    "-S",
    "-Z -o ssl_chain_cert=/c.pem,ssl_key=/etc/k.pem",
    "-A",
    "-vv",
    "-l 0.0.0.0",
    "-U 11211",
];

fn everything_said(report: &Report) -> String {
    let plan = report.plan();
    let mut said = report.to_json() + &report.to_text(Style::default());
    said += &(report.to_sarif() + &report.to_html(Some(&plan)));
    said += &plan.to_json();
    for render in [Render::Text, Render::Diff, Render::Shell] {
        said += &plan.render(render).unwrap_or_default();
    }
    said
}

const ADDRESSES: [&str; 3] = [
    r#"{"ifname": "lo", "link_type": "loopback", "addr_info": [
        {"local": "127.0.0.1", "prefixlen": 8}]}"#,
    r#"{"ifname": "eth0", "addr_info": [
        {"local": "192.0.2.10", "prefixlen": 24},
        {"local": "2001:db8::10", "prefixlen": 64}]}"#,
    r#"{"ifname": "eth1", "addr_info": [
        {"local": "10.20.0.10", "prefixlen": 24}]}"#,
];

const ARGVS: [&str; 3] = [
    "-u m -l 0.0.0.0 -U 0",
    "-u m -l 10.20.0.10 -p 11299 -U 11299",
    "-u m -l 127.0.0.1 -p 11300 -A",
];

const CLIENTS: [&str; 3] = ["10.20.0.0/24", "198.51.100.0/24", "2001:db8::/64"];

/// A host whose lists are in these orders.
fn ordered(interfaces: &[usize], argvs: &[usize], clients: &[usize]) -> Report {
    let all: Vec<_> = interfaces.iter().map(|&at| ADDRESSES[at]).collect();
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i eth1 -p tcp -m tcp \
                 --dport 11299 -m limit --limit 1/s -j DROP\nCOMMIT\n";
    let mut snapshot = Snapshot::new()
        .with_file("/etc/memcached.conf", "-u m\n-l 0.0.0.0\n-U 0\n")
        .with_command("ip -j address", &format!("[{}]", all.join(",")))
        .with_command("iptables-save", rules)
        .with_command("ip6tables-save", "");
    for &at in argvs {
        snapshot = snapshot.with_process(Process {
            pid: 800 + u32::try_from(at).unwrap(),
            argv: ARGVS[at].split(' ').map(str::to_owned).collect(),
            version: Some("1.6.18".to_owned()),
            ..Process::default()
        });
    }
    let clients = clients.iter().map(|&at| CLIENTS[at].parse().unwrap());
    let policy = clients.fold(Policy::new(), Policy::allow);
    audit(&snapshot, &policy).unwrap()
}

fn findings(report: &Report) -> BTreeSet<String> {
    let all = report.findings.iter();
    all.map(|f| format!("{} {} {} {}", f.id, f.severity, f.place, f.message))
        .collect()
}

fn order() -> impl Strategy<Value = Vec<usize>> {
    Just(vec![0, 1, 2]).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_that_is_said_has_a_secret(
        chosen in prop::sample::subsequence(OPTIONS.to_vec(), 1..5),
        also in prop::sample::select(vec![
            "/etc/sasldb2", "/etc/sasl2/memcached-sasldb2", "/srv/m.auth",
        ]),
    ) {
        let argv = format!("-u m {}", chosen.join(" "));
        let report = audit(&host_with_secrets(&argv, also), &Policy::new());
        let said = everything_said(&report.unwrap());
        prop_assert!(!said.contains(SECRET), "{argv}");
    }

    #[test]
    fn the_order_of_lists_changes_no_finding(
        interfaces in order(), argvs in order(), clients in order(),
    ) {
        let first = ordered(&[0, 1, 2], &[0, 1, 2], &[0, 1, 2]);
        let other = ordered(&interfaces, &argvs, &clients);
        prop_assert_eq!(findings(&first), findings(&other));
    }
}
