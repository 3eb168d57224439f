//! A chain as a function of the address.

use std::{cell, collections::HashMap, rc::Rc};

use super::{
    cell::{Cell, Truth, Within},
    effect::Effect,
    piecewise::Piecewise,
};
use crate::{
    net::RangeSet,
    netfilter::{Action, Chain, Rule, Table, Test},
};

/// How much work an answer may take, in rules looked at and pieces made.
#[derive(Debug)]
pub(super) struct Budget(cell::Cell<u64>);

/// The answer would take too much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

impl Budget {
    pub(super) fn new(work: u64) -> Self {
        Self(cell::Cell::new(work))
    }

    pub(super) fn spend(&self, work: usize) -> Result<(), TooMuch> {
        let left = self.0.get().checked_sub(work as u64).ok_or(TooMuch)?;
        self.0.set(left);
        Ok(())
    }
}

/// A rule that may hold.
#[derive(Debug)]
pub(super) struct Op<'a> {
    /// Its place in the chain.
    pub at: usize,
    pub truth: Truth,
    pub within: Within<'a>,
    pub what: What<'a>,
}

/// What it does.
#[derive(Clone, Copy, Debug)]
pub(super) enum What<'a> {
    Effect(Effect),
    Jump(usize),
    Goto(usize),
    /// It changes the packet: from here on it is another one.
    Change(&'a Action),
}

