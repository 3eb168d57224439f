//! Reads this machine, and carries plans out on it: the only room that does
//! any I/O.

mod apply;
mod command;
mod files;
mod probe;
mod processes;
mod sources;

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

pub use apply::{Apply, Carried, Ended, Outcome, Runs, StepStatus};

pub use sources::{Sources, sources};

use crate::{Error, Snapshot};

/// The commands of a snapshot: what prints the firewall, the addresses and
/// the routes, which memcached is installed, and what starts at boot.
const COMMANDS: &[&[&str]] = &[
    &["iptables-save"],
    &["ip6tables-save"],
    &["iptables-legacy-save"],
    &["ip6tables-legacy-save"],
    &["ipset", "save"],
    &["nft", "-j", "list", "ruleset"],
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

/// The settings of the kernel that decide what becomes of packets. The
/// others, of which some are secret, are not read.
const SETTINGS: &[&str] = &[
    "sysctl",
    "-a",
    "-r",
    r"^net\.(ipv4\.ip_forward|ipv4\.conf\..*\.(rp_filter|accept_local|route_localnet|forwarding)|ipv6\.conf\.all\.forwarding|netfilter\.nf_conntrack_(tcp_loose|checksum))$",
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
/// snapshot; a file that may not be read, its error. Each memcached in this
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
    let settings = command::run(SETTINGS);
    snapshot.commands.insert("sysctl -a".to_owned(), settings);
    inspect(&mut snapshot);
    snapshot.processes = processes::memcached(Path::new("/proc"));
    probe::ask(&mut snapshot, probe);
    files::secrets(&mut snapshot, Path::new("/"));
    Ok(snapshot)
}

/// `docker inspect` of all the containers, where there are any.
fn inspect(snapshot: &mut Snapshot) {
    let all = command::run(&["docker", "ps", "--quiet", "--no-trunc"]);
    let mut line = vec!["docker", "inspect"];
    line.extend(all.stdout.split_whitespace());
    if all.status == 0 && line.len() > 2 {
        let output = command::run(&line);
        snapshot.commands.insert("docker inspect".to_owned(), output);
    }
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
