//! The way of a packet: who reaches what, and why.

mod explanation;
mod packet;
mod sources;
mod text;

pub use explanation::{Answer, Delivery, Explanation, Met, Verdict};
pub use packet::{Packet, Proto, State};
pub(crate) use sources::{DeadRule, Query, Sources, dead_rules, sources};
pub(crate) use text::one_line;

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