/// A chain, for one cell.
enum Summary<'a> {
    /// In no part of it, or of what it calls, packets are changed.
    Plain(Rc<Piecewise<Effect>>),
    Changing(Rc<[Op<'a>]>),
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
    done: HashMap<usize, Summary<'a>>,
    /// The rules of plain chains, where they are asked for again.
    again: HashMap<usize, Rc<[Op<'a>]>>,
}

impl<'a, 'b> Chains<'a, 'b> {
    pub(super) fn new(
        table: &'a Table,
        cell: Cell<'b>,
        budget: &'b Budget,
    ) -> Self {
        let (done, again) = Default::default();
        Self { table, cell, budget, done, again }
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
        let ops = match self.done.get(&chain) {
            Some(Summary::Plain(effect)) if next == 0 => {
                let effect = Rc::clone(effect);
                return Ok(Segment { effect, stop: None, ops: None });
            }
            Some(Summary::Changing(ops)) => Rc::clone(ops),
            _ => self.again(chain)?,
        };
        let start = ops.partition_point(|op| op.at < next);
        let rest = ops.get(start..).unwrap_or_default();
        let len = rest.iter().position(|op| self.changes(op));
        let part = rest.get(..len.unwrap_or(rest.len())).unwrap_or_default();
        let effect = Rc::new(self.sweep(part)?);
        let stop = len.map(|len| start + len);
        Ok(Segment { effect, stop, ops: Some(ops) })
    }

    fn again(&mut self, chain: usize) -> Result<Rc<[Op<'a>]>, TooMuch> {
        if let Some(ops) = self.again.get(&chain) {
            return Ok(Rc::clone(ops));
        }
        let ops: Rc<[Op<'a>]> = self.ops(chain)?.into();
        self.again.insert(chain, Rc::clone(&ops));
        Ok(ops)
    }

    /// Evaluates a chain after those that it calls: there are no loops.
    fn evaluate(&mut self, chain: usize) -> Result<(), TooMuch> {
        if self.done.contains_key(&chain) {
            return Ok(());
        }
        let mut open = vec![(chain, self.ops(chain)?, 0)];
        while let Some((_, ops, from)) = open.last_mut() {
            if let Some(callee) = self.next_callee(ops, from) {
                open.push((callee, self.ops(callee)?, 0));
                continue;
            }
            let Some((at, ops, _)) = open.pop() else { break };
            let summary = match ops.iter().any(|op| self.changes(op)) {
                true => Summary::Changing(ops.into()),
                false => Summary::Plain(Rc::new(self.sweep(&ops)?)),
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

    fn ops(&self, chain: usize) -> Result<Vec<Op<'a>>, TooMuch> {
        let mut ops = Vec::new();
        let rules = self.chain(chain).map_or(&[][..], |chain| &chain.rules);
        for (at, rule) in rules.iter().enumerate() {
            self.budget.spend(weight(rule))?;
            let (truth, within) = self.cell.judge(rule);
            if truth == Truth::No {
                continue;
            }
            let always = truth == Truth::Yes && within.is_none();
            let what = self.what(rule);
            let stops = matches!(what, What::Effect(e) if !e.passes());
            if !matches!(what, What::Effect(Effect::NONE)) {
                ops.push(Op { at, truth, within, what });
            }
            if always && stops {
                break;
            }
        }
        Ok(ops)
    }

    fn what(&self, rule: &'a Rule) -> What<'a> {
        if self.cell.probe.is_some_and(|probe| std::ptr::eq(probe, rule)) {
            return What::Effect(Effect::PROBE);
        }
        match rule.action() {
            Action::Jump(to) => What::Jump(*to),
            Action::Goto(to) => What::Goto(*to),
            action => {
                Effect::of(action).map_or(What::Change(action), What::Effect)
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

    /// Goes through the addresses in their order, and keeps the composition
    /// of the ops that hold there.
    fn sweep(&self, ops: &[Op<'_>]) -> Result<Piecewise<Effect>, TooMuch> {
        let mut tree = Compositions::new(ops.len());
        let mut events = Vec::new();
        for (at, op) in ops.iter().enumerate() {
            let before = events.len();
            self.events(at, op, &mut events);
            self.budget.spend(events.len() - before)?;
        }
        events.sort_by_key(|event| event.0);
        let mut pieces = vec![(0, tree.whole())];
        for (address, op, effect) in events {
            tree.set(op, effect);
            pieces.push((address, tree.whole()));
        }
        Ok(Piecewise::new(pieces))
    }

    /// Where the effect of an op changes, and to what.
    fn events(
        &self,
        at: usize,
        op: &Op<'_>,
        events: &mut Vec<(u128, usize, Effect)>,
    ) {
        let doubt = |effect: Effect| match op.truth {
            Truth::Maybe => effect.or(Effect::NONE),
            _ => effect,
        };
        let any = Piecewise::constant(Effect::ANY);
        let callee = |at| match self.done.get(&at) {
            Some(Summary::Plain(effect)) => effect.as_ref(),
            _ => &any,
        };
        let own;
        let (effects, kind): (_, fn(Effect) -> Effect) = match op.what {
            What::Jump(to) => (callee(to), Effect::called),
            What::Goto(to) => (callee(to), Effect::gone_to),
            What::Effect(effect) => {
                own = Piecewise::constant(effect);
                (&own, |effect| effect)
            }
            What::Change(_) => (&any, |effect| effect),
        };
        let all = RangeSet::all();
        let within = op.within.as_deref().unwrap_or(&all);
        let mut pieces = effects.pieces().peekable();
        for &(first, last) in within.ranges() {
            while let Some(&(start, end, effect)) = pieces.peek() {
                if start > last {
                    break;
                }
                if end >= first {
                    let effect = doubt(kind(effect));
                    events.push((start.max(first), at, effect));
                }
                if end > last {
                    break;
                }
                pieces.next();
            }
            if let Some(next) = last.checked_add(1) {
                events.push((next, at, Effect::NONE));
            }
        }
    }
}

/// How much work it is to judge a rule.
fn weight(rule: &Rule) -> usize {
    let each = rule.matches().iter().map(|condition| match &condition.test {
        Test::Source(set) | Test::Destination(set) => set.ranges().len(),
        _ => 1,
    });
    each.sum::<usize>() + 1
}

/// A segment tree over effects: the composition of all of them, while single
/// ones change.
struct Compositions {
    nodes: Vec<Effect>,
    leaves: usize,
}

impl Compositions {
    fn new(len: usize) -> Self {
        let leaves = len.next_power_of_two();
        Self { nodes: vec![Effect::NONE; 2 * leaves], leaves }
    }

    fn get(&self, node: usize) -> Effect {
        self.nodes.get(node).copied().unwrap_or(Effect::NONE)
    }

    fn whole(&self) -> Effect {
        self.get(1)
    }

    fn set(&mut self, leaf: usize, effect: Effect) {
        let (mut node, mut effect) = (self.leaves + leaf, effect);
        while let Some(slot) = self.nodes.get_mut(node) {
            if *slot == effect || node == 0 {
                return;
            }
            *slot = effect;
            node /= 2;
            effect = self.get(2 * node).then(self.get(2 * node + 1));
        }
    }
}
