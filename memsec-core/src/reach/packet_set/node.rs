//! The diagram.

use std::{collections::HashSet, sync::Arc};

use super::{Header, dimension::Dimension};
use crate::net::RangeSet;

/// A question about packets.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// In which ranges a number of the dimension is, and where each leads.
    Inner(Arc<Inner>),
    /// Which numbers of the last dimension are in the set.
    Leaf(Arc<RangeSet<u128>>),
}

/// Where each range begins, ascending from 0, and where it leads. No two next
/// to each other lead to the same.
#[derive(Debug)]
pub(super) struct Inner {
    pub dimension: Dimension,
    pub pieces: Vec<(u128, Node)>,
}

impl Node {
    /// The node of a dimension that has all packets, or none.
    pub(super) fn constant(dimension: Dimension, all: bool) -> Self {
        let set = if all { RangeSet::all() } else { RangeSet::empty() };
        match dimension.next() {
            None => Self::Leaf(Arc::new(set)),
            Some(next) => {
                let only = Self::constant(next, all);
                Self::inner(dimension, vec![(0, only)])
            }
        }
    }

    /// The packets that are in a set in each dimension from `dimension` on.
    pub(super) fn product(
        dimension: Dimension,
        sets: &impl Fn(Dimension) -> RangeSet<u128>,
    ) -> Self {
        let own = sets(dimension);
        let Some(next) = dimension.next() else {
            return Self::Leaf(Arc::new(own));
        };
        let inside = Self::product(next, sets);
        if inside.is_nothing() {
            // There is one form of nothing.
            return Self::inner(dimension, vec![(0, inside)]);
        }
        let outside = Self::constant(next, false);
        let mut pieces = Vec::new();
        if own.first() != Some(0) {
            pieces.push((0, outside.clone()));
        }
        for (first, last) in own.ranges() {
            pieces.push((first, inside.clone()));
            if let Some(end) = last.checked_add(1) {
                pieces.push((end, outside.clone()));
            }
        }
        Self::inner(dimension, pieces)
    }

    pub(super) fn inner(
        dimension: Dimension,
        pieces: Vec<(u128, Self)>,
    ) -> Self {
        Self::Inner(Arc::new(Inner { dimension, pieces }))
    }

    /// What tells nodes apart that are held at the same time.
    pub(super) fn address(&self) -> usize {
        match self {
            Self::Inner(inner) => Arc::as_ptr(inner).addr(),
            Self::Leaf(set) => Arc::as_ptr(set).addr(),
        }
    }

    /// True if no packet is in it.
    pub(super) fn is_nothing(&self) -> bool {
        match self {
            Self::Leaf(set) => set.is_empty(),
            Self::Inner(inner) => match inner.pieces.as_slice() {
                [(_, only)] => only.is_nothing(),
                _ => false,
            },
        }
    }

    pub(super) fn contains(&self, packet: &Header) -> bool {
        match self {
            Self::Leaf(set) => packet
                .at(Dimension::From)
                .is_some_and(|number| set.contains(number)),
            Self::Inner(inner) => {
                let Some(number) = packet.at(inner.dimension) else {
                    return false;
                };
                let pieces = &inner.pieces;
                let after = pieces.partition_point(|(at, _)| *at <= number);
                let piece = after.checked_sub(1).and_then(|at| pieces.get(at));
                piece.is_some_and(|(_, node)| node.contains(packet))
            }
        }
    }

    /// Whether both are the same; `known` holds pairs that are.
    fn is(&self, other: &Self, known: &mut HashSet<(usize, usize)>) -> bool {
        let pair = (self.address(), other.address());
        if pair.0 == pair.1 || known.contains(&pair) {
            return true;
        }
        let same = match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => a == b,
            (Self::Inner(a), Self::Inner(b)) => {
                let mut both = a.pieces.iter().zip(&b.pieces);
                a.pieces.len() == b.pieces.len()
                    && both.all(|(a, b)| a.0 == b.0 && a.1.is(&b.1, known))
            }
            _ => false,
        };
        if same {
            known.insert(pair);
        }
        same
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.is(other, &mut HashSet::new())
    }
}

impl Eq for Node {}
