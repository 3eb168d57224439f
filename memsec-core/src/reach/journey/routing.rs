//! What routing makes of a packet: net/ipv4/route.c, net/ipv4/fib_frontend.c,
//! net/ipv6/ip6_input.c and net/ipv6/ip6_output.c.

use std::net::IpAddr;

use crate::{
    host::Host,
    net::{Family, InterfaceAddress, Policies, Route, RouteKind},
    netfilter::AddressType,
};

/// Where routing sends a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reach) enum Course {
    /// To this host.
    Here,
    /// To this host, if a program of it has joined the group, or if no table
    /// of routes says otherwise.
    Perhaps,
    /// On to another.
    Onward,
    /// On to another, if this host forwards, and knows the way.
    OnwardPerhaps,
    /// Nowhere.
    Dropped,
    /// Nowhere, and its sender is told.
    Rejected,
}

/// A packet as routing sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Routed<'a> {
    pub host: &'a Host,
    /// `None` where it does not matter.
    pub from: Option<IpAddr>,
    pub to: IpAddr,
    /// Where it came in, if that is known.
    pub arrival: Option<&'a str>,
}

impl Routed<'_> {
    /// Where a packet goes that came in from outside.
    pub(super) fn course(&self) -> Course {
        let kind = kind(self.host, self.to);
        if self.martian(kind) {
            return Course::Dropped;
        }
        if self.stranger() {
            return Course::Perhaps;
        }
        if kind != AddressType::Unicast {
            return Course::Here;
        }
        let family = Family::of(self.to);
        if let Some(course) = self.stranded() {
            return course;
        }
        match self.host.settings.forwards(family, self.arrival) {
            Some(false) => Course::Dropped,
            _ if self.from.is_some_and(link_local) && self.leaves_link() => {
                Course::Rejected
            }
            Some(true) if self.host.routed.contains(&family) => Course::Onward,
            _ => Course::OnwardPerhaps,
        }
    }

    /// Whether a table of routes that is not listed may decide where it goes.
    pub(super) fn is_policed(&self) -> bool {
        match policies(self.host, Family::of(self.to)) {
            Policies::Usual => false,
            Policies::BeforeLocal => true,
            Policies::BehindLocal => {
                kind(self.host, self.to) == AddressType::Unicast
            }
        }
    }

    /// True for a group that a host is not in from the start.
    fn stranger(&self) -> bool {
        let all = match self.to {
            IpAddr::V4(to) => to.octets() == [224, 0, 0, 1],
            IpAddr::V6(to) => to.segments() == [0xff02, 0, 0, 0, 0, 0, 0, 1],
        };
        self.to.is_multicast() && !all
    }

    /// What becomes of a packet that nothing routes on.
    fn stranded(&self) -> Option<Course> {
        let forwards =
            self.host.settings.forwards(Family::of(self.to), self.arrival);
        let v6 = self.to.is_ipv6();
        let route = leaves(self.host, self.to, self.arrival?)?;
        match route {
            // ip6_forward(): such a source is nobody's.
            Some(_)
                if v6
                    && self.from.is_some_and(|from| from.is_unspecified())
                    && self.leaves_link() =>
            {
                Some(Course::Dropped)
            }
            Some(_) => None,
            None if self.vanishes() => Some(Course::Dropped),
            None if v6 || forwards != Some(false) => Some(Course::Rejected),
            None => Some(Course::Dropped),
        }
    }

    /// Whether a source is in a network of another interface, and is looked
    /// for there: what goes with that network goes with it.
    pub(super) fn is_of_another(&self) -> bool {
        let strict = self.host.settings.rp_filter(self.arrival) == Some(1);
        let Some(from) = self.from.filter(|_| strict) else { return false };
        let all = self.host.interfaces.iter().flatten();
        let mut on = all.filter(|one| {
            one.addresses.iter().any(|entry| {
                entry.network().is_ok_and(|network| network.contains(from))
            })
        });
        let first = on.next();
        first.is_some_and(|one| Some(&*one.name) != self.arrival)
            && on.all(|one| Some(&*one.name) != self.arrival)
    }

    /// A blackhole route is for its destination.
    fn vanishes(&self) -> bool {
        let mut best = longest(self.host, self.to);
        best.any(|route| route.kind == RouteKind::Blackhole)
    }

    /// Whether sources are checked, and the routes that they are checked by
    /// are not known.
    pub(super) fn is_doubtful(&self) -> bool {
        let filter = self.host.settings.rp_filter(self.arrival);
        let from = self.from.filter(|from| from.is_ipv4());
        filter.is_some_and(|filter| filter > 0)
            && from.is_some_and(|from| {
                kind(self.host, from) == AddressType::Unicast
            })
            && self.reverse(false).is_none()
    }

    pub(super) fn martian(&self, kind: AddressType) -> bool {
        match (self.from, self.to) {
            (None, IpAddr::V4(to)) => {
                to.is_unspecified()
                    || to.is_loopback() && !self.switch("route_localnet")
            }
            (Some(IpAddr::V4(from)), IpAddr::V4(to)) => {
                let limited = to.is_broadcast();
                let zero = from.is_unspecified();
                let nobody = zero && to.is_unspecified();
                let looped = from.is_loopback() && !limited || to.is_loopback();
                from.is_multicast()
                    || from.is_broadcast()
                    || to.is_unspecified() && !nobody
                    || zero && !limited && !to.is_multicast() && !nobody
                    || looped && !self.switch("route_localnet")
                    || !zero && !self.comes_from_there(from.into(), kind)
            }
            _ => false,
        }
    }

    /// ip6_rcv_core(): such a packet does not even come to the first hook.
    pub(super) fn refused(&self) -> bool {
        let v6 = self.to.is_ipv6();
        let from = self.from;
        v6 && (from.is_some_and(|from| from.is_loopback())
            || from.is_some_and(|from| from.is_multicast())
            || self.to.is_loopback())
    }

    fn switch(&self, key: &str) -> bool {
        self.host.settings.either(self.arrival, key).unwrap_or(false)
    }

    /// ip6_forward(): a source of this link goes to no other link.
    fn leaves_link(&self) -> bool {
        let Some(arrival) = self.arrival else { return true };
        let leaves = leaves(self.host, self.to, arrival);
        leaves.is_none_or(|name| name != Some(arrival))
    }

    /// fib_validate_source(): without a filter, and without local routes of
    /// the administrator, only the host's own addresses are looked for.
    fn comes_from_there(&self, from: IpAddr, kind: AddressType) -> bool {
        let filter = self.host.settings.rp_filter(self.arrival);
        let local = self.host.routes.iter().any(is_local);
        let full = local || filter.is_some_and(|filter| filter > 0);
        if full && self::kind(self.host, from) == AddressType::Broadcast {
            return false;
        }
        if own(self.host, from) || full && from.is_loopback() {
            return self.switch("accept_local");
        }
        match filter {
            Some(1) => self.reverse(false).unwrap_or(true),
            // A broadcast without any filter needs no route back.
            Some(2) if kind == AddressType::Local => {
                self.reverse(true).unwrap_or(true)
            }
            _ => true,
        }
    }

    /// Whether an answer to the source would leave where the packet came in;
    /// if `loose`, anywhere. `None` where routes or interfaces are not known.
    pub(super) fn reverse(&self, loose: bool) -> Option<bool> {
        let [strict, anywhere] = self.reverses()?;
        Some(if loose { anywhere } else { strict })
    }

    /// Both, the strict one first.
    pub(super) fn reverses(&self) -> Option<[bool; 2]> {
        let arrival = self.arrival?;
        if arrival == "lo" {
            return Some([true; 2]);
        }
        let leaves = leaves(self.host, self.from?, arrival)?;
        Some([leaves == Some(arrival), leaves.is_some()])
    }
}

