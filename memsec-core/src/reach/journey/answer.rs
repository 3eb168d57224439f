//! Answers, on their way back.

use super::{Journey, Parcel, parcel::Tracking};
use crate::{
    netfilter::State,
    reach::cell::{Interface, Tuple},
};

/// The TCP flags of an answer: SYN and ACK.
const SYN_ACK: u8 = 0x12;

impl Journey<'_> {
    /// The answer to a parcel that was delivered.
    pub(in crate::reach) fn answer(
        &self,
        parcel: &Parcel,
    ) -> (Self, Vec<Parcel>) {
        let back = Self {
            flags: SYN_ACK,
            interface: match self.looped() {
                true => self.interface,
                false => Interface::NotLoopback,
            },
            state: Some(State::Established),
            tuple: turned(parcel.tuple()),
            reply: true,
            ..self.clone()
        };
        let mut first = Parcel::new(back.tuple);
        first.connection_mark = parcel.connection_mark;
        first.dnat = parcel.dnat;
        first.snat = parcel.snat;
        let second = Parcel { tracking: Tracking::Untracked, ..first };
        let parcels = match parcel.tracking {
            Tracking::Untracked => vec![first, second],
            _ => vec![first],
        };
        (back, parcels)
    }

    /// The answer of another host, to a parcel that was sent on to it.
    pub(in crate::reach) fn returned(
        &self,
        parcel: &Parcel,
    ) -> (Self, Vec<Parcel>) {
        let (back, parcels) = self.answer(parcel);
        let interface = self.leaves(parcel);
        (Self { interface, ..back }, parcels)
    }
}

pub(super) fn turned(tuple: Tuple) -> Tuple {
    Tuple {
        source: tuple.destination,
        sport: tuple.dport,
        destination: tuple.source,
        dport: tuple.sport,
    }
}
