//! The rules of a table that packets get to, all in one pass.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
    ptr,
};

use super::{
    atoms,
    cell::Truth,
    chain::{Budget, Chains, Judged, Op, TooMuch, What},
    effect::Effect,
    journey::{Batch, Journey},
    nest,
    stage::Stage,
    within::Within,
};
use crate::{net::RangeSet, netfilter::Rule};

/// Of some rules, those that packets were found to get to.
#[derive(Debug)]
pub(super) struct Live {
    /// Where they are, ascending: those of a chain are together.
    rules: Vec<*const Rule>,
    /// Of each, whether it is found.
    found: Vec<bool>,
}

impl Live {
    /// None of them is found yet.
    pub(super) fn of<'r>(rules: impl Iterator<Item = &'r Rule>) -> Self {
        let mut rules: Vec<_> = rules.map(ptr::from_ref).collect();
        rules.sort_unstable();
        let found = vec![false; rules.len()];
        Self { rules, found }
    }

    fn slot(&self, rule: &Rule) -> Option<usize> {
        self.rules.binary_search(&ptr::from_ref(rule)).ok()
    }

    pub(super) fn has(&self, rule: &Rule) -> bool {
        let slot = self.slot(rule);
        slot.is_some_and(|at| self.found.get(at) == Some(&true))
    }

    fn is_asked(&self, rule: &Rule) -> bool {
        let slot = self.slot(rule);
        slot.is_some_and(|at| self.found.get(at) == Some(&false))
    }

    fn found(&mut self, rule: &Rule) {
        let slot = self.slot(rule);
        if let Some(found) = slot.and_then(|at| self.found.get_mut(at)) {
            *found = true;
        }
    }

    /// Finds those that packets of a batch get to in a base chain. Where
    /// packets are changed on the way, all that it leads to are taken as
    /// such.
    pub(super) fn add(
        &mut self,
        journey: &Journey<'_>,
        stage: &Stage<'_>,
        batch: &Batch,
    ) -> Result<(), TooMuch> {
        let cell = journey.cell(stage.base, &batch.parcel);
        let all = &batch.addresses;
        let mut chains = Chains::new(stage.table, cell, &journey.budget, all);
        let Some(judged) = chains.plain(stage.index)? else {
            for rule in atoms::rules([stage].into_iter()) {
                self.found(rule);
            }
            return Ok(());
        };
        let budget = &journey.budget;
        if self.add_nested(&chains, stage, &judged, all, budget)? {
            return Ok(());
        }
        let mut entries: HashMap<usize, Vec<(u128, u128)>> = HashMap::new();
        entries.insert(stage.index, batch.addresses.ranges().collect());
        for chain in order(&mut chains, stage.index)? {
            let entered = entries.remove(&chain).unwrap_or_default();
            let mut taken = Taken::outside(&RangeSet::from_ranges(entered));
            let Some(judged) = chains.plain(chain)? else { continue };
            for op in judged.each() {
                let op = &op;
                let Some(rule) = judged.rules.get(op.at) else { continue };
                let call = match op.what {
                    What::Jump(to) | What::Goto(to) => Some(to),
                    _ => None,
                };
                if call.is_some() || self.is_asked(rule) {
                    let free = taken.free(op);
                    journey.budget.spend(free.len() + 1)?;
                    if !free.is_empty() {
                        self.found(rule);
                    }
                    if let Some(to) = call {
                        entries.entry(to).or_default().extend(free);
                    }
                }
                taken.by(op, &chains, &journey.budget)?;
            }
        }
        Ok(())
    }

    /// The short way, where all that counts of a base chain are rules that
    /// are for networks, and packets from everywhere come to it. False if it
    /// is not one.
    fn add_nested(
        &mut self,
        chains: &Chains<'_, '_>,
        stage: &Stage<'_>,
        judged: &Judged<'_>,
        addresses: &RangeSet<u128>,
        budget: &Budget,
    ) -> Result<bool, TooMuch> {
        let takes = |op: &Op<'_>| match op.what {
            What::Effect(effect) => op.truth == Truth::Yes && !effect.passes(),
            _ => true,
        };
        let everyone = addresses.covers(0, u32::MAX.into());
        let order = chains.order(stage.index).filter(|_| everyone);
        // Behind the last one there is none to be taken from.
        let mut before = judged.ops.iter().filter(|op| op.at + 1 < judged.to());
        let Some(order) = order.filter(|_| !before.any(takes)) else {
            return Ok(false);
        };
        // Where a rule for all stands near the start, the rest is not met.
        let len = judged.effects.len();
        let few = (len < judged.rules.len() / 8).then(|| judged.keys(0, len));
        let keys = few.as_deref().unwrap_or(order.keys());
        let asked = self.places(judged.rules);
        let does = |at: &usize| {
            let effect = judged.effects.get(*at);
            effect.is_some_and(|effect| *effect != Effect::NONE)
        };
        if asked.iter().any(does) {
            let mut wanted = vec![false; judged.rules.len()];
            for at in &asked {
                if let Some(slot) = wanted.get_mut(*at) {
                    *slot = true;
                }
            }
            nest::met(keys, &judged.effects, |at| {
                if wanted.get(at) == Some(&true) {
                    self.found_at(judged.rules, at);
                }
            });
        }
        let is_open = |op: &&Op<'_>| asked.binary_search(&op.at).is_ok();
        let open: Vec<_> = judged.ops.iter().filter(is_open).collect();
        if open.is_empty() {
            return Ok(true);
        }
        let stops = nest::stops(keys, &judged.effects);
        for op in open {
            let mut looked = 0;
            if op.within.ranges().any(|range| {
                stops.meeting(range).any(|stop| {
                    looked += 1;
                    stop as usize > op.at
                })
            }) {
                self.found_at(judged.rules, op.at);
            }
            budget.spend(looked + op.within.len())?;
        }
        Ok(true)
    }

    fn found_at(&mut self, rules: &[Rule], at: usize) {
        if let Some(rule) = rules.get(at) {
            self.found(rule);
        }
    }

    /// The places of the rules of a chain that are asked for, ascending.
    fn places(&self, rules: &[Rule]) -> Vec<usize> {
        let Range { start, end } = rules.as_ptr_range();
        let from = self.rules.partition_point(|rule| *rule < start);
        let to = self.rules.partition_point(|rule| *rule < end);
        let both = self.rules.iter().zip(&self.found).take(to).skip(from);
        let open = both.filter(|(_, found)| !**found);
        let place = |rule: &*const Rule| {
            rule.addr().wrapping_sub(start.addr()) / size_of::<Rule>()
        };
        open.map(|(rule, _)| place(rule)).collect()
    }
}

