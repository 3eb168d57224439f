//! From the text of a firewall to the model of it, without any answer. The
//! largest size is `MEMSEC_BENCH_RULES`, else 100,000 rules.

use std::{env, fmt::Write, net::Ipv4Addr};

use divan::{AllocProfiler, Bencher, counter::BytesCount};
use memsec_core::{Host, Snapshot};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    // `cargo test --all-targets` comes here too, and does not say this.
    if env::args().any(|argument| argument == "--bench") {
        divan::main();
    }
}

fn sizes() -> impl Iterator<Item = usize> {
    let most = env::var("MEMSEC_BENCH_RULES").ok();
    let most = most.and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let sizes = [200, 1_000, 10_000, 100_000, 1_000_000];
    sizes.into_iter().filter(move |&size| size <= most)
}

/// So many addresses, far apart and in no order.
fn addresses(size: usize) -> impl Iterator<Item = Ipv4Addr> {
    (1..=size as u32).map(|n| n.wrapping_mul(2_654_435_761).into())
}

fn filter(rules: &str) -> String {
    format!("*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n")
}

fn read(bencher: Bencher<'_, '_>, texts: &[(&str, String)]) {
    let mut snapshot = Snapshot::new();
    for (command, text) in texts {
        snapshot = snapshot.with_command(command, text);
    }
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| Host::new(&snapshot));
}

/// Rules that differ in the source.
#[divan::bench(args = sizes(), sample_count = 10, sample_size = 1)]
fn iptables(bencher: Bencher<'_, '_>, size: usize) {
    let mut rules = String::new();
    for address in addresses(size) {
        let _ = writeln!(rules, "-A INPUT -s {address}/32 -j DROP");
    }
    read(bencher, &[("iptables-save", filter(&rules))]);
}

/// The same of IPv6.
#[divan::bench(args = sizes(), sample_count = 10, sample_size = 1)]
fn ip6tables(bencher: Bencher<'_, '_>, size: usize) {
    let mut rules = String::new();
    for address in addresses(size) {
        let bits = address.to_bits();
        let (high, low) = (bits >> 16, bits & 0xffff);
        let _ = writeln!(
            rules,
            "-A INPUT -s 2001:db8::{high:x}:{low:x}/128 -j DROP"
        );
    }
    read(bencher, &[("ip6tables-save", filter(&rules))]);
}

/// Rules of which each has a port and a state more than the source.
#[divan::bench(args = sizes(), sample_count = 10, sample_size = 1)]
fn iptables_mixed(bencher: Bencher<'_, '_>, size: usize) {
    let mut rules = String::new();
    for (at, address) in addresses(size).enumerate() {
        let port = at % 1000;
        let _ = writeln!(
            rules,
            "-A INPUT -s {address}/32 -p tcp -m tcp --dport {port} \
             -m conntrack --ctstate NEW -j DROP"
        );
    }
    read(bencher, &[("iptables-save", filter(&rules))]);
}

/// Rules of nft that differ in the source.
#[divan::bench(args = sizes(), sample_count = 10, sample_size = 1)]
fn nft_rules(bencher: Bencher<'_, '_>, size: usize) {
    let mut rules = String::new();
    for address in addresses(size) {
        let _ = writeln!(rules, "\t\tip saddr {address} drop");
    }
    let text = format!(
        "table ip f {{\n\tchain i {{\n\t\ttype filter hook input priority \
         filter; policy accept;\n{rules}\t}}\n}}\n"
    );
    read(bencher, &[("nft list ruleset", text)]);
}

/// A set of ipset that one rule asks.
#[divan::bench(args = sizes(), sample_count = 10, sample_size = 1)]
fn ipset(bencher: Bencher<'_, '_>, size: usize) {
    let mut set = "create block hash:net family inet\n".to_owned();
    for address in addresses(size) {
        let _ = writeln!(set, "add block {address}");
    }
    let rule = filter("-A INPUT -m set --match-set block src -j DROP\n");
    read(bencher, &[("ipset save", set), ("iptables-save", rule)]);
}

/// A set of nft that one rule asks, as JSON.
#[divan::bench(args = sizes(), sample_count = 10, sample_size = 1)]
fn nft_json(bencher: Bencher<'_, '_>, size: usize) {
    let all: Vec<_> =
        addresses(size).map(|address| format!("\"{address}\"")).collect();
    let text = format!(
        r#"{{"nftables": [{{"table": {{"family": "ip", "name": "f"}}}},
        {{"set": {{"family": "ip", "name": "s", "table": "f",
            "type": "ipv4_addr", "elem": [{}]}}}},
        {{"chain": {{"family": "ip", "table": "f", "name": "i",
            "type": "filter", "hook": "input", "prio": 0}}}},
        {{"rule": {{"family": "ip", "table": "f", "chain": "i", "expr": [
            {{"match": {{"op": "==", "right": "@s", "left": {{"payload":
                {{"protocol": "ip", "field": "saddr"}}}}}}}},
            {{"drop": null}}]}}}}]}}"#,
        all.join(", ")
    );
    read(bencher, &[("nft -j list ruleset", text)]);
}

/// The same as text.
#[divan::bench(args = sizes(), sample_count = 10, sample_size = 1)]
fn nft_text(bencher: Bencher<'_, '_>, size: usize) {
    let all: Vec<_> = addresses(size).map(|one| one.to_string()).collect();
    let text = format!(
        "table ip f {{\n\tset s {{\n\t\ttype ipv4_addr\n\t\telements = {{ {} \
         }}\n\t}}\n\n\tchain i {{\n\t\ttype filter hook input priority \
         filter; policy accept;\n\t\tip saddr @s drop\n\t}}\n}}\n",
        all.join(",\n\t\t\t     ")
    );
    read(bencher, &[("nft list ruleset", text)]);
}
