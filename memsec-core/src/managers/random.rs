//! Numbers and choices for configurations at random.

use std::ops::RangeInclusive;

/// A generator of numbers that is the same on each run (xorshift64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    pub(super) fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn some(
        &mut self,
        most: usize,
        mut one: impl FnMut(&mut Self) -> String,
    ) -> String {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }
}

/// Seeds "FIRST-LAST" of the environment, or those from 1.
pub(super) fn seeds(last: u64) -> RangeInclusive<u64> {
    let given = std::env::var("MEMSEC_REAL_SEEDS").unwrap_or_default();
    let mut ends = given.split('-').map(str::parse);
    match (ends.next(), ends.next()) {
        (Some(Ok(first)), Some(Ok(last))) => first..=last,
        _ => 1..=last,
    }
}
