//! Reads what `ipset save` prints.

use std::collections::{BTreeMap, BTreeSet};

use super::{rules::Field, segments::Range, words::addresses};

/// Sets of addresses by their names. Others are not read.
#[derive(Debug, Default)]
pub(super) struct Sets(BTreeMap<String, Vec<Range>>);

impl Sets {
    pub(super) fn new(text: &str) -> Self {
        let mut sets = Self::default();
        let mut odd = BTreeSet::new();
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                ["create", name, "hash:ip" | "hash:net", ..] => {
                    sets.0.insert((*name).to_owned(), Vec::new());
                }
                ["add", name, entry, rest @ ..] => {
                    let plain = !rest.contains(&"nomatch")
                        && !rest.contains(&"timeout");
                    let range = addresses(entry).filter(|_| plain);
                    match (sets.0.get_mut(*name), range) {
                        (Some(set), Some(range)) => set.push(range),
                        _ => drop(odd.insert((*name).to_owned())),
                    }
                }
                _ => {}
            }
        }
        sets.0.retain(|name, _| !odd.contains(name));
        sets
    }

    /// Takes a set away that rules change.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The condition that an address is in a set.
    pub(super) fn field(&self, name: &str, of: &str) -> Option<Field> {
        let set = self.0.get(name)?.clone();
        match of {
            "src" => Some(Field::Source(set)),
            "dst" => Some(Field::Destination(set)),
            _ => None,
        }
    }
}

/// The sets that rules of a text of iptables change.
pub(super) fn changed(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.contains("-j SET "));
    let all = lines.flat_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let pairs = words.windows(2).filter_map(|pair| match pair {
            ["--add-set" | "--del-set" | "--map-set", name] => {
                Some((*name).to_owned())
            }
            _ => None,
        });
        pairs.collect::<Vec<_>>()
    });
    all.collect()
}
