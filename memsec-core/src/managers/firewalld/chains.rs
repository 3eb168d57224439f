//! Rules as firewalld has them, before nft or iptables does.

use std::collections::HashMap;

use super::value::Address;
use crate::{net::Family, text::Place};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Family(Family),
    From(Address),
    To(Address),
    /// A set, and whether its entries are destinations.
    Set(String, bool),
    Mac(String),
    In(String),
    Out(String),
    Protocol(String),
    Dport(String, (u16, u16)),
    Sport(String, (u16, u16)),
    /// Conntrack states, in lower case.
    State(&'static [&'static str]),
    Dnat,
    AnyIcmp,
    Icmp(Family, u8, Option<u8>),
    /// Something that time decides.
    Rate,
    /// No route leads back to the source by the interface it came in by.
    NoWayBack,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Accept,
    Drop,
    Reject,
    Jump(String),
    Goto(String),
    /// To an address, or to the host itself; a port where it changes.
    Translate(Option<Address>, Option<(u16, u16)>),
    Masquerade,
    Mark,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Each test, and whether it must fail.
    pub tests: Vec<(Test, bool)>,
    pub act: Act,
    pub place: Option<Place>,
    /// Where it goes among others: the lower, the earlier.
    pub priority: i32,
}

impl Rule {
    pub(super) fn new(tests: Vec<Test>, act: Act) -> Self {
        let tests = tests.into_iter().map(|test| (test, false)).collect();
        Self { tests, act, place: None, priority: 0 }
    }

    pub(super) fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    pub(super) fn not(mut self, test: Test) -> Self {
        self.tests.push((test, true));
        self
    }
}

#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub table: &'static str,
    pub name: String,
    /// True if the kernel enters it.
    pub base: bool,
    pub rules: Vec<Rule>,
}

/// The chains, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Chains {
    all: Vec<Chain>,
    index: HashMap<(&'static str, String), usize>,
}

impl Chains {
    /// Makes a chain, unless it is there.
    pub(super) fn make(&mut self, table: &'static str, name: &str, base: bool) {
        let next = self.all.len();
        let at = *self.index.entry((table, name.to_owned())).or_insert(next);
        if at == next {
            let (name, rules) = (name.to_owned(), Vec::new());
            self.all.push(Chain { table, name, base, rules });
        }
    }

    /// Adds rules to the end of a chain.
    pub(super) fn extend(
        &mut self,
        table: &'static str,
        name: &str,
        rules: impl IntoIterator<Item = Rule>,
    ) {
        self.make(table, name, false);
        let at = self.index.get(&(table, name.to_owned()));
        if let Some(chain) = at.and_then(|&at| self.all.get_mut(at)) {
            chain.rules.extend(rules);
        }
    }

    pub(super) fn push(&mut self, table: &'static str, name: &str, rule: Rule) {
        self.extend(table, name, [rule]);
    }

    pub(super) fn has(&self, table: &'static str, name: &str) -> bool {
        self.index.contains_key(&(table, name.to_owned()))
    }

    /// All of them, each with its rules by their priority.
    pub(super) fn finish(mut self) -> Vec<Chain> {
        for chain in &mut self.all {
            chain.rules.sort_by_key(|rule| rule.priority);
        }
        self.all
    }
}
