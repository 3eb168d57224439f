//! A daemon of which the version is not known: what each that it can be
//! would do, and the bounds over all.

use std::{cell::Cell, collections::HashSet, fmt};

use super::{
    Listener, Running, Start, Version,
    behaviour::UDP_DEFAULT,
    distribution::{Patch, oldest, patch},
    version::{NEWEST, Release},
};
use crate::{Snapshot, snapshot::Process};

/// The versions that a daemon can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Possible {
    oldest: Version,
    newest: Version,
    patch: Patch,
}

impl Possible {
    /// By the version that the program says, or that of its package, or the
    /// oldest that the host can have.
    pub(super) fn new(
        version: Option<Version>,
        process: Option<&Process>,
        snapshot: &Snapshot,
    ) -> Self {
        let package = process.and_then(|process| {
            let package = process.package.as_deref()?;
            let (_, epochless) =
                package.split_once(':').unwrap_or(("", package));
            epochless.parse().ok()
        });
        let patch = patch(snapshot, process);
        let (oldest, newest) = match version.or(package) {
            Some(version) => (version, version),
            None => (oldest(snapshot), NEWEST),
        };
        Self { oldest, newest, patch }
    }

    /// Whether it is this version or a later one.
    pub(crate) fn at_least(self, version: Version) -> bool {
        self.oldest >= version
    }

    /// Whether UDP is off if nothing is said: by the version, or by a patch.
    pub(crate) fn has_udp_off(self) -> bool {
        self.all(|release, patched| patched || !release.is(UDP_DEFAULT))
    }

    /// The newest of them.
    pub(super) fn newest(self) -> Version {
        self.newest
    }

    /// What each of them does, the oldest first. Versions between which
    /// nothing differs that was asked are run once.
    fn each<T>(self, run: impl Fn(Release<'_>, bool) -> T) -> Vec<T> {
        let next = Cell::new(self.oldest);
        let mut all = Vec::new();
        while next.get() <= self.newest {
            let release = Release::new(next.get(), &next);
            let ways: &[bool] = match self.patch {
                Patch::Perhaps if release.is(UDP_DEFAULT) => &[false, true],
                Patch::Yes if release.is(UDP_DEFAULT) => &[true],
                _ => &[false],
            };
            all.extend(ways.iter().map(|&patched| run(release, patched)));
        }
        all
    }

    /// Whether something holds of each of them.
    pub(super) fn all(self, test: impl Fn(Release<'_>, bool) -> bool) -> bool {
        self.each(test).into_iter().all(|holds| holds)
    }

    /// The bounds over what each of them does. A daemon that is `alive` is
    /// none of those that would have exited.
    pub(super) fn start(
        self,
        alive: bool,
        run: impl Fn(Release<'_>, bool) -> Start,
    ) -> Start {
        let mut starts = self.each(run);
        let runs = |start: &Start| matches!(start, Start::Runs(_));
        if alive && starts.iter().any(runs) {
            starts.retain(runs);
        }
        match starts.iter().rposition(runs) {
            Some(at) => {
                let newest = starts.remove(at);
                join(newest, &starts)
            }
            None => starts.pop().unwrap_or(Start::Runs(Running::default())),
        }
    }
}

impl fmt::Display for Possible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.oldest, self.newest)
    }
}

/// Everything that some version listens on; sure is what all do.
fn join(newest: Start, others: &[Start]) -> Start {
    let Start::Runs(mut joined) = newest else { return newest };
    let mut sure: HashSet<Listener> =
        joined.listeners.iter().cloned().collect();
    let mut all = sure.clone();
    for other in others {
        let Start::Runs(running) = other else {
            sure.clear();
            continue;
        };
        let own: HashSet<&Listener> = running.listeners.iter().collect();
        sure.retain(|listener| own.contains(listener));
        for listener in &running.listeners {
            if all.insert(listener.clone()) {
                joined.listeners.push(listener.clone());
            }
        }
        for name in &running.unresolved {
            if !joined.unresolved.contains(name) {
                joined.unresolved.push(name.clone());
            }
        }
    }
    let unsure = joined.listeners.iter().filter(|own| !sure.contains(own));
    joined.unsure = unsure.cloned().collect();
    Start::Runs(joined)
}
