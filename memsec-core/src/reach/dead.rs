//! Rules that no packet gets to.

use std::{cell::OnceCell, ptr};

use super::{
    Proto, Query, atoms,
    cell::{Cell, Interface, Truth},
    chain::TooMuch,
    journey::{Batch, Batches, Journey},
    live::Live,
    passage::{first, local},
    reason,
    sources::Question,
    stage::stages,
};
use crate::{
    host::Host,
    net::{Family, RangeSet},
    netfilter::{About, Action, Base, Chain, Hook, Rule, Ruleset, Table, Test},
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

/// The most dead rules that are explained; further ones are not told.
const MOST: usize = 256;

/// Each that is explained costs a walk through all rules: so many in all,
/// that the time stays linear in the rules.
const WALKED: usize = 2_000_000;

/// The rules for a port that no packet gets to, by whatever interface.
pub(crate) fn dead_rules(
    host: &Host,
    proto: Proto,
    port: u16,
) -> Vec<DeadRule> {
    let ruleset = &host.ruleset;
    let chains = ruleset.tables.iter().flat_map(|table| &table.chains);
    let rules: usize = chains.map(|chain| chain.rules.len()).sum();
    let most = MOST.min(WALKED / rules.max(1));
    let mut out = Vec::new();
    for family in Family::BOTH {
        let query = Query {
            interface: None,
            family,
            to: None,
            wildcard: true,
            taker: Default::default(),
            proto,
            port,
        };
        let question = Question::new(host, &query);
        let all = candidates(ruleset, &question, port);
        // What cannot be told is taken as alive.
        let dead = dead(&question, all, most).unwrap_or_default();
        out.extend(dead);
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
                let ours = chain.that_say_of(&[port], |rule| names(rule, port));
                out.extend(ours.into_iter().map(|rule| (chain, rule)));
            }
        }
    }
    out
}

/// The chains of a table that base chains lead to.
pub(super) fn reached(
    table: &Table,
    start: impl Fn(&Base) -> bool,
) -> Vec<bool> {
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
        let rules = table.chains.get(at).map(|c| c.each_about(About::CALL));
        open.extend(rules.into_iter().flatten().filter_map(|rule| {
            match rule.action() {
                Action::Jump(to) | Action::Goto(to) => Some(*to),
                _ => None,
            }
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
        Action::Drop | Action::Reject(_) => Some(false),
        _ => None,
    }
}

/// Those of some rules that are dead.
fn dead(
    question: &Question<'_>,
    mut rules: Vec<(&Chain, &Rule)>,
    most: usize,
) -> Result<Vec<DeadRule>, TooMuch> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let flows = flows(question);
    let flows: Vec<_> = flows.iter().map(Flow::new).collect();
    // A rule for other packets is not dead.
    rules.retain(|(_, rule)| flows.iter().any(|flow| flow.holds(rule)));
    let live = live(question, &flows, &rules, most < MOST)?;
    rules.retain(|(_, rule)| !live.has(rule));
    let rules = rules.into_iter().take(most);
    rules.map(|(chain, rule)| explained(&flows, chain, rule)).collect()
}

/// Packets that rules tell from others by more than their source.
struct Flow<'f, 'a> {
    journey: &'f Journey<'a>,
    /// As rules in front of a socket see them.
    cell: Cell<'f>,
    /// The sources of which packets come to sockets of this host.
    arrivals: OnceCell<RangeSet<u128>>,
}

impl<'f, 'a> Flow<'f, 'a> {
    fn new(journey: &'f Journey<'a>) -> Self {
        let (hook, priority) = (Hook::Input, 0);
        let base =
            Base { hook, priority, accepts: true, nat: false, span: None };
        let cell = journey.cell(&base, &journey.parcel());
        Self { journey, cell, arrivals: OnceCell::new() }
    }

    /// Whether a rule is for some of them.
    fn holds(&self, rule: &Rule) -> bool {
        let (truth, within) = self.cell.judge(rule);
        let last = self.journey.family.last();
        truth != Truth::No && within.ranges().any(|r| r.0 <= last)
    }

    /// The sources that a rule is for; `None` if it is for none.
    fn within(&self, rule: &Rule) -> Option<RangeSet<u128>> {
        let (truth, set) = self.cell.judge(rule);
        let set = set.set().intersection(&everyone(self.journey));
        (truth != Truth::No && !set.is_empty()).then_some(set)
    }

    /// Those of some sources of which packets come to sockets of this host.
    fn alive(&self, set: &RangeSet<u128>) -> Result<RangeSet<u128>, TooMuch> {
        let ends = set.first().zip(set.last());
        let few = ends.is_none_or(|(first, last)| last - first < FEW);
        if few && self.journey.family == Family::Ipv4 {
            return arrivals(self.journey, set.clone());
        }
        if let Some(all) = self.arrivals.get() {
            return Ok(all.clone());
        }
        let all = arrivals(self.journey, everyone(self.journey))?;
        Ok(self.arrivals.get_or_init(|| all).clone())
    }
}

/// Among so many addresses few rules of a long chain are looked at.
const FEW: u128 = 1 << 16;

/// Those of some rules that packets of any flow get to, in whatever state.
/// What most packets get to is told by the first flow; what none does, by
/// one that stands for all that come in from elsewhere. A `rough` look takes
/// what that one gets to as alive.
fn live(
    question: &Question<'_>,
    flows: &[Flow<'_, '_>],
    rules: &[(&Chain, &Rule)],
    rough: bool,
) -> Result<Live, TooMuch> {
    let all = || rules.iter().map(|(_, rule)| *rule);
    let mut live = Live::of(all());
    let mut possible: Option<Live> = None;
    for flow in flows.iter().rev() {
        let looped = flow.journey.looped();
        let could = |rule: &Rule| {
            looped || possible.as_ref().is_none_or(|p| p.has(rule))
        };
        let mut open = all().filter(|rule| !live.has(rule) && could(rule));
        if !open.any(|rule| flow.holds(rule)) {
            continue;
        }
        if rough && !looped {
            walk(&elsewhere(question), &mut live)?;
            break;
        }
        walk(flow.journey, &mut live)?;
        if !looped && possible.is_none() && flows.len() > 2 {
            let left = all().filter(|rule| !live.has(rule));
            let mut some = Live::of(left);
            walk(&elsewhere(question), &mut some)?;
            possible = Some(some);
        }
    }
    Ok(live)
}

/// All packets for the port that come in by any interface but the loopback.
fn elsewhere<'a>(question: &Question<'a>) -> Journey<'a> {
    let journey = question.journey(Interface::NotLoopback, None);
    Journey { given: None, ..journey }
}

