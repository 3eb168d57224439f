//! Numbers that sets are made of.

use std::fmt;

/// A number with an end on either side: what a [`RangeSet`](super::RangeSet) holds.
pub trait Bounded: Copy + Ord + fmt::Debug {
    /// The least one.
    const MIN: Self;
    /// The greatest one.
    const MAX: Self;
    /// The next one, or `None` after the greatest.
    fn next(self) -> Option<Self>;
    /// The one before, or `None` before the least.
    fn previous(self) -> Option<Self>;
    /// In 32 bits; `None` if it is greater.
    fn narrow(self) -> Option<u32>;
    /// What [`Self::narrow`] came from.
    fn widened(narrow: u32) -> Self;
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
            #[allow(
                clippy::allow_attributes,
                clippy::unnecessary_fallible_conversions,
                reason = "of some it is always one"
            )]
            fn narrow(self) -> Option<u32> {
                self.try_into().ok()
            }
            #[allow(
                clippy::allow_attributes,
                clippy::cast_possible_truncation,
                reason = "it came from one that fits"
            )]
            fn widened(narrow: u32) -> Self {
                narrow as Self
            }
        }
    )*};
}

bounded!(u8 u16 u32 u128);
