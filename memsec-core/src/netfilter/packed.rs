//! Many addresses of IPv4, in little room.

use crate::net::RangeSet;

/// Ranges of IPv4 addresses, in any order: of each, the first in the upper
/// half of a number and the last in the lower.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Packed(Vec<u64>);

impl Packed {
    pub(super) fn push(&mut self, (first, last): (u32, u32)) {
        self.0.push(u64::from(first) << 32 | u64::from(last));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges as they came.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u128, u128)> + '_ {
        self.0.iter().map(|both| {
            let (first, last) = (both >> 32, both & u64::from(u32::MAX));
            (u128::from(first), u128::from(last))
        })
    }

    pub(super) fn finish(&self) -> RangeSet<u128> {
        RangeSet::from_ranges(self.ranges())
    }
}
