//! The way of a packet: who reaches what, and why.

mod atoms;
mod cell;
mod chain;
mod dead;
mod effect;
mod explain;
mod explanation;
mod journey;
mod likeness;
mod live;
mod meeting;
mod nest;
mod packet;
pub(crate) mod packet_set;
mod passage;
mod piecewise;
mod possible;
mod protocol;
mod reason;
mod rule_line;
mod shape;
mod sources;
mod stage;
mod text;
mod within;

#[cfg(test)]
pub(crate) mod agreement_tests;
#[cfg(test)]
mod kernel_tests;
#[cfg(test)]
mod law_tests;
#[cfg(test)]
mod nft_tests;
#[cfg(test)]
mod size_tests;
#[cfg(test)]
pub(crate) mod truth_tests;

pub(crate) use dead::{DeadRule, dead_rules};
pub use explain::explain;
pub use explanation::{Answer, Delivery, Explanation, Met, Verdict};
pub(crate) use likeness::{Kind, Likeness};
pub use packet::{Direction, Extension, Fragment, Frame, Packet, Proto, State};
pub use protocol::Protocol;
pub(crate) use rule_line::rule_line;
pub(crate) use sources::{Query, Sources, Taker, sources};
pub(crate) use text::one_line;