/// The interface that packets to an address leave by; for one that more
/// than one interface has the same route to, `arrival` if it is among them.
/// `None` where the routes are not known.
pub(super) fn leaves<'a>(
    host: &'a Host,
    to: IpAddr,
    arrival: &'a str,
) -> Option<Option<&'a str>> {
    if !host.routed.contains(&Family::of(to)) {
        return None;
    }
    let best = longest(host, to).filter(|route| !route.interface.is_empty());
    let mut best = best.map(|route| &*route.interface);
    let linked = Family::of(to) == Family::Ipv6 && link_local(to);
    let same = best.clone().find(|&name| name == arrival);
    // Each link has such addresses: the interface is part of them.
    let other = if linked { None } else { best.next() };
    Some(same.or(other))
}

/// What chooses among tables of routes.
pub(super) fn policies(host: &Host, family: Family) -> Policies {
    let all = &host.policed;
    let own = all.iter().find(|(of, _)| *of == family);
    own.map_or(Policies::Usual, |(_, how)| *how)
}

/// The routes for an address that no other one is closer to.
fn longest(
    host: &Host,
    to: IpAddr,
) -> impl Iterator<Item = &Route> + Clone + '_ {
    let all = host.routes.iter().filter(move |route| route.to.contains(to));
    let longest = all.clone().map(|route| route.to.prefix()).max();
    all.filter(move |route| Some(route.to.prefix()) == longest)
}

