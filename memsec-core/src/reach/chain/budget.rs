//! A bound on the work for one answer.

use std::cell;

/// How much work an answer may take, in rules looked at and pieces made.
#[derive(Debug)]
pub(in crate::reach) struct Budget(cell::Cell<u64>);

/// The answer would take too much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::reach) struct TooMuch;

impl Budget {
    pub(in crate::reach) fn new(work: u64) -> Self {
        Self(cell::Cell::new(work))
    }

    pub(in crate::reach) fn spend(&self, work: usize) -> Result<(), TooMuch> {
        let left = self.0.get().checked_sub(work as u64).ok_or(TooMuch)?;
        self.0.set(left);
        Ok(())
    }
}
