//! Packets that differ in one address, in one base chain.

use std::collections::HashMap;

use super::{
    Journey, Parcel,
    batch::{Batch, Batches, add},
};
use crate::{
    net::RangeSet,
    netfilter::Action,
    reach::{
        cell::{Address, Truth},
        chain::{Chains, Op, TooMuch, What},
        effect::Effect,
        stage::Stage,
    },
};

/// Where packets are: in which chains, each with the next rule there.
type Stack = Vec<(usize, usize)>;

/// A way through the base chain, and who is on it.
struct Way {
    stack: Stack,
    batch: Batch,
}

/// The crossing of a base chain: from one rule that changes packets to the
/// next, all that lies between is one function of the address.
pub(super) struct Crossing<'s, 'a> {
    journey: &'s Journey<'a>,
    stage: &'s Stage<'a>,
    here: Option<Address>,
    /// All that come to it.
    addresses: RangeSet<u128>,
    /// The chains as each parcel sees them.
    chains: HashMap<Parcel, Chains<'a, 's>>,
    ways: Vec<Way>,
    /// Who went each way before.
    seen: HashMap<(Stack, Parcel), RangeSet<u128>>,
}

impl<'s, 'a> Crossing<'s, 'a> {
    pub(super) fn new(journey: &'s Journey<'a>, stage: &'s Stage<'a>) -> Self {
        let (addresses, chains, ways, seen) = Default::default();
        let here = journey.here();
        Self { journey, stage, here, addresses, chains, ways, seen }
    }

    /// Takes a batch through; `out` gets those that pass, `ended` the rest.
    pub(super) fn take(
        mut self,
        batch: Batch,
        out: &mut Vec<Batch>,
        ended: &mut Batches,
    ) -> Result<(), TooMuch> {
        let stack = vec![(self.stage.index, 0)];
        self.addresses = hull(&batch.addresses);
        self.ways.push(Way { stack, batch });
        while let Some(Way { stack, batch }) = self.ways.pop() {
            if let Some(&(chain, next)) = stack.last() {
                self.follow(stack, chain, next, batch, out, ended)?;
            }
        }
        Ok(())
    }

    /// The chain ends for some: back to where they came from, or to the
    /// policy.
    fn back(
        &mut self,
        mut stack: Stack,
        batch: Batch,
        out: &mut Vec<Batch>,
        ended: &mut Batches,
    ) -> Result<(), TooMuch> {
        stack.pop();
        match (stack.is_empty(), self.stage.base.accepts) {
            (false, _) => return self.go(stack, batch),
            (true, _) if batch.addresses.is_empty() => {}
            (true, true) => add(out, batch),
            (true, false) => ended.stop(batch.addresses),
        }
        Ok(())
    }

    fn follow(
        &mut self,
        stack: Stack,
        chain: usize,
        next: usize,
        batch: Batch,
        out: &mut Vec<Batch>,
        ended: &mut Batches,
    ) -> Result<(), TooMuch> {
        let (journey, stage) = (self.journey, self.stage);
        let (parcel, addresses) = (batch.parcel, &self.addresses);
        let chains = self.chains.entry(parcel).or_insert_with(|| {
            let cell = journey.cell(stage.base, &parcel);
            Chains::new(stage.table, cell, &journey.budget, addresses)
        });
        let segment = chains.segment(chain, next)?;
        let effect = &segment.effect;
        journey.budget.spend(effect.len() + batch.addresses.ranges().len())?;
        let split = |wanted: &dyn Fn(Effect) -> bool| Batch {
            parcel,
            addresses: effect
                .keep(Effect::asked(wanted))
                .intersection(&batch.addresses),
        };
        let Some(stop) = segment.stop else {
            if let [_] = *stack {
                let policy = stage.base.accepts;
                let sole = ended.sole && self.seen.is_empty();
                let through = |e: Effect| e.accepts() || policy && e.leaves();
                let stops = |e: Effect| e.stops() || !policy && e.leaves();
                let counts = |e: Effect| stops(e) && (!sole || through(e));
                ended.stop(split(&counts).addresses);
                let passed = split(&through);
                if !passed.addresses.is_empty() {
                    add(out, passed);
                }
                return Ok(());
            }
            let left = split(&Effect::leaves);
            ended.stop(split(&Effect::stops).addresses);
            let accepted = split(&Effect::accepts);
            if !accepted.addresses.is_empty() {
                add(out, accepted);
            }
            return self.back(stack, left, out, ended);
        };
        let accepted = split(&Effect::accepts);
        if !accepted.addresses.is_empty() {
            add(out, accepted);
        }
        ended.stop(split(&Effect::stops).addresses);
        let returned = split(&Effect::returns);
        let passed = split(&Effect::passes);
        if let Some(op) = segment.ops.as_ref().and_then(|ops| ops.get(stop)) {
            self.act(&stack, op, passed, out, ended)?;
        }
        self.back(stack, returned, out, ended)
    }

