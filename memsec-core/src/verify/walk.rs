//! The way of new packets to a port of the host, and of the answers.

use super::{
    marks::Marks,
    rules::{Action, Chain, Probe, Table, Target},
    segments::Segments,
};
use crate::{Error, text::Place};

/// How many rules are looked at before it is given up.
const RULES: usize = 50_000_000;
/// Chains that lead further down than any that a kernel takes.
const DEPTH: usize = 64;

/// What may become of packets, by their clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate {
    /// Accepted by all, as far as that is known.
    pub passed: Segments,
    /// Perhaps stopped.
    pub lost: Segments,
    /// Treated in a way that is not followed any further here.
    pub open: Segments,
    /// Of those, the ones that are sure to be turned elsewhere, and where.
    turned: Vec<(Target, Segments)>,
    /// Of those, the others.
    loose: Segments,
    /// Those that go on from another address.
    pub disguised: Segments,
    /// Rules that make it unsure.
    pub unsure: Vec<Place>,
    /// Rules that stop, or let in.
    pub decided: Vec<Place>,
    marks: Marks,
    looked: usize,
}

impl Fate {
    /// Clients that could get through.
    pub(super) fn may(&self) -> Segments {
        let mut may = self.passed.clone();
        may.add(&self.open);
        may
    }

    /// Clients that are sure to be turned elsewhere, and where.
    pub(super) fn led(&self) -> impl Iterator<Item = (&Target, Segments)> {
        let unsure = |set: &Segments| {
            set.clone().without(&self.lost).without(&self.loose)
        };
        self.turned.iter().map(move |(to, set)| (to, unsure(set)))
    }

    /// Clients that are sure to get through.
    pub(super) fn must(&self) -> Segments {
        self.passed.clone().without(&self.lost).without(&self.open)
    }
}

/// Follows packets through the chains of some hooks.
///
/// # Errors
///
/// Rules that are too many, or that lead to each other without an end.
pub(super) fn walk(
    tables: &[Table],
    probe: &Probe<'_>,
    hooks: &[&str],
) -> Result<Fate, Error> {
    let passed = Segments::of([probe.everyone()]);
    // What goes on from elsewhere has been marked there, or not.
    let marks = match hooks.first() == Some(&"ingress") && !probe.reply {
        true => Marks::none(probe.everyone()),
        false => Marks::default(),
    };
    let mut fate = Fate { passed, marks, ..Fate::default() };
    for hook in hooks {
        for (table, chain) in bases(tables, probe, hook) {
            enter(&mut fate, table, chain, probe)?;
        }
    }
    Ok(fate)
}

/// The chains that the kernel enters at a hook, in its order.
fn bases<'a>(
    tables: &'a [Table],
    probe: &Probe<'_>,
    hook: &str,
) -> Vec<(&'a Table, &'a Chain)> {
    let sees = |table: &&Table| {
        table.families.get(usize::from(probe.six)) == Some(&true)
    };
    let own = tables.iter().filter(sees);
    let chains = own.flat_map(|table| {
        table.chains.values().map(move |chain| (table, chain))
    });
    let mut all: Vec<_> = chains
        .filter_map(|(table, chain)| Some((chain.base.as_ref()?, table, chain)))
        // Only the first packet of a connection sees a chain of NAT.
        .filter(|(base, ..)| base.hook == hook && !(base.nat && probe.reply))
        .collect();
    all.sort_by_key(|(base, ..)| base.priority);
    all.into_iter().map(|(_, table, chain)| (table, chain)).collect()
}

fn enter(
    fate: &mut Fate,
    table: &Table,
    chain: &Chain,
    probe: &Probe<'_>,
) -> Result<(), Error> {
    let base = chain.base.as_ref();
    let tracked = base.map_or(Some(true), |base| base.is_tracked());
    let probe = &Probe { tracked, ..*probe };
    let sees = base.is_some_and(|base| base.hook == "prerouting" && !base.nat);
    if sees && !chain.rules.is_empty() {
        // What was turned before it is not followed there.
        fate.turned.clear();
    }
    let set = std::mem::take(&mut fate.passed);
    let left = follow(fate, table, chain, probe, set, 0)?;
    match &chain.base {
        Some(base) if !base.accepts => fate.lost.add(&left),
        _ => fate.passed.add(&left),
    }
    Ok(())
}

/// Gives the packets that come to the end of a chain.
fn follow(
    fate: &mut Fate,
    table: &Table,
    chain: &Chain,
    probe: &Probe<'_>,
    mut set: Segments,
    depth: usize,
) -> Result<Segments, Error> {
    let mut back = Segments::default();
    for rule in &chain.rules {
        fate.looked += 1;
        if fate.looked > RULES || depth > DEPTH {
            let what = "the rules are too many to be followed";
            return Err(Error::unsupported(what));
        }
        if set.is_empty() {
            break;
        }
        if rule.action == Action::Continue && rule.marking.is_none() {
            continue;
        }
        let Some(meets) = rule.meets(probe, &fate.marks) else { continue };
        let matched = match meets.sure {
            true => Segments::of(
                meets.clients.iter().flat_map(|&range| set.take(range)),
            ),
            false => set.within(&meets.clients),
        };
        if matched.is_empty() {
            continue;
        }
        if !meets.sure {
            fate.marks.doubt(&matched);
        }
        if let Some(by) = rule.marking {
            fate.marks.set(&matched, by);
        }
        let unclear = !meets.sure
            || matches!(rule.action, Action::Unknown | Action::Translate(_));
        let notes = if unclear { &mut fate.unsure } else { &mut fate.decided };
        if notes.len() < 8 {
            notes.push(rule.place.clone());
        }
        match &rule.action {
            Action::Continue => set.add(&matched),
            Action::Accept => fate.passed.add(&matched),
            Action::Disguise => {
                fate.disguised.add(&matched);
                fate.passed.add(&matched);
            }
            Action::Drop => fate.lost.add(&matched),
            Action::Return => back.add(&matched),
            Action::Translate(target) if meets.sure => {
                fate.open.add(&matched);
                fate.turned.push((target.clone(), matched));
            }
            Action::Translate(_) | Action::Unknown => {
                fate.open.add(&matched);
                fate.loose.add(&matched);
            }
            Action::Jump(name) | Action::Goto(name) => {
                let next = table.chains.get(name).ok_or_else(|| {
                    let place = &rule.place;
                    Error::unsupported(format!("{place}: no chain {name}"))
                })?;
                let left =
                    follow(fate, table, next, probe, matched, depth + 1)?;
                match rule.action {
                    Action::Jump(_) => set.add(&left),
                    _ => back.add(&left),
                }
            }
        }
    }
    set.add(&back);
    Ok(set)
}
