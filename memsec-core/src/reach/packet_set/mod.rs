//! Sets of packets, and their algebra.
//!
//! A set is an interval decision diagram: it asks one thing of a packet after
//! the other, in one order ([`Dimension`]), and each answer, a range of
//! numbers, leads to the next question. The source address comes last, as a
//! set of ranges, for that is where firewalls have a million entries. Equal
//! parts are there once, and ranges next to each other lead to different
//! ones, so a set has one form only: equal sets are equal values. (Strehl and
//! Thiele, "Interval diagrams for efficient symbolic verification", 2000;
//! Gouda and Liu, "Structured firewall design", 2007.)

mod boxes;
mod build;
mod dimension;
mod header;
mod names;
mod node;

#[cfg(test)]
mod law_tests;

use std::fmt;

pub use boxes::{Boxes, PacketBox};
pub use header::{Header, Tracking};
pub use names::NameSet;

use crate::Error;
use build::Build;
use dimension::Dimension;
use node::Node;

/// A set of packets that arrive at a host, by family, protocol, interface,
/// conntrack state, both addresses and both ports. A protocol without ports
/// has all of them, and nothing is known of them.
///
/// At worst an operation takes time and room by the product of the parts of
/// both sets. One that would look at more than [`PacketSet::MOST`] parts is an
/// error.
///
/// ```
/// use memsec_core::{
///     net::{Family, IpSet, PortSet},
///     packets::{PacketBox, PacketSet},
/// };
///
/// let lan = IpSet::of(Family::Ipv4, ["10.0.0.0/8".parse()?]);
/// let all = PacketBox::all(Family::Ipv4);
/// let from_lan = PacketSet::from(&PacketBox { from: lan, ..all.clone() });
/// let to_port =
///     PacketSet::from(&PacketBox { dport: PortSet::one(11211), ..all });
/// let both = from_lan.intersection(&to_port)?;
/// assert!(both.is_subset(&to_port)?);
/// assert_eq!(both.union(&from_lan)?, from_lan);
/// let witness = to_port.difference(&from_lan)?.witness().unwrap();
/// assert_eq!((witness.dport, witness.from.to_string().as_str()),
///     (11211, "0.0.0.0"));
/// # Ok::<(), memsec_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PacketSet(Node);

impl PacketSet {
    /// The most parts that an operation may look at.
    pub const MOST: usize = 1 << 25;

    /// The set of nothing.
    pub fn empty() -> Self {
        Self(Node::constant(Dimension::FIRST, false))
    }

    /// The set of every packet.
    pub fn all() -> Self {
        Self(Node::constant(Dimension::FIRST, true))
    }

    /// What is in either.
    ///
    /// # Errors
    ///
    /// More than [`Self::MOST`] parts; so of all operations.
    pub fn union(&self, other: &Self) -> Result<Self, Error> {
        self.combine(other, |a, b| a.union(b))
    }

    /// What is in both.
    ///
    /// # Errors
    ///
    /// More than [`Self::MOST`] parts.
    pub fn intersection(&self, other: &Self) -> Result<Self, Error> {
        self.combine(other, |a, b| a.intersection(b))
    }

    /// What is in this and not in `other`.
    ///
    /// # Errors
    ///
    /// More than [`Self::MOST`] parts.
    pub fn difference(&self, other: &Self) -> Result<Self, Error> {
        self.combine(other, |a, b| a.difference(b))
    }

    /// Every packet that is not in it.
    ///
    /// # Errors
    ///
    /// More than [`Self::MOST`] parts.
    pub fn complement(&self) -> Result<Self, Error> {
        Self::all().difference(self)
    }

    /// True if all of it is in `other`.
    ///
    /// # Errors
    ///
    /// More than [`Self::MOST`] parts of the difference.
    pub fn is_subset(&self, other: &Self) -> Result<bool, Error> {
        Ok(self.difference(other)?.is_empty())
    }

    /// True if no packet is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_nothing()
    }

    /// True if a packet is in it.
    pub fn contains(&self, packet: &Header) -> bool {
        self.0.contains(packet)
    }

    /// One of its packets, if it is not empty: the least in each dimension,
    /// and at an interface whose name is plain text.
    pub fn witness(&self) -> Option<Header> {
        self.boxes().next().and_then(|first| first.witness())
    }

    /// The set as boxes, no two of which share a packet.
    pub fn boxes(&self) -> Boxes {
        Boxes::new(self.0.clone())
    }

    fn combine(&self, other: &Self, op: build::Op) -> Result<Self, Error> {
        Build::new(op).combine(&self.0, &other.0).map(Self)
    }
}

impl From<&PacketBox> for PacketSet {
    fn from(packets: &PacketBox) -> Self {
        Self(packets.node())
    }
}

impl Default for PacketSet {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for PacketSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FEW: usize = 16;
        let mut list = f.debug_list();
        let mut boxes = self.boxes();
        list.entries(boxes.by_ref().take(FEW));
        if boxes.next().is_some() {
            list.entry(&"...");
        }
        list.finish()
    }
}
