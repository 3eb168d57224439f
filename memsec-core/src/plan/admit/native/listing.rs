//! The listing of the rules: the chains in which clients can be let in, and
//! the listing with a rule in them.

use std::borrow::Cow;

use serde::Deserialize;

use super::Accept;
use crate::netfilter::listing_objects;

/// Tables that somebody else writes, and writes again.
const OWNED: [&str; 2] = ["memsec", "f2b-table"];

/// More chains than this nobody has.
pub(super) const MOST: usize = 16;

/// A base chain at the input hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub family: String,
    pub table: String,
    pub name: String,
}

impl Chain {
    pub(super) fn words(&self) -> [&str; 3] {
        [&self.family, &self.table, &self.name]
    }
}

/// A name that neither nft nor a pattern takes for anything else.
fn is_plain(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(good)
}

/// Whether clients of a protocol can be let in at a chain.
pub(super) fn is_open(chain: &Chain, protocol: &str) -> bool {
    ["inet", protocol].contains(&chain.family.as_str())
        && !OWNED.contains(&chain.table.as_str())
        && [&chain.table, &chain.name].into_iter().all(|n| is_plain(n))
}

/// A chain, and where in the listing a rule goes that is its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub chain: Chain,
    /// In bytes.
    offset: usize,
    /// Whether that is behind the last object of the listing.
    last: bool,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    chain: Option<Member<'a>>,
    #[serde(borrow)]
    rule: Option<Member<'a>>,
}

/// What is asked of a chain or of a rule.
#[derive(Deserialize)]
struct Member<'a> {
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    table: Cow<'a, str>,
    /// Of a chain.
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    hook: Cow<'a, str>,
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
    /// Of a rule.
    #[serde(borrow, default)]
    chain: Cow<'a, str>,
}

impl Member<'_> {
    /// The chain, if clients of a protocol can be let in there.
    fn chain(&self, protocol: &str) -> Option<Chain> {
        let hooked = self.hook == "input" && self.r#type == "filter";
        let chain = hooked.then(|| Chain {
            family: self.family.to_string(),
            table: self.table.to_string(),
            name: self.name.to_string(),
        });
        chain.filter(|chain| is_open(chain, protocol))
    }

    fn is_in(&self, chain: &Chain) -> bool {
        [&*self.family, &*self.table, &*self.chain] == chain.words()
    }
}

/// The chains in which clients can be let in; `None` for what is no listing.
pub(super) fn places(text: &str, protocol: &str) -> Option<Vec<Place>> {
    let all = listing_objects(text).ok()?;
    let mut places: Vec<Place> = Vec::new();
    let mut rules = Vec::new();
    for &(offset, raw) in &all {
        let Ok(object) = serde_json::from_str::<Object<'_>>(raw) else {
            continue;
        };
        let chain = object.chain.and_then(|chain| chain.chain(protocol));
        places.extend(chain.map(|chain| Place { chain, offset, last: true }));
        rules.extend(object.rule.map(|rule| (rule, offset)));
    }
    let &(end, last) = all.last()?;
    places.truncate(MOST);
    for place in &mut places {
        let mut own = rules.iter().filter(|(rule, _)| rule.is_in(&place.chain));
        let first = own.next().map(|(_, offset)| *offset);
        place.last = first.is_none();
        place.offset = first.unwrap_or(end + last.len());
    }
    Some(places)
}

/// The listing with the rule first in some chains.
pub(super) fn with(text: &str, places: &[Place], accept: &Accept) -> String {
    let mut places: Vec<_> = places.iter().collect();
    places.sort_by_key(|place| place.offset);
    let (mut out, mut from) = (String::with_capacity(text.len() + 1024), 0);
    for place in places {
        out += text.get(from..place.offset).unwrap_or_default();
        let rule = accept.json(&place.chain);
        out += &match place.last {
            true => format!(", {rule}"),
            false => format!("{rule}, "),
        };
        from = place.offset;
    }
    out + text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_pattern_would_read_are_left() {
        for name in ["a b", "a|b", "a.b", "$a", "", "1a"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("filter_INPUT"));
    }
}
