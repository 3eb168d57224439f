//! Packets that differ only in the address of the other end, on their way
//! together.

use super::{Journey, Parcel, crossing::Crossing, hooks::bound};
use crate::{
    net::RangeSet,
    netfilter::Hook,
    reach::{
        chain::TooMuch,
        stage::{Stage, stages},
    },
};

/// Packets under way, and the addresses that they have at the other end.
#[derive(Clone, Debug)]
pub(in crate::reach) struct Batch {
    pub parcel: Parcel,
    pub addresses: RangeSet<u128>,
}

/// Those under way still, and what became of the others.
#[derive(Clone, Debug)]
pub(in crate::reach) struct Batches {
    pub under_way: Vec<Batch>,
    /// The other ends of which some packet may be dropped or rejected.
    pub stopped: RangeSet<u128>,
    /// True if `stopped` need not have those of which no packet gets on.
    pub sole: bool,
}

impl Batches {
    pub(in crate::reach) fn of(batch: Batch) -> Self {
        let stopped = RangeSet::empty();
        Self { under_way: vec![batch], stopped, sole: false }
    }

    /// The same, where of those that do not get on nobody asks.
    pub(in crate::reach) fn sole(batch: Batch) -> Self {
        Self { sole: true, ..Self::of(batch) }
    }

    pub(super) fn stop(&mut self, addresses: RangeSet<u128>) {
        if self.stopped.is_empty() {
            self.stopped = addresses;
        } else if !addresses.is_empty() {
            self.stopped = self.stopped.union(&addresses);
        }
    }

    /// All that are under way.
    pub(in crate::reach) fn alive(&self) -> RangeSet<u128> {
        let none = RangeSet::empty();
        self.under_way.iter().fold(none, |all, b| all.union(&b.addresses))
    }
}

/// Adds a batch to those of which no two have the same parcel.
pub(super) fn add(batches: &mut Vec<Batch>, batch: Batch) {
    match batches.iter_mut().find(|other| other.parcel == batch.parcel) {
        Some(same) => same.addresses = same.addresses.union(&batch.addresses),
        None => batches.push(batch),
    }
}

impl Journey<'_> {
    /// Takes packets through hooks.
    pub(in crate::reach) fn sweep(
        &self,
        hooks: &[Hook],
        batches: Batches,
    ) -> Result<Batches, TooMuch> {
        self.sweep_seen(hooks, batches, |_, _| Ok(true))
    }

    /// Takes packets through hooks; `see` is told of all that come to a base
    /// chain, and says whether they go on.
    pub(in crate::reach) fn sweep_seen<'s>(
        &'s self,
        hooks: &[Hook],
        mut batches: Batches,
        mut see: impl FnMut(&Stage<'s>, &Batch) -> Result<bool, TooMuch>,
    ) -> Result<Batches, TooMuch> {
        let all = stages(&self.host.ruleset, self.family, hooks);
        for stage in &all {
            let mut next = Vec::new();
            batches.sole &= batches.under_way.len() == 1;
            for batch in std::mem::take(&mut batches.under_way) {
                let parcel = self.seen(batch.parcel, stage.base);
                let batch = Batch { parcel, ..batch };
                if !self.asks(stage.base, &parcel) {
                    add(&mut next, batch);
                } else if see(stage, &batch)? {
                    let passes = batch.parcel.may_pass_by(stage.base);
                    if stage.is_contested(&all) || passes {
                        add(&mut next, batch.clone());
                    }
                    let crossing = Crossing::new(self, stage);
                    crossing.take(batch, &mut next, &mut batches)?;
                }
                self.budget.spend(next.len())?;
            }
            for batch in next {
                let parcel = bound(batch.parcel, stage.base);
                add(&mut batches.under_way, Batch { parcel, ..batch });
            }
        }
        for mut batch in std::mem::take(&mut batches.under_way) {
            self.track(&mut batch.parcel);
            add(&mut batches.under_way, batch);
        }
        Ok(batches)
    }
}
