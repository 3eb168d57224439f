//! A chain as a function of the address.

use std::{cell, collections::HashMap, rc::Rc};

use super::{
    cell::{Cell, Truth},
    effect::Effect,
    piecewise::Piecewise,
    within::Within,
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
    Changing(Judged<'a>),
}

/// The rules of a chain that may hold, up to one that ends all packets.
#[derive(Clone)]
struct Judged<'a> {
    ops: Rc<[Op<'a>]>,
    /// The first rule that was not looked at.
    to: usize,
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
    /// The rules of chains, from one on, where they are asked for again.
    again: HashMap<(usize, usize), Judged<'a>>,
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
        if let (Some(Summary::Plain(effect)), 0) = (self.done.get(&chain), next)
        {
            let effect = Rc::clone(effect);
            return Ok(Segment { effect, stop: None, ops: None });
        }
        let ops = self.rest(chain, next)?;
        let start = ops.partition_point(|op| op.at < next);
        let rest = ops.get(start..).unwrap_or_default();
        let len = rest.iter().position(|op| self.changes(op));
        let part = rest.get(..len.unwrap_or(rest.len())).unwrap_or_default();
        let effect = Rc::new(self.sweep(part)?);
        let stop = len.map(|len| start + len);
        Ok(Segment { effect, stop, ops: Some(ops) })
    }

    /// The rules of a chain that may hold, from `next` on and perhaps some
    /// before it; the chains that they call are evaluated.
    fn rest(
        &mut self,
        chain: usize,
        next: usize,
    ) -> Result<Rc<[Op<'a>]>, TooMuch> {
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
        Ok(judged.ops)
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
                false => Summary::Plain(Rc::new(self.sweep(&judged.ops)?)),
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

    fn ops(&self, chain: usize, from: usize) -> Result<Judged<'a>, TooMuch> {
        let mut ops = Vec::new();
        let rules = self.chain(chain).map_or(&[][..], |chain| &chain.rules);
        let mut to = rules.len();
        for (at, rule) in rules.iter().enumerate().skip(from) {
            self.budget.spend(weight(rule))?;
            let (truth, within) = self.cell.judge(rule);
            if truth == Truth::No {
                continue;
            }
            let always = truth == Truth::Yes && within.is_all();
            let what = Self::what(rule);
            let stops = matches!(what, What::Effect(e) if !e.passes());
            if !matches!(what, What::Effect(Effect::NONE)) {
                ops.push(Op { at, truth, within, what });
            }
            if always && stops {
                to = at + 1;
                break;
            }
        }
        Ok(Judged { ops: ops.into(), to })
    }

    fn what(rule: &'a Rule) -> What<'a> {
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
        let layers = layers(ops);
        if let [Layer::Flat(effect, within)] = layers.as_slice() {
            let within = within.ranges();
            return Ok(Piecewise::within(within, *effect, Effect::NONE));
        }
        let mut tree = Compositions::new(layers.len());
        let mut events = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            let before = events.len();
            match layer {
                Layer::Flat(effect, within) => {
                    flat(at, *effect, within.ranges(), &mut events);
                }
                Layer::Call(op) => self.call(at, op, &mut events),
            }
            self.budget.spend(events.len() - before)?;
        }
        events.sort_by_key(|event| event.0);
        let mut pieces = vec![(0, tree.whole())];
        for (address, layer, effect) in events {
            tree.set(layer, effect);
            pieces.push((address, tree.whole()));
        }
        Ok(Piecewise::new(pieces))
    }

    /// Where the effect of a call changes, and to what.
    fn call(&self, at: usize, op: &Op<'_>, events: &mut Vec<Event>) {
        let any = Piecewise::constant(Effect::ANY);
        let callee = |at| match self.done.get(&at) {
            Some(Summary::Plain(effect)) => effect.as_ref(),
            _ => &any,
        };
        let (effects, kind): (_, fn(Effect) -> Effect) = match op.what {
            What::Jump(to) => (callee(to), Effect::called),
            What::Goto(to) => (callee(to), Effect::gone_to),
            What::Effect(_) | What::Change(_) => (&any, |effect| effect),
        };
        let mut pieces = effects.pieces().peekable();
        for &(first, last) in op.within.ranges() {
            while let Some(&(start, end, effect)) = pieces.peek() {
                if start > last {
                    break;
                }
                if end >= first {
                    let effect = op.doubt(kind(effect));
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
    ) -> Result<Option<Rc<[Op<'a>]>>, TooMuch> {
        let ops = self.rest(chain, 0)?;
        let changes = ops.iter().any(|op| self.changes(op));
        Ok((!changes).then_some(ops))
    }
}

impl Op<'_> {
    /// What it does, and nothing where it may not hold.
    fn doubt(&self, effect: Effect) -> Effect {
        match self.truth {
            Truth::Maybe => effect.or(Effect::NONE),
            _ => effect,
        }
    }
}

/// An address from which on a layer has another effect.
type Event = (u128, usize, Effect);

/// Rules in a row that do the same, taken as one: the effect of one after
/// the other is that of either.
enum Layer<'o, 'a> {
    Flat(Effect, Together<'o>),
    Call(&'o Op<'a>),
}

fn layers<'o, 'a>(ops: &'o [Op<'a>]) -> Vec<Layer<'o, 'a>> {
    let flat = |op: &Op<'_>| match op.what {
        What::Effect(effect) => Some(op.doubt(effect)),
        _ => None,
    };
    let same = |a: &Op<'_>, b: &Op<'_>| flat(a).is_some() && flat(a) == flat(b);
    let mut out = Vec::new();
    for row in ops.chunk_by(same) {
        match row {
            [] => {}
            [first, ..] => match flat(first) {
                Some(effect) => out.push(Layer::Flat(effect, together(row))),
                None => out.push(Layer::Call(first)),
            },
        }
    }
    out
}

/// The addresses that any of some rules is for.
enum Together<'o> {
    One(&'o Within<'o>),
    All(RangeSet<u128>),
}

impl Together<'_> {
    fn ranges(&self) -> &[(u128, u128)] {
        match self {
            Self::One(within) => within.ranges(),
            Self::All(set) => set.ranges(),
        }
    }
}

fn together<'o>(row: &'o [Op<'_>]) -> Together<'o> {
    if let [one] = row {
        return Together::One(&one.within);
    }
    let ranges = || row.iter().flat_map(|op| op.within.ranges()).copied();
    Together::All(match narrow(ranges()) {
        Some(sorted) => RangeSet::from_sorted(sorted),
        None => RangeSet::from_ranges(ranges()),
    })
}

/// Ranges of 32-bit numbers in their order: as one number each they are
/// sorted in a fraction of the time. `None` if others are among them.
fn narrow(
    ranges: impl Iterator<Item = (u128, u128)>,
) -> Option<impl Iterator<Item = (u128, u128)>> {
    let one = |(first, last)| {
        let (first, last) =
            (u32::try_from(first).ok()?, u32::try_from(last).ok()?);
        Some(u64::from(first) << 32 | u64::from(last))
    };
    let mut all = ranges.map(one).collect::<Option<Vec<u64>>>()?;
    all.sort_unstable();
    let low = u64::from(u32::MAX);
    Some(all.into_iter().map(move |n| ((n >> 32).into(), (n & low).into())))
}

fn flat(
    at: usize,
    effect: Effect,
    ranges: &[(u128, u128)],
    events: &mut Vec<Event>,
) {
    for &(first, last) in ranges {
        events.push((first, at, effect));
        if let Some(next) = last.checked_add(1) {
            events.push((next, at, Effect::NONE));
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
