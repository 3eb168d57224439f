//! Named sets and maps.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use serde_json::Value;

use super::{Piece, field::Operand};
use crate::netfilter::{Match, Test};

/// The type of a set of IPv4 addresses.
pub(super) const ADDRESS: &str = "ipv4_addr";

/// What a set or a map holds.
#[derive(Debug)]
pub(super) enum Content<'a> {
    Elements(Vec<Piece<'a>>),
    /// Keys, each with what it leads to.
    Pairs(Vec<(Piece<'a>, Value)>),
    /// One that changes by itself, or that could not be read.
    Unknown,
}

type Asked = HashMap<(String, Vec<Operand>), Option<Match>>;

/// The sets and maps of a table, by their names.
#[derive(Debug, Default)]
pub(super) struct Sets<'a> {
    all: HashMap<String, Content<'a>>,
    /// Those that rules change.
    changing: HashSet<String>,
    /// What was asked before.
    asked: RefCell<Asked>,
}

impl<'a> Sets<'a> {
    pub(super) fn insert(&mut self, name: &str, content: Content<'a>) {
        self.all.insert(name.to_owned(), content);
    }

    /// Takes note that a rule changes a set.
    pub(super) fn change(&mut self, name: &str) {
        self.changing.insert(name.to_owned());
    }

    /// What it means to be in a set, read once. One that changes is
    /// undecided.
    pub(super) fn asked(
        &self,
        name: &str,
        operands: &[Operand],
        read: impl FnOnce(&[Piece<'a>]) -> Option<Match>,
    ) -> Option<Match> {
        if self.changing.contains(name) {
            return Some(Match::new(Test::Undecided));
        }
        let key = (name.to_owned(), operands.to_vec());
        if let Some(before) = self.asked.borrow().get(&key) {
            return before.clone();
        }
        let found = match self.all.get(name) {
            Some(Content::Elements(elements)) => read(elements),
            Some(Content::Unknown) => Some(Match::new(Test::Undecided)),
            _ => None,
        };
        self.asked.borrow_mut().insert(key, found.clone());
        found
    }

    /// The pairs of a map.
    pub(super) fn pairs(&self, name: &str) -> Option<&[(Piece<'a>, Value)]> {
        match self.all.get(name) {
            Some(Content::Pairs(pairs)) if !self.changing.contains(name) => {
                Some(pairs)
            }
            _ => None,
        }
    }
}
