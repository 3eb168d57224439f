use std::{fmt, sync::Arc};

use super::{Ascending, Bounded};

/// A set of numbers as the least list of ranges: sorted, apart from each
/// other, never touching. Two sets are equal exactly if they hold the same.
/// A copy, or the complement, of a set shares what it is made of.
///
/// ```
/// use memsec_core::net::PortSet;
///
/// let a = PortSet::range(1, 10).difference(&PortSet::range(4, 6));
/// assert!(a.ranges().eq([(1, 3), (7, 10)]));
/// assert_eq!(a.union(&PortSet::range(4, 6)), PortSet::range(1, 10));
/// assert_eq!(a.complement().complement(), a);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RangeSet<T> {
    /// Whether the least number is in it.
    inside: bool,
    /// From these on numbers are in it that were not, or are not that were;
    /// `None` where there are none.
    turns: Option<Arc<Ascending<T>>>,
}

impl<T: Bounded> RangeSet<T> {
    /// The set of nothing.
    pub const fn empty() -> Self {
        Self { inside: false, turns: None }
    }

    /// The set of everything.
    pub const fn all() -> Self {
        Self { inside: true, turns: None }
    }

    /// From `first` to `last`, both within; empty if `last` is before `first`.
    pub fn range(first: T, last: T) -> Self {
        Self::from_sorted((first <= last).then_some((first, last)))
    }

    /// The set of one.
    pub fn one(value: T) -> Self {
        Self::range(value, value)
    }

    /// What lies in any of the ranges, in whatever order they come.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let (mut short, mut long) = (Vec::new(), Vec::new());
        for range in ranges.into_iter().filter(|(first, last)| first <= last) {
            match packed(range) {
                Some(range) => short.push(range),
                None => long.push(range),
            }
        }
        // As one number each they are sorted in a fraction of the time.
        short.sort_unstable();
        let short = short.into_iter().map(unpacked);
        if long.is_empty() {
            return Self::from_sorted(short);
        }
        long.extend(short);
        // The stable sort merges what is sorted in parts in linear time.
        long.sort();
        Self::from_sorted(long)
    }

    /// What lies in any of the ranges, which come in ascending order.
    pub(crate) fn from_sorted(
        ranges: impl IntoIterator<Item = (T, T)>,
    ) -> Self {
        let mut ranges = ranges.into_iter();
        let mut turns = Ascending::default();
        let Some((start, mut last)) = ranges.next() else {
            return Self::empty();
        };
        let inside = start == T::MIN;
        if !inside {
            turns.push(start);
        }
        for (first, end) in ranges {
            match last.next() {
                // Something fits between them.
                Some(next) if next < first => {
                    turns.push(next);
                    turns.push(first);
                    last = end;
                }
                _ => last = last.max(end),
            }
        }
        if let Some(end) = last.next() {
            turns.push(end);
        }
        Self::turning(inside, turns)
    }

    /// What begins in or outside of it, and turns at some numbers above the
    /// least.
    pub(crate) fn turning(
        inside: bool,
        turns: impl Into<Arc<Ascending<T>>>,
    ) -> Self {
        Self { inside, turns: Some(turns.into()).filter(|all| !all.is_empty()) }
    }

    /// Where it turns; `None` if it is all or nothing.
    pub(crate) fn turns(&self) -> Option<&Arc<Ascending<T>>> {
        self.turns.as_ref()
    }

    fn len(&self) -> usize {
        self.turns.as_ref().map_or(0, |turns| turns.len())
    }

    /// Whether a number is in it that `turns` turns come up to.
    fn behind(&self, turns: usize) -> bool {
        self.inside != (turns % 2 == 1)
    }

    /// The ranges, first and last within, in ascending order.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = (T, T)> + Clone + '_ {
        let mut turns = self.turns.iter().flat_map(|turns| turns.iter());
        let start = if self.inside { Some(T::MIN) } else { turns.next() };
        let left = (self.len() + usize::from(self.inside)).div_ceil(2);
        Ranges { start, turns, left }
    }

    /// The range that it is, if it is one.
    pub fn only_range(&self) -> Option<(T, T)> {
        let mut ranges = self.ranges();
        ranges.next().filter(|_| ranges.len() == 0)
    }

    /// True if nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.inside && self.turns.is_none()
    }

    /// True if everything is in it.
    pub fn is_all(&self) -> bool {
        self.inside && self.turns.is_none()
    }

    /// True if `value` is in it.
    pub fn contains(&self, value: T) -> bool {
        let turns = self.turns.as_ref();
        self.behind(turns.map_or(0, |turns| turns.up_to(value)))
    }

    /// True if everything from `first` to `last` is in it.
    pub fn covers(&self, first: T, last: T) -> bool {
        self.around(first).is_some_and(|(_, end)| last <= end)
    }

    /// The range that a number is in, if it is in one.
    pub(crate) fn around(&self, value: T) -> Option<(T, T)> {
        let Some(turns) = &self.turns else {
            return self.inside.then_some((T::MIN, T::MAX));
        };
        let at = turns.up_to(value);
        let first = at.checked_sub(1).and_then(|at| turns.get(at));
        let last = turns.get(at).and_then(T::previous);
        let range = (first.unwrap_or(T::MIN), last.unwrap_or(T::MAX));
        self.behind(at).then_some(range)
    }

    /// The least in it.
    pub fn first(&self) -> Option<T> {
        match &self.turns {
            Some(turns) if !self.inside => turns.first(),
            _ => self.inside.then_some(T::MIN),
        }
    }

    /// The greatest in it.
    pub fn last(&self) -> Option<T> {
        match &self.turns {
            Some(turns) if !self.behind(turns.len()) => {
                turns.last()?.previous()
            }
            _ => (!self.is_empty()).then_some(T::MAX),
        }
    }

    /// What is in either.
    pub fn union(&self, other: &Self) -> Self {
        let neither = self.complement().intersection(&other.complement());
        neither.complement()
    }

    /// True if one range of `other` holds all of it.
    fn is_within_one(&self, other: &Self) -> bool {
        let ends = self.first().zip(self.last());
        ends.is_none_or(|(first, last)| other.covers(first, last))
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        if self.turns == other.turns {
            let same = self.inside == other.inside;
            return if same { self.clone() } else { Self::empty() };
        }
        if self.is_within_one(other) {
            return self.clone();
        }
        if other.is_within_one(self) {
            return other.clone();
        }
        let (long, short) = if self.len() < other.len() {
            (other, self)
        } else {
            (self, other)
        };
        let inside = [long.inside, short.inside];
        let turns = match (&long.turns, &short.turns) {
            (Some(long), Some(short)) => long.meet(short, inside),
            // All or nothing is within the other, or the other within it.
            _ => Ascending::default(),
        };
        Self::turning(self.inside && other.inside, turns)
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { inside: !self.inside, turns: self.turns.clone() }
    }

    /// What is in this and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// True if all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        // Most often an end tells.
        let ends = [self.first(), self.last()].into_iter().flatten();
        ends.into_iter().all(|end| other.contains(end))
            && self.difference(other).is_empty()
    }

    /// True if nothing is in both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection(other).is_empty()
    }
}

