//! Rules that differ in the source alone: lists of addresses have a million.

use std::{collections::HashMap, net::Ipv4Addr};

use foldhash::fast::RandomState;
use serde_json::{Value, json};

use super::building::Whole;
use crate::{
    netfilter::{Origin, Rule, iptables},
    text::At,
};

/// A rule in two parts: the addresses of its source, first and last, and
/// what it says behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alike<'a> {
    pub range: (u32, u32),
    pub tail: &'a str,
}

/// How nft begins a rule with a source, as JSON.
const MATCH: &str = "[{\"match\": {\"op\": \"==\", \"left\": {\"payload\": \
    {\"protocol\": \"ip\", \"field\": \"saddr\"}}, \"right\": ";

impl<'a> Alike<'a> {
    /// Reads the statements of a rule as nft prints them as JSON.
    pub(super) fn json(statements: &'a str) -> Option<Self> {
        let right = statements.strip_prefix(MATCH)?;
        if let Some(address) = right.strip_prefix('"') {
            let (address, tail) = address.split_once('"')?;
            let range = iptables::network(address.as_bytes())?;
            return Some(Self { range, tail });
        }
        let address = right.strip_prefix("{\"prefix\": {\"addr\": \"")?;
        let (address, rest) = address.split_once("\", \"len\": ")?;
        let (length, tail) = rest.split_once("}}")?;
        let address: Ipv4Addr = address.parse().ok()?;
        let length = length.parse().ok().filter(|length| *length <= 32)?;
        let host = u32::MAX.checked_shr(length).unwrap_or(0);
        let bits = address.to_bits();
        Some(Self { range: (bits & !host, bits | host), tail })
    }

    /// Reads a line of the text that nft lists, if the rule ends with it.
    pub(super) fn line(line: &'a str) -> Option<Self> {
        let rest = line.strip_prefix("ip saddr ")?;
        let (address, tail) = rest.split_once(' ')?;
        let range = iptables::network(address.as_bytes())?;
        is_whole(tail).then_some(Self { range, tail })
    }
}

/// Whether what a line begins also ends in it, and means the same in each
/// place.
fn is_whole(line: &str) -> bool {
    let (mut quoted, mut depth) = (false, 0_usize);
    for byte in line.bytes() {
        match byte {
            b'\\' | b'$' | b';' => return false,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted && depth == 0 => return false,
            b'}' if !quoted => depth -= 1,
            _ => {}
        }
    }
    !quoted && depth == 0
}

/// The first rules of each kind, by their chain and what they say behind the
/// source.
#[derive(Debug, Default)]
pub(super) struct Kinds<'a>(HashMap<(usize, &'a str), u32, RandomState>);

/// More kinds than this are read one by one.
const KINDS: usize = 1 << 16;

impl<'a> Kinds<'a> {
    pub(super) fn find(&self, chain: usize, of: &Alike<'a>) -> Option<u32> {
        self.0.get(&(chain, of.tail)).copied()
    }

    pub(super) fn add(&mut self, chain: usize, of: &Alike<'a>, rule: usize) {
        if let (true, Ok(rule)) = (self.0.len() < KINDS, u32::try_from(rule)) {
            self.0.insert((chain, of.tail), rule);
        }
    }
}

/// What the first rule of a kind came to.
#[derive(Debug)]
pub(super) struct Kind {
    whole: Box<Whole>,
    rule: Option<Rule>,
}

impl Kind {
    /// `rules` are those that the first one came to.
    pub(super) fn new(whole: Box<Whole>, rules: &[Rule]) -> Self {
        let rule = match rules {
            [one] if Some(&one.origin) == whole.origin().as_ref() => {
                Some(one.clone())
            }
            _ => None,
        };
        Self { whole, rule }
    }

    /// The chain that they are in.
    pub(super) fn chain(&self) -> &str {
        &self.whole.chain
    }

    /// Another rule of the kind; what is to be read if it is not so simple.
    pub(super) fn another(
        &self,
        range: (u32, u32),
        at: At,
    ) -> Result<Rule, Box<Whole>> {
        match &self.rule {
            Some(rule) => Ok(rule.with(Some(origin(range)), at)),
            None => Err(Box::new(self.whole.with_source(range, at))),
        }
    }
}

pub(super) fn origin((first, last): (u32, u32)) -> Origin {
    Origin::V4 { negated: false, first, last }
}

/// A range of addresses in the form of libnftables-json(5).
pub(super) fn value((first, last): (u32, u32)) -> Value {
    let ends = [first, last].map(|end| Ipv4Addr::from(end).to_string());
    json!({ "range": ends })
}
