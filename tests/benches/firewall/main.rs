//! From the text of rules to who reaches three services, and beside it what
//! the tools take only to read the same rules. The largest size is
//! `MEMSEC_BENCH_RULES`, else 100,000 rules. The allocations are memsec's.

mod rules;

use std::{
    env,
    fs::File,
    io::Write,
    process::{Command, Stdio},
};

use divan::{AllocProfiler, Bencher};
use memsec_core::{Policy, Snapshot, audit};
use rules::{Kind, SERVICES};
use tempfile::NamedTempFile;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const ADDRESSES: &str = r#"[{"ifname": "eth0", "flags": ["UP"], "addr_info":
    [{"family": "inet", "local": "192.0.2.1", "prefixlen": 24}]}]"#;

fn main() {
    // `cargo test --all-targets` comes here too, and does not say this.
    if env::args().any(|argument| argument == "--bench") {
        divan::main();
    }
}

/// A kind of rules, and how many.
type Rules = (Kind, usize);

fn sizes(kinds: &[Kind]) -> Vec<Rules> {
    let most = env::var("MEMSEC_BENCH_RULES").ok();
    let most = most.and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    let sizes = sizes.into_iter().filter(|&size| size <= most);
    kinds
        .iter()
        .flat_map(|&kind| sizes.clone().map(move |n| (kind, n)))
        .collect()
}

fn all() -> Vec<Rules> {
    sizes(&Kind::ALL)
}

fn of_iptables() -> Vec<Rules> {
    let kinds: Vec<_> =
        Kind::ALL.into_iter().filter(|kind| kind.is_iptables()).collect();
    sizes(&kinds)
}

fn of_nft() -> Vec<Rules> {
    sizes(&[Kind::Intervals])
}

#[divan::bench(args = all(), sample_count = 5, sample_size = 1)]
fn memsec(bencher: Bencher<'_, '_>, (kind, size): Rules) {
    let mut snapshot = Snapshot::new().with_command("ip -j address", ADDRESSES);
    for (command, text) in kind.commands(size) {
        snapshot = snapshot.with_command(command, &text);
    }
    let ports = SERVICES.map(|service| {
        let (proto, port) = service.split_once('/').expect("a slash");
        format!(r#"{{"proto": "{proto}", "port": {port}}}"#)
    });
    let policy = format!(r#"{{"ports": [{}]}}"#, ports.join(", "));
    let policy = Policy::from_json("policy", &policy).expect("a policy");
    bencher.bench(|| audit(&snapshot, &policy).expect("rules that are read"));
}

#[divan::bench(args = of_iptables(), sample_count = 3, sample_size = 1)]
fn iptables_legacy_restore_test(bencher: Bencher<'_, '_>, rules: Rules) {
    tool(bencher, rules, &["iptables-legacy-restore", "--test"]);
}

#[divan::bench(args = of_iptables(), sample_count = 3, sample_size = 1)]
fn iptables_nft_restore_test(bencher: Bencher<'_, '_>, rules: Rules) {
    tool(bencher, rules, &["iptables-nft-restore", "--test"]);
}

#[divan::bench(args = of_nft(), sample_count = 3, sample_size = 1)]
fn nft_check(bencher: Bencher<'_, '_>, rules: Rules) {
    tool(bencher, rules, &["nft", "-c", "-f", "-"]);
}

#[divan::bench(args = all(), sample_count = 3, sample_size = 1)]
fn wc_lines(bencher: Bencher<'_, '_>, rules: Rules) {
    tool(bencher, rules, &["wc", "-l"]);
}

/// Runs a tool on the rules, in a network of its own.
fn tool(bencher: Bencher<'_, '_>, (kind, size): Rules, command: &[&str]) {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(kind.text(size).as_bytes()).expect("room for it");
    bencher.bench(|| {
        let text = File::open(file.path()).expect("the file is there");
        let status = Command::new("unshare")
            .args(["--net", "--"])
            .args(command)
            .stdin(text)
            .stdout(Stdio::null())
            .status()
            .expect("unshare starts");
        assert!(status.success(), "{command:?}: {status}");
    });
}
