//! Rules that no packet gets to.

use super::{
    Proto, Query, atoms,
    cell::{Interface, Truth},
    chain::TooMuch,
    journey::{Batch, Batches, Journey},
    passage::{first, local},
    reason,
    sources::Question,
};
use crate::{
    host::Host,
    net::{Family, RangeSet},
    netfilter::{Action, Base, Chain, Hook, Rule, Ruleset, Table, Test},
    text::Place,
};

/// A rule that names a port and that no packet for the port gets to.
#[derive(Clone, Debug)]
pub(crate) struct DeadRule {
    pub rule: Place,
    /// What its author wanted for the packets: true to let them in.
    pub accepts: bool,
    /// Whether the packets that it would match (any of them) meet the other
    /// fate.
    pub contradicted: bool,
    /// What decides these packets before it, if anything does.
    pub shadowed_by: Option<Place>,
}

/// The most rules that are looked at; further ones are taken as alive.
const MOST: usize = 256;

/// Each rule that is looked at costs a walk through them all: so many in
/// all, that the time stays linear in the rules.
const WALKED: usize = 2_000_000;

/// The rules for a port that no packet gets to, by whatever interface.
pub(crate) fn dead_rules(
    host: &Host,
    proto: Proto,
    port: u16,
) -> Vec<DeadRule> {
    let ruleset = &host.ruleset;
    let mut out = Vec::new();
    let chains = ruleset.tables.iter().flat_map(|table| &table.chains);
    let rules: usize = chains.map(|chain| chain.rules.len()).sum();
    let most = MOST.min(WALKED / rules.max(1));
    for family in Family::BOTH {
        let query = Query {
            interface: None,
            family,
            to: None,
            wildcard: true,
            proto,
            port,
        };
        let question = Question::new(host, &query);
        let flows = flows(&question);
        let all = candidates(ruleset, &question, port);
        for rule in all.into_iter().take(most) {
            out.extend(dead(&flows, rule).ok().flatten());
        }
    }
    out
}

/// New packets for the port by any interface, to any address.
fn flows<'a>(question: &Question<'a>) -> Vec<Journey<'a>> {
    let atoms = atoms::of(question);
    let lo = Interface::Named("lo");
    let names = atoms.interfaces.into_iter().chain([lo]);
    let cells = names.flat_map(|name| {
        atoms.ports.iter().map(move |port| (name, port.first))
    });
    let flows = cells.map(|(name, port)| Journey {
        given: None,
        ..question.journey(name, port)
    });
    flows.collect()
}

/// The rules that name the port and decide, in the chains that lead to a
/// socket of this host, or that nothing leads to.
fn candidates<'a>(
    ruleset: &'a Ruleset,
    question: &Question<'a>,
    port: u16,
) -> Vec<(&'a Chain, &'a Rule)> {
    let tables = ruleset.tables.iter();
    let tables = tables.filter(|table| table.families.contain(question.family));
    let mut out = Vec::new();
    for table in tables {
        let input = reached(table, |base| base.hook == Hook::Input);
        let any = reached(table, |_| true);
        for (at, chain) in table.chains.iter().enumerate() {
            let is = |set: &[bool]| set.get(at).copied().unwrap_or(false);
            if is(&input) || !is(&any) {
                let ours = chain.rules.iter().filter(|r| names(r, port));
                out.extend(ours.map(|rule| (chain, rule)));
            }
        }
    }
    out
}

/// The chains of a table that base chains lead to.
fn reached(table: &Table, start: impl Fn(&Base) -> bool) -> Vec<bool> {
    let mut reached = vec![false; table.chains.len()];
    let all = table.chains.iter().enumerate();
    let bases =
        all.filter(|(_, chain)| chain.base.as_ref().is_some_and(&start));
    let mut open: Vec<usize> = bases.map(|(at, _)| at).collect();
    while let Some(at) = open.pop() {
        let Some(slot) = reached.get_mut(at) else { continue };
        if std::mem::replace(slot, true) {
            continue;
        }
        let rules = table.chains.get(at).map_or(&[][..], |chain| &chain.rules);
        open.extend(rules.iter().filter_map(|rule| match rule.action() {
            Action::Jump(to) | Action::Goto(to) => Some(*to),
            _ => None,
        }));
    }
    reached
}

fn names(rule: &Rule, port: u16) -> bool {
    accepts(rule).is_some()
        && rule.matches().iter().any(|condition| match &condition.test {
            Test::DestinationPort(set) => {
                !condition.negated && set.contains(port) && !set.is_all()
            }
            _ => false,
        })
}

/// What the author of a rule wanted; `None` if it decides nothing.
fn accepts(rule: &Rule) -> Option<bool> {
    match rule.action() {
        Action::Accept => Some(true),
        Action::Drop | Action::Reject => Some(false),
        _ => None,
    }
}

/// Says of a rule that it is dead, if it is.
fn dead(
    flows: &[Journey<'_>],
    (chain, rule): (&Chain, &Rule),
) -> Result<Option<DeadRule>, TooMuch> {
    // A rule for other packets is not dead.
    let ours =
        flows.iter().filter_map(|flow| Some((flow, within(flow, rule)?)));
    let ours: Vec<(&Journey<'_>, RangeSet<u128>)> = ours.collect();
    if ours.is_empty() {
        return Ok(None);
    }
    for (flow, _) in &ours {
        // In whatever state, the packet may get there.
        let probe = Some(rule);
        let flow = Journey { probe, state: None, ..(*flow).clone() };
        if arrivals(&flow)?.probed {
            return Ok(None);
        }
    }
    let accepts = accepts(rule).unwrap_or(false);
    let mut found = DeadRule {
        rule: chain.place(rule),
        accepts,
        contradicted: false,
        shadowed_by: None,
    };
    for (flow, set) in &ours {
        let alive = arrivals(flow)?.alive();
        let other = match accepts {
            true => set.difference(&alive),
            false => set.intersection(&alive),
        };
        let set = if other.is_empty() { set } else { &other };
        if found.shadowed_by.is_none() || !found.contradicted {
            found.shadowed_by = reason::decider(flow, set);
        }
        found.contradicted |= !other.is_empty();
    }
    Ok(Some(found))
}

/// The sources of a flow that a rule is for; `None` if it is for none.
fn within(flow: &Journey<'_>, rule: &Rule) -> Option<RangeSet<u128>> {
    let (hook, priority) = (Hook::Input, 0);
    let base = Base { hook, priority, accepts: true, nat: false, span: None };
    let cell = flow.cell(&base, &flow.parcel());
    let (truth, set) = cell.judge(rule);
    let all = everyone(flow);
    let set = set.map_or(all.clone(), |set| set.intersection(&all));
    (truth != Truth::No && !set.is_empty()).then_some(set)
}

fn everyone(flow: &Journey<'_>) -> RangeSet<u128> {
    RangeSet::range(0, flow.family.last())
}

/// The packets of a flow that come to sockets of this host.
fn arrivals(flow: &Journey<'_>) -> Result<Batches, TooMuch> {
    let addresses = everyone(flow);
    let start = Batches::of(Batch { parcel: flow.parcel(), addresses });
    let routed = flow.sweep(first(flow), start)?;
    flow.sweep(local(flow), routed)
}
