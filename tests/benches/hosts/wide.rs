//! Hosts with much of one thing: twice as much should take twice as long.

use std::{fmt::Write, net::Ipv4Addr};

use divan::Bencher;
use memsec_core::{Host, Packet, Policy, Snapshot, audit};

use crate::filter;

const SIZES: [usize; 3] = [125, 250, 500];

/// Networks of Docker, each with a bridge, its rules and an address.
#[divan::bench(args = SIZES, sample_count = 5)]
fn bridges(bencher: Bencher<'_, '_>, size: usize) {
    let lo = r#"{"ifname": "lo", "flags": ["LOOPBACK"], "addr_info": [
        {"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]}"#;
    let mut interfaces = vec![lo.to_owned()];
    let (mut nat, mut filter) = (String::new(), String::new());
    for n in 0..size {
        let (a, b) = (16 + n / 256, n % 256);
        interfaces.push(format!(
            r#"{{"ifname": "br-{n}", "flags": ["UP"], "addr_info": [
            {{"family": "inet", "local": "172.{a}.{b}.1", "prefixlen": 24}}]}}"#
        ));
        let _ = writeln!(nat, "-A DOCKER -i br-{n} -j RETURN");
        let _ = writeln!(
            nat,
            "-A DOCKER ! -i br-{n} -p tcp -m tcp --dport {} -j DNAT \
             --to-destination 172.{a}.{b}.2:80",
            20_000 + n
        );
        let _ = writeln!(filter, "-A FORWARD -o br-{n} -j DOCKER");
        let _ = writeln!(
            filter,
            "-A DOCKER -d 172.{a}.{b}.2/32 ! -i br-{n} -o br-{n} -p tcp -m \
             tcp --dport 80 -j ACCEPT"
        );
    }
    let rules = format!(
        "*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n-A PREROUTING -m \
         addrtype --dst-type LOCAL -j DOCKER\n{nat}COMMIT\n*filter\n:INPUT \
         ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:DOCKER - [0:0]\n{filter}COMMIT\n"
    );
    let addresses = format!("[{}]", interfaces.join(","));
    let host = Snapshot::new()
        .with_file("/etc/memcached.conf", "-l 0.0.0.0\n-U 0\n")
        .with_command("ip -j address", &addresses)
        .with_command("iptables-save", &rules)
        .with_command("ip6tables-save", "");
    bencher.bench(|| audit(&host, &Policy::new()).expect("rules"));
}

/// Chains that are called one after the other, each with a few rules.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 5)]
fn chains(bencher: Bencher<'_, '_>, size: usize) {
    let (mut names, mut rules) = (String::new(), String::new());
    for n in 0..size / 4 {
        let source = Ipv4Addr::from(0x0b00_0000 + 256 * n as u32);
        let _ = writeln!(names, ":C{n} - [0:0]");
        let _ = writeln!(rules, "-A INPUT -s {source}/24 -j C{n}");
        let _ = writeln!(rules, "-A C{n} -s {source}/32 -j RETURN");
        let _ = writeln!(rules, "-A C{n} -p udp -j RETURN\n-A C{n} -j DROP");
    }
    let text = format!("*filter\n:INPUT ACCEPT [0:0]\n{names}{rules}COMMIT\n");
    let host = Snapshot::new().with_command("iptables-save", &text);
    bencher.bench(|| audit(&host, &Policy::new()).expect("rules"));
}

/// Sets of ipset, each with a hundred members and a rule.
#[divan::bench(args = [100, 1_000, 10_000], sample_count = 5)]
fn sets(bencher: Bencher<'_, '_>, size: usize) {
    let (mut sets, mut rules) = (String::new(), String::new());
    for n in 0..size {
        let _ = writeln!(sets, "create s{n} hash:ip family inet");
        for member in 0..100 {
            let address = 0x0b00_0000 + 256 * n as u32 + 2 * member;
            let address = Ipv4Addr::from(address);
            let _ = writeln!(sets, "add s{n} {address}");
        }
        let _ = writeln!(
            rules,
            "-A INPUT -m set --match-set s{n} src -j {}",
            ["ACCEPT", "DROP"][n % 2]
        );
    }
    let text = format!("*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n");
    let host = Snapshot::new()
        .with_command("ipset save", &sets)
        .with_command("iptables-save", &text);
    bencher.bench(|| audit(&host, &Policy::new()).expect("rules"));
}

/// A thousand packets, each through a host with so many rules.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 5)]
fn packets(bencher: Bencher<'_, '_>, rules: usize) {
    let text = filter(rules);
    let host = Snapshot::new().with_command("iptables-save", &text);
    let host = Host::new(&host).expect("rules");
    bencher.bench(|| {
        for n in 0..1_000u32 {
            let from = Ipv4Addr::from(n.wrapping_mul(2_654_435_761));
            let to = Some([192, 0, 2, 10].into());
            let packet = Packet { to, ..Packet::new(from.into()) };
            host.explain(&packet).expect("a packet");
        }
    });
}
