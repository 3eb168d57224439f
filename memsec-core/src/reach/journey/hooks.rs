//! The way through hooks: the base chains of each, in their order.

use super::{
    Journey, Parcel, Traffic,
    parcel::{DESTINATION, SOURCE, Tracking},
    tour::{End, Tour},
};
use crate::{
    netfilter::{Base, Hook, State},
    reach::{
        cell::{Cell, Truth},
        chain::TooMuch,
        meeting::Meeting,
        stage::{Stage, stages},
    },
};

impl<'a> Journey<'a> {
    /// Takes packets through hooks; `meet` hears of what they meet.
    pub(in crate::reach) fn pass(
        &self,
        hooks: &[Hook],
        mut traffic: Traffic,
        mut meet: impl FnMut(Hook, &Meeting<'a>),
    ) -> Result<Traffic, TooMuch> {
        let all = stages(&self.host.ruleset, self.family, hooks);
        for stage in &all {
            let contested = stage.is_contested(&all);
            let mut meet = |met: Meeting<'a>| meet(stage.base.hook, &met);
            let mut next = Vec::new();
            for parcel in std::mem::take(&mut traffic.under_way) {
                let mut parcel = self.seen(parcel, stage.base);
                if !self.asks(stage.base, &parcel) {
                    next.push(parcel);
                    continue;
                }
                if contested || parcel.may_pass_by(stage.base) {
                    parcel.sure = false;
                    next.push(parcel);
                }
                for (end, parcel) in self.meet(stage, parcel, &mut meet)? {
                    match end {
                        End::Pass => next.push(parcel),
                        End::Drop => traffic.dropped = true,
                        End::Reject(how) => {
                            let told = self.tells(how, &parcel);
                            traffic.rejected |= told != Truth::No;
                            traffic.dropped |= told != Truth::Yes;
                        }
                    }
                }
            }
            traffic.under_way = self.distinct(next, stage)?;
        }
        for parcel in &mut traffic.under_way {
            self.track(parcel);
        }
        traffic.under_way.dedup();
        Ok(traffic)
    }

    /// What becomes of a parcel in one base chain.
    fn meet(
        &self,
        stage: &Stage<'a>,
        parcel: Parcel,
        meet: impl FnMut(Meeting<'a>),
    ) -> Result<Vec<(End, Parcel)>, TooMuch> {
        let legacy = stage.table.legacy;
        let view =
            |parcel: &Parcel| Cell { legacy, ..self.cell(stage.base, parcel) };
        Tour::new(stage, &self.budget, view, meet, self.here()).take(parcel)
    }

    fn distinct(
        &self,
        parcels: Vec<Parcel>,
        stage: &Stage<'a>,
    ) -> Result<Vec<Parcel>, TooMuch> {
        let mut out: Vec<Parcel> = Vec::new();
        for parcel in parcels {
            self.budget.spend(1)?;
            let parcel = bound(parcel, stage.base);
            if !out.contains(&parcel) {
                out.push(parcel);
            }
        }
        Ok(out)
    }

    /// True if a parcel comes to a base chain at all. nf_nat_core.c: only the
    /// first packet of a connection sees nat chains, until one translates.
    pub(super) fn asks(&self, base: &Base, parcel: &Parcel) -> bool {
        if !self.comes_whole(base) {
            return false;
        }
        if !base.nat {
            return true;
        }
        let first = State::New | State::Related;
        let end = end_of(base.hook);
        // What the host sends to itself was asked on its way out.
        let twice = self.looped()
            && matches!(base.hook, Hook::Prerouting | Hook::Input);
        let known = match parcel.tracking {
            Tracking::Known(state) => state.is_none_or(|s| s.meets(first)),
            _ => false,
        } && !self.about(parcel)
            && self.tracks() != Truth::No;
        let bound = parcel.bound.get(end).copied().unwrap_or_default();
        known && !twice && !bound
    }
}

/// Which end of a connection the nat chains of a hook decide.
fn end_of(hook: Hook) -> usize {
    match hook {
        Hook::Prerouting | Hook::Output => DESTINATION,
        _ => SOURCE,
    }
}

/// A parcel that was asked by a nat chain: once it is translated, that is
/// decided.
pub(super) fn bound(mut parcel: Parcel, base: &Base) -> Parcel {
    let decided = base.nat && end_of(base.hook) == DESTINATION && parcel.dnat;
    if let (true, Some(slot)) = (decided, parcel.bound.get_mut(DESTINATION)) {
        *slot = true;
    }
    parcel
}