    /// Sends those on who did not go that way before.
    fn go(&mut self, stack: Stack, mut batch: Batch) -> Result<(), TooMuch> {
        let ranges = batch.addresses.ranges().len();
        self.journey.budget.spend(stack.len() + self.ways.len() + ranges)?;
        let seen = self.seen.entry((stack.clone(), batch.parcel));
        let seen = seen.or_insert_with(RangeSet::empty);
        batch.addresses = batch.addresses.difference(seen);
        if batch.addresses.is_empty() {
            return Ok(());
        }
        *seen = seen.union(&batch.addresses);
        let same = self
            .ways
            .iter_mut()
            .find(|way| way.batch.parcel == batch.parcel && way.stack == stack);
        match same {
            Some(way) => {
                let all = way.batch.addresses.union(&batch.addresses);
                way.batch.addresses = all;
            }
            None => self.ways.push(Way { stack, batch }),
        }
        Ok(())
    }

    /// Does what the rule says that a segment ends at.
    fn act(
        &mut self,
        stack: &Stack,
        op: &Op<'a>,
        batch: Batch,
        out: &mut Vec<Batch>,
        ended: &mut Batches,
    ) -> Result<(), TooMuch> {
        let mut behind = stack.clone();
        if let Some((_, next)) = behind.last_mut() {
            *next = op.at + 1;
        }
        let parcel = batch.parcel;
        let (hit, missed) = match op.within.is_all() {
            true => (batch.addresses.clone(), RangeSet::empty()),
            false => {
                let within = op.within.set();
                let hit = batch.addresses.intersection(&within);
                (hit, batch.addresses.difference(&within))
            }
        };
        let missed = match op.truth {
            Truth::Maybe => batch.addresses,
            _ => missed,
        };
        self.go(behind.clone(), Batch { parcel, addresses: missed })?;
        let hit = Batch { parcel, addresses: hit };
        if hit.addresses.is_empty() {
            return Ok(());
        }
        match op.what {
            What::Jump(to) => {
                behind.push((to, 0));
                self.go(behind, hit)
            }
            What::Goto(to) => {
                behind.pop();
                behind.push((to, 0));
                self.go(behind, hit)
            }
            What::Change(Action::Translate(to)) => {
                let mut hit = hit;
                match hit.parcel.translate(to, self.here) {
                    true => add(out, hit),
                    false => ended.stop(hit.addresses),
                }
                Ok(())
            }
            What::Change(action) => {
                self.change(behind, hit, action, out, ended)
            }
            What::Effect(_) => self.go(behind, hit),
        }
    }

    fn change(
        &mut self,
        behind: Stack,
        mut hit: Batch,
        action: &Action,
        out: &mut Vec<Batch>,
        ended: &mut Batches,
    ) -> Result<(), TooMuch> {
        match action {
            Action::Mark(marking) => hit.parcel.mark(*marking),
            Action::NoTrack => hit.parcel.untrack(),
            Action::Zone => hit.parcel.set_zone(),
            _ => {
                // A target that is not known: it may do anything.
                if self.stage.base.nat {
                    let parcel = hit.parcel.elsewhere();
                    add(out, Batch { parcel, ..hit.clone() });
                }
                ended.stop(hit.addresses.clone());
                add(out, hit.clone());
                for parcel in hit.parcel.whatever() {
                    let batch = Batch { parcel, ..hit.clone() };
                    self.go(behind.clone(), batch)?;
                }
                return Ok(());
            }
        }
        self.go(behind, hit)
    }
}

/// From the first to the last of some addresses.
fn hull(addresses: &RangeSet<u128>) -> RangeSet<u128> {
    let ends = addresses.first().zip(addresses.last());
    ends.map_or_else(RangeSet::empty, |(a, b)| RangeSet::range(a, b))
}
