use std::collections::BTreeMap;

use crate::{
    net::RangeSet,
    netfilter::{boxes::Range, packed::Packed},
};

/// The addresses of a set that agree in all else.
#[derive(Debug, Default)]
pub(super) struct Networks {
    short: Packed,
    long: Vec<Range>,
    /// Those that do not match.
    without: Vec<Range>,
    /// Those that are gone at some moment.
    timed: Vec<Range>,
}

/// What kind of element it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Without,
    Timed,
    /// One that does not match, and is gone at some moment.
    Passing,
}

impl Networks {
    pub(super) fn short(&mut self, range: (u32, u32)) {
        self.short.push(range);
    }

    pub(super) fn push(&mut self, kind: Kind, range: Range) {
        match kind {
            Kind::Plain => self.long.push(range),
            Kind::Without => self.without.push(range),
            Kind::Timed => self.timed.push(range),
            Kind::Passing => {
                self.without.push(range);
                self.timed.push(range);
            }
        }
    }

    /// All networks, as they were given: those of "nomatch" too.
    pub(super) fn given(&self) -> Vec<Range> {
        let more = self.long.iter().chain(&self.without);
        self.short.ranges().chain(more.copied()).collect()
    }

    /// Lets other networks decide where they are the more specific ones, and
    /// these do not match there.
    pub(super) fn behind(&mut self, others: &[Range]) {
        let own: std::collections::HashSet<Range> =
            self.given().into_iter().collect();
        let others = others.iter().filter(|range| !own.contains(range));
        self.without.extend(others);
    }

    /// True if some do not match.
    pub(super) fn has_without(&self) -> bool {
        !self.without.is_empty()
    }

    /// The addresses that match, and those that may not be there any more.
    /// `None` if that also decides which others match.
    pub(super) fn finish(mut self) -> Option<[RangeSet<u128>; 2]> {
        let timed = RangeSet::from_ranges(self.timed);
        if self.without.is_empty() && self.long.is_empty() {
            return Some([self.short.finish(), timed]);
        }
        let long = std::mem::take(&mut self.long);
        let all = self.short.ranges().chain(long);
        if self.without.is_empty() {
            return Some([RangeSet::from_ranges(all), timed]);
        }
        let all = most_specific(all, self.without);
        timed.is_empty().then_some([all, timed])
    }
}

/// ip_set_hash_gen.h looks for the longest prefix first.
fn most_specific(
    with: impl Iterator<Item = Range>,
    without: Vec<Range>,
) -> RangeSet<u128> {
    // The wider a network, the less it counts.
    let mut widths: BTreeMap<u128, [Vec<Range>; 2]> = BTreeMap::new();
    for (first, last) in with {
        let [with, _] = widths.entry(last - first).or_default();
        with.push((first, last));
    }
    for (first, last) in without {
        let [_, without] = widths.entry(last - first).or_default();
        without.push((first, last));
    }
    let mut all = RangeSet::empty();
    for [with, without] in widths.into_values().rev() {
        all = all.union(&RangeSet::from_ranges(with));
        if !without.is_empty() {
            all = all.difference(&RangeSet::from_ranges(without));
        }
    }
    all
}
