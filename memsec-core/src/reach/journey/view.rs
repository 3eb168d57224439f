//! A packet under way, as the rules of a base chain see it.

use std::net::IpAddr;

use super::{
    Journey, Parcel,
    answer::turned,
    fragments::is_early,
    routing::{self, Routed},
};
use crate::{
    net::Family,
    netfilter::{AddressType, Base, Hook, PacketType},
    reach::{
        Fragment,
        cell::{Address, Cell, Interface, Truth, Tuple},
        shape::Shape,
    },
};

impl<'a> Journey<'a> {
    /// As the rules of a base chain see a parcel.
    pub(in crate::reach) fn cell<'s>(
        &'s self,
        base: &Base,
        parcel: &Parcel,
    ) -> Cell<'s> {
        let (input, output) = self.interfaces(base.hook, parcel);
        let lo = self.looped();
        let (source_type, reverse) = self.back(parcel);
        let about = self.about(parcel);
        let original = match (self.reply, parcel.dnat || parcel.snat) {
            _ if about => None,
            (false, _) => Some(self.tuple),
            (true, false) => Some(turned(self.tuple)),
            (true, true) => None,
        };
        let translated = match self.reply {
            _ if about => None,
            false => Some(parcel.tuple()),
            true if parcel.dnat || parcel.snat => None,
            true => Some(turned(self.tuple)),
        };
        Cell {
            family: self.family,
            proto: self.proto,
            source: parcel.source,
            destination: parcel.destination,
            sport: parcel.sport,
            dport: parcel.dport,
            input,
            output,
            state: self.state(base, parcel),
            reply: self.reply,
            // What the host sends to itself has been sent once.
            confirmed: lo
                && matches!(base.hook, Hook::Prerouting | Hook::Input),
            flags: self.flags,
            source_type,
            destination_type: match base.hook {
                Hook::Forward => None,
                _ if self.reply => None,
                _ => self.kind(parcel),
            },
            dnat: self.translated(parcel.dnat, parcel, |tuple| {
                (tuple.destination, tuple.dport)
            }),
            snat: self.translated(parcel.snat, parcel, |tuple| {
                (tuple.source, tuple.sport)
            }),
            mark: parcel.mark,
            connection_mark: parcel.connection_mark,
            original,
            translated,
            reverse,
            asked: &self.asked,
            shape: Shape {
                frame: self.frame(),
                header: self.header(base),
                ..self.shape
            },
            legacy: false,
        }
    }

    /// Whether an end of its connection is another one than it was: a rule
    /// can translate it to what it is (nf_nat_core.c, nf_nat_setup_info).
    fn translated(
        &self,
        asked: bool,
        parcel: &Parcel,
        end: fn(Tuple) -> (Address, Option<u16>),
    ) -> Option<bool> {
        if self.about(parcel) {
            return None;
        }
        if !asked || self.reply {
            return Some(asked);
        }
        let ((old, before), (new, now)) =
            (end(self.tuple), end(parcel.tuple()));
        match (old, new) {
            _ if before.is_some() && now.is_some() && before != now => {
                Some(true)
            }
            (Address::Known(old), Address::Known(new)) if old != new => {
                Some(true)
            }
            (Address::Known(_), Address::Known(_)) => {
                before.is_some().then_some(false)
            }
            // It was for this host, and is for another.
            (_, Address::Known(new)) if self.given.is_some() => {
                let new = self.family.address(new);
                let other = routing::kind(self.host, new);
                (other == AddressType::Unicast).then_some(true)
            }
            _ => None,
        }
    }

    /// The first next-header field: joined, a datagram has no fragment header
    /// any more (nf_conntrack_reasm.c).
    fn header(&self, base: &Base) -> Option<u8> {
        let atomic = self.shape.fragment == Some(Fragment::Atomic);
        if !atomic || is_early(base) {
            return self.shape.header;
        }
        match self.tracks() {
            Truth::Yes => Some(self.proto.number()),
            Truth::No => self.shape.header,
            Truth::Maybe => None,
        }
    }

    /// Whom its frame is for: as a neighbour sends it, unless it is told.
    fn frame(&self) -> Option<PacketType> {
        let Address::Known(to) = self.tuple.destination else { return None };
        self.shape.header.filter(|_| !self.looped())?;
        let to = self.family.address(to);
        let kind = routing::kind(self.host, to);
        Some(self.shape.frame.unwrap_or(match kind {
            AddressType::Multicast => PacketType::Multicast,
            AddressType::Broadcast
                if !to.is_unspecified() && !to.is_loopback() =>
            {
                PacketType::Broadcast
            }
            _ => PacketType::Host,
        }))
    }

    /// What routing says of a destination.
    fn kind(&self, parcel: &Parcel) -> Option<AddressType> {
        match (self.given, parcel.destination) {
            (Some(_), _) if !parcel.dnat => self.given,
            _ if parcel.redirected => Some(AddressType::Local),
            _ if parcel.dnat && self.host.interfaces.is_none() => None,
            (_, Address::Known(to)) => {
                let to = self.family.address(to);
                let kind = routing::kind(self.host, to);
                if kind != AddressType::Unicast {
                    return Some(kind);
                }
                // nft_fib_ipv6.c, __nft_fib6_eval_type().
                let none = to.is_ipv6() && to.is_unspecified();
                let kind = if none { AddressType::Unspec } else { kind };
                Some(kind).filter(|_| !self.is_odd(parcel, to))
            }
            _ => None,
        }
    }

    /// Addresses that routing looks at in ways of its own: those that a table
    /// may be chosen for, and of IPv6 those of IPv4 in it, what comes from a
    /// link's, and those of a link that has no route to them
    /// (nft_fib6_flowi_init()).
    fn is_odd(&self, parcel: &Parcel, to: IpAddr) -> bool {
        let (host, from) = (self.host, self.from(parcel));
        if (Routed { host, from, to, arrival: None }).is_policed() {
            return true;
        }
        let IpAddr::V6(to) = to else { return false };
        let linked = match from {
            Some(IpAddr::V6(from)) => from.is_unicast_link_local(),
            _ => false,
        };
        let is_there = |link| {
            matches!(routing::leaves(host, to.into(), link), Some(Some(_)))
        };
        let lost =
            to.is_unicast_link_local() && !self.arrival().is_some_and(is_there);
        linked || lost || to.to_ipv4_mapped().is_some()
    }

    fn from(&self, parcel: &Parcel) -> Option<IpAddr> {
        match parcel.source {
            Address::Known(from) => Some(self.family.address(from)),
            Address::Symbolic => self.peer,
            Address::Unknown => None,
        }
    }

    /// What routing says of a source, and whether an answer to it leaves
    /// where the packet came in, and whether it leaves at all.
    ///
    /// The first only of what is routed to, which is another host: of any
    /// other, and of IPv6, it depends on more than the routes shown.
    fn back(
        &self,
        parcel: &Parcel,
    ) -> (Option<AddressType>, [Option<bool>; 2]) {
        let lo = self.looped();
        let own = lo.then_some(AddressType::Local);
        let from = self.from(parcel).filter(|from| !from.is_unspecified());
        let Some(to) = from else { return (own, [None; 2]) };
        let listed = self.host.interfaces.is_some() && !lo;
        let kind = routing::kind(self.host, to);
        if listed && kind != AddressType::Unicast {
            // xt_rpfilter.c, nft_fib_ipv4.c: an answer would go nowhere.
            return (own, [Some(false); 2]);
        }
        let arrival = self.arrival();
        let routed = Routed { host: self.host, from, to, arrival };
        let reverse = routed.reverses().map_or([None; 2], |r| r.map(Some));
        let [_, anywhere] = reverse;
        let other =
            listed && to.is_ipv4() && !self.reply && anywhere == Some(true);
        (own.or(other.then_some(kind)), reverse)
    }

    pub(super) fn arrival(&self) -> Option<&'a str> {
        match self.interface {
            Interface::Named(name) => Some(name),
            Interface::NotLoopback => None,
        }
    }

    /// What rules see as the interfaces that it comes in and goes out by.
    fn interfaces(
        &self,
        hook: Hook,
        parcel: &Parcel,
    ) -> (Interface<'a>, Interface<'a>) {
        let nothing = Interface::Named("");
        match hook {
            Hook::Output => (nothing, self.leaves(parcel)),
            Hook::Postrouting if self.looped() => {
                (nothing, self.leaves(parcel))
            }
            // What is sent on still has it: ip_output(), ip6_output().
            Hook::Postrouting => (self.interface, self.leaves(parcel)),
            Hook::Forward => (self.interface, self.leaves(parcel)),
            _ => (self.interface, nothing),
        }
    }

    /// The interface that it goes out by.
    pub(super) fn leaves(&self, parcel: &Parcel) -> Interface<'a> {
        if self.looped() {
            return self.interface;
        }
        let to = match parcel.destination {
            Address::Known(to) => Some(self.family.address(to)),
            Address::Symbolic => self.peer,
            Address::Unknown => None,
        };
        let name = to.and_then(|to| routing::output(self.host, to));
        name.map_or(Interface::NotLoopback, Interface::Named)
    }

    /// Where a redirected packet goes: the first address of the interface
    /// that it came in by; for what the host sends, the loopback address.
    ///
    /// `None` where it has no such address: the packet is dropped.
    pub(super) fn here(&self) -> Option<Address> {
        let loopback: IpAddr = match self.family {
            Family::Ipv4 => [127, 0, 0, 1].into(),
            Family::Ipv6 => [0, 0, 0, 0, 0, 0, 0, 1u16].into(),
        };
        if self.looped() {
            return Some(Address::Known(Family::number(loopback)));
        }
        let name = self.arrival();
        let mut all = self.host.interfaces.iter().flatten();
        let one = all.find(|interface| Some(&*interface.name) == name);
        let Some(one) = one else { return Some(Address::Unknown) };
        // nf_nat_redirect.c: of IPv6, one of the scope that was asked for.
        let asked = match (self.family, self.tuple.destination) {
            (Family::Ipv4, _) => Scope::Any,
            (family, Address::Known(to)) => scope(family.address(to)),
            _ => return Some(Address::Unknown),
        };
        let fits = |own: &IpAddr| asked == Scope::Any || scope(*own) == asked;
        let mut own = one.of(self.family).filter(fits);
        own.next().map(|own| Address::Known(Family::number(own)))
    }
}

/// How far an address is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Node,
    Link,
    Site,
    /// Further, and as what is asked for, any.
    Any,
}

/// ipv6_addr_scope() of net/ipv6.h.
fn scope(address: IpAddr) -> Scope {
    let IpAddr::V6(address) = address else { return Scope::Any };
    match address.segments()[0] {
        _ if address.is_loopback() => Scope::Node,
        multicast @ 0xff00.. => match multicast & 15 {
            1 => Scope::Node,
            2 => Scope::Link,
            5 => Scope::Site,
            _ => Scope::Any,
        },
        0xfe80..=0xfebf => Scope::Link,
        0xfec0..=0xfeff => Scope::Site,
        _ => Scope::Any,
    }
}
