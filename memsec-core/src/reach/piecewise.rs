//! Functions of an address that are the same over long ranges.

use crate::net::RangeSet;

/// A value for every address number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piecewise<T> {
    /// Where each piece starts, ascending from 0, and its value.
    pieces: Vec<(u128, T)>,
}

impl<T: Copy + PartialEq> Piecewise<T> {
    pub(super) fn constant(value: T) -> Self {
        Self { pieces: vec![(0, value)] }
    }

    /// From pieces in ascending order, the first at 0.
    pub(super) fn new(pieces: impl IntoIterator<Item = (u128, T)>) -> Self {
        let mut out: Vec<(u128, T)> = Vec::new();
        for (start, value) in pieces {
            if out.last().is_some_and(|last| last.0 == start) {
                out.pop();
            }
            if out.last().is_none_or(|last| last.1 != value) {
                out.push((start, value));
            }
        }
        Self { pieces: out }
    }

    /// One value within ranges, ascending and apart, and another outside.
    pub(super) fn within(ranges: &[(u128, u128)], value: T, other: T) -> Self {
        let ends = ranges.iter().flat_map(|&(first, last)| {
            let next = last.checked_add(1).map(|next| (next, other));
            [Some((first, value)), next].into_iter().flatten()
        });
        Self::new([(0, other)].into_iter().chain(ends))
    }

    /// The pieces: first and last address, and the value.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (u128, u128, T)> {
        let ends = self.pieces.iter().skip(1).map(|next| next.0 - 1);
        let ends = ends.chain([u128::MAX]);
        self.pieces.iter().zip(ends).map(|(&(start, v), end)| (start, end, v))
    }

    /// The value, if it is the same everywhere.
    pub(super) fn constant_value(&self) -> Option<T> {
        match self.pieces.as_slice() {
            [(_, value)] => Some(*value),
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The addresses whose value is wanted.
    pub(super) fn keep(&self, wanted: impl Fn(T) -> bool) -> RangeSet<u128> {
        let kept = self.pieces().filter(|&(.., value)| wanted(value));
        RangeSet::from_sorted(kept.map(|(start, end, _)| (start, end)))
    }
}