/// A range in one number, if its ends fit.
fn packed<T: Bounded>((first, last): (T, T)) -> Option<u64> {
    Some(u64::from(first.narrow()?) << 32 | u64::from(last.narrow()?))
}

#[expect(clippy::cast_possible_truncation, reason = "the bits are cut out")]
fn unpacked<T: Bounded>(range: u64) -> (T, T) {
    (T::widened((range >> 32) as u32), T::widened(range as u32))
}

/// The ranges between turns.
#[derive(Clone)]
struct Ranges<T, I> {
    /// Where the next one starts.
    start: Option<T>,
    turns: I,
    left: usize,
}

impl<T: Bounded, I: Iterator<Item = T>> Iterator for Ranges<T, I> {
    type Item = (T, T);

    fn next(&mut self) -> Option<(T, T)> {
        let first = self.start?;
        let end = self.turns.next();
        self.start = end.and_then(|_| self.turns.next());
        self.left -= 1;
        Some((first, end.and_then(T::previous).unwrap_or(T::MAX)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T: Bounded, I: Iterator<Item = T>> ExactSizeIterator for Ranges<T, I> {}

impl<T: Bounded> Default for RangeSet<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Bounded> fmt::Debug for RangeSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ranges()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    type Set = RangeSet<u8>;

    fn any_set() -> impl Strategy<Value = Set> {
        let ranges = prop::collection::vec(any::<(u8, u8)>(), 0..6);
        ranges.prop_map(RangeSet::from_ranges)
    }

    fn members(set: &Set) -> BTreeSet<u8> {
        (0..=u8::MAX).filter(|&n| set.contains(n)).collect()
    }

    /// The same of numbers on both sides of 32 bits, 2^29 for each.
    fn wide(set: &Set) -> RangeSet<u128> {
        let number = |number: u8| u128::from(number) << 29;
        RangeSet::from_ranges(set.ranges().map(|(first, last)| {
            let end = last.next().map_or(u128::MAX, |next| number(next) - 1);
            (number(first), end)
        }))
    }

    proptest! {
        #[test]
        fn great_numbers_are_as_small_ones(a in any_set(), b in any_set()) {
            let (x, y) = (wide(&a), wide(&b));
            prop_assert_eq!(wide(&a.union(&b)), x.union(&y));
            prop_assert_eq!(wide(&a.intersection(&b)), x.intersection(&y));
            prop_assert_eq!(wide(&a.difference(&b)), x.difference(&y));
            prop_assert_eq!(a.is_subset(&b), x.is_subset(&y));
            let starts = x.ranges().map(|(first, _)| first >> 29);
            prop_assert!(starts.eq(a.ranges().map(|(first, _)| first.into())));
        }

        #[test]
        fn it_is_as_a_set_of_members(a in any_set(), b in any_set()) {
            let (x, y) = (members(&a), members(&b));
            prop_assert_eq!(members(&a.union(&b)), &x | &y);
            prop_assert_eq!(members(&a.intersection(&b)), &x & &y);
            prop_assert_eq!(members(&a.difference(&b)), &x - &y);
            prop_assert_eq!(a.is_subset(&b), x.is_subset(&y));
            prop_assert_eq!(a.is_disjoint(&b), x.is_disjoint(&y));
            prop_assert_eq!(a == b, x == y);
            prop_assert_eq!(a.first(), x.first().copied());
            prop_assert_eq!(a.last(), x.last().copied());
        }

        #[test]
        fn it_is_canonical(a in any_set()) {
            let apart = |pair: &[(u8, u8)]| {
                pair[0].0 <= pair[0].1 && pair[0].1 + 1 < pair[1].0
            };
            let ranges: Vec<_> = a.ranges().collect();
            prop_assert_eq!(a.ranges().len(), ranges.len());
            prop_assert!(ranges.windows(2).all(apart));
            prop_assert_eq!(a.complement().complement(), a);
        }

        #[test]
        fn it_covers_what_all_of_is_in_it(a in any_set(), x: u8, y: u8) {
            let (first, last) = (x.min(y), x.max(y));
            let all = (first..=last).all(|n| a.contains(n));
            prop_assert_eq!(a.covers(first, last), all);
        }
    }
}