/// A chain and those that it leads to, each before those that it calls.
fn order(
    chains: &mut Chains<'_, '_>,
    start: usize,
) -> Result<Vec<usize>, TooMuch> {
    let mut done = HashSet::new();
    let mut out = Vec::new();
    let mut open = vec![(start, 0)];
    while let Some((chain, next)) = open.last_mut() {
        let judged = chains.plain(*chain)?;
        let ops = judged.as_ref().map(|judged| &judged.ops);
        let rest = ops.and_then(|ops| ops.get(*next..));
        let call =
            rest.unwrap_or_default().iter().enumerate().find_map(|(at, op)| {
                match op.what {
                    What::Jump(to) | What::Goto(to) => Some((at, to)),
                    _ => None,
                }
            });
        if let Some((at, to)) = call {
            *next += at + 1;
            if done.insert(to) {
                open.push((to, 0));
            }
        } else {
            out.push(*chain);
            open.pop();
        }
    }
    out.reverse();
    Ok(out)
}

/// The addresses whose packets do not get further in a chain.
struct Taken {
    /// All but some that came later.
    most: RangeSet<u128>,
    /// Ranges of the others, that do not touch, by where they start.
    few: BTreeMap<u128, u128>,
    /// More of them, in no order.
    more: Vec<(u128, u128)>,
}

impl Taken {
    fn outside(entered: &RangeSet<u128>) -> Self {
        let (few, more) = Default::default();
        Self { most: entered.complement(), few, more }
    }

    /// The addresses that a rule is for and whose packets get to it.
    fn free(&mut self, op: &Op<'_>) -> Vec<(u128, u128)> {
        self.settle();
        let mut out = Vec::new();
        let rest = op.within.set().difference(&self.most);
        for (first, last) in rest.ranges() {
            let before = self.few.range(..=first).next_back();
            let mut start = match before {
                Some((_, &end)) if end >= first => end.checked_add(1),
                _ => Some(first),
            };
            for (&from, &to) in self.few.range(first..=last) {
                if let Some(start) = start.filter(|&start| start < from) {
                    out.push((start, from - 1));
                }
                start = to.checked_add(1);
            }
            out.extend(start.filter(|&s| s <= last).map(|start| (start, last)));
        }
        out
    }

    /// Takes what a rule is sure to stop.
    fn by(
        &mut self,
        op: &Op<'_>,
        chains: &Chains<'_, '_>,
        budget: &Budget,
    ) -> Result<(), TooMuch> {
        if op.truth != Truth::Yes {
            return Ok(());
        }
        match op.what {
            What::Effect(effect) if effect.passes() => {}
            What::Effect(_) | What::Goto(_) => self.stop(&op.within),
            What::Jump(to) => {
                let stopped = chains.stopped(to);
                let stopped = stopped.intersection(&op.within.set());
                budget.spend(stopped.ranges().len())?;
                self.stop(&Within::Set(stopped));
            }
            What::Change(_) => {}
        }
        Ok(())
    }

    /// So many ranges are worth a look at all of them.
    fn many(&self) -> usize {
        64 + self.most.ranges().len() / 8
    }

    fn stop(&mut self, within: &Within) {
        match within {
            Within::Set(set) if set.ranges().len() > self.many() => {
                self.most = self.most.union(set);
            }
            few => self.more.extend(few.ranges()),
        }
    }

    /// Puts the ranges that came into order: many at once, few one by one.
    fn settle(&mut self) {
        let more = std::mem::take(&mut self.more);
        if self.few.len() + more.len() <= self.many() {
            more.into_iter().for_each(|range| self.take(range));
            return;
        }
        let few = std::mem::take(&mut self.few);
        let all = RangeSet::from_ranges(few.into_iter().chain(more));
        self.most = self.most.union(&all);
    }

    fn take(&mut self, (mut first, mut last): (u128, u128)) {
        let near = self.few.range(..=last.saturating_add(1)).rev();
        let touching = near.take_while(|&(_, &end)| {
            end.checked_add(1).is_none_or(|next| next >= first)
        });
        let old: Vec<(u128, u128)> =
            touching.map(|(&from, &to)| (from, to)).collect();
        for (from, to) in old {
            self.few.remove(&from);
            first = first.min(from);
            last = last.max(to);
        }
        self.few.insert(first, last);
    }
}
