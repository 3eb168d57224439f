//! Many numbers, in little room.

use super::Bounded;

/// Numbers in ascending order: those that fit into 32 bits, and behind them
/// the others. A million addresses of IPv4 take a quarter of the room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ascending<T> {
    narrow: Vec<u32>,
    wide: Vec<T>,
}

impl<T> Default for Ascending<T> {
    fn default() -> Self {
        Self { narrow: Vec::new(), wide: Vec::new() }
    }
}

impl<T: Bounded> Ascending<T> {
    /// Adds one that is greater than all others.
    pub(crate) fn push(&mut self, number: T) {
        match number.narrow() {
            Some(number) => self.narrow.push(number),
            None => self.wide.push(number),
        }
    }

    /// Takes the greatest away.
    pub(crate) fn pop(&mut self) {
        if self.wide.pop().is_none() {
            self.narrow.pop();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.narrow.len() + self.wide.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, at: usize) -> Option<T> {
        match self.narrow.get(at) {
            Some(&number) => Some(T::widened(number)),
            None => self.wide.get(at - self.narrow.len()).copied(),
        }
    }

    pub(crate) fn first(&self) -> Option<T> {
        self.get(0)
    }

    pub(crate) fn last(&self) -> Option<T> {
        self.get(self.len().checked_sub(1)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + Clone + '_ {
        let narrow = self.narrow.iter().map(|&number| T::widened(number));
        narrow.chain(self.wide.iter().copied())
    }

    /// How many are no greater than a number.
    pub(crate) fn up_to(&self, number: T) -> usize {
        match number.narrow() {
            Some(number) => self.narrow.partition_point(|&n| n <= number),
            None => {
                let wide = self.wide.partition_point(|&n| n <= number);
                self.narrow.len() + wide
            }
        }
    }

    /// Those of which `wanted`, asked of each in turn, says yes.
    pub(crate) fn filtered(&self, mut wanted: impl FnMut() -> bool) -> Self {
        let narrow = self.narrow.iter().copied().filter(|_| wanted()).collect();
        let wide = self.wide.iter().copied().filter(|_| wanted()).collect();
        Self { narrow, wide }
    }

    /// Where two sets that turn at these numbers and at those of `other`
    /// both are, turns. Sets begin in or out as `inside` says.
    pub(super) fn meet(&self, other: &Self, inside: [bool; 2]) -> Self {
        let mut out = Self::default();
        let inside =
            meet([&self.narrow, &other.narrow], inside, &mut out.narrow);
        meet([&self.wide, &other.wide], inside, &mut out.wide);
        out.narrow.shrink_to_fit();
        out.wide.shrink_to_fit();
        out
    }
}

/// The turns of what is in both of two sets, by the turns of each; gives
/// whether the sets go on behind the last.
fn meet<U: Copy + Ord>(
    [mut a, mut b]: [&[U]; 2],
    [mut in_a, mut in_b]: [bool; 2],
    out: &mut Vec<U>,
) -> [bool; 2] {
    loop {
        // As far as one set is the same, the other decides all, or nothing.
        let before = match b.first() {
            Some(next) => gallop(a, |turn| turn < next),
            None => a.len(),
        };
        let (part, rest) = a.split_at(before);
        if in_b {
            out.extend_from_slice(part);
        }
        in_a ^= part.len() % 2 == 1;
        a = rest;
        let Some((&turn, rest)) = b.split_first() else {
            return [in_a, in_b];
        };
        b = rest;
        let was = in_a && in_b;
        in_b = !in_b;
        if let Some((_, rest)) = a.split_first().filter(|(x, _)| **x == turn) {
            a = rest;
            in_a = !in_a;
        }
        if was != (in_a && in_b) {
            out.push(turn);
        }
    }
}

/// How many come before the first that does not hold: soon found if they are
/// few.
fn gallop<U>(all: &[U], holds: impl Fn(&U) -> bool) -> usize {
    let mut end = 1;
    while all.get(end - 1).is_some_and(&holds) {
        end *= 2;
    }
    let from = end / 2;
    let within = all.get(from..end.min(all.len())).unwrap_or_default();
    from + within.partition_point(holds)
}
