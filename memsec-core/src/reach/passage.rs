//! Packets for a port, from all sources, on their way in, and the answers
//! on their way out.

use super::{
    Proto, Query, Taker,
    cell::Address,
    chain::TooMuch,
    journey::{Batch, Batches, Course, Journey, Parcel},
};
use crate::{net::RangeSet, netfilter::Hook};

/// Which sources get how far.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    /// Those of which a packet may come to the port, here.
    pub here: RangeSet<u128>,
    /// Those of which a packet may come to another host for it.
    there: RangeSet<u128>,
    /// Those of which a packet, or its answer, may be lost or go astray.
    lost: RangeSet<u128>,
}

/// The hooks on the way in.
pub(super) fn first(journey: &Journey<'_>) -> &'static [Hook] {
    match journey.looped() {
        true => &[Hook::Output],
        false => &[Hook::Ingress, Hook::Prerouting],
    }
}

/// Those on the way to a socket of this host, behind the routing decision.
pub(super) fn local(journey: &Journey<'_>) -> &'static [Hook] {
    match journey.looped() {
        // What the host sends to itself comes in again.
        true => &[Hook::Postrouting, Hook::Prerouting, Hook::Input],
        false => &[Hook::Input],
    }
}

/// Those on the way to another host.
pub(super) fn onward(journey: &Journey<'_>) -> &'static [Hook] {
    match journey.looped() {
        true => &[Hook::Postrouting],
        false => &[Hook::Forward, Hook::Postrouting],
    }
}

impl Passage {
    pub(super) fn of(
        journey: &Journey<'_>,
        query: &Query<'_>,
        sources: RangeSet<u128>,
    ) -> Result<Self, TooMuch> {
        let parcel = journey.parcel();
        let start = Batches::sole(Batch { parcel, addresses: sources });
        let routed = journey.sweep(first(journey), start)?;
        let mut passage = Self {
            here: RangeSet::empty(),
            there: RangeSet::empty(),
            lost: routed.stopped,
        };
        let sole = routed.sole && routed.under_way.len() == 1;
        for batch in routed.under_way {
            let course = journey.course(&batch.parcel);
            let (here, there) = match course {
                Some(Course::Here) => (true, false),
                Some(Course::Onward | Course::OnwardPerhaps) => (false, true),
                Some(Course::Dropped | Course::Rejected) => (false, false),
                Some(Course::Perhaps) => (true, false),
                None => (true, true),
            };
            let perhaps = [Course::Perhaps, Course::OnwardPerhaps].map(Some);
            let sure = here != there && !perhaps.contains(&course);
            if !sure {
                passage.lose(&batch.addresses);
            }
            if here {
                let mut start = Batches::of(batch.clone());
                start.sole = sole && !there;
                passage.arrive(journey, query, start)?;
            }
            if there {
                passage.leave(journey, batch)?;
            }
        }
        Ok(passage)
    }

    /// The sources that may get in, and those that are sure to.
    pub(super) fn answer(self) -> (RangeSet<u128>, RangeSet<u128>) {
        let may = self.here.union(&self.there);
        let must = may.difference(&self.lost);
        (may, must)
    }

    fn lose(&mut self, sources: &RangeSet<u128>) {
        if !sources.is_empty() {
            self.lost = self.lost.union(sources);
        }
    }

    fn arrive(
        &mut self,
        journey: &Journey<'_>,
        query: &Query<'_>,
        start: Batches,
    ) -> Result<(), TooMuch> {
        let passed = journey.sweep(local(journey), start)?;
        self.lose(&passed.stopped);
        for batch in passed.under_way {
            let ours = delivered(journey, query, &batch.parcel);
            if ours != Some(true) {
                self.lose(&batch.addresses);
            }
            if ours != Some(false) {
                self.here = self.here.union(&batch.addresses);
            }
            if ours == Some(true) {
                let (back, parcels) = journey.answer(&batch.parcel);
                let hooks = [Hook::Output, Hook::Postrouting];
                self.answered(&back, parcels, &hooks, batch.addresses)?;
            }
        }
        Ok(())
    }

    fn leave(
        &mut self,
        journey: &Journey<'_>,
        batch: Batch,
    ) -> Result<(), TooMuch> {
        let passed = journey.sweep(onward(journey), Batches::of(batch))?;
        self.lose(&passed.stopped);
        for batch in passed.under_way {
            self.there = self.there.union(&batch.addresses);
            let (back, parcels) = journey.returned(&batch.parcel);
            let hooks = [Hook::Prerouting, Hook::Forward, Hook::Postrouting];
            self.answered(&back, parcels, &hooks, batch.addresses)?;
        }
        Ok(())
    }

    /// Loses the sources that may get no answer, over TCP.
    fn answered(
        &mut self,
        back: &Journey<'_>,
        parcels: Vec<Parcel>,
        hooks: &[Hook],
        sources: RangeSet<u128>,
    ) -> Result<(), TooMuch> {
        if back.proto != Proto::Tcp {
            return Ok(());
        }
        for parcel in parcels {
            let addresses = sources.clone();
            let start = Batches::of(Batch { parcel, addresses });
            let sent = back.sweep(hooks, start)?;
            self.lose(&sent.stopped);
        }
        Ok(())
    }
}

/// Whether the socket that is asked for gets a parcel; `None` if that is not
/// known.
fn delivered(
    journey: &Journey<'_>,
    query: &Query<'_>,
    parcel: &Parcel,
) -> Option<bool> {
    let ours = match query.taker {
        Taker::AnySocket if parcel.dnat => return Some(true),
        Taker::Socket | Taker::AnySocket => Some(true),
        Taker::Perhaps => None,
        Taker::Led | Taker::Other => return Some(false),
    };
    let port = parcel.dport.map(|port| port == query.port);
    let to = match (parcel.destination, query.to) {
        // Routing has found that it is for this host.
        _ if query.wildcard => Some(true),
        (Address::Known(to), Some(own)) => {
            Some(journey.family.address(to) == own)
        }
        _ if !parcel.dnat => Some(true),
        _ => None,
    };
    match (port, to) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => ours,
        _ => None,
    }
}
