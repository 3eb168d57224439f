//! A chain as a function of the address.

mod budget;
mod judging;
mod op;
mod sweep;

use std::{collections::HashMap, rc::Rc};

use super::{cell::Cell, effect::Effect, piecewise::Piecewise};
use crate::{
    net::RangeSet,
    netfilter::{Chain, Table},
};

pub(super) use self::{
    budget::{Budget, TooMuch},
    op::{Judged, Op, What},
};

/// More pieces, or rules, than this are many.
const LONG: usize = 64;

/// A chain, for one cell.
enum Summary<'a> {
    /// In no part of it, or of what it calls, packets are changed.
    Plain(Rc<Piecewise<Effect>>),
    Changing(Judged<'a>),
}

/// The rules from one to the next that changes packets.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub effect: Rc<Piecewise<Effect>>,
    /// The rule that follows it, in a chain that ends no sooner: its number
    /// in `ops`.
    pub stop: Option<usize>,
    pub ops: Option<Rc<[Op<'a>]>>,
}

/// The chains of a table, for one cell.
pub(super) struct Chains<'a, 'b> {
    table: &'a Table,
    cell: Cell<'b>,
    budget: &'b Budget,
    /// The first and the last of the addresses that are asked for.
    window: (u128, u128),
    done: HashMap<usize, Summary<'a>>,
    /// The rules of chains, from one on, where they are asked for again.
    again: HashMap<(usize, usize), Judged<'a>>,
}

impl<'a, 'b> Chains<'a, 'b> {
    pub(super) fn new(
        table: &'a Table,
        cell: Cell<'b>,
        budget: &'b Budget,
        addresses: &RangeSet<u128>,
    ) -> Self {
        let (done, again) = Default::default();
        let first = addresses.first().unwrap_or(0);
        let window = (first, addresses.last().unwrap_or(first));
        Self { table, cell, budget, window, done, again }
    }

    fn chain(&self, at: usize) -> Option<&'a Chain> {
        self.table.chains.get(at)
    }

    /// What a chain does from its rule `next` on, up to the first one that
    /// changes packets.
    pub(super) fn segment(
        &mut self,
        chain: usize,
        next: usize,
    ) -> Result<Segment<'a>, TooMuch> {
        self.evaluate(chain)?;
        if let (Some(Summary::Plain(effect)), 0) = (self.done.get(&chain), next)
        {
            let effect = Rc::clone(effect);
            return Ok(Segment { effect, stop: None, ops: None });
        }
        let judged = self.rest(chain, next)?;
        let ops = &judged.ops;
        let start = ops.partition_point(|op| op.at < next);
        let rest = ops.get(start..).unwrap_or_default();
        let len = rest.iter().position(|op| self.changes(op));
        let stop = len.map(|len| start + len);
        let end = stop.and_then(|stop| ops.get(stop));
        let to = end.map_or(judged.to, |op| op.at);
        let effect = Rc::new(self.sweep(chain, &judged, next, to)?);
        Ok(Segment { effect, stop, ops: Some(judged.ops) })
    }

    /// The rules of a chain that may hold, from `next` on and perhaps some
    /// before it; the chains that they call are evaluated.
    fn rest(
        &mut self,
        chain: usize,
        next: usize,
    ) -> Result<Judged<'a>, TooMuch> {
        let whole = match self.done.get(&chain) {
            Some(Summary::Changing(judged)) => judged.clone(),
            _ => self.again(chain, 0)?,
        };
        // What ends all packets hides the rules behind it, but not from
        // those that were changed behind it.
        let judged = match next < whole.to || next == 0 {
            true => whole,
            false => self.again(chain, next)?,
        };
        for op in judged.ops.iter() {
            if let What::Jump(to) | What::Goto(to) = op.what {
                self.evaluate(to)?;
            }
        }
        Ok(judged)
    }

    fn again(
        &mut self,
        chain: usize,
        from: usize,
    ) -> Result<Judged<'a>, TooMuch> {
        if let Some(judged) = self.again.get(&(chain, from)) {
            return Ok(judged.clone());
        }
        let judged = self.ops(chain, from)?;
        self.again.insert((chain, from), judged.clone());
        Ok(judged)
    }

    /// Evaluates a chain after those that it calls: there are no loops.
    fn evaluate(&mut self, chain: usize) -> Result<(), TooMuch> {
        if self.done.contains_key(&chain) {
            return Ok(());
        }
        let mut open = vec![(chain, self.ops(chain, 0)?, 0)];
        while let Some((_, judged, from)) = open.last_mut() {
            if let Some(callee) = self.next_callee(&judged.ops, from) {
                open.push((callee, self.ops(callee, 0)?, 0));
                continue;
            }
            let Some((at, judged, _)) = open.pop() else { break };
            let summary = match judged.ops.iter().any(|op| self.changes(op)) {
                true => Summary::Changing(judged),
                false => {
                    let effect = self.sweep(at, &judged, 0, judged.to)?;
                    Summary::Plain(Rc::new(effect))
                }
            };
            self.done.insert(at, summary);
        }
        Ok(())
    }

    /// True if packets may be changed there, or in the chain that is called.
    fn changes(&self, op: &Op<'_>) -> bool {
        match op.what {
            What::Effect(_) => false,
            What::Change(_) => true,
            What::Jump(to) | What::Goto(to) => {
                matches!(self.done.get(&to), Some(Summary::Changing(_)))
            }
        }
    }

    /// A chain that the ops lead to and that is not evaluated; those before
    /// `from` are.
    fn next_callee(&self, ops: &[Op<'_>], from: &mut usize) -> Option<usize> {
        for op in ops.get(*from..)? {
            if let What::Jump(at) | What::Goto(at) = op.what {
                if !self.done.contains_key(&at) {
                    return Some(at);
                }
            }
            *from += 1;
        }
        None
    }

    /// The addresses of which no packet falls through a chain that is
    /// called; nothing where it changes packets.
    pub(super) fn stopped(&self, chain: usize) -> RangeSet<u128> {
        match self.done.get(&chain) {
            Some(Summary::Plain(effect)) => {
                effect.keep(|effect| !effect.called().passes())
            }
            _ => RangeSet::empty(),
        }
    }

    /// The rules of a chain that may hold; `None` where packets are changed
    /// in it, or in what it calls.
    pub(super) fn plain(
        &mut self,
        chain: usize,
    ) -> Result<Option<Judged<'a>>, TooMuch> {
        let judged = self.rest(chain, 0)?;
        let changes = judged.ops.iter().any(|op| self.changes(op));
        Ok((!changes).then_some(judged))
    }
}
