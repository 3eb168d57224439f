//! Which addresses routing does not tell apart.

use std::net::IpAddr;

use super::routing::{self, Routed};
use crate::{
    Cidr,
    host::Host,
    net::{Family, RangeSet},
    netfilter::AddressType,
    reach::cell::Interface,
};

/// Other ends that are the same to routing, and one of them.
#[derive(Clone, Debug)]
pub(in crate::reach) struct Group {
    pub peer: IpAddr,
    pub addresses: RangeSet<u128>,
}

/// More boundaries than this are not looked at.
const MOST: usize = 1024;

/// Sources that packets do not come from by an interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::reach) struct Possible {
    /// Those that no other host has.
    pub nobody: RangeSet<u128>,
    /// Those that the kernel looks for at another interface.
    pub elsewhere: RangeSet<u128>,
    /// Those of which it is not known where it looks for them.
    pub doubtful: RangeSet<u128>,
}

/// Where packets to an address of the host do not come from; `None` where
/// there are too many routes to say.
pub(in crate::reach) fn possible(
    host: &Host,
    to: IpAddr,
    arrival: Interface<'_>,
) -> Option<Possible> {
    let Interface::Named(name) = arrival else { return None };
    let family = Family::of(to);
    let starts = boundaries(host, family)?;
    let ends = starts.iter().skip(1).map(|next| next - 1);
    let mut found: [Vec<(u128, u128)>; 3] = Default::default();
    for (&first, last) in starts.iter().zip(ends.chain([family.last()])) {
        let from = Some(family.address(first));
        let routed = Routed { host, from, to, arrival: Some(name) };
        let lost = routed.refused() || routed.martian(routing::kind(host, to));
        let own = routing::kind(host, family.address(first));
        let at = match own == AddressType::Unicast {
            true if routed.is_doubtful() => 2,
            true if lost => 1,
            false if lost && routed.is_of_another() => {
                if routed.reverse(false).is_none() { 2 } else { 1 }
            }
            false if lost => 0,
            _ => continue,
        };
        if let Some(ranges) = found.get_mut(at) {
            ranges.push((first, last));
        }
    }
    let [nobody, elsewhere, doubtful] = found.map(RangeSet::from_ranges);
    Some(Possible { nobody, elsewhere, doubtful })
}

/// What routing says of an address, and whether it is none at all: of `::`
/// rules ask otherwise than of what is routed as it would be.
type Said<'a> = (bool, AddressType, [Option<bool>; 2], Option<&'a str>);

/// All addresses of a family, in groups that routing does not tell apart;
/// `None` where there are too many routes to say.
pub(in crate::reach) fn groups(
    host: &Host,
    family: Family,
    arrival: Option<&str>,
) -> Option<Vec<Group>> {
    let starts = boundaries(host, family)?;
    let ends = starts.iter().skip(1).map(|next| next - 1);
    let mut out: Vec<(Said<'_>, Group)> = Vec::new();
    for (&first, last) in starts.iter().zip(ends.chain([family.last()])) {
        let peer = family.address(first);
        let addresses = RangeSet::range(first, last);
        let said = said(host, peer, arrival);
        match out.iter_mut().find(|(other, _)| *other == said) {
            Some((_, group)) => {
                group.addresses = group.addresses.union(&addresses);
            }
            None => out.push((said, Group { peer, addresses })),
        }
    }
    Some(out.into_iter().map(|(_, group)| group).collect())
}

fn said<'a>(host: &'a Host, peer: IpAddr, arrival: Option<&str>) -> Said<'a> {
    let routed = Routed { host, from: Some(peer), to: peer, arrival };
    let reverse = [routed.reverse(false), routed.reverse(true)];
    let kind = routing::kind(host, peer);
    (peer.is_unspecified(), kind, reverse, routing::output(host, peer))
}

/// Where what routing says may change.
fn boundaries(host: &Host, family: Family) -> Option<Vec<u128>> {
    let entries = host.interfaces.iter().flatten();
    let entries = entries.flat_map(|interface| &interface.addresses);
    let own = entries.flat_map(|entry| {
        let network = entry.network().ok();
        let last = network.map(|n| family.address(n.bounds().1));
        [Some(entry.address), last].into_iter().flatten().map(Cidr::host)
    });
    let routes = host.routes.iter().map(|route| route.to);
    let known = SPECIAL.iter().filter_map(|(text, prefix)| {
        Cidr::truncated(text.parse().ok()?, *prefix).ok()
    });
    let mut starts = vec![0];
    for network in own.chain(routes).chain(known) {
        if Family::of(network.address()) != family {
            continue;
        }
        let (first, last) = network.bounds();
        starts.push(first);
        starts.extend(last.checked_add(1).filter(|&n| n <= family.last()));
        if starts.len() > MOST {
            return None;
        }
    }
    starts.sort_unstable();
    starts.dedup();
    Some(starts)
}

/// Networks that routing knows without a route.
const SPECIAL: [(&str, u8); 8] = [
    ("0.0.0.0", 32),
    ("127.0.0.0", 8),
    ("224.0.0.0", 4),
    ("255.255.255.255", 32),
    ("::", 128),
    ("::1", 128),
    ("fe80::", 10),
    ("ff00::", 8),
];
