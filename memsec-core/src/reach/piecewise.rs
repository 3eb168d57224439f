//! Functions of an address that are the same over long ranges.

use crate::net::RangeSet;

/// A value for every address number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piecewise<T> {
    /// Where each piece starts, ascending from 0: those that fit, and behind
    /// them the others. A million pieces of IPv4 take a quarter of the room.
    narrow: Vec<u32>,
    wide: Vec<u128>,
    values: Vec<T>,
}

impl<T: Copy + PartialEq> Piecewise<T> {
    pub(super) fn constant(value: T) -> Self {
        Self::new([(0, value)])
    }

    /// From pieces in ascending order, the first at 0.
    pub(super) fn new(pieces: impl IntoIterator<Item = (u128, T)>) -> Self {
        let (narrow, wide, values) = Default::default();
        let mut out = Self { narrow, wide, values };
        for (start, value) in pieces {
            out.push(start, value);
        }
        out
    }

    /// Adds a piece that starts no sooner than all others. What starts at
    /// the same address goes away.
    pub(super) fn push(&mut self, start: u128, value: T) {
        let last = self.values.len().checked_sub(1);
        if last.and_then(|at| self.start(at)) == Some(start) {
            self.values.pop();
            if self.wide.pop().is_none() {
                self.narrow.pop();
            }
        }
        if self.values.last() != Some(&value) {
            match u32::try_from(start) {
                Ok(start) => self.narrow.push(start),
                Err(_) => self.wide.push(start),
            }
            self.values.push(value);
        }
    }

    fn start(&self, at: usize) -> Option<u128> {
        match self.narrow.get(at) {
            Some(&start) => Some(start.into()),
            None => self.wide.get(at - self.narrow.len()).copied(),
        }
    }

    /// One value within ranges, ascending and apart, and another outside.
    pub(super) fn within(ranges: &[(u128, u128)], value: T, other: T) -> Self {
        let ends = ranges.iter().flat_map(|&(first, last)| {
            let next = last.checked_add(1).map(|next| (next, other));
            [Some((first, value)), next].into_iter().flatten()
        });
        Self::new([(0, other)].into_iter().chain(ends))
    }

    fn starts(&self) -> impl Iterator<Item = u128> + '_ {
        let narrow = self.narrow.iter().map(|&start| start.into());
        narrow.chain(self.wide.iter().copied())
    }

    /// The pieces: first and last address, and the value.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (u128, u128, T)> {
        let ends = self.starts().skip(1).map(|next| next - 1);
        let pieces = self.starts().zip(ends.chain([u128::MAX]));
        let pieces = pieces.zip(self.values.iter().copied());
        pieces.map(|((start, end), value)| (start, end, value))
    }

    /// The values at the addresses from the first to the last.
    pub(super) fn meeting(
        &self,
        (first, last): (u128, u128),
    ) -> impl Iterator<Item = T> + '_ {
        let narrow = self.narrow.partition_point(|&n| u128::from(n) <= first);
        let wide = self.wide.partition_point(|&n| n <= first);
        let from = (narrow + wide).saturating_sub(1);
        let rest = self.values.get(from..).unwrap_or_default().iter();
        let starts = (from..).map_while(|at| self.start(at));
        let pieces = starts.zip(rest.copied());
        pieces.take_while(move |(start, _)| *start <= last).map(|(_, v)| v)
    }

    /// At each address what `join` makes of both values there.
    pub(super) fn joined(
        &self,
        other: &Self,
        join: impl Fn(T, T) -> T,
    ) -> Self {
        let mut out = Self::new([]);
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
        out
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
        let kept = self.pieces().filter(|&(.., value)| wanted(value));
        RangeSet::from_sorted(kept.map(|(start, end, _)| (start, end)))
    }
}
