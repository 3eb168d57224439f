//! The daemon that runs, against what its file would start: from its command
//! line, from what it says of its settings and from the sockets it has open.

mod cmdline;
mod difference;
mod expected;
mod listening;
mod observe;
mod pair;
#[cfg(test)]
mod tests;

pub(super) use cmdline::restored;
pub(crate) use difference::Difference;
pub(super) use listening::Listening;
pub(super) use observe::observe;
pub(super) use pair::{Candidate, pairs};

use super::{Instance, Launcher, Version, instance::same};
use crate::snapshot::Process;
use difference::differences;
use observe::forget_backported_udp;

/// The first version that leaves UDP off. Distributions have brought that
/// change to older ones, and with it that `-U 0` leaves TCP alone.
const UDP_OFF: Version = Version(1, 5, 6);

/// A daemon beside its file: what it has of its own is in `runs`.
pub(super) struct Beside<'a> {
    pub file: &'a mut Instance,
    pub runs: Instance,
    pub process: &'a Process,
    pub listening: &'a Listening,
}

impl Beside<'_> {
    /// What runs, if that is not what the file would start. What the same
    /// arguments have opened once, they are taken to open again.
    pub(super) fn drift(self) -> Option<Instance> {
        let Self { file, mut runs, process, listening } = self;
        let same_words = same(&file.start, &runs.start);
        observe(&mut runs, process, listening);
        if same_words {
            forget_backported_udp(file, &runs);
        }
        let differences = differences(file, &runs, process, same_words);
        file.pid = Some(process.pid);
        if differences.is_empty() {
            return None;
        }
        runs.id.clone_from(&file.id);
        runs.differences = differences;
        Some(runs)
    }
}

impl Instance {
    /// Whether this is what runs in the place of what the file of the same
    /// instance would start.
    pub(crate) fn drifted(&self) -> bool {
        self.launcher == Launcher::Process && !self.differences.is_empty()
    }
}
