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
pub(super) use origin::{Possible, groups, possible};
pub(super) use parcel::Parcel;
use parcel::{DESTINATION, SOURCE, Tracking};
pub(super) use routing::{Course, address_type};
use tour::{End, Tour};

use super::{
    Direction, Fragment, Packet, Protocol, State as Before,
    cell::{Address, Cell, Interface, Truth, Tuple},
    chain::{Budget, TooMuch},
    meeting::Meeting,
    shape::{self, Shape},
    stage::{Stage, stages},
};
use crate::{
    host::Host,
    net::Family,
    netfilter::{AddressType, Base, Hook, PacketType, Refusal, State},
};

/// The TCP flags of an answer: SYN and ACK.
const SYN_ACK: u8 = 0x12;

/// The priority at which conntrack looks at packets: NF_IP_PRI_CONNTRACK.
const CONNTRACK: i32 = -200;

/// The priority at which fragments are joined: NF_IP_PRI_CONNTRACK_DEFRAG.
const DEFRAGMENTATION: i32 = -400;

/// One packet on one host, or all that differ from it only in their source.
#[derive(Clone, Debug)]
pub(super) struct Journey<'a> {
    pub host: &'a Host,
    pub family: Family,
    pub proto: Protocol,
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
    /// What it is beside.
    pub shape: Shape,
    /// The mark of its connection; `None` for whichever.
    pub connection_mark: Option<u32>,
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
        let family = Family::of(to);
        let proto = shape::protocol(packet, family);
        let shape = Shape::of(packet, to);
        let state = tracked::state(host, packet, flags, (proto, shape.icmp));
        let later = packet.fragment == Some(Fragment::Later);
        let port = |port| Some(port).filter(|_| proto.has_ports() && !later);
        Self {
            host,
            family,
            proto,
            flags,
            interface,
            state,
            tuple: Tuple {
                source: Address::Known(Family::number(packet.from)),
                sport: port(packet.sport),
                destination: Address::Known(Family::number(to)),
                dport: port(packet.port),
            },
            given: None,
            peer: Some(packet.from),
            reply: packet.direction == Some(Direction::Reply),
            connection_mark: match packet.state {
                Before::New | Before::Invalid => Some(0),
                _ => packet.connection_mark,
            },
            shape,
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
        parcel.connection_mark = self.connection_mark;
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
        let all = stages(&self.host.ruleset, self.family, hooks);
        for stage in &all {
            let hook = stage.base.hook;
            let mut next = Vec::new();
            for parcel in std::mem::take(&mut traffic.under_way) {
                let parcel = self.seen(parcel, stage.base);
                if !self.asks(stage.base, &parcel) {
                    next.push(parcel);
                    continue;
                }
                let mut parcel = parcel;
                if stage.is_contested(&all) || parcel.may_pass_by(stage.base) {
                    parcel.sure = false;
                    next.push(parcel);
                }
                let legacy = stage.table.legacy;
                let view = |parcel: &Parcel| Cell {
                    legacy,
                    ..self.cell(stage.base, parcel)
                };
                let meet = |meeting: Meeting<'a>| meet(hook, &meeting);
                let here = self.here();
                let tour = Tour::new(stage, &self.budget, view, meet, here);
                for (end, parcel) in tour.take(parcel)? {
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

    /// False where the parts of a datagram are joined before they come to a
    /// base chain.
    fn comes_whole(&self, base: &Base) -> bool {
        is_early(base) || self.waits() != Truth::Yes
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

    /// True for an ICMP error about a connection.
    fn about(&self, parcel: &Parcel) -> bool {
        self.shape.icmp.is_some()
            && parcel.tracking == Tracking::Known(Some(State::Related))
    }

    /// Whether conntrack looks at packets at all: some rule must want it.
    pub(super) fn tracks(&self) -> Truth {
        self.host.ruleset.tracks(self.family).map_or(Truth::Maybe, Truth::of)
    }

    /// Whether a part of a datagram waits for the rest at the first hook:
    /// conntrack wants datagrams whole (nf_defrag_ipv4.c, nf_defrag_ipv6.c).
    pub(super) fn waits(&self) -> Truth {
        if self.shape.is_part() { self.tracks() } else { Truth::No }
    }

    /// Whether a part of a datagram for this host waits for the rest before
    /// the rules of input: ip_local_deliver(). IPv6 joins it behind them.
    pub(super) fn joins(&self) -> Truth {
        Truth::of(self.shape.is_part() && self.family == Family::Ipv4)
    }

    /// Whether the sender of a packet that a rule rejects is told:
    /// nf_reject_ipv4.c, nf_reject_ipv6.c, icmp.c.
    fn tells(&self, how: Refusal, parcel: &Parcel) -> Truth {
        const RST: u8 = 4;
        let frame = self.shape.frame;
        let reset = self.flags & RST != 0;
        let error = self.shape.is_error(self.family)
            || frame.is_some_and(|frame| frame != PacketType::Host);
        let silent = match how {
            Refusal::Reset => reset,
            Refusal::Error => error,
            Refusal::Hidden => reset && error,
        };
        let hidden = how == Refusal::Hidden && reset != error;
        let later = self.shape.fragment == Some(Fragment::Later);
        let nobody = |address| match address {
            Address::Known(number) => {
                let address = self.family.address(number);
                address.is_multicast()
                    || address.is_ipv6() && address.is_unspecified()
            }
            _ => false,
        };
        let everybody = match parcel.destination {
            Address::Known(to) => self.everybody(self.family.address(to)),
            _ => false,
        };
        match silent
            || later
            || everybody
            || self.shape.damaged
            || nobody(parcel.source)
        {
            true => Truth::No,
            // What has no checksum that the kernel knows looks damaged, or
            // does not: nf_reject_verify_csum().
            false if self.proto.is_checked() && !hidden => Truth::Yes,
            false => Truth::Maybe,
        }
    }

    fn track(&self, parcel: &mut Parcel) {
        if parcel.tracking == Tracking::Unseen {
            // What there is may be of another zone.
            let apart = parcel.zoned && self.shape.connected;
            let known = self.state.filter(|_| !apart);
            parcel.tracking = Tracking::Known(known);
        }
    }

    /// What its rules see as the state: before conntrack, "invalid".
    fn state(&self, base: &Base, parcel: &Parcel) -> Option<State> {
        match parcel.tracking {
            Tracking::Untracked => Some(State::Untracked),
            Tracking::Known(state) => state,
            // A zone stands for a connection till then.
            Tracking::Unseen if parcel.zoned => None,
            Tracking::Unseen if base.priority == CONNTRACK => None,
            Tracking::Unseen => Some(State::Invalid),
        }
    }
}

/// Whether packets come to a base chain before fragments are joined.
fn is_early(base: &Base) -> bool {
    let first = matches!(base.hook, Hook::Prerouting | Hook::Output);
    base.hook == Hook::Ingress || first && base.priority <= DEFRAGMENTATION
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
