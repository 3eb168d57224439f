use super::{Match, Test};
use crate::net::RangeSet;

/// A condition on the source address: from the first to the last number of
/// it, see [`Family::number`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// None, or one among [`Rule::matches`].
    Any,
    /// Numbers that fit: all those of IPv4.
    V4 { negated: bool, first: u32, last: u32 },
    /// Others.
    V6(Box<Wide>),
}

/// An [`Origin`] of addresses of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wide {
    pub negated: bool,
    pub first: u128,
    pub last: u128,
}

impl Origin {
    pub(super) fn of(condition: &Match) -> Option<Self> {
        let Test::Source(set) = &condition.test else { return None };
        Some(Self::of_range(condition.negated, set.only_range()?))
    }

    /// What is, or if `negated` is not, from the first to the last.
    pub(super) fn of_range(negated: bool, (first, last): (u128, u128)) -> Self {
        match (u32::try_from(first), u32::try_from(last)) {
            (Ok(first), Ok(last)) => Self::V4 { negated, first, last },
            _ => Self::V6(Box::new(Wide { negated, first, last })),
        }
    }

    /// Whether it is negated, and its first and last number; `None` for all.
    pub(crate) fn range(&self) -> Option<(bool, (u128, u128))> {
        match self {
            Self::Any => None,
            Self::V4 { negated, first, last } => {
                Some((*negated, (u128::from(*first), u128::from(*last))))
            }
            Self::V6(wide) => Some((wide.negated, (wide.first, wide.last))),
        }
    }

    /// The addresses, as numbers; `None` for all.
    pub(crate) fn addresses(&self) -> Option<RangeSet<u128>> {
        let (negated, (first, last)) = self.range()?;
        let set = RangeSet::range(first, last);
        Some(if negated { set.complement() } else { set })
    }
}
