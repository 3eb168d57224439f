//! What turns files into an argv, one file for each way of doing it.

pub(super) mod debian;
pub(super) mod env_file;
mod shell;
pub(super) mod systemd;
#[cfg(test)]
mod truth;
mod unit;

use std::collections::BTreeMap;

use super::{Exit, Word};

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
}
