//! The rules of a chain in the order of their sources.

use super::{Origin, Rule};

/// Which rules of a chain are for which sources of IPv4. A million rules are
/// put in order once, and asked for each port, each packet and each proof.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Of each rule that is for one network, or for all: where the network
    /// begins, how long its prefix is, and the place of the rule.
    keys: Vec<u64>,
    /// The lengths of prefixes that there are, one bit each.
    lengths: u64,
    /// The places of all other rules, ascending.
    others: Vec<u32>,
}

/// A network, and the place of a rule that is for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub first: u32,
    pub last: u32,
    pub at: usize,
}

/// The bits of a place in a key.
const PLACE: u32 = 26;

/// A chain with more rules is not put in order.
const MOST: usize = 1 << PLACE;

impl Order {
    /// `None` where there are too many rules.
    pub(super) fn new(rules: &[Rule]) -> Option<Self> {
        if rules.len() >= MOST {
            return None;
        }
        let mut keys = Vec::with_capacity(rules.len());
        let (mut lengths, mut others) = (0, Vec::new());
        for (at, rule) in rules.iter().enumerate() {
            match rule.origin.prefix() {
                Some((first, length)) => {
                    lengths |= 1 << length;
                    keys.push(key(first, length, at));
                }
                None => others.extend(u32::try_from(at)),
            }
        }
        keys.sort_unstable();
        Some(Self { keys, lengths, others })
    }

    /// The places of the rules that are for neither one network nor all.
    pub(crate) fn others(&self) -> impl Iterator<Item = usize> + '_ {
        self.others.iter().map(|&at| at as usize)
    }

    /// The places of the rules that are for all, ascending.
    pub(crate) fn everyone(&self) -> impl Iterator<Item = usize> + '_ {
        self.of(0, 0)
    }

    /// What [`entry`] makes the networks of, in their order, each before
    /// those within it.
    pub(crate) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The places of all rules that may be for an address from the first to
    /// the last, ascending; `None` where that may be most of them.
    pub(crate) fn meeting(&self, first: u32, last: u32) -> Option<Vec<usize>> {
        let from = self.keys.partition_point(|&k| k >> 32 < first.into());
        let within = self.keys.get(from..).unwrap_or_default();
        let len = within.partition_point(|&k| k >> 32 <= last.into());
        if len > self.keys.len() / 8 {
            return None;
        }
        let mut places: Vec<usize> = self.others().collect();
        let within = within.get(..len).unwrap_or_default();
        places.extend(within.iter().map(|&key| entry(key).at));
        for length in (0..=32).filter(|n| self.lengths >> n & 1 == 1) {
            let start = first & !host(length);
            if start < first {
                places.extend(self.of(start, length));
            }
        }
        // Most are in order already, and this one makes use of that.
        places.sort();
        Some(places)
    }

    /// The places of the rules for one network.
    fn of(&self, first: u32, length: u32) -> impl Iterator<Item = usize> + '_ {
        let least = key(first, length, 0);
        let from = self.keys.partition_point(|&key| key < least);
        let rest = self.keys.get(from..).unwrap_or_default().iter();
        rest.take_while(move |&&key| key >> PLACE == least >> PLACE)
            .map(|&key| entry(key).at)
    }
}

fn key(first: u32, length: u32, at: usize) -> u64 {
    u64::from(first) << 32 | u64::from(length) << PLACE | at as u64
}

/// The entry of the rule at a place for a network.
pub(crate) fn of(rule: &Rule, at: usize) -> Option<u64> {
    let (first, length) = rule.origin.prefix()?;
    (at < MOST).then(|| key(first, length, at))
}

#[expect(clippy::cast_possible_truncation, reason = "the bits are cut out")]
pub(crate) fn entry(key: u64) -> Entry {
    let first = (key >> 32) as u32;
    let length = (key >> PLACE) as u32 & 63;
    let at = (key & (MOST as u64 - 1)) as usize;
    Entry { first, last: first | host(length), at }
}

/// The bits of an address behind a prefix.
fn host(length: u32) -> u32 {
    u32::MAX.checked_shr(length).unwrap_or(0)
}

impl Origin {
    /// The network of IPv4 that it is, or that of all addresses.
    pub(crate) fn prefix(&self) -> Option<(u32, u32)> {
        match *self {
            Self::Any => Some((0, 0)),
            Self::V4 { negated: false, first, last } => {
                let host = first ^ last;
                let whole =
                    host & first == 0 && host & host.wrapping_add(1) == 0;
                whole.then_some((first, host.leading_zeros()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{netfilter::Action, text::At};

    fn rules(all: &[(u32, u32)]) -> Vec<Rule> {
        let rule = |&(first, length): &(u32, u32)| {
            let first = first & !host(length);
            let last = first | host(length);
            let origin = Origin::V4 { negated: false, first, last };
            Rule::of(origin, Vec::new(), Action::Drop, At::new(0, 0))
        };
        all.iter().map(rule).collect()
    }

    proptest! {
        #[test]
        fn what_meets_a_range_is_found(
            all in prop::collection::vec((0_u32..64, 26_u32..=32), 0..40),
            a in 0_u32..64,
            b in 0_u32..64,
        ) {
            let rules = rules(&all);
            let order = Order::new(&rules).unwrap();
            let (first, last) = (a.min(b), a.max(b));
            let meets = |rule: &Rule| {
                let (start, length) = rule.origin.prefix().unwrap();
                start <= last && start | host(length) >= first
            };
            let wanted: Vec<usize> =
                (0..rules.len()).filter(|&at| meets(&rules[at])).collect();
            if let Some(found) = order.meeting(first, last) {
                prop_assert_eq!(found, wanted);
            }
        }

        #[test]
        fn each_network_comes_before_those_within(
            all in prop::collection::vec((any::<u32>(), 0_u32..=32), 0..40),
        ) {
            let order = Order::new(&rules(&all)).unwrap();
            let entries: Vec<_> = order.keys().iter().copied().map(entry).collect();
            prop_assert_eq!(entries.len(), all.len());
            for (n, one) in entries.iter().enumerate() {
                for next in &entries[n..] {
                    let apart = next.first > one.last;
                    let within = next.last <= one.last;
                    prop_assert!(next.first >= one.first && (apart || within));
                }
            }
        }
    }

    #[test]
    fn a_range_that_is_no_network_is_apart() {
        let origin = |first, last| Origin::V4 { negated: false, first, last };
        assert_eq!(origin(0, u32::MAX).prefix(), Some((0, 0)));
        assert_eq!(origin(8, 11).prefix(), Some((8, 30)));
        assert_eq!(origin(9, 12).prefix(), None);
        assert_eq!(origin(8, 10).prefix(), None);
    }
}
