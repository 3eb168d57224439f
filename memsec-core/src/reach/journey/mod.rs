//! The way of packets through a host, along every way that they may take.

mod batch;
mod crossing;
mod origin;
mod parcel;
mod route;
mod routing;
mod tour;
mod tracked;
mod view;

use std::{cell, net::IpAddr, rc::Rc};

pub(super) use batch::{Batch, Batches};
pub(super) use origin::groups;
pub(super) use parcel::Parcel;
use parcel::{DESTINATION, SOURCE, Tracking};
pub(super) use routing::{Course, address_type};
use tour::{End, Tour};

use super::{
    Packet, Proto,
    cell::{Address, Interface, Tuple},
    chain::{Budget, TooMuch},
    meeting::Meeting,
    stage::{Stage, stages},
};
use crate::{
    host::Host,
    net::Family,
    netfilter::{Action, AddressType, Base, Hook, State},
};

/// The TCP flags of an answer: SYN and ACK.
const SYN_ACK: u8 = 0x12;

/// The priority at which conntrack looks at packets: NF_IP_PRI_CONNTRACK.
const CONNTRACK: i32 = -200;

/// One packet on one host, or all that differ from it only in their source.
#[derive(Clone, Debug)]
pub(super) struct Journey<'a> {
    pub host: &'a Host,
    pub family: Family,
    pub proto: Proto,
    /// The byte of TCP flags.
    pub flags: u8,
    /// Where it comes in.
    pub interface: Interface<'a>,
    /// What conntrack says of it; `None` for whichever.
    pub state: Option<State>,
    pub tuple: Tuple,
    /// What routing says of the destination, where that is given; it is then
    /// taken as one of this host.
    pub given: Option<AddressType>,
    /// The other end, as routing sees it; `None` where that is not told.
    pub peer: Option<IpAddr>,
    /// True for an answer.
    pub reply: bool,
    /// True for a packet with no headers but those it needs.
    pub ordinary: bool,
    pub budget: Rc<Budget>,
    /// True once a rule asked for what `peer` would tell.
    pub asked: Rc<cell::Cell<bool>>,
}

/// Packets that are under way still, and how the others ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    pub under_way: Vec<Parcel>,
    pub dropped: bool,
    pub rejected: bool,
}

impl Traffic {
    pub(super) fn of(parcel: Parcel) -> Self {
        Self { under_way: vec![parcel], ..Self::default() }
    }
}

impl<'a> Journey<'a> {
    pub(super) fn new(
        host: &'a Host,
        packet: &Packet,
        to: IpAddr,
        flags: u8,
        interface: Interface<'a>,
        work: u64,
    ) -> Self {
        let loose = host.settings.tcp_loose();
        Self {
            host,
            family: Family::of(to),
            proto: packet.proto,
            flags,
            interface,
            state: Some(tracked::state(packet, flags, loose)),
            tuple: Tuple {
                source: Address::Known(Family::number(packet.from)),
                sport: Some(packet.sport),
                destination: Address::Known(Family::number(to)),
                dport: Some(packet.port),
            },
            given: None,
            peer: Some(packet.from),
            reply: false,
            ordinary: true,
            budget: Rc::new(Budget::new(work)),
            asked: Rc::default(),
        }
    }

    /// True for what the host sends to itself.
    pub(super) fn looped(&self) -> bool {
        self.interface == Interface::Named("lo")
    }

    /// The packet, where it starts.
    pub(super) fn parcel(&self) -> Parcel {
        let mut parcel = Parcel::new(self.tuple);
        let new = self.state.is_some_and(|s| !s.meets(State::Established));
        if !new && marks(self.host) {
            // What an earlier packet of it left there.
            parcel.connection_mark = None;
        }
        parcel
    }

    /// The answer to a parcel that was delivered.
    pub(super) fn answer(&self, parcel: &Parcel) -> (Self, Vec<Parcel>) {
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
    pub(super) fn returned(&self, parcel: &Parcel) -> (Self, Vec<Parcel>) {
        let (back, parcels) = self.answer(parcel);
        let interface = self.leaves(parcel);
        (Self { interface, ..back }, parcels)
    }

    /// Takes packets through hooks; `meet` hears of what they meet.
    pub(super) fn pass(
        &self,
        hooks: &[Hook],
        mut traffic: Traffic,
        mut meet: impl FnMut(Hook, &Meeting<'a>),
    ) -> Result<Traffic, TooMuch> {
        for stage in stages(&self.host.ruleset, self.family, hooks) {
            let hook = stage.base.hook;
            let mut next = Vec::new();
            for parcel in std::mem::take(&mut traffic.under_way) {
                let parcel = self.seen(parcel, stage.base);
                if !self.asks(stage.base, &parcel) {
                    next.push(parcel);
                    continue;
                }
                let view = |parcel: &Parcel| self.cell(stage.base, parcel);
                let meet = |meeting: Meeting<'a>| meet(hook, &meeting);
                let here = self.here();
                let tour = Tour::new(&stage, &self.budget, view, meet, here);
                for (end, parcel) in tour.take(parcel)? {
                    match end {
                        End::Pass => next.push(parcel),
                        End::Drop => traffic.dropped = true,
                        End::Reject => traffic.rejected = true,
                    }
                }
            }
            traffic.under_way = self.distinct(next, &stage)?;
        }
        for parcel in &mut traffic.under_way {
            self.track(parcel);
        }
        traffic.under_way.dedup();
        Ok(traffic)
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
    fn asks(&self, base: &Base, parcel: &Parcel) -> bool {
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
        };
        let bound = parcel.bound.get(end).copied().unwrap_or_default();
        known && !twice && !bound
    }

    /// A parcel that conntrack has looked at, if it stands before the base
    /// chain.
    fn seen(&self, mut parcel: Parcel, base: &Base) -> Parcel {
        let first = matches!(base.hook, Hook::Prerouting | Hook::Output);
        let before = base.hook == Hook::Ingress || first;
        if !before || first && base.priority > CONNTRACK {
            self.track(&mut parcel);
        }
        parcel
    }

    fn track(&self, parcel: &mut Parcel) {
        if parcel.tracking == Tracking::Unseen {
            parcel.tracking = Tracking::Known(self.state);
        }
    }

    /// What its rules see as the state: before conntrack, "invalid".
    fn state(&self, base: &Base, parcel: &Parcel) -> Option<State> {
        match parcel.tracking {
            Tracking::Untracked => Some(State::Untracked),
            Tracking::Known(state) => state,
            Tracking::Unseen if base.priority == CONNTRACK => None,
            Tracking::Unseen => Some(State::Invalid),
        }
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
fn bound(mut parcel: Parcel, base: &Base) -> Parcel {
    let decided = base.nat && end_of(base.hook) == DESTINATION && parcel.dnat;
    if let (true, Some(slot)) = (decided, parcel.bound.get_mut(DESTINATION)) {
        *slot = true;
    }
    parcel
}

fn turned(tuple: Tuple) -> Tuple {
    Tuple {
        source: tuple.destination,
        sport: tuple.dport,
        destination: tuple.source,
        dport: tuple.sport,
    }
}

/// True if a rule marks connections.
fn marks(host: &Host) -> bool {
    let chains = host.ruleset.tables.iter().flat_map(|table| &table.chains);
    let mut rules = chains.flat_map(|chain| &chain.rules);
    rules.any(|rule| {
        matches!(rule.action(), Action::Mark(_) | Action::Unknown(_))
    })
}
