use std::{fs, path::Path};

use crate::snapshot::Process;

/// The variables that change what memcached does.
pub(super) const VARIABLES: &[&str] = &[
    "MEMCACHED_PORT_FILENAME",
    "MEMCACHED_SASL_PWDB",
    "POSIXLY_CORRECT",
    "SASL_CONF_PATH",
];

/// The memcached daemons among the processes, by process identifier.
pub(super) fn memcached(proc: &Path) -> Vec<Process> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let pids = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut found: Vec<_> = pids.filter_map(|pid| process(proc, pid)).collect();
    found.sort_by_key(|process| process.pid);
    found
}

/// A process that ends meanwhile is as one that was never there.
fn process(proc: &Path, pid: u32) -> Option<Process> {
    let directory = proc.join(pid.to_string());
    let name = fs::read_to_string(directory.join("comm")).ok()?;
    if name.trim_end() != "memcached" {
        return None;
    }
    let argv = texts(&fs::read(directory.join("cmdline")).ok()?);
    let exe = fs::read_link(directory.join("exe"));
    let status = fs::read_to_string(directory.join("status"));
    Some(Process {
        pid,
        exe: exe.map(|exe| exe.display().to_string()).unwrap_or_default(),
        argv: argv.into_iter().skip(1).collect(),
        env: environment(&directory),
        uid: effective_user(&status.unwrap_or_default()),
        netns: namespace(proc, pid),
        ..Process::default()
    })
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    let words = bytes.split(|&byte| byte == 0);
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn environment(directory: &Path) -> std::collections::BTreeMap<String, String> {
    let bytes = fs::read(directory.join("environ")).unwrap_or_default();
    let known = |name: &str| VARIABLES.contains(&name);
    let pairs = texts(&bytes).into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        known(name).then(|| (name.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

/// The second number of the line "Uid:", see proc(5).
fn effective_user(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// "host" for the network namespace of this program, else the kernel's name
/// of it; `None` where the caller may not know.
fn namespace(proc: &Path, pid: u32) -> Option<String> {
    let link = |who: &str| fs::read_link(proc.join(who).join("ns/net")).ok();
    let (own, other) = (link("self")?, link(&pid.to_string())?);
    let host = own == other;
    Some(if host { "host".to_owned() } else { other.display().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_argument_is_kept() {
        assert_eq!(texts(b"memcached\0-s\0\0"), ["memcached", "-s", ""]);
        assert_eq!(texts(b""), [""; 0]);
    }

    #[test]
    fn the_user_is_the_effective_one() {
        let status = "Name:\tmemcached\nUid:\t0\t110\t0\t110\n";
        assert_eq!(effective_user(status), Some(110));
    }
}
