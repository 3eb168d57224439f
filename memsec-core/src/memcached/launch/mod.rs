//! What turns files into an argv, one file for each way of doing it.

mod choice;
mod debian;
mod directive;
mod distribution;
pub(super) mod docker;
pub(super) mod env_file;
mod exec;
mod openrc;
mod shell;
mod systemd;
mod sysv;
#[cfg(test)]
mod truth;
mod unit;
mod unit_files;

use std::{collections::BTreeMap, ops::Range};

pub(super) use choice::services;
pub(crate) use debian::ignored as ignored_by_debian;
pub(crate) use directive::{Directive, directives};
pub(crate) use distribution::{InitScripts, init_scripts};
pub(crate) use docker::{Network, networks};
pub(crate) use env_file::ignored as ignored_by_systemd;
pub(crate) use unit_files::DIRECTORIES as UNIT_DIRECTORIES;
#[cfg(feature = "host")]
pub(crate) use {choice::environment_files, systemd::part_matches};

use super::{
    Exit, Word,
    word::{Sources, Traced},
};
use crate::text::Source;
use shell::{Fields, Value};

/// Something of the system's that starts a daemon.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// "memcached" for memcached.service, "docker web" for a container.
    pub id: String,
    /// The file that its options are in: the unit itself, where they are in
    /// no other.
    pub source: String,
    pub launcher: Launcher,
    pub launch: Launch,
    /// The network namespace that it listens in, where it is not the host's.
    pub netns: Option<String>,
}

/// What turns files into an argv.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Launcher {
    /// Debian's systemd-memcached-wrapper, or its start-memcached:
    /// /etc/memcached.conf.
    Debian,
    /// A systemd unit, mostly with an EnvironmentFile.
    Systemd,
    /// The init script of Enterprise Linux 6: /etc/sysconfig/memcached.
    Sysv,
    /// OpenRC: /etc/conf.d/memcached.
    OpenRc,
    /// A container.
    Docker,
    /// Nothing that is known: only the process is there.
    Process,
    /// Nothing that is known: rules, or a proxy, lead to its port.
    Led,
}

/// What a launcher makes of its files.
#[derive(Clone, Debug, Default)]
pub(super) struct Launch {
    /// The arguments without the first; where `undecided` is there, those
    /// that are certain.
    pub argv: Vec<Word>,
    /// The environment that the launcher itself sets.
    pub env: BTreeMap<String, String>,
    /// The user that it is started as.
    pub user: Option<String>,
    /// Why it is not started.
    pub stopped: Option<Exit>,
    /// What decides the rest of the arguments and the snapshot does not tell.
    pub undecided: Option<String>,
    pub room: Room,
}

/// Where options can be added so that the daemon gets them as words of
/// their own.
#[derive(Clone, Debug, Default)]
pub(crate) enum Room {
    /// In no file that is known.
    #[default]
    Nowhere,
    /// On lines of their own.
    Lines,
    /// In the value of a variable; `None` where nothing sets it yet, and a
    /// line `NAME="..."` would.
    Variable(String, Option<Written>),
}

/// A value as it is written in a file.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub source: Source,
    /// Where it stands, in bytes, with its quotes.
    pub range: Range<usize>,
    /// The quote that is around all of it.
    pub quote: Option<char>,
}

impl Launch {
    fn of(fields: &Fields, sources: &Sources) -> Self {
        Self {
            argv: sources.words(&fields.words),
            undecided: fields.unknown.clone(),
            ..Self::default()
        }
    }

    fn stopped(status: i32, message: impl Into<String>) -> Self {
        let stopped = Some(Exit { status, message: message.into() });
        Self { stopped, ..Self::default() }
    }

    fn undecided(why: impl Into<String>) -> Self {
        Self { undecided: Some(why.into()), ..Self::default() }
    }
}

impl Written {
    fn of(value: &Value, sources: &Sources) -> Option<Self> {
        let written = value.written.as_ref()?;
        let (source, start) = sources.find(written.range.start)?;
        let range = start..start + written.range.len();
        Some(Self { source: source.clone(), range, quote: written.quote })
    }
}

/// Whether a path or a name is that of memcached's program.
fn is_memcached(program: &str) -> bool {
    program.rsplit('/').next() == Some("memcached")
}

/// Texts in one, with a blank between each.
fn joined(words: &[Traced]) -> Traced {
    let mut all = Traced::default();
    for word in words {
        if !all.is_empty() {
            all.push(' ', None);
        }
        all.extend(word.chars());
    }
    all
}
