//! Reads this machine, and carries plans out on it: the only room that does
//! any I/O.

mod apply;
mod command;
mod docker;
mod files;
mod probe;
mod processes;
mod sources;

use std::{
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

pub use apply::{Apply, Carried, Ended, Outcome, Runs, StepStatus};

pub use sources::{Sources, sources};

use crate::{Error, Snapshot, snapshot::Content};

/// The commands of a snapshot: what prints the firewall, the addresses and
/// the routes, which memcached is installed, and what starts at boot.
const COMMANDS: &[&[&str]] = &[
    &["iptables-save"],
    &["ip6tables-save"],
    &["iptables-legacy-save"],
    &["ip6tables-legacy-save"],
    &["ipset", "save"],
    &["nft", "-j", "list", "ruleset"],
    &["nft", "list", "ruleset"],
    &["ip", "-j", "address"],
    &["ip", "-j", "route"],
    &["ip", "-6", "-j", "route"],
    &["ip", "-j", "rule"],
    &["ip", "-6", "-j", "rule"],
    &["memcached", "-V"],
    &["ss", "-lntupxH"],
    &["systemctl", "cat", "memcached.service"],
    &["systemctl", "list-unit-files", "--type=service", "--no-legend"],
];

/// What is asked of the daemons of this host, besides their version and
/// their settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Probe {
    /// Sends one datagram to one UDP socket of each daemon, and counts what
    /// comes back.
    pub udp: bool,
}

/// Reads this host. A command that is not there has the status 127 in the
/// snapshot, and one that did not end in 30 seconds, 124; a file that may not
/// be read, its error. Each memcached in this
/// network is asked for its version and its settings, over a socket that it
/// listens on.
///
/// # Errors
///
/// None today; a host that cannot be read at all would be one.
pub fn collect() -> Result<Snapshot, Error> {
    collect_with(Probe::default())
}

/// Reads this host as [`collect`] does, and asks more of its daemons.
///
/// # Errors
///
/// As [`collect`].
pub fn collect_with(probe: Probe) -> Result<Snapshot, Error> {
    let mut snapshot = read_tree(Path::new("/"))?;
    for line in COMMANDS {
        snapshot.commands.insert(line.join(" "), command::run(line));
    }
    settings(&mut snapshot);
    memory(&mut snapshot);
    docker::inspect(&mut snapshot);
    snapshot.processes = processes::memcached(Path::new("/proc"));
    probe::ask(&mut snapshot, probe);
    files::secrets(&mut snapshot, Path::new("/"));
    Ok(snapshot)
}

/// `sysctl -a`, of the network alone.
fn settings(snapshot: &mut Snapshot) {
    let line = ["sysctl", "-a"];
    let mut output = command::run(&line);
    output.stdout = Arc::new(of_network(&output.stdout));
    snapshot.commands.insert(line.join(" "), output);
}

/// How much memory there is; the other lines change all the time.
fn memory(snapshot: &mut Snapshot) {
    let path = "/proc/meminfo";
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if let Some(total) = text.lines().find(|l| l.starts_with("MemTotal:")) {
        let content = Content::Text(format!("{total}\n"));
        snapshot.files.insert(path.to_owned(), content.into());
    }
}

/// Settings that are keys, by the end of their names.
const KEYS: [&str; 3] =
    [".netdev_rss_key", ".stable_secret", ".tcp_fastopen_key"];

fn of_network(settings: &str) -> String {
    let kept = settings.lines().filter(|line| {
        let name = line.split(['=', ' ']).next().unwrap_or_default();
        name.starts_with("net.") && !KEYS.iter().any(|k| name.ends_with(k))
    });
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Reads the files of the host whose root directory is `root`: a mounted
/// disk, a container, an unpacked archive. What only a running host can tell
/// is not in the snapshot, and so unknown.
///
/// # Errors
///
/// A root that is not a directory.
pub fn read_tree(root: &Path) -> Result<Snapshot, Error> {
    std::fs::read_dir(root)
        .map_err(|error| Error::io(root.display().to_string(), &error))?;
    let mut snapshot = Snapshot::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    snapshot.time = now.ok().map(|since| since.as_secs());
    files::read(&mut snapshot, root);
    files::secrets(&mut snapshot, root);
    Ok(snapshot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_settings_those_of_the_network_are_kept() {
        let all = "kernel.x = 1\nnet.ipv4.ip_forward = 1\n\
                   net.ipv4.tcp_fastopen_key = 1-2\nnet.core.a = 2\n\
                   net.ipv6.conf.eth0.stable_secret = x\n";
        let kept = "net.ipv4.ip_forward = 1\nnet.core.a = 2\n";
        assert_eq!(of_network(all), kept);
    }
}
