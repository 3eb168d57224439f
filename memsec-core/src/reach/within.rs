//! The addresses that a rule is for.

use crate::net::RangeSet;

/// The addresses that a rule is for, most often one range: a million rules
/// are judged, and none should have to ask for memory.
#[derive(Clone, Debug)]
pub(super) enum Within {
    All,
    Range((u128, u128)),
    Set(RangeSet<u128>),
}

impl Within {
    pub(super) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// The ranges, first and last within, in ascending order.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u128, u128)> + '_ {
        let (one, several) = match self {
            Self::All => (Some((0, u128::MAX)), None),
            Self::Range(range) => (Some(*range), None),
            Self::Set(set) => (None, Some(set.ranges())),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }

    /// True if all addresses from the first to the last are among them.
    pub(super) fn covers(&self, first: u128, last: u128) -> bool {
        match self {
            Self::All => true,
            Self::Range((start, end)) => *start <= first && last <= *end,
            Self::Set(set) => set.covers(first, last),
        }
    }

    /// How many ranges there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::All | Self::Range(_) => 1,
            Self::Set(set) => set.ranges().len(),
        }
    }

    /// As a set.
    pub(super) fn set(&self) -> RangeSet<u128> {
        match self {
            Self::All => RangeSet::all(),
            Self::Range((first, last)) => RangeSet::range(*first, *last),
            Self::Set(set) => set.clone(),
        }
    }

    /// Those of them that are in a set too, or not in it.
    pub(super) fn and(self, set: &RangeSet<u128>, negated: bool) -> Self {
        let set = if negated { set.complement() } else { set.clone() };
        Self::Set(match self {
            Self::All => set,
            _ => self.set().intersection(&set),
        })
    }
}
