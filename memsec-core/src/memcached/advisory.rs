//! Known flaws of memcached: which versions have them, and what of a
//! configuration they need.

mod table;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use super::{
    Listener, Running, Version, Word,
    getopt::{Operands, getopt},
    instance::{Instance, Start},
    spoken::{Spoken, items, spoken},
    version::Release,
};
use crate::Proto;
use Need::{
    Ascii, AuthFile, AuthFileItem, Binary, Proxy, Sasl, SaslBuilt, SaslItem,
    SaslPwdb, Udp, UnixSocket, Verbose,
};

pub(crate) use table::ADVISORIES;

/// How bad a flaw is, by its published CVSS score where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rating {
    Low,
    Medium,
    High,
    Critical,
}

/// What kind of flaw it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The program is at fault: a newer one is not.
    Flaw,
    /// A way around the authentication that is configured.
    Bypass,
}

/// What a configuration must have for a flaw to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A listener that speaks the ASCII protocol.
    Ascii,
    /// A listener that speaks the binary protocol.
    Binary,
    /// A UDP listener.
    Udp,
    /// A unix socket.
    UnixSocket,
    /// -v at least twice.
    Verbose,
    /// -S.
    Sasl,
    /// SASL is built in, whether it is on or not.
    SaslBuilt,
    /// Passwords of SASL are in a file of memcached's own.
    SaslPwdb,
    /// -S, and an item of -l that speaks ASCII too.
    SaslItem,
    /// -Y.
    AuthFile,
    /// -Y, and an item of -l that speaks the binary protocol too.
    AuthFileItem,
    /// -o proxy_config.
    Proxy,
}

/// A known flaw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Advisory {
    /// "CVE-2016-8704", or what it is called that has no number.
    pub id: &'static str,
    /// The first version that has it.
    pub since: Version,
    /// The first version that has it no more; `None` while there is none.
    pub fixed: Option<Version>,
    /// All of these, for it to be there.
    pub needs: &'static [Need],
    pub rating: Rating,
    pub kind: Kind,
    /// What becomes of it.
    pub impact: &'static str,
}

/// Whether a flaw is in a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applies {
    Yes,
    /// If its version is one of those; it is not known.
    Perhaps,
    No,
}

impl Advisory {
    /// Whether a version has it.
    pub(crate) fn affects(&self, version: Version) -> bool {
        version >= self.since && self.fixed.is_none_or(|fixed| version < fixed)
    }

    /// Whether a daemon that runs, or would, has it.
    pub(crate) fn applies(&self, instance: &Instance) -> Applies {
        let Start::Runs(running) = &instance.start else { return Applies::No };
        let met = |need: &Need| need.met(running, &instance.argv);
        let needs = self.needs.iter().all(met);
        match instance.version {
            _ if !needs => Applies::No,
            Some(version) if self.affects(version) => Applies::Yes,
            Some(_) => Applies::No,
            None if self.affects_all() => Applies::Yes,
            None => Applies::Perhaps,
        }
    }

    fn affects_all(&self) -> bool {
        self.fixed.is_none() && self.since == Version(0, 0, 0)
    }

    /// Whether it is used by datagrams only.
    pub(crate) fn is_of_udp(&self) -> bool {
        self.needs.contains(&Udp)
    }
}

impl Need {
    fn met(self, running: &Running, argv: &[Word]) -> bool {
        let has = |letter| running.options.contains_key(&letter);
        let speaks = |some: &[Spoken]| {
            spoken(running).iter().any(|one| some.contains(one))
        };
        let item =
            |some: &[Spoken]| items(running).iter().any(|o| some.contains(o));
        match self {
            Ascii => {
                speaks(&[Spoken::Ascii, Spoken::Negotiating, Spoken::Proxy])
            }
            Binary => speaks(&[Spoken::Binary, Spoken::Negotiating]),
            Udp => running.sockets().any(|(proto, _)| proto == Proto::Udp),
            UnixSocket => {
                let mut all = running.listeners.iter();
                all.any(|listener| matches!(listener, Listener::Unix { .. }))
            }
            Verbose => verbosity(running, argv) >= 2,
            Sasl => has('S'),
            SaslBuilt => running.build.sasl,
            SaslPwdb => running.env.contains_key("MEMCACHED_SASL_PWDB"),
            SaslItem => item(&[Spoken::Ascii, Spoken::Negotiating]),
            AuthFile => has('Y'),
            AuthFileItem => item(&[Spoken::Binary, Spoken::Negotiating]),
            Proxy => running.suboptions.contains_key("proxy_config"),
        }
    }
}

/// How often -v is given.
fn verbosity(running: &Running, argv: &[Word]) -> usize {
    let operands = match running.env.contains_key("POSIXLY_CORRECT") {
        true => Operands::End,
        false => Operands::Skipped,
    };
    let next = Cell::new(running.version);
    let release = Release::new(running.version, &next);
    let (given, _) = getopt(argv, release, operands);
    given.iter().filter(|given| given.option.letter == 'v').count()
}