/// Finds the rules that packets of a flow get to, in whatever state.
fn walk(flow: &Journey<'_>, live: &mut Live) -> Result<(), TooMuch> {
    let flow = Journey { state: None, ..flow.clone() };
    let addresses = everyone(&flow);
    let start = Batches::of(Batch { parcel: flow.parcel(), addresses });
    let routed = flow.sweep_seen(first(&flow), start, |stage, batch| {
        live.add(&flow, stage, batch).map(|()| true)
    })?;
    let stages = stages(&flow.host.ruleset, flow.family, local(&flow));
    let last = stages.last().map(|stage| ptr::from_ref(stage.chain));
    flow.sweep_seen(local(&flow), routed, |stage, batch| {
        live.add(&flow, stage, batch)?;
        // What comes behind the last one is not asked for.
        Ok(last != Some(ptr::from_ref(stage.chain)))
    })?;
    Ok(())
}

/// Why a rule is dead.
fn explained(
    flows: &[Flow<'_, '_>],
    chain: &Chain,
    rule: &Rule,
) -> Result<DeadRule, TooMuch> {
    let accepts = accepts(rule).unwrap_or(false);
    let mut found = DeadRule {
        rule: chain.place(rule),
        accepts,
        contradicted: false,
        shadowed_by: None,
    };
    for flow in flows {
        let Some(set) = flow.within(rule) else { continue };
        let alive = flow.alive(&set)?;
        let other = match accepts {
            true => set.difference(&alive),
            false => set.intersection(&alive),
        };
        let set = if other.is_empty() { &set } else { &other };
        if found.shadowed_by.is_none() || !found.contradicted {
            found.shadowed_by = reason::decider(flow.journey, set);
        }
        found.contradicted |= !other.is_empty();
        if found.contradicted && found.shadowed_by.is_some() {
            // No other flow says more.
            break;
        }
    }
    Ok(found)
}

fn everyone(flow: &Journey<'_>) -> RangeSet<u128> {
    RangeSet::range(0, flow.family.last())
}

/// Those of some sources of which packets of a flow come to sockets of this
/// host.
fn arrivals(
    flow: &Journey<'_>,
    addresses: RangeSet<u128>,
) -> Result<RangeSet<u128>, TooMuch> {
    let start = Batches::of(Batch { parcel: flow.parcel(), addresses });
    let routed = flow.sweep(first(flow), start)?;
    Ok(flow.sweep(local(flow), routed)?.alive())
}
