//! Diagrams out of two others.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use super::{
    PacketSet,
    dimension::Dimension,
    node::{Inner, Node},
};
use crate::{Error, net::RangeSet};

/// What becomes of the numbers of the last dimension.
pub(super) type Op = fn(&RangeSet<u128>, &RangeSet<u128>) -> RangeSet<u128>;

/// One operation. Every node of its result is made here, and made once, so
/// two of them are the same exactly if they stand at the same address.
pub(super) struct Build {
    op: Op,
    /// How many parts may still be looked at.
    left: usize,
    /// What became of two nodes, by their addresses.
    done: HashMap<(usize, usize), Node, RandomState>,
    leaves: HashMap<Arc<RangeSet<u128>>, Node, RandomState>,
    inner: HashMap<Key, Node, RandomState>,
}

/// A dimension, and where its ranges begin and lead.
type Key = (Dimension, Vec<(u128, usize)>);

impl Build {
    pub(super) fn new(op: Op) -> Self {
        Self {
            op,
            left: PacketSet::MOST,
            done: HashMap::default(),
            leaves: HashMap::default(),
            inner: HashMap::default(),
        }
    }

    /// Goes down both at once. The depth is that of the dimensions.
    pub(super) fn combine(
        &mut self,
        a: &Node,
        b: &Node,
    ) -> Result<Node, Error> {
        let pair = (a.address(), b.address());
        if let Some(known) = self.done.get(&pair) {
            return Ok(known.clone());
        }
        let made = match (a, b) {
            (Node::Leaf(a), Node::Leaf(b)) => self.leaf(a, b)?,
            (Node::Inner(a), Node::Inner(b)) => self.pieces(a, b)?,
            // All are of the same depth.
            _ => return Err(too_many()),
        };
        self.done.insert(pair, made.clone());
        Ok(made)
    }

    fn pieces(&mut self, a: &Inner, b: &Inner) -> Result<Node, Error> {
        let mut pieces: Vec<(u128, Node)> = Vec::new();
        let (mut left, mut right) = (a.pieces.iter(), b.pieces.iter());
        let (mut x, mut y) = (left.next(), right.next());
        let mut start = 0;
        while let (Some((_, from)), Some((_, with))) = (x, y) {
            self.spend(1)?;
            let node = self.combine(from, with)?;
            let last = pieces.last().map(|(_, last)| last.address());
            if last != Some(node.address()) {
                pieces.push((start, node));
            }
            let next = |rest: &std::slice::Iter<'_, (u128, Node)>| {
                rest.as_slice().first().map_or(u128::MAX, |next| next.0)
            };
            let (end, other) = (next(&left), next(&right));
            start = end.min(other);
            if end <= other {
                x = left.next();
            }
            if other <= end {
                y = right.next();
            }
        }
        Ok(self.unique(a.dimension, pieces))
    }

    fn unique(
        &mut self,
        dimension: Dimension,
        pieces: Vec<(u128, Node)>,
    ) -> Node {
        let key = pieces.iter().map(|(at, node)| (*at, node.address()));
        let key = (dimension, key.collect());
        let made = self.inner.entry(key);
        made.or_insert_with(|| Node::inner(dimension, pieces)).clone()
    }

    fn leaf(
        &mut self,
        a: &RangeSet<u128>,
        b: &RangeSet<u128>,
    ) -> Result<Node, Error> {
        self.spend(a.ranges().len() + b.ranges().len())?;
        let set = Arc::new((self.op)(a, b));
        let made = self.leaves.entry(set.clone());
        Ok(made.or_insert(Node::Leaf(set)).clone())
    }

    fn spend(&mut self, parts: usize) -> Result<(), Error> {
        self.left = self.left.checked_sub(parts).ok_or_else(too_many)?;
        Ok(())
    }
}

fn too_many() -> Error {
    let most = PacketSet::MOST;
    Error::unsupported(format!("sets of packets with more than {most} parts"))
}
