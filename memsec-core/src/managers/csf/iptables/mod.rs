//! What iptables makes of the words that it is called with: whether it takes
//! them, and what iptables-save prints then (iptables 1.8, nf_tables).

mod address;
mod icmp;
mod lookup;
mod module;
mod number;
mod rule;
mod tables;
mod target;

pub(super) use address::network;
pub(super) use lookup::Lookup;
pub(super) use number::number;
use rule::canonical;
pub(super) use tables::{Kept, Tables, saved};

use crate::net::Family;

/// Why a rule is not there afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// iptables refuses it, for this reason.
    Refused(String),
    /// Whether it does depends on what is not known.
    Undecided(String),
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

/// What words are looked up in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub family: Family,
    pub lookup: &'a Lookup,
}
