//! Many combinations of a few things, as few boxes.

use std::cmp::Ordering;

use super::{Match, Test};
use crate::net::RangeSet;

/// Numbers from the first to the last.
pub(super) type Range = (u128, u128);

/// One set of numbers in each dimension.
pub(super) type Box = Vec<RangeSet<u128>>;

/// Combinations of one range in each dimension.
#[derive(Debug, Default)]
pub(super) struct Boxes(Vec<(Vec<Range>, RangeSet<u128>)>);

impl Boxes {
    /// One that has `spine` in the first dimension.
    pub(super) fn add(&mut self, spine: RangeSet<u128>, rest: Vec<Range>) {
        self.0.push((rest, spine));
    }

    /// The same combinations in fewer boxes: in each dimension in turn,
    /// those that agree in all others become one. The order does not depend
    /// on the order that they came in.
    pub(super) fn finish(self) -> Vec<Box> {
        let dimensions = self.0.first().map_or(0, |(rest, _)| rest.len() + 1);
        let boxes = self.0.into_iter().map(|(rest, spine)| {
            let rest = rest.into_iter().map(|(a, b)| RangeSet::range(a, b));
            std::iter::once(spine).chain(rest).collect()
        });
        (0..dimensions).fold(boxes.collect(), merged)
    }
}

/// Makes one of the boxes that agree in all dimensions but `at`.
fn merged(boxes: Vec<Box>, at: usize) -> Vec<Box> {
    let mut keyed: Vec<(Box, RangeSet<u128>)> = boxes
        .into_iter()
        .map(|mut one| {
            let own = one.get_mut(at).map(std::mem::take).unwrap_or_default();
            (one, own)
        })
        .collect();
    keyed.sort_unstable_by(|(a, x), (b, y)| {
        let both = a.iter().zip(b).chain([(x, y)]);
        let mut orders = both.map(|(a, b)| a.ranges().cmp(b.ranges()));
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    let mut groups: Vec<(Box, Vec<Range>)> = Vec::new();
    for (key, own) in keyed {
        match groups.last_mut() {
            Some((last, all)) if *last == key => all.extend(own.ranges()),
            _ => groups.push((key, own.ranges().collect())),
        }
    }
    let groups = groups.into_iter().map(|(mut one, all)| {
        if let Some(slot) = one.get_mut(at) {
            *slot = RangeSet::from_ranges(all);
        }
        one
    });
    groups.collect()
}

/// Any of several lists of conditions, in the shortest form.
pub(super) fn either(mut all: Vec<Vec<Match>>) -> Test {
    match all.as_mut_slice() {
        [one] => match one.as_mut_slice() {
            [Match { negated: false, .. }] => {
                one.pop().map_or(Test::Unknown, |only| only.test)
            }
            _ => Test::Either(all.into()),
        },
        _ => Test::Either(all.into()),
    }
}

/// Ports and names in more parts than this are shared among rules.
const SHARED: usize = 32;

/// The same condition, which may stand in a million rules.
pub(super) fn shared(test: Test) -> Test {
    let large = match &test {
        Test::SourcePort(set) | Test::DestinationPort(set) => {
            set.ranges().len() > SHARED
        }
        Test::In(names) | Test::Out(names) => names.len() > SHARED,
        Test::Icmp(kinds) => kinds.len() > SHARED,
        _ => false,
    };
    if large { Test::Either([vec![Match::new(test)]].into()) } else { test }
}
