//! Boxes of packets: one set in each dimension.

use std::collections::HashMap;

use super::{
    Header, NameSet, Tracking,
    dimension::{Dimension, narrowed, widened, width},
    header,
    node::Node,
};
use crate::net::{Family, IpSet, PortSet, RangeSet};

/// The packets that are in a set in each dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketBox {
    /// Their family: that of `from` and of `to` too.
    pub family: Family,
    /// The numbers of their protocols.
    pub protocols: RangeSet<u8>,
    /// The interfaces that they arrive at.
    pub interfaces: NameSet,
    /// What conntrack makes of them.
    pub tracking: Vec<Tracking>,
    /// Their destinations.
    pub to: IpSet,
    /// Their destination ports.
    pub dport: PortSet,
    /// Their source ports.
    pub sport: PortSet,
    /// Their sources.
    pub from: IpSet,
}

impl PacketBox {
    /// Every packet of a family.
    pub fn all(family: Family) -> Self {
        Self {
            family,
            protocols: RangeSet::all(),
            interfaces: NameSet::all(),
            tracking: Tracking::ALL.to_vec(),
            to: IpSet::all(family),
            dport: PortSet::all(),
            sport: PortSet::all(),
            from: IpSet::all(family),
        }
    }

    pub(super) fn node(&self) -> Node {
        Node::product(Dimension::FIRST, &|dimension| self.numbers(dimension))
    }

    fn numbers(&self, dimension: Dimension) -> RangeSet<u128> {
        let addresses = |set: &IpSet| match set.family() == self.family {
            true => widened(set.numbers(), width(self.family)),
            false => RangeSet::empty(),
        };
        match dimension {
            Dimension::Family => {
                RangeSet::from_ranges([header::family(self.family)])
            }
            Dimension::Protocol => widened(&self.protocols, 8),
            Dimension::Interface => self.interfaces.0.clone(),
            Dimension::Tracking => {
                let all = self.tracking.iter().map(|one| one.range());
                RangeSet::from_ranges(all)
            }
            Dimension::To => addresses(&self.to),
            Dimension::DestinationPort => widened(&self.dport, 16),
            Dimension::SourcePort => widened(&self.sport, 16),
            Dimension::From => addresses(&self.from),
        }
    }

    /// The box of a way through a diagram, a set for each dimension.
    fn of(sets: &[RangeSet<u128>]) -> Option<Self> {
        let [family, protocols, interfaces, tracking, to, dport, sport, from] =
            sets
        else {
            return None;
        };
        let v6 = header::family(Family::Ipv6).0;
        let family =
            if family.contains(v6) { Family::Ipv6 } else { Family::Ipv4 };
        let addresses =
            |set| IpSet::from_numbers(family, &narrowed(set, width(family)));
        let tracked = Tracking::ALL.into_iter();
        let tracked = tracked.filter(|one| tracking.contains(one.range().0));
        Some(Self {
            family,
            protocols: narrowed(protocols, 8),
            interfaces: NameSet(interfaces.clone()),
            tracking: tracked.collect(),
            to: addresses(to),
            dport: narrowed(dport, 16),
            sport: narrowed(sport, 16),
            from: addresses(from),
        })
    }

    /// One of its packets.
    pub fn witness(&self) -> Option<Header> {
        Some(Header {
            from: self.from.first()?,
            to: self.to.first()?,
            protocol: self.protocols.first()?,
            interface: self.interfaces.witness()?,
            tracking: self.tracking.first().copied()?,
            sport: self.sport.first()?,
            dport: self.dport.first()?,
        })
    }
}

/// The boxes of a set, one after the other.
#[derive(Debug)]
pub struct Boxes {
    /// The nodes that are still to be looked at, each with the sets of the
    /// dimensions before it.
    open: Vec<(Vec<RangeSet<u128>>, Node)>,
}

impl Boxes {
    pub(super) fn new(root: Node) -> Self {
        Self { open: vec![(Vec::new(), root)] }
    }
}

impl Iterator for Boxes {
    type Item = PacketBox;

    fn next(&mut self) -> Option<PacketBox> {
        while let Some((mut sets, node)) = self.open.pop() {
            match node {
                Node::Leaf(set) if set.is_empty() => {}
                Node::Leaf(set) => {
                    sets.push((*set).clone());
                    return PacketBox::of(&sets);
                }
                Node::Inner(inner) => {
                    let groups = match inner.dimension {
                        Dimension::Family => families(&inner.pieces),
                        _ => groups(&inner.pieces),
                    };
                    for (set, node) in groups.into_iter().rev() {
                        let mut sets = sets.clone();
                        sets.push(set);
                        self.open.push((sets, node));
                    }
                }
            }
        }
        None
    }
}

/// The ranges that lead to the same node, together.
fn groups(pieces: &[(u128, Node)]) -> Vec<(RangeSet<u128>, Node)> {
    let mut groups: Vec<(Vec<(u128, u128)>, Node)> = Vec::new();
    let mut index = HashMap::new();
    let ends = pieces.iter().skip(1).map(|(next, _)| next - 1);
    for ((first, node), end) in pieces.iter().zip(ends.chain([u128::MAX])) {
        let place = *index.entry(node.address()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((ranges, _)) => ranges.push((*first, end)),
            None => groups.push((vec![(*first, end)], node.clone())),
        }
    }
    let set = |(ranges, node)| (RangeSet::from_ranges(ranges), node);
    groups.into_iter().map(set).collect()
}

/// The same for families, of which no box has two.
fn families(pieces: &[(u128, Node)]) -> Vec<(RangeSet<u128>, Node)> {
    let groups = groups(pieces);
    let each = groups.iter().flat_map(|(set, node)| {
        Family::BOTH.map(|family| {
            let own = RangeSet::from_ranges([header::family(family)]);
            (own.intersection(set), node.clone())
        })
    });
    each.filter(|(set, _)| !set.is_empty()).collect()
}
