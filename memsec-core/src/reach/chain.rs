//! A chain as a function of the address.

use std::{cell, collections::HashMap};

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
struct Op<'a> {
    truth: Truth,
    within: Within<'a>,
    what: What,
}

/// What it does.
#[derive(Clone, Copy)]
enum What {
    Effect(Effect),
    Jump(usize),
    Goto(usize),
}

/// The chains of a table, for one cell.
struct Chains<'a> {
    table: &'a Table,
    cell: &'a Cell<'a>,
    budget: &'a Budget,
    done: HashMap<usize, Piecewise<Effect>>,
}

/// What a base chain does to each address.
pub(super) fn base(
    table: &Table,
    chain: usize,
    cell: &Cell<'_>,
    budget: &Budget,
) -> Result<Piecewise<Effect>, TooMuch> {
    let mut chains = Chains { table, cell, budget, done: HashMap::new() };
    let effect = chains.evaluate(chain)?;
    let base = chains.chain(chain).and_then(|chain| chain.base.as_ref());
    let accepts = base.is_none_or(|base| base.accepts);
    Ok(effect.map(|effect| effect.base(accepts)))
}

impl<'a> Chains<'a> {
    fn chain(&self, at: usize) -> Option<&'a Chain> {
        self.table.chains.get(at)
    }

    /// Evaluates a chain after those that it calls: there are no loops.
    fn evaluate(&mut self, chain: usize) -> Result<Piecewise<Effect>, TooMuch> {
        let mut open = vec![(chain, self.ops(chain)?)];
        while let Some((at, ops)) = open.last() {
            match self.next_callee(ops) {
                Some(callee) => open.push((callee, self.ops(callee)?)),
                None => {
                    let effect = self.sweep(ops)?;
                    self.done.insert(*at, effect);
                    open.pop();
                }
            }
        }
        Ok(self.done.remove(&chain).unwrap_or(Piecewise::constant(Effect::ANY)))
    }

    fn ops(&self, chain: usize) -> Result<Vec<Op<'a>>, TooMuch> {
        let mut ops = Vec::new();
        let rules = self.chain(chain).map_or(&[][..], |chain| &chain.rules);
        for rule in rules {
            self.budget.spend(weight(rule))?;
            let (truth, within) = self.cell.judge(rule);
            if truth == Truth::No {
                continue;
            }
            let always = truth == Truth::Yes && within.is_none();
            let what = self.what(rule);
            let stops = matches!(what, What::Effect(e) if !e.passes());
            if !matches!(what, What::Effect(Effect::NONE)) {
                ops.push(Op { truth, within, what });
            }
            if always && stops {
                break;
            }
        }
        Ok(ops)
    }

    fn what(&self, rule: &Rule) -> What {
        if self.cell.probe.is_some_and(|probe| std::ptr::eq(probe, rule)) {
            return What::Effect(Effect::PROBE);
        }
        match rule.action() {
            Action::Jump(to) => What::Jump(*to),
            Action::Goto(to) => What::Goto(*to),
            action => What::Effect(Effect::of(action)),
        }
    }

    /// A chain that the ops lead to and that is not evaluated.
    fn next_callee(&self, ops: &[Op<'_>]) -> Option<usize> {
        ops.iter().find_map(|op| match op.what {
            What::Jump(at) | What::Goto(at) => {
                (!self.done.contains_key(&at)).then_some(at)
            }
            What::Effect(_) => None,
        })
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
        let callee = |at| self.done.get(&at).unwrap_or(&any);
        let own;
        let (effects, kind): (_, fn(Effect) -> Effect) = match op.what {
            What::Jump(to) => (callee(to), Effect::called),
            What::Goto(to) => (callee(to), Effect::gone_to),
            What::Effect(effect) => {
                own = Piecewise::constant(effect);
                (&own, |effect| effect)
            }
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
