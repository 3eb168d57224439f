//! What whole processes take, in processor time and in memory, for the same
//! rules: memsec's library in a program that does nothing else, the command
//! from Python where MEMSEC_PYTHON names an interpreter that has it, and the
//! tools that only read them. The largest size is `MEMSEC_BENCH_RULES`, else
//! 100,000 rules.

#[path = "../firewall/rules.rs"]
mod rules;

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio, exit},
};

use memsec_core::{Policy, Snapshot, audit};
use nix::sys::resource::{UsageWho, getrusage};
use rules::{Kind, SERVICES};
use tempfile::TempDir;

const ADDRESSES: &str = r#"[
    {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "addr_info": [
        {"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
    {"ifname": "eth0", "flags": ["UP"], "addr_info": [
        {"family": "inet", "local": "192.0.2.1", "prefixlen": 24}]}]"#;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["measure", ref command @ ..] => measure(command),
        ["texts", directory] => from_texts(Path::new(directory)),
        // `cargo test --all-targets` comes here too, and does not say this.
        _ if words.contains(&"--bench") => table(),
        _ => {}
    }
}

/// Runs a command, and prints what it took: seconds and bytes.
fn measure(command: &[&str]) {
    let [program, arguments @ ..] = command else { exit(2) };
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    // memsec has findings.
    let ran = status.is_ok_and(|status| matches!(status.code(), Some(0 | 1)));
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("a usage");
    let seconds = |time: nix::sys::time::TimeVal| {
        time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
    };
    let time = seconds(usage.user_time()) + seconds(usage.system_time());
    if ran {
        println!("{time} {}", usage.max_rss() * 1024);
    }
}

/// Audits a host whose commands are files of a directory.
fn from_texts(directory: &Path) {
    let mut snapshot = Snapshot::new().with_command("ip -j address", ADDRESSES);
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let text = fs::read_to_string(entry.path()).expect("a text");
        let command = entry.file_name().to_string_lossy().into_owned();
        let output = snapshot.commands.entry(command).or_default();
        output.stdout = text.into();
    }
    let ports = SERVICES.map(|service| {
        let (proto, port) = service.split_once('/').expect("a slash");
        format!(r#"{{"proto": "{proto}", "port": {port}}}"#)
    });
    let policy = format!(r#"{{"ports": [{}]}}"#, ports.join(", "));
    let policy = Policy::from_json("policy", &policy).expect("a policy");
    let report = audit(&snapshot, &policy).expect("rules that are read");
    assert!(!report.exposures.is_empty());
    exit(0);
}

fn table() {
    let most = env::var("MEMSEC_BENCH_RULES").ok();
    let most = most.and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    println!("kind of rules, how many, text | program: CPU, memory");
    for kind in Kind::ALL {
        for size in sizes.into_iter().filter(|&size| size <= most) {
            row(kind, size);
        }
    }
}

fn row(kind: Kind, size: usize) {
    let directory = TempDir::new().expect("a directory");
    let texts = directory.path().join("texts");
    fs::create_dir(&texts).expect("room");
    let mut bytes = 0;
    let mut snapshot = Snapshot::new().with_command("ip -j address", ADDRESSES);
    for (command, text) in kind.commands(size) {
        bytes += text.len();
        fs::write(texts.join(command), &text).expect("room");
        snapshot = snapshot.with_command(command, &text);
    }
    let (json, loaded) =
        (directory.path().join("host.json"), directory.path().join("loaded"));
    fs::write(&json, snapshot.to_json()).expect("room");
    drop(snapshot);
    fs::write(&loaded, kind.text(size)).expect("room");
    println!("{kind:?}, {size}, {:.1} MB", bytes as f64 / 1e6);
    let own = env::current_exe().expect("a program");
    let (own, texts) = (own.to_string_lossy(), texts.to_string_lossy());
    said("memsec-core", &own, bytes, &[&own, "texts", &texts]);
    let (json, loaded) = (json.to_string_lossy(), loaded.to_string_lossy());
    if let Ok(python) = env::var("MEMSEC_PYTHON") {
        let mut command =
            vec![&*python, "-m", "memsec", "audit", "--snapshot", &json];
        command.push("--port");
        command.extend(SERVICES);
        said("memsec audit", &own, bytes, &command);
    }
    let unshare = |command: &[&'static str]| {
        [&["unshare", "--net", "--"], command].concat()
    };
    let tools: &[&[&str]] = match kind.is_iptables() {
        true => &[
            &["iptables-legacy-restore", "--test"],
            &["iptables-nft-restore", "--test"],
        ],
        false if kind == Kind::Intervals => &[&["nft", "-c", "-f"]],
        false => &[],
    };
    for tool in tools {
        let mut command = unshare(tool);
        command.push(&loaded);
        said(&tool.join(" "), &own, bytes, &command);
    }
    said("wc -l", &own, bytes, &["wc", "-l", &loaded]);
}

fn said(name: &str, own: &str, bytes: usize, command: &[&str]) {
    let output = Command::new(own).arg("measure").args(command).output();
    let output = output.expect("this program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    let (Some(Ok(time)), Some(Ok(memory))) = (numbers.next(), numbers.next())
    else {
        return println!("    {name}: failed");
    };
    let share = memory / bytes as f64;
    let (time, memory) = (time * 1e3, memory / 1e6);
    println!("    {name}: {time:.1} ms, {memory:.0} MB ({share:.1} x text)");
}
