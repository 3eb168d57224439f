//! The way of one packet through a host, along every way that it may take.

mod parcel;
mod routing;
mod tour;
mod tracked;

use std::net::IpAddr;

pub(super) use parcel::Parcel;
use parcel::{DESTINATION, SOURCE, Tracking};
pub(super) use routing::Course;
use routing::Routed;
use tour::{End, Tour};

use super::{
    Packet,
    cell::{Address, Cell, Interface, Tuple},
    chain::{Budget, TooMuch},
    trace::Meeting,
    walk::{Stage, stages},
};
use crate::{
    host::Host,
    net::Family,
    netfilter::{Action, AddressType, Base, Hook, State},
};

/// The priority at which conntrack looks at packets: NF_IP_PRI_CONNTRACK.
const CONNTRACK: i32 = -200;

/// One packet, on one host.
#[derive(Debug)]
pub(super) struct Journey<'a> {
    host: &'a Host,
    packet: &'a Packet,
    family: Family,
    flags: u8,
    interface: Interface<'a>,
    state: State,
    tuple: Tuple,
    /// True for the answer.
    reply: bool,
    budget: Budget,
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
        packet: &'a Packet,
        to: IpAddr,
        flags: u8,
        interface: Interface<'a>,
        work: u64,
    ) -> Self {
        let loose = host.settings.tcp_loose();
        Self {
            host,
            packet,
            family: Family::of(to),
            flags,
            interface,
            state: tracked::state(packet, flags, loose),
            tuple: Tuple {
                source: Some(Family::number(packet.from)),
                sport: Some(packet.sport),
                destination: Some(Family::number(to)),
                dport: Some(packet.port),
            },
            reply: false,
            budget: Budget::new(work),
        }
    }

    /// True for what the host sends to itself.
    pub(super) fn looped(&self) -> bool {
        self.interface == Interface::Named("lo")
    }

    pub(super) fn start(&self) -> Traffic {
        let mut parcel = Parcel::new(self.tuple);
        if self.state == State::Established && marks(self.host) {
            // What an earlier packet of it left there.
            parcel.connection_mark = None;
        }
        Traffic::of(parcel)
    }

    /// The answer to a parcel that was delivered.
    pub(super) fn answer(&self, parcel: &Parcel) -> (Self, Traffic) {
        let untracked = parcel.tracking == Tracking::Untracked;
        let back = Self {
            host: self.host,
            packet: self.packet,
            family: self.family,
            flags: 0x12,
            interface: match self.looped() {
                true => self.interface,
                false => Interface::NotLoopback,
            },
            state: State::Established,
            tuple: Tuple {
                source: parcel.destination,
                sport: parcel.dport,
                destination: parcel.source,
                dport: parcel.sport,
            },
            reply: true,
            budget: Budget::new(10_000_000),
        };
        let mut first = Parcel::new(back.tuple);
        first.connection_mark = parcel.connection_mark;
        first.dnat = parcel.dnat;
        first.snat = parcel.snat;
        let second = Parcel { tracking: Tracking::Untracked, ..first };
        let under_way = match untracked {
            true => vec![first, second],
            false => vec![first],
        };
        (back, Traffic { under_way, ..Traffic::default() })
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
        for mut parcel in parcels {
            if stage.base.nat {
                // Asked, and not translated: it stays as it is.
                let end = match stage.base.hook {
                    Hook::Prerouting | Hook::Output => DESTINATION,
                    _ => SOURCE,
                };
                self.budget.spend(1)?;
                parcel.bound = match (parcel.bound, end) {
                    ([_, source], DESTINATION) if parcel.dnat => [true, source],
                    (bound, _) => bound,
                };
            }
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
        let end = match base.hook {
            Hook::Prerouting | Hook::Output => DESTINATION,
            _ => SOURCE,
        };
        // What the host sends to itself was asked on its way out.
        let twice = self.looped()
            && matches!(base.hook, Hook::Prerouting | Hook::Input);
        let known = match parcel.tracking {
            Tracking::Known(state) => state.meets(first),
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
        let ingress = parcel.tracking == Tracking::Unseen;
        if ingress {
            parcel.tracking = Tracking::Known(self.state);
        }
    }

    /// What its rules see as the state: before conntrack, "invalid".
    fn state(&self, base: &Base, parcel: &Parcel) -> Option<State> {
        match parcel.tracking {
            Tracking::Untracked => Some(State::Untracked),
            Tracking::Known(state) => Some(state),
            Tracking::Unseen if base.priority == CONNTRACK => None,
            Tracking::Unseen => Some(State::Invalid),
        }
    }

    fn cell(&self, base: &Base, parcel: &Parcel) -> Cell<'a> {
        let address = |known: Option<u128>| {
            known.map_or(Address::Unknown, Address::Known)
        };
        let (input, output) = self.interfaces(base.hook);
        let to = parcel.destination.map(|to| self.family.address(to));
        let lo = self.looped();
        let original = match (self.reply, parcel.dnat || parcel.snat) {
            (false, _) => Some(self.tuple),
            (true, false) => Some(turned(self.tuple)),
            (true, true) => None,
        };
        let translated = match self.reply {
            false => Some(parcel.tuple()),
            true if parcel.dnat || parcel.snat => None,
            true => Some(turned(self.tuple)),
        };
        Cell {
            family: self.family,
            proto: self.packet.proto,
            source: address(parcel.source),
            destination: address(parcel.destination),
            sport: parcel.sport,
            dport: parcel.dport,
            input,
            output,
            state: self.state(base, parcel),
            reply: self.reply,
            flags: self.flags,
            source_type: match lo {
                true => Some(AddressType::Local),
                false => parcel.source.and_then(|from| self.came_from(from)),
            },
            destination_type: match base.hook {
                Hook::Forward => None,
                _ if self.reply => None,
                _ => to.map(|to| routing::kind(self.host, to)),
            },
            dnat: Some(parcel.dnat),
            snat: Some(parcel.snat),
            mark: parcel.mark,
            connection_mark: parcel.connection_mark,
            original,
            translated,
            reverse: self.reverse(parcel),
            ordinary: true,
            probe: None,
        }
    }

    /// What routing says of a source that is routed to: another host. Of
    /// any other, and of IPv6, it depends on more than the routes shown.
    fn came_from(&self, from: u128) -> Option<AddressType> {
        self.host.interfaces.as_ref()?;
        let from = self.family.address(from);
        let arrival = Some(self.arrival()?);
        let routed = Routed { host: self.host, from, to: from, arrival };
        let kind = routing::kind(self.host, from);
        let other = kind == AddressType::Unicast
            && from.is_ipv4()
            && !from.is_unspecified()
            && !self.reply
            && routed.reverse(true) == Some(true);
        other.then_some(kind)
    }

    fn reverse(&self, parcel: &Parcel) -> [Option<bool>; 2] {
        let (Some(from), Some(to)) = (parcel.source, parcel.destination) else {
            return [None; 2];
        };
        let from = self.family.address(from);
        let to = self.family.address(to);
        let arrival = self.arrival();
        let routed = Routed { host: self.host, from, to, arrival };
        [routed.reverse(false), routed.reverse(true)]
    }

    fn arrival(&self) -> Option<&'a str> {
        match self.interface {
            Interface::Named(name) => Some(name),
            Interface::NotLoopback => None,
        }
    }

    /// What rules see as the interfaces that it comes in and goes out by.
    fn interfaces(&self, hook: Hook) -> (Interface<'a>, Interface<'a>) {
        let nothing = Interface::Named("");
        let out = match self.looped() {
            true => self.interface,
            false => Interface::NotLoopback,
        };
        match hook {
            Hook::Output | Hook::Postrouting if self.sends() => (nothing, out),
            Hook::Postrouting => (nothing, Interface::NotLoopback),
            Hook::Output => (nothing, out),
            Hook::Forward => (self.interface, Interface::NotLoopback),
            _ => (self.interface, nothing),
        }
    }

    fn sends(&self) -> bool {
        self.reply || self.looped()
    }

    /// Where a redirected packet goes: the first address of the interface
    /// that it came in by; for what the host sends, the loopback address.
    fn here(&self) -> Option<u128> {
        let loopback: IpAddr = match self.family {
            Family::Ipv4 => [127, 0, 0, 1].into(),
            Family::Ipv6 => [0, 0, 0, 0, 0, 0, 0, 1u16].into(),
        };
        if self.looped() {
            return Some(Family::number(loopback));
        }
        let name = self.arrival()?;
        let mut all = self.host.interfaces.iter().flatten();
        let one = all.find(|interface| interface.name == name)?;
        let link = |address: IpAddr| match address {
            IpAddr::V4(_) => false,
            IpAddr::V6(v6) => {
                v6.is_unicast_link_local() || v6.segments()[0] == 0xff02
            }
        };
        // nf_nat_redirect.c: of IPv6, one of the scope that was asked for.
        let to = self.family.address(self.tuple.destination?);
        let mut own = one.of(self.family).filter(|&a| link(a) == link(to));
        own.next().map(Family::number)
    }

    /// True if the kernel drops it before the first hook.
    pub(super) fn refused(&self) -> bool {
        let (Some(from), Some(to)) =
            (self.tuple.source, self.tuple.destination)
        else {
            return false;
        };
        let from = self.family.address(from);
        let to = self.family.address(to);
        let arrival = self.arrival();
        let routed = Routed { host: self.host, from, to, arrival };
        !self.looped() && routed.refused()
    }

    /// Where routing sends a parcel; `None` where its destination is not
    /// known.
    pub(super) fn course(&self, parcel: &Parcel) -> Option<Course> {
        let to = self.family.address(parcel.destination?);
        if self.looped() {
            return Some(self.sent(parcel, to));
        }
        let from = self.family.address(parcel.source?);
        let (host, arrival) = (self.host, self.arrival());
        let course = Routed { host, from, to, arrival }.course();
        // ip_forward(), ip6_forward(): not what came to everybody.
        let everybody = self.tuple.destination.is_some_and(|to| {
            let to = self.family.address(to);
            let kind = routing::kind(host, to);
            !to.is_loopback()
                && !to.is_unspecified()
                && kind.meets(AddressType::Broadcast | AddressType::Multicast)
        });
        match course {
            Course::Onward if everybody => Some(Course::Dropped),
            course => Some(course),
        }
    }

    /// Where a packet goes that the host sends.
    fn sent(&self, parcel: &Parcel, to: IpAddr) -> Course {
        let from = parcel.source.map(|from| self.family.address(from));
        let lo = from.is_some_and(|from| from.is_ipv4() && from.is_loopback());
        let switch = self.host.settings.either(None, "route_localnet");
        match routing::kind(self.host, to) {
            AddressType::Unicast if lo && switch != Some(true) => {
                Course::Dropped
            }
            AddressType::Unicast => Course::Onward,
            _ => Course::Here,
        }
    }
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