fn is_local(route: &Route) -> bool {
    route.kind == RouteKind::Local
}

/// The one interface that packets to an address leave by; `None` where that
/// is not sure.
pub(super) fn output(host: &Host, to: IpAddr) -> Option<&str> {
    let family = Family::of(to);
    let interfaces = host.interfaces.iter().flatten();
    let mut names =
        interfaces.filter(|one| !one.loopback).map(|one| &*one.name);
    if !host.routed.contains(&family) {
        return names.next().filter(|_| names.next().is_none());
    }
    if link_local(to) || own(host, to) {
        return None;
    }
    let mut best = longest(host, to);
    let first = best.next().filter(|route| !route.interface.is_empty())?;
    let same = best.all(|route| route.interface == first.interface);
    same.then_some(&*first.interface)
}

/// What routing says of an address that packets for this host have.
pub(in crate::reach) fn address_type(to: IpAddr) -> AddressType {
    match to {
        to if to.is_multicast() => AddressType::Multicast,
        IpAddr::V4(to) if to.is_broadcast() => AddressType::Broadcast,
        _ => AddressType::Local,
    }
}

/// True for an address of the host itself.
fn own(host: &Host, address: IpAddr) -> bool {
    entries(host).any(|entry| entry.address == address)
}

fn entries(host: &Host) -> impl Iterator<Item = &InterfaceAddress> {
    host.interfaces.iter().flatten().flat_map(|one| &one.addresses)
}

/// What routing says of a destination; an address is taken as one of the
/// host where the snapshot does not list its addresses.
pub(super) fn kind(host: &Host, to: IpAddr) -> AddressType {
    if to.is_ipv4() && to.is_unspecified() {
        // fib_frontend.c, inet_addr_type().
        return AddressType::Broadcast;
    }
    let kind = address_type(to);
    if kind != AddressType::Local || host.interfaces.is_none() {
        return kind;
    }
    if own(host, to) {
        return kind;
    }
    let any = || host.routes.iter().any(|r| is_local(r) && r.to.contains(to));
    let broadcast = |to| entries(host).any(|e| e.broadcast() == Some(to));
    match to {
        IpAddr::V4(to) if broadcast(to) => AddressType::Broadcast,
        _ if to.is_loopback() || any() => kind,
        _ if anycast(host, to) => AddressType::Anycast,
        _ => AddressType::Unicast,
    }
}

/// addrconf.c: a router has the first address of each of its networks
/// (RFC 4291, 2.6.1).
fn anycast(host: &Host, to: IpAddr) -> bool {
    let router = || host.settings.forwards(Family::Ipv6, None) == Some(true);
    to.is_ipv6()
        && router()
        && entries(host).any(|entry| {
            entry.address.is_ipv6()
                && entry.prefix < 127
                && entry.network().is_ok_and(|n| n.address() == to)
        })
}

fn link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
