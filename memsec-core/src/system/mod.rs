//! Reads this machine: the only room that does any I/O.

mod command;
mod files;
mod processes;

use std::path::Path;

use crate::{Error, Snapshot};

/// The commands of a snapshot: what prints the firewall, the addresses and
/// the routes, and which memcached is installed.
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
    &["memcached", "-V"],
    &["systemctl", "cat", "memcached.service"],
];

/// Reads this host. A command that is not there has the status 127 in the
/// snapshot; a file that may not be read, its error.
///
/// # Errors
///
/// None today; a host that cannot be read at all would be one.
pub fn collect() -> Result<Snapshot, Error> {
    let mut snapshot = read_tree(Path::new("/"))?;
    for line in COMMANDS {
        snapshot.commands.insert(line.join(" "), command::run(line));
    }
    inspect(&mut snapshot);
    snapshot.processes = processes::memcached(Path::new("/proc"));
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
    files::read(&mut snapshot, root);
    files::secrets(&mut snapshot, root);
    Ok(snapshot)
}
