//! What the proofs of truth/reach say, and what they take for granted.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    Cidr,
    net::{Family, RangeSet},
};

pub(super) type Pairs = Vec<(RangeSet<u128>, RangeSet<u128>)>;

/// A relation of verified.jsonl: sources and the destinations they reach.
pub(super) fn relation(accept: &Value) -> Pairs {
    let set = |value: &Value| {
        let ranges = value.as_array().unwrap().iter().map(|range| {
            let end = |i: usize| range[i].as_str().unwrap().parse().unwrap();
            (end(0), end(1))
        });
        RangeSet::<u128>::from_ranges(ranges)
    };
    let pairs = accept.as_array().unwrap().iter();
    pairs.map(|pair| (set(&pair[0]), set(&pair[1]))).collect()
}

pub(super) fn reaching(pairs: &Pairs, to: u128) -> RangeSet<u128> {
    let mut all = RangeSet::empty();
    for (from, _) in pairs.iter().filter(|(_, all)| all.contains(to)) {
        all = all.union(from);
    }
    all
}

/// Destinations between which the relations tell, at most some.
pub(super) fn destinations(pairs: &[&Pairs]) -> Vec<u128> {
    let sets = pairs.iter().flat_map(|pairs| pairs.iter().map(|p| &p.1));
    let ranges = sets.flat_map(|set| set.ranges());
    let mut all: Vec<u128> =
        ranges.flat_map(|(first, last)| [first, last]).collect();
    all.extend([0, 0x0a00_0001]);
    all.sort_unstable();
    all.dedup();
    let step = all.len() / 12 + 1;
    all.into_iter().step_by(step).collect()
}

/// What the proof takes the interfaces to have, lo always: lines like
/// "eth0 = [10.0.0.0/8]", or "= all_but_those_ips [...]".
pub(super) fn assigned(
    path: &Path,
    family: Family,
) -> Vec<(String, RangeSet<u128>)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.split(']').filter_map(|line| {
        let (name, list) = line.trim().split_once(" = ")?;
        let (kind, list) = list.split_once('[')?;
        let parts = list.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        let parts = parts.flat_map(|part| match part.split_once('-') {
            Some((first, last)) => {
                let number = |text: &str| Family::number(text.parse().unwrap());
                vec![(number(first), number(last))]
            }
            None => {
                let (address, prefix) = part.split_once('/').unwrap();
                let address = address.parse().unwrap();
                let prefix = prefix.parse().unwrap();
                vec![Cidr::truncated(address, prefix).unwrap().bounds()]
            }
        });
        let set = RangeSet::from_ranges(parts);
        let but = kind.contains("all_but");
        Some((name.to_owned(), if but { set.complement() } else { set }))
    });
    let lo = ("lo".to_owned(), loopback(family));
    let others: Vec<_> = lines.filter(|(name, _)| name != "lo").collect();
    std::iter::once(lo).chain(others).collect()
}

/// What the proof takes lo to have.
pub(super) fn loopback(family: Family) -> RangeSet<u128> {
    match family {
        Family::Ipv4 => RangeSet::range(0x7f00_0000, 0x7fff_ffff),
        Family::Ipv6 => RangeSet::one(1),
    }
}
