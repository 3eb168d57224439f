use std::net::IpAddr;

use super::Proto;
use crate::{
    net::{Family, IpSet},
    netfilter::Ruleset,
    text::Place,
};

/// What a source set is asked for: new connections (or single datagrams) to
/// one address and port of this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    /// The interface they arrive at; `None` for whichever.
    pub interface: Option<&'a str>,
    pub to: IpAddr,
    pub proto: Proto,
    pub port: u16,
}

/// Who gets through.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Every source of which some packet could be delivered.
    pub may: IpSet,
    /// Every source of which each packet is sure to be delivered, whatever
    /// client port it comes from, and over TCP answered.
    pub must: IpSet,
    /// The rules that decide it, for one source of `may` and one that is
    /// not in it.
    pub because: Vec<Place>,
    /// The rules that make `may` and `must` differ.
    pub undecided: Vec<Place>,
}

/// A rule that names a port and that no packet for the port gets to.
#[derive(Clone, Debug)]
pub(crate) struct DeadRule {
    pub rule: Place,
    pub family: Family,
    /// What its author wanted for the packets: true to let them in.
    pub accepts: bool,
    /// Whether the packets that it would match (any of them) meet the other
    /// fate.
    pub contradicted: bool,
    /// What decides these packets before it, if anything does.
    pub shadowed_by: Option<Place>,
}

/// Who gets through to a port of this host.
pub(crate) fn sources(ruleset: &Ruleset, query: &Query<'_>) -> Sources {
    let _ = ruleset;
    let family = Family::of(query.to);
    Sources {
        may: IpSet::all(family),
        must: IpSet::empty(family),
        because: Vec::new(),
        undecided: Vec::new(),
    }
}

/// The rules for a port that no packet gets to, by whatever interface.
pub(crate) fn dead_rules(
    ruleset: &Ruleset,
    proto: Proto,
    port: u16,
) -> Vec<DeadRule> {
    let _ = (ruleset, proto, port);
    Vec::new()
}
