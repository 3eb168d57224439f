//! Functions of an address that are the same over long ranges.

use std::sync::Arc;

use crate::net::{Ascending, RangeSet};

/// A value for every address number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piecewise<T> {
    /// Where each piece but the first starts; shared with sets that begin
    /// and end there.
    starts: Arc<Ascending<u128>>,
    values: Vec<T>,
}

/// A function that is being made, from the least address on.
#[derive(Debug)]
pub(super) struct Pieces<T> {
    starts: Ascending<u128>,
    values: Vec<T>,
}

impl<T: Copy + PartialEq> Pieces<T> {
    pub(super) fn new() -> Self {
        Self { starts: Ascending::default(), values: Vec::new() }
    }

    /// Adds a piece that starts no sooner than all others, and at 0 if it is
    /// the first. What starts at the same address goes away.
    pub(super) fn push(&mut self, start: u128, value: T) {
        if start == 0 {
            self.values.clear();
        } else if self.starts.last() == Some(start) {
            self.values.pop();
            self.starts.pop();
        }
        match self.values.last() {
            Some(last) if *last == value => return,
            Some(_) => self.starts.push(start),
            None => {}
        }
        self.values.push(value);
    }

    pub(super) fn finish(self) -> Piecewise<T> {
        Piecewise { starts: Arc::new(self.starts), values: self.values }
    }
}

impl<T: Copy + PartialEq> Piecewise<T> {
    pub(super) fn constant(value: T) -> Self {
        Self { starts: Arc::default(), values: vec![value] }
    }

    /// From pieces in ascending order, the first at 0.
    pub(super) fn new(pieces: impl IntoIterator<Item = (u128, T)>) -> Self {
        let mut out = Pieces::new();
        for (start, value) in pieces {
            out.push(start, value);
        }
        out.finish()
    }

    /// One value within a set, and another one outside.
    pub(super) fn within(set: &RangeSet<u128>, value: T, other: T) -> Self {
        let (mut now, mut next) = (other, value);
        if set.contains(0) {
            std::mem::swap(&mut now, &mut next);
        }
        let Some(starts) = set.turns().filter(|_| value != other) else {
            return Self::constant(now);
        };
        let values = [now, next].into_iter().cycle().take(starts.len() + 1);
        Self { starts: Arc::clone(starts), values: values.collect() }
    }

    fn starts(&self) -> impl Iterator<Item = u128> + '_ {
        std::iter::once(0).chain(self.starts.iter())
    }

    /// The pieces: first and last address, and the value.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (u128, u128, T)> {
        let ends = self.starts.iter().map(|next| next - 1);
        let pieces = self.starts().zip(ends.chain([u128::MAX]));
        let pieces = pieces.zip(self.values.iter().copied());
        pieces.map(|((start, end), value)| (start, end, value))
    }

    /// The values at the addresses from the first to the last.
    pub(super) fn meeting(
        &self,
        (first, last): (u128, u128),
    ) -> impl Iterator<Item = T> + '_ {
        let (from, to) = (self.starts.up_to(first), self.starts.up_to(last));
        let values = self.values.get(from..=to).unwrap_or_default();
        values.iter().copied()
    }

    /// What starts at these addresses and at 0, where neighbours may have the
    /// same value.
    fn of(starts: &Arc<Ascending<u128>>, mut values: Vec<T>) -> Self {
        let mut pairs = values.windows(2);
        if pairs.all(differ) {
            return Self { starts: Arc::clone(starts), values };
        }
        let mut pairs = values.windows(2);
        let starts = starts.filtered(|| pairs.next().is_some_and(differ));
        values.dedup();
        Self { starts: Arc::new(starts), values }
    }

    /// At each address what `change` makes of the value there.
    pub(super) fn map<U: Copy + PartialEq>(
        &self,
        change: impl Fn(T) -> U,
    ) -> Piecewise<U> {
        let values = self.values.iter().map(|value| change(*value));
        Piecewise::of(&self.starts, values.collect())
    }

    /// Within a set what `change` makes of the value there, and another one
    /// outside.
    pub(super) fn inside(
        &self,
        set: &RangeSet<u128>,
        change: impl Fn(T) -> T,
        other: T,
    ) -> Self {
        let mut out = Pieces::new();
        out.push(0, other);
        for (first, last) in set.ranges() {
            let from = self.starts.up_to(first);
            let starts = std::iter::once(first);
            let starts =
                starts.chain((from..).map_while(|at| self.starts.get(at)));
            for (start, value) in starts.zip(self.meeting((first, last))) {
                out.push(start, change(value));
            }
            if let Some(next) = last.checked_add(1) {
                out.push(next, other);
            }
        }
        out.finish()
    }

    /// At each address what `join` makes of both values there.
    pub(super) fn joined(
        &self,
        other: &Self,
        join: impl Fn(T, T) -> T,
    ) -> Self {
        match (self.constant_value(), other.constant_value()) {
            (_, Some(value)) => return self.map(|own| join(own, value)),
            (Some(own), _) => return other.map(|value| join(own, value)),
            _ => {}
        }
        let mut out = Pieces::new();
        let (mut left, mut right) = (self.pieces(), other.pieces());
        let (mut a, mut b) = (left.next(), right.next());
        while let (Some(x), Some(y)) = (a, b) {
            out.push(x.0.max(y.0), join(x.2, y.2));
            if x.1 <= y.1 {
                a = left.next();
            }
            if y.1 <= x.1 {
                b = right.next();
            }
        }
        out.finish()
    }

    /// The value, if it is the same everywhere.
    pub(super) fn constant_value(&self) -> Option<T> {
        match self.values.as_slice() {
            [value] => Some(*value),
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The addresses whose value is wanted.
    pub(super) fn keep(&self, wanted: impl Fn(T) -> bool) -> RangeSet<u128> {
        let kept = self.map(wanted);
        let inside = kept.values.first() == Some(&true);
        RangeSet::turning(inside, kept.starts)
    }
}

fn differ<T: PartialEq>(pair: &[T]) -> bool {
    matches!(pair, [before, value] if before != value)
}
