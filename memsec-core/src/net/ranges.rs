use std::fmt;

/// A number with an end on either side: what a [`RangeSet`] holds.
pub trait Bounded: Copy + Ord + fmt::Debug {
    /// The least one.
    const MIN: Self;
    /// The greatest one.
    const MAX: Self;
    /// The next one, or `None` after the greatest.
    fn next(self) -> Option<Self>;
    /// The one before, or `None` before the least.
    fn previous(self) -> Option<Self>;
}

macro_rules! bounded {
    ($($number:ty)*) => {$(
        impl Bounded for $number {
            const MIN: Self = Self::MIN;
            const MAX: Self = Self::MAX;
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )*};
}

bounded!(u8 u16 u32 u128);

/// A set of numbers as the least list of ranges: sorted, apart from each
/// other, never touching. Two sets are equal exactly if they hold the same.
///
/// ```
/// use memsec_core::net::PortSet;
///
/// let a = PortSet::range(1, 10).difference(&PortSet::range(4, 6));
/// assert_eq!(a.ranges(), [(1, 3), (7, 10)]);
/// assert_eq!(a.union(&PortSet::range(4, 6)), PortSet::range(1, 10));
/// assert_eq!(a.complement().complement(), a);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RangeSet<T>(Vec<(T, T)>);

impl<T: Bounded> RangeSet<T> {
    /// The set of nothing.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// The set of everything.
    pub fn all() -> Self {
        Self(vec![(T::MIN, T::MAX)])
    }

    /// From `first` to `last`, both within; empty if `last` is before `first`.
    pub fn range(first: T, last: T) -> Self {
        if first <= last { Self(vec![(first, last)]) } else { Self::empty() }
    }

    /// The set of one.
    pub fn one(value: T) -> Self {
        Self(vec![(value, value)])
    }

    /// What lies in any of the ranges, in whatever order they come.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (T, T)>) -> Self {
        let mut ranges: Vec<_> =
            ranges.into_iter().filter(|(first, last)| first <= last).collect();
        // The stable sort merges what is sorted in parts in linear time.
        ranges.sort();
        Self::from_sorted(ranges)
    }

    /// What lies in any of the ranges, which come in ascending order.
    pub(crate) fn from_sorted(
        ranges: impl IntoIterator<Item = (T, T)>,
    ) -> Self {
        let mut out: Vec<(T, T)> = Vec::new();
        for (first, last) in ranges {
            match out.last_mut() {
                // Nothing fits between them: they are one.
                Some((_, end)) if end.next().is_none_or(|n| first <= n) => {
                    *end = last.max(*end);
                }
                _ => out.push((first, last)),
            }
        }
        Self(out)
    }

    /// The ranges, first and last within, in ascending order.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.0
    }

    /// True if nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if everything is in it.
    pub fn is_all(&self) -> bool {
        self.0.first() == Some(&(T::MIN, T::MAX))
    }

    /// True if `value` is in it.
    pub fn contains(&self, value: T) -> bool {
        let at = self.0.partition_point(|&(_, last)| last < value);
        self.0.get(at).is_some_and(|&(first, _)| first <= value)
    }

    /// True if everything from `first` to `last` is in it.
    pub fn covers(&self, first: T, last: T) -> bool {
        let at = self.0.partition_point(|&(_, end)| end < last);
        self.0.get(at).is_some_and(|range| range.0 <= first && last <= range.1)
    }

    /// The least in it.
    pub fn first(&self) -> Option<T> {
        self.0.first().map(|range| range.0)
    }

    /// What is in either.
    pub fn union(&self, other: &Self) -> Self {
        let (mut left, mut right) =
            (self.0.iter().peekable(), other.0.iter().peekable());
        let merged = std::iter::from_fn(|| match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a > b => right.next(),
            (None, _) => right.next(),
            _ => left.next(),
        });
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other.clone(),
            (_, true) => self.clone(),
            _ => Self::from_sorted(merged.copied()),
        }
    }

    /// True if one range of `other` holds all of it.
    fn is_within_one(&self, other: &Self) -> bool {
        let ends = self.0.first().zip(self.0.last());
        ends.is_none_or(|(first, last)| other.covers(first.0, last.1))
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        if self.is_within_one(other) {
            return self.clone();
        }
        if other.is_within_one(self) {
            return other.clone();
        }
        let (mut left, mut right) = (self.0.iter(), other.0.iter());
        let (mut a, mut b) = (left.next(), right.next());
        let mut out = Vec::new();
        while let (Some(x), Some(y)) = (a, b) {
            let (first, last) = (x.0.max(y.0), x.1.min(y.1));
            if first <= last {
                out.push((first, last));
            }
            if x.1 < y.1 {
                a = left.next();
            } else {
                b = right.next();
            }
        }
        Self(out)
    }

    /// The same, where this one is needed no longer.
    pub(crate) fn intersected(self, other: &Self) -> Self {
        if self.is_within_one(other) { self } else { self.intersection(other) }
    }

    /// What is not in it.
    pub fn complement(&self) -> Self {
        let mut out = Vec::with_capacity(self.0.len() + 1);
        let mut start = Some(T::MIN);
        for &(first, last) in &self.0 {
            if let (Some(start), Some(end)) = (start, first.previous()) {
                if start <= end {
                    out.push((start, end));
                }
            }
            start = last.next();
        }
        if let Some(start) = start {
            out.push((start, T::MAX));
        }
        Self(out)
    }

    /// What is in this and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// True if all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        // Of two lists of ranges apart, one range lies within one.
        self.0.iter().all(|&(first, last)| other.covers(first, last))
    }

    /// True if nothing is in both.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection(other).is_empty()
    }
}

impl<T: Bounded> Default for RangeSet<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Bounded> fmt::Debug for RangeSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.0).finish()
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

    proptest! {
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
        }

        #[test]
        fn it_is_canonical(a in any_set()) {
            let apart = |pair: &[(u8, u8)]| {
                pair[0].0 <= pair[0].1 && pair[0].1 + 1 < pair[1].0
            };
            prop_assert!(a.ranges().windows(2).all(apart));
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
