//! The way of a packet: who reaches what, and why.

mod atoms;
mod cell;
mod chain;
mod dead;
mod effect;
mod explanation;
mod packet;
mod piecewise;
mod reason;
mod sources;
mod trace;
mod walk;

#[cfg(test)]
mod truth_tests;

pub(crate) use dead::{DeadRule, dead_rules};
pub use explanation::{Answer, Delivery, Explanation, Met, Verdict};
pub use packet::{Packet, Proto, State};
pub(crate) use sources::{Query, Sources, sources};

use crate::{Error, Snapshot};

/// What becomes of one packet on a host, with the rules that it meets.
///
/// # Errors
///
/// A text of the snapshot that cannot be read as what it is.
pub fn explain(
    snapshot: &Snapshot,
    packet: &Packet,
) -> Result<Explanation, Error> {
    let _ = (snapshot, packet);
    Err(Error::unsupported("not yet"))
}
