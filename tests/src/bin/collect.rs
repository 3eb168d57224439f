//! Prints the snapshot of the host that it runs on, as JSON. A test runs it
//! inside a namespace.

use std::{fs, io, path::Path, process::Command};

use memsec_core::{
    Snapshot,
    snapshot::{Content, Output, Process},
};

fn main() -> io::Result<()> {
    println!("{}", collect()?.to_json());
    Ok(())
}

const FILES: [&str; 6] = [
    "/etc/memcached.conf",
    "/etc/sysconfig/memcached",
    "/etc/memsec/guard.nft",
    "/etc/systemd/system/memsec-guard.service",
    "/etc/passwd",
    "/etc/hosts",
];

const COMMANDS: [&str; 8] = [
    "iptables-save",
    "ip6tables-save",
    "ipset save",
    "nft -j list ruleset",
    "ip -j address",
    "ip -j route",
    "ip -6 -j route",
    "systemctl cat memcached.service",
];

fn collect() -> io::Result<Snapshot> {
    let mut snapshot = Snapshot::new();
    for path in FILES {
        if let Ok(bytes) = fs::read(path) {
            let content: Content = bytes.into();
            snapshot.files.insert(path.to_owned(), content.into());
        }
    }
    for command in COMMANDS {
        snapshot.commands.insert(command.to_owned(), output(command)?);
    }
    for entry in fs::read_dir("/proc")? {
        snapshot.processes.extend(process(&entry?.path()));
    }
    Ok(snapshot)
}

fn output(command: &str) -> io::Result<Output> {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let output = Command::new(program).args(words).output()?;
    Ok(Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        status: output.status.code().unwrap_or(-1),
    })
}

/// The memcached that a directory of /proc is about, if it is about one.
fn process(directory: &Path) -> Option<Process> {
    let pid = directory.file_name()?.to_str()?.parse().ok()?;
    let exe = fs::read_link(directory.join("exe")).ok()?;
    if exe.file_name()? != "memcached" {
        return None;
    }
    let line = fs::read(directory.join("cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let argv = line.trim_end_matches('\0').split('\0').skip(1);
    let version = output("memcached -V").ok()?.stdout;
    Some(Process {
        pid,
        exe: exe.to_string_lossy().into_owned(),
        argv: argv.map(str::to_owned).collect(),
        version: version.split_whitespace().last().map(str::to_owned),
        netns: Some("host".to_owned()),
        ..Process::default()
    })
}
