//! Sets of addresses, by the ranges that they are made of.

use std::collections::BTreeMap;

/// The first and the last number of a range of addresses.
pub(super) type Range = (u128, u128);

/// Addresses of one family as numbers: the last of each range by its first.
/// The ranges neither meet nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Segments(BTreeMap<u128, u128>);

impl Segments {
    pub(super) fn of(ranges: impl IntoIterator<Item = Range>) -> Self {
        let mut all = Self::default();
        ranges.into_iter().for_each(|range| all.insert(range));
        all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = Range> + '_ {
        self.0.iter().map(|(&first, &last)| (first, last))
    }

    pub(super) fn first(&self) -> Option<u128> {
        self.0.keys().next().copied()
    }

    /// Takes the addresses of a range out, and gives those that were there.
    pub(super) fn take(&mut self, (first, last): Range) -> Vec<Range> {
        let mut taken = Vec::new();
        if first > last {
            return taken;
        }
        let before = self.0.range(..first).next_back();
        if let Some((&start, &end)) = before.filter(|(_, end)| **end >= first) {
            // It holds addresses below the range, so there is a number below.
            self.0.insert(start, first.saturating_sub(1));
            self.0.insert(first, end);
        }
        while let Some((&start, &end)) = self.0.range(first..=last).next() {
            self.0.remove(&start);
            taken.push((start, end.min(last)));
            if end > last {
                self.0.insert(last.saturating_add(1), end);
            }
        }
        taken
    }

    pub(super) fn insert(&mut self, (mut first, mut last): Range) {
        if first > last {
            return;
        }
        self.take((first, last));
        let touches = |end: u128, start: u128| {
            end.checked_add(1).is_some_and(|next| next == start)
        };
        let before = self.0.range(..first).next_back();
        if let Some((&start, _)) = before.filter(|(_, e)| touches(**e, first)) {
            self.0.remove(&start);
            first = start;
        }
        let after = self.0.range(last..).next();
        if let Some((&start, &end)) = after.filter(|(s, _)| touches(last, **s))
        {
            self.0.remove(&start);
            last = end;
        }
        self.0.insert(first, last);
    }

    pub(super) fn add(&mut self, other: &Self) {
        other.ranges().for_each(|range| self.insert(range));
    }

    pub(super) fn without(mut self, other: &Self) -> Self {
        for range in other.ranges() {
            self.take(range);
        }
        self
    }

    /// The addresses that are in a range as well.
    pub(super) fn within(&self, ranges: &[Range]) -> Self {
        let mut rest = self.clone();
        Self::of(ranges.iter().flat_map(|&range| rest.take(range)))
    }

    pub(super) fn meet(&self, other: &Self) -> Self {
        self.within(&other.ranges().collect::<Vec<_>>())
    }

    #[cfg(test)]
    fn holds(&self, number: u128) -> bool {
        let before = self.0.range(..=number).next_back();
        before.is_some_and(|(_, &last)| last >= number)
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.clone().without(other).is_empty()
    }
}

/// The addresses that are in none of some ranges.
pub(super) fn complement(all: Range, ranges: &[Range]) -> Vec<Range> {
    let mut rest = Segments::of([all]);
    for &range in ranges {
        rest.take(range);
    }
    rest.ranges().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = Vec<Range>> {
        let range = (0u128..40, 0u128..12).prop_map(|(a, n)| (a, a + n));
        proptest::collection::vec(range, 0..6)
    }

    fn has(ranges: &[Range], number: u128) -> bool {
        ranges.iter().any(|&(a, b)| (a..=b).contains(&number))
    }

    proptest! {
        #[test]
        fn sets_are_what_their_members_are(
            one in set(), other in set(), number in 0u128..60
        ) {
            let (a, b) = (Segments::of(one.clone()), Segments::of(other.clone()));
            let (in_a, in_b) = (has(&one, number), has(&other, number));
            prop_assert_eq!(a.holds(number), in_a);
            prop_assert_eq!(a.meet(&b).holds(number), in_a && in_b);
            prop_assert_eq!(
                a.clone().without(&b).holds(number), in_a && !in_b
            );
            let mut both = a.clone();
            both.add(&b);
            prop_assert_eq!(both.holds(number), in_a || in_b);
            prop_assert!(a.is_within(&both) && b.is_within(&both));
            let rest = complement((0, 60), &one);
            prop_assert_eq!(has(&rest, number), !in_a);
        }

        #[test]
        fn one_set_has_one_form(one in set()) {
            let mut back = one.clone();
            back.reverse();
            prop_assert_eq!(Segments::of(one), Segments::of(back));
        }
    }
}
