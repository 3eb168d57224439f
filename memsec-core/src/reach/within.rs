//! The addresses that a rule is for.

use std::borrow::Cow;

use crate::net::RangeSet;

/// The addresses that a rule is for, most often one range: a million rules
/// are judged, and none should have to ask for memory.
#[derive(Clone, Debug)]
pub(super) enum Within<'r> {
    All,
    Range([(u128, u128); 1]),
    Set(Cow<'r, RangeSet<u128>>),
}

impl<'r> Within<'r> {
    pub(super) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// The ranges, first and last within, in ascending order.
    pub(super) fn ranges(&self) -> &[(u128, u128)] {
        match self {
            Self::All => &[(0, u128::MAX)],
            Self::Range(range) => range,
            Self::Set(set) => set.ranges(),
        }
    }

    /// As a set.
    pub(super) fn set(&self) -> Cow<'_, RangeSet<u128>> {
        match self {
            Self::All => Cow::Owned(RangeSet::all()),
            Self::Range([(first, last)]) => {
                Cow::Owned(RangeSet::range(*first, *last))
            }
            Self::Set(set) => Cow::Borrowed(set),
        }
    }

    /// Those of them that are in a set too, or not in it.
    pub(super) fn and(self, set: &'r RangeSet<u128>, negated: bool) -> Self {
        let set = match negated {
            true => Cow::Owned(set.complement()),
            false => Cow::Borrowed(set),
        };
        Self::Set(match self {
            Self::All => set,
            _ => Cow::Owned(self.set().intersection(&set)),
        })
    }
}
