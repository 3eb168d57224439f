use std::collections::BTreeMap;

use super::{Exit, Listener, Version};
use crate::{Error, Snapshot, net::Interface, text::Span};

/// A daemon: one that runs, or one that a file would start.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// "memcached" for the unit of that name, "process 812" for a process
    /// that no file accounts for.
    pub id: String,
    /// The path of the file that it is configured by, or "process 812".
    pub source: String,
    pub version: Option<Version>,
    /// Its arguments without the first.
    pub argv: Vec<Word>,
    pub start: Start,
    pub launcher: Launcher,
    /// The user that its process runs as, where there is one.
    pub uid: Option<u32>,
}

/// One argument, and where in a file it was written, if it was.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub text: String,
    pub span: Option<Span>,
}

/// What comes of starting it.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    Runs(Running),
    Exits(Exit),
}

/// A daemon that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running {
    /// Possibly none: then it runs and serves nobody.
    pub listeners: Vec<Listener>,
    /// The options that are in force, by their letter: the word of the value,
    /// or of the option itself where it takes none; for a repeated option
    /// the one that wins.
    pub options: BTreeMap<char, Word>,
}

/// What turns files into an argv.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Launcher {
    /// Debian's wrapper: /etc/memcached.conf.
    Debian,
    /// A systemd unit with an EnvironmentFile: /etc/sysconfig/memcached.
    Systemd,
    /// Nothing that is known: only the process is there.
    Process,
}

/// The daemons of a snapshot.
pub(crate) fn instances(
    snapshot: &Snapshot,
    interfaces: Option<&[Interface]>,
) -> Result<Vec<Instance>, Error> {
    let _ = (snapshot, interfaces);
    Ok(Vec::new())
}
