//! What a packet meets on its way.

use crate::{
    netfilter::{Chain, Rule},
    text::Span,
};

/// A rule or a policy that a packet met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meeting<'a> {
    /// The chains of the table, which calls lead to.
    pub chains: &'a [Chain],
    pub chain: &'a Chain,
    pub what: Outcome<'a>,
    /// False where it is not sure that the packet gets here, or matches.
    pub sure: bool,
    /// False where it is not known whether it matches.
    pub known: bool,
}

/// What it met.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome<'a> {
    Rule(&'a Rule),
    Policy { accepts: bool, span: Option<&'a Span> },
}
