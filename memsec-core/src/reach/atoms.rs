//! The values of the small dimensions between which rules can tell.

use std::collections::BTreeSet;

use super::{
    cell::{Address, Cell, Interface, Truth},
    journey::Journey,
    sources::Question,
    stage::Stage,
};
use crate::{
    net::PortSet,
    netfilter::{About, Action, Base, Chain, Hook, Name, Rule, Test},
};

/// More than this are not told apart.
const MOST: usize = 64;

/// Interfaces and client ports that stand for all.
#[derive(Debug)]
pub(super) struct Atoms<'a> {
    pub interfaces: Vec<Interface<'a>>,
    pub ports: Vec<PortAtom>,
}

/// Ports that no rule tells apart; `None` for all ports, undecided.
#[derive(Clone, Copy, Debug)]
pub(super) struct PortAtom {
    pub first: Option<u16>,
    pub last: Option<u16>,
}

/// The atoms of a question.
pub(super) fn of<'a>(question: &Question<'a>) -> Atoms<'a> {
    let mut wide = question.journey(Interface::NotLoopback, None);
    if question.there.iter().any(|stage| stage.base.nat) {
        // It may come to rules with another port.
        wide.tuple.dport = None;
    }
    let (back, _) = wide.answer(&wide.parcel());
    let (mut names, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for rule in kinds(question.there.iter(), About::ORIGIN) {
        if possible(&wide, rule) {
            names_in(rule, &mut names);
            client_ports(rule, false, &mut ports);
        }
    }
    for rule in kinds(question.back.iter(), About::PORT) {
        if possible(&back, rule) {
            client_ports(rule, true, &mut ports);
        }
    }
    let interfaces = match question.query.interface {
        Some(name) => vec![Interface::Named(name)],
        None => interfaces(names),
    };
    Atoms { interfaces, ports: port_atoms(ports) }
}

/// The rules of all chains that stages lead to.
pub(super) fn rules<'s, 'a: 's>(
    stages: impl Iterator<Item = &'s Stage<'a>>,
) -> Vec<&'a Rule> {
    let mut out = Vec::new();
    each(stages, |chain| out.extend(chain.rules.iter()));
    out
}

/// Of the rules that are about something, and differ in their origin alone,
/// one of each chain.
fn kinds<'s, 'a: 's>(
    stages: impl Iterator<Item = &'s Stage<'a>>,
    about: About,
) -> Vec<&'a Rule> {
    let mut out = Vec::new();
    each(stages, |chain| out.extend(chain.each_about(about)));
    out
}

/// Each chain that stages lead to, once.
fn each<'s, 'a: 's>(
    stages: impl Iterator<Item = &'s Stage<'a>>,
    mut visit: impl FnMut(&'a Chain),
) {
    for stage in stages {
        let chains = &stage.table.chains;
        let mut seen = vec![false; chains.len()];
        let mut open = vec![stage.index];
        while let Some(at) = open.pop() {
            let Some(seen) = seen.get_mut(at) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            let Some(chain) = chains.get(at) else { continue };
            visit(chain);
            for rule in chain.each_about(About::CALL) {
                if let Action::Jump(to) | Action::Goto(to) = rule.action() {
                    open.push(*to);
                }
            }
        }
    }
}

/// Whether a rule can hold in any hook.
fn possible(journey: &Journey<'_>, rule: &Rule) -> bool {
    let base = Base {
        hook: Hook::Input,
        priority: 0,
        accepts: true,
        nat: false,
        span: None,
    };
    let cell = Cell {
        source: Address::Unknown,
        destination: Address::Unknown,
        input: Interface::NotLoopback,
        output: Interface::NotLoopback,
        state: None,
        destination_type: None,
        dnat: None,
        snat: None,
        mark: None,
        connection_mark: None,
        original: None,
        translated: None,
        ..journey.cell(&base, &journey.parcel())
    };
    cell.judge(rule).0 != Truth::No
}

fn names_in<'a>(rule: &'a Rule, names: &mut BTreeSet<(&'a str, bool)>) {
    for condition in rule.matches() {
        if let Test::In(all) = &condition.test {
            names.extend(all.iter().map(|name| match name {
                Name::Exact(name) => (name.as_str(), false),
                Name::Prefix(name) => (name.as_str(), true),
            }));
        }
    }
}

/// The client's port is the source port of a question, and the destination
/// port of an answer.
fn client_ports(rule: &Rule, answer: bool, ports: &mut BTreeSet<u16>) {
    for condition in rule.matches() {
        match &condition.test {
            Test::SourcePort(set) if !answer => boundaries(set, ports),
            Test::DestinationPort(set) if answer => boundaries(set, ports),
            Test::EitherPort(set) => boundaries(set, ports),
            _ => {}
        }
    }
}

/// One of each kind of ports that rules of stages tell apart, other than
/// `port` itself; `None` for all, if they are too many.
pub(super) fn other_ports<'s, 'a: 's>(
    stages: impl Iterator<Item = &'s Stage<'a>>,
    port: u16,
) -> Vec<Option<u16>> {
    let mut starts = BTreeSet::from([0, port]);
    starts.extend(port.checked_add(1));
    for rule in kinds(stages, About::PORT) {
        for condition in rule.matches() {
            if let Test::DestinationPort(set) | Test::EitherPort(set) =
                &condition.test
            {
                boundaries(set, &mut starts);
            }
        }
    }
    if starts.len() > MOST {
        return vec![None];
    }
    starts.into_iter().filter(|&start| start != port).map(Some).collect()
}

fn boundaries(set: &PortSet, ports: &mut BTreeSet<u16>) {
    for (first, last) in set.ranges() {
        ports.insert(first);
        ports.extend(last.checked_add(1));
        if ports.len() > 2 * MOST {
            return;
        }
    }
}

/// Names that are told apart, and one that no rule names. A prefix stands
/// for a name of that prefix, if no rule has the same as a whole name.
fn interfaces<'a>(names: BTreeSet<(&'a str, bool)>) -> Vec<Interface<'a>> {
    let both = names.iter().any(|&(name, _)| {
        names.contains(&(name, true)) && names.contains(&(name, false))
    });
    if names.len() >= MOST || both {
        return vec![Interface::NotLoopback];
    }
    let names = names.into_iter().map(|(name, _)| name);
    let names = names.filter(|name| !matches!(*name, "lo" | ""));
    names.chain([OTHER]).map(Interface::Named).collect()
}

/// A name that no interface has.
const OTHER: &str = "\u{1}";

fn port_atoms(mut starts: BTreeSet<u16>) -> Vec<PortAtom> {
    if starts.len() > MOST {
        return vec![PortAtom { first: None, last: None }];
    }
    if !starts.is_empty() {
        starts.insert(1024);
    }
    starts.insert(0);
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([u16::MAX]);
    let atoms = starts.iter().zip(ends);
    let atom =
        |(&first, last)| PortAtom { first: Some(first), last: Some(last) };
    atoms.map(atom).collect()
}
