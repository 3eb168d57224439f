use crate::{Error, Snapshot, text::Place};

/// All the rules of a host, whatever loaded them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ruleset {}

impl Ruleset {
    /// Reads the rules in a snapshot.
    pub(crate) fn new(snapshot: &Snapshot) -> Result<Self, Error> {
        let _ = snapshot;
        Ok(Self::default())
    }

    pub(crate) fn unknowns(&self) -> Vec<(String, Place)> {
        Vec::new()
    }
}
