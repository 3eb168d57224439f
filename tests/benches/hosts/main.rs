//! Hosts as people have them: from the JSON of a snapshot to the report and
//! to a plan with its proof, in Rust and through C; and hosts with much of
//! one thing.

mod c;
mod wide;

use std::env;

use divan::{Bencher, counter::ItemsCount};
use memsec_core::{Policy, Snapshot, audit};

fn main() {
    // `cargo test --all-targets` comes here too, and does not say this.
    if env::args().any(|argument| argument == "--bench") {
        divan::main();
    }
}

const ADDRESSES: &str = r#"[
    {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "addr_info": [
        {"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
    {"ifname": "eth0", "flags": ["UP"], "addr_info": [
        {"family": "inet", "local": "192.0.2.10", "prefixlen": 24}]}]"#;

/// What Debian's package ships, on the address that clients use.
const CONFIGURATION: &str = "# memcached default config file\n-d\n\
    logfile /var/log/memcached.log\n-m 64\n-p 11211\n-u memcache\n\
    -l 192.0.2.10\n-P /var/run/memcached/memcached.pid\n";

/// A host with one daemon and so many rules of iptables, of which most drop
/// a network.
fn host(rules: usize) -> Snapshot {
    Snapshot::new()
        .with_file("/etc/memcached.conf", CONFIGURATION)
        .with_command("memcached -V", "memcached 1.6.18\n")
        .with_command("ip -j address", ADDRESSES)
        .with_command("iptables-save", &filter(rules))
        .with_command("ip6tables-save", "")
}

fn filter(rules: usize) -> String {
    let mut text = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n\
        :OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n\
        -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
        -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
        .to_owned();
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 4..rules {
        let address: std::net::Ipv4Addr =
            rng.u32(0x0b00_0000..0x7f00_0000).into();
        text += &match rng.usize(..4) {
            0 => format!(
                "-A INPUT -s {address}/32 -p tcp -m tcp --dport {} -j DROP\n",
                rng.u16(1..)
            ),
            _ => format!("-A INPUT -s {address}/32 -j DROP\n"),
        };
    }
    text + "-A INPUT -p tcp -m tcp --dport 11211 -j ACCEPT\nCOMMIT\n"
}

/// The rules of a usual host.
const USUAL: usize = 200;

/// Nobody but one network of clients.
fn policy() -> Policy {
    let clients = "10.20.0.0/24".parse().expect("a network");
    Policy::new().allow(clients)
}

/// From the JSON of a usual host to the JSON of its report.
#[divan::bench]
fn report(bencher: Bencher<'_, '_>) {
    let json = host(USUAL).to_json();
    bencher.counter(ItemsCount::new(1usize)).bench(|| {
        let snapshot = Snapshot::from_json("host", &json).expect("JSON");
        let report = audit(&snapshot, &Policy::new()).expect("rules");
        serde_json::to_string(&report).expect("data")
    });
}

/// An audit of a usual host alone.
#[divan::bench]
fn audited(bencher: Bencher<'_, '_>) {
    let host = host(USUAL);
    bencher.bench(|| audit(&host, &Policy::new()).expect("rules"));
}

/// From the text of so many rules to who reaches three services.
#[divan::bench(args = [USUAL, 1_000])]
fn answered(bencher: Bencher<'_, '_>, rules: usize) {
    let host = Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_command("iptables-save", &filter(rules));
    let ports = r#"{"ports": [{"proto": "tcp", "port": 22},
        {"proto": "tcp", "port": 11211}, {"proto": "udp", "port": 11211}]}"#;
    let policy = Policy::from_json("policy", ports).expect("a policy");
    bencher.bench(|| audit(&host, &policy).expect("rules"));
}

/// A plan with its proof, for the report of a host with so many rules.
#[divan::bench(args = [USUAL, 1_000, 10_000, 100_000])]
fn planned(bencher: Bencher<'_, '_>, rules: usize) {
    let report = audit(&host(rules), &policy()).expect("rules");
    bencher.bench(|| report.plan());
}
