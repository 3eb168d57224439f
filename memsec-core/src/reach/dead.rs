//! Rules that no packet gets to.

use super::Proto;
use crate::{net::Family, netfilter::Ruleset, text::Place};

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

/// The rules for a port that no packet gets to, by whatever interface.
pub(crate) fn dead_rules(
    ruleset: &Ruleset,
    proto: Proto,
    port: u16,
) -> Vec<DeadRule> {
    let _ = (ruleset, proto, port);
    Vec::new()
}
