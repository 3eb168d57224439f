//! The chains of one zone or policy at one hook.

use crate::managers::firewalld::{
    chains::{Act, Chains, Rule, Test},
    config::Config,
    object::Policy,
    settings::{Settings, Target},
};

/// Where packets get to a zone or policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the host.
    In,
    Forward,
    /// From the host.
    Out,
    /// The translation of destinations.
    Nat,
    /// The same for what the host sends.
    OutNat,
    Mangle,
    /// The translation of sources.
    Snat,
}

impl Way {
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::In | Self::Forward | Self::Out => "filter",
            Self::Nat | Self::OutNat | Self::Snat => "nat",
            Self::Mangle => "mangle",
        }
    }

    pub(super) fn hook(self) -> &'static str {
        match self {
            Self::In => "INPUT",
            Self::Forward => "FORWARD",
            Self::Out | Self::OutNat => "OUTPUT",
            Self::Nat | Self::Mangle => "PREROUTING",
            Self::Snat => "POSTROUTING",
        }
    }

    /// policy_base_chain_name().
    pub(super) fn chain(self, suffix: &str) -> String {
        let prefix = match self {
            Self::In => "IN",
            Self::Forward => "FWD",
            Self::Out | Self::OutNat => "OUT",
            Self::Nat | Self::Mangle => "PRE",
            Self::Snat => "POST",
        };
        format!("{prefix}_{suffix}")
    }
}

/// What a zone or policy does at one hook.
pub(super) struct Part<'a> {
    pub way: Way,
    pub suffix: &'a str,
    pub zone: bool,
}

impl Part<'_> {
    /// Makes the chains, in each of which rules of one kind go:
    /// build_policy_chain_rules().
    pub(super) fn make(&self, chains: &mut Chains, settings: &Settings) {
        let table = self.way.table();
        let name = self.way.chain(self.suffix);
        if chains.has(table, &name) {
            return;
        }
        let jump = |to: String| Rule::new(Vec::new(), Act::Jump(to));
        let policies =
            |when: &str| format!("{}_POLICIES_{when}", self.way.hook());
        let mut rules = Vec::new();
        if self.zone {
            rules.push(jump(policies("pre")));
        }
        for kind in ["pre", "log", "deny", "allow", "post"] {
            let own = format!("{name}_{kind}");
            chains.make(table, &own, false);
            rules.push(jump(own));
        }
        if self.zone {
            rules.push(jump(policies("post")));
        }
        if self.way == Way::In && self.zone {
            rules.extend(inverted(settings));
        }
        if table == "filter" {
            let end = match settings.target {
                Target::Accept => Some(Act::Accept),
                Target::Drop => Some(Act::Drop),
                Target::Default | Target::Reject => Some(Act::Reject),
                Target::Continue => None,
            };
            let end = end.map(|act| Rule::new(Vec::new(), act));
            rules.extend(end.map(|rule| rule.at(&settings.place)));
        }
        chains.extend(table, &name, rules);
    }
}

/// ICMP that nothing has decided is let in, or rejected if the blocks are
/// inverted: build_policy_icmp_block_inversion_rules().
fn inverted(settings: &Settings) -> Option<Rule> {
    let act = match (settings.target, settings.icmp_block_inversion) {
        (Target::Default | Target::Accept, true) => Act::Reject,
        (Target::Default, false) => Act::Accept,
        _ => return None,
    };
    Some(Rule::new(vec![Test::AnyIcmp], act).at(&settings.place))
}

/// The hooks at which a policy is asked:
/// _get_table_chains_for_policy_dispatch().
pub(super) fn ways_of(config: &Config, policy: &Policy) -> Vec<Way> {
    let has = |zones: &[(String, _)], name: &str| {
        zones.iter().any(|(zone, _)| zone == name)
    };
    let bound = |zones: &[(String, _)]| {
        let mut zones = zones.iter().filter_map(|(n, _)| config.zones.get(n));
        zones.any(|zone| !zone.interfaces.is_empty())
    };
    let (from, to) = (&policy.ingress, &policy.egress);
    let (any, host) = (has(from, "ANY"), has(to, "HOST"));
    let source = config.conf.nftables || !bound(from);
    match (any, host, has(from, "HOST"), has(to, "ANY")) {
        (true, true, ..) => vec![Way::In, Way::Nat, Way::Mangle],
        (_, true, ..) => vec![Way::In],
        (_, _, true, _) => vec![Way::Out, Way::OutNat],
        (true, _, _, true) => {
            vec![Way::Forward, Way::Nat, Way::Snat, Way::Mangle]
        }
        (_, _, _, true) => {
            let mut ways = vec![Way::Forward, Way::Nat, Way::Mangle];
            ways.extend(source.then_some(Way::Snat));
            ways
        }
        (any, ..) => {
            let mut ways = vec![Way::Forward];
            ways.extend((any || source).then_some(Way::Snat));
            if !bound(to) {
                ways.extend([Way::Nat, Way::Mangle]);
            }
            ways
        }
    }
}
