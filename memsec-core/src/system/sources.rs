use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    COMMANDS,
    docker::{CONTAINERS, KEPT},
    files, processes,
};
use crate::managers::csf;

/// What a snapshot is made of, for a program that reads a host on its own:
/// with no more than an old Python, say.
///
/// What is read in this way has no forms of secrets and no answers of
/// daemons, which [`super::collect`] has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Paths; a star stands for any text between slashes.
    pub files: Vec<String>,
    /// Commands, each as its words. With a space between they are the keys
    /// of [`crate::Snapshot::commands`].
    pub commands: Vec<Vec<&'static str>>,
    /// Pairs of commands: the first lists containers; where it lists any,
    /// the second, with them behind its words, shows them. Its own words are
    /// the key.
    pub containers: Vec<[Vec<&'static str>; 2]>,
    /// The members of a container that are kept, by the member that they are
    /// below, "" for the container's own. The others can be secret, and so
    /// can the values of its environment, and what starts it, if that is not
    /// memcached.
    pub kept: BTreeMap<&'static str, &'static [&'static str]>,
    /// By path, the settings whose values must be left out.
    pub masked: BTreeMap<&'static str, Vec<&'static str>>,
    /// The variables of a daemon's environment that are read.
    pub variables: Vec<&'static str>,
}

/// What to read of a host.
///
/// ```
/// let sources = memsec_core::system::sources();
/// assert!(sources.commands.contains(&vec!["iptables-save"]));
/// assert!(sources.files.iter().any(|path| path == "/etc/memcached.conf"));
/// ```
#[must_use]
pub fn sources() -> Sources {
    let (path, names) = csf::SECRET_SETTINGS;
    Sources {
        files: files::patterns().collect(),
        commands: COMMANDS.iter().map(|words| words.to_vec()).collect(),
        containers: CONTAINERS
            .iter()
            .map(|two| two.map(<[_]>::to_vec))
            .collect(),
        kept: BTreeMap::from(KEPT),
        masked: BTreeMap::from([(path, names.to_vec())]),
        variables: processes::VARIABLES.to_vec(),
    }
}
