use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::netfilter::Rule;

/// What rules say behind their source address: a million say the same.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    /// Which of `all` the last rule was like.
    last: (Tail<'a>, usize),
    at: HashMap<Tail<'a>, usize, RandomState>,
    all: Vec<Rule>,
}

/// What stands behind the source address, and whether there was one.
pub(super) type Tail<'a> = (bool, &'a str);

/// More than so many are read one by one.
const TAILS: usize = 1 << 16;

impl<'a> Known<'a> {
    pub(super) fn find(&mut self, tail: Tail<'a>) -> Option<&Rule> {
        if self.last.0 != tail {
            self.last = (tail, *self.at.get(&tail)?);
        }
        self.all.get(self.last.1)
    }

    pub(super) fn add(&mut self, tail: Tail<'a>, rule: &Rule) {
        if self.all.len() < TAILS {
            self.at.insert(tail, self.all.len());
            self.all.push(rule.clone());
        }
    }
}
