//! A chain as a function of the address.

use std::{cell, collections::HashMap, rc::Rc};

use super::{
    cell::{Address, Cell, Truth},
    effect::Effect,
    nest,
    piecewise::Piecewise,
    within::Within,
};
use crate::{
    net::{Family, RangeSet},
    netfilter::{Action, Chain, Order, Rule, Table, Test, entry, key_of},
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
#[derive(Clone, Debug)]
pub(super) struct Op<'a> {
    /// Its place in the chain.
    pub at: usize,
    pub truth: Truth,
    pub within: Within,
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
pub(super) struct Judged<'a> {
    pub rules: &'a [Rule],
    /// By place, what rules do that are for one network or all, and ask
    /// nothing else that is not known: most of a long chain. They are not
    /// among `ops`.
    pub effects: Rc<[Effect]>,
    pub ops: Rc<[Op<'a>]>,
    /// The first rule that was not looked at.
    to: usize,
}

impl<'a> Judged<'a> {
    /// The first rule that was not looked at: packets do not get there.
    pub(super) fn to(&self) -> usize {
        self.to
    }

    /// The keys of the rules with effects from one place to another, in the
    /// order of their networks.
    pub(super) fn keys(&self, from: usize, to: usize) -> Vec<u64> {
        let mut keys = Vec::new();
        let part = self.effects.get(from..to).unwrap_or_default();
        for (at, effect) in (from..).zip(part) {
            if let (true, Some(rule)) =
                (*effect != Effect::NONE, self.rules.get(at))
            {
                keys.extend(key_of(rule, at));
            }
        }
        keys.sort_unstable();
        keys
    }

    /// All of them, in the order of the chain.
    pub(super) fn each(&self) -> impl Iterator<Item = Op<'a>> + '_ {
        let effects = self.effects.iter().enumerate();
        let plain = effects.filter(|(_, effect)| **effect != Effect::NONE);
        let mut plain = plain.filter_map(|(at, effect)| {
            Op::plain(at, self.rules.get(at)?, *effect)
        });
        let mut others = self.ops.iter().cloned();
        let (mut a, mut b) = (plain.next(), others.next());
        std::iter::from_fn(move || match (&a, &b) {
            (Some(x), Some(y)) if x.at > y.at => {
                std::mem::replace(&mut b, others.next())
            }
            (Some(_), _) => std::mem::replace(&mut a, plain.next()),
            _ => std::mem::replace(&mut b, others.next()),
        })
    }
}

/// What the rules of a kind do to packets from where they are for.
#[derive(Clone, Copy)]
enum Plain {
    Unasked,
    /// Only this; nothing where they do not hold.
    Does(Effect),
    /// It is more, or not for all of their sources.
    More,
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

    fn ops(&self, at: usize, from: usize) -> Result<Judged<'a>, TooMuch> {
        let Some(chain) = self.chain(at) else {
            return self.judged(&[], 0..0);
        };
        let rules = &*chain.rules;
        let Some(order) = self.order(at) else {
            return self.judged(rules, from..rules.len());
        };
        match self.near(order, rules.len()) {
            Some(near) => {
                self.judged(rules, near.into_iter().filter(|at| *at >= from))
            }
            None => self.ordered(chain, order, from),
        }
    }

    /// The places of the rules near the addresses that are asked for, where
    /// they are few among so many.
    fn near(&self, order: &Order, rules: usize) -> Option<Vec<usize>> {
        let (first, last) = self.window;
        let near =
            order.meeting(first.try_into().ok()?, last.try_into().ok()?)?;
        (near.len() <= LONG + rules / NEAR).then_some(near)
    }

    /// The rules at some places, up to one that ends all packets.
    fn judged(
        &self,
        rules: &'a [Rule],
        places: impl Iterator<Item = usize>,
    ) -> Result<Judged<'a>, TooMuch> {
        let (mut ops, mut to) = (Vec::new(), rules.len());
        for at in places {
            let Some(op) = self.op(rules, at)? else { continue };
            let last = op.ends_all(self.window);
            ops.push(op);
            if last {
                to = at + 1;
                break;
            }
        }
        Ok(Judged { rules, effects: [].into(), ops: ops.into(), to })
    }

    /// The same of a long chain, of which one rule of a kind is asked.
    fn ordered(
        &self,
        chain: &'a Chain,
        order: &Order,
        from: usize,
    ) -> Result<Judged<'a>, TooMuch> {
        let (rules, kinds) = (&*chain.rules, chain.kinds());
        let mut asked = vec![Plain::Unasked; kinds.len()];
        let mut plain = |kind| self.of_kind(chain, &mut asked, kind);
        let mut end = None;
        for at in order.everyone().filter(|&at| at >= from) {
            let kind = kinds.at(at).unwrap_or_default();
            if matches!(plain(kind)?, Plain::Does(effect) if !effect.passes()) {
                end = Some(at);
                break;
            }
        }
        let len = end.unwrap_or(rules.len());
        self.budget.spend(len.saturating_sub(from))?;
        let mut effects = vec![Effect::NONE; len];
        let mut more = Vec::new();
        let places = (from..).zip(kinds.within(from, len));
        for ((at, kind), slot) in places.zip(effects.iter_mut().skip(from)) {
            match plain(kind)? {
                Plain::Does(effect) => *slot = effect,
                _ => more.push(at),
            }
        }
        for at in order.others() {
            if let Some(effect) = effects.get_mut(at) {
                if std::mem::replace(effect, Effect::NONE) != Effect::NONE {
                    more.push(at);
                }
            }
        }
        more.sort_unstable();
        more.extend(end);
        let mut ops = Vec::new();
        for at in more {
            ops.extend(self.op(rules, at)?);
        }
        let to = end.map_or(len, |at| at + 1);
        Ok(Judged { rules, effects: effects.into(), ops: ops.into(), to })
    }

    /// The order of the rules of a chain, where it is one that counts here.
    pub(super) fn order(&self, chain: usize) -> Option<&'a Order> {
        let counts = self.cell.source == Address::Symbolic
            && self.cell.family == Family::Ipv4;
        self.chain(chain).filter(|_| counts)?.order()
    }

    /// A rule, if it may hold and does something.
    fn op(
        &self,
        rules: &'a [Rule],
        at: usize,
    ) -> Result<Option<Op<'a>>, TooMuch> {
        let Some(rule) = rules.get(at) else { return Ok(None) };
        self.budget.spend(weight(rule))?;
        let (truth, within) = self.cell.judge(rule);
        let what = Self::what(rule);
        let nothing = matches!(what, What::Effect(Effect::NONE));
        let counts = truth != Truth::No && !nothing;
        Ok(counts.then_some(Op { at, truth, within, what }))
    }

    /// What the rules of a kind do; it is kept in `asked`.
    #[inline]
    fn of_kind(
        &self,
        chain: &Chain,
        asked: &mut [Plain],
        kind: usize,
    ) -> Result<Plain, TooMuch> {
        match asked.get_mut(kind) {
            Some(slot @ Plain::Unasked) => {
                let rule = chain.of_kind(kind);
                *slot = rule.map_or(Ok(Plain::More), |r| self.plainly(r))?;
                Ok(*slot)
            }
            Some(known) => Ok(*known),
            None => Ok(Plain::More),
        }
    }

    /// What a rule does, for whatever source.
    fn plainly(&self, rule: &Rule) -> Result<Plain, TooMuch> {
        self.budget.spend(weight(rule))?;
        let (truth, within) = self.cell.beside_origin(rule);
        Ok(match Effect::of(rule.action()) {
            _ if truth == Truth::No => Plain::Does(Effect::NONE),
            Some(effect) if within.is_all() => {
                Plain::Does(doubted(truth, effect))
            }
            _ => Plain::More,
        })
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

    /// What the rules of a chain do from one place to another.
    fn sweep(
        &self,
        chain: usize,
        judged: &Judged<'a>,
        from: usize,
        to: usize,
    ) -> Result<Piecewise<Effect>, TooMuch> {
        let start = judged.ops.partition_point(|op| op.at < from);
        let ops = judged.ops.get(start..).unwrap_or_default();
        let ops = ops.get(..ops.partition_point(|op| op.at < to));
        let ops = ops.unwrap_or_default();
        let plain = |from, to| {
            let part = judged.effects.get(from..to).unwrap_or_default();
            part.iter().any(|effect| *effect != Effect::NONE)
        };
        let mut parts = Vec::new();
        let mut next = from;
        let alone = |a: &Op<'_>, b: &Op<'_>| !plain(a.at + 1, b.at);
        for row in ops.chunk_by(alone) {
            let [first, ..] = row else { continue };
            if plain(next, first.at) {
                parts.push(self.nested(chain, judged, next, first.at)?);
            }
            next = row.last().map_or(next, |last| last.at + 1);
            let layers = self.layers(row)?;
            let long = |layer: &Layer| layer.len() > LONG;
            for few in layers.chunk_by(|a, b| !long(a) && !long(b)) {
                parts.push(self.sweep_layers(few)?);
            }
        }
        if plain(next, to.min(judged.effects.len())) {
            let to = to.min(judged.effects.len());
            parts.push(self.nested(chain, judged, next, to)?);
        }
        self.composed(parts)
    }

    /// The effect of one after the other. Neighbours are joined first, so
    /// that no piece is looked at more often than that halves their number.
    fn composed(
        &self,
        mut parts: Vec<Piecewise<Effect>>,
    ) -> Result<Piecewise<Effect>, TooMuch> {
        while parts.len() > 1 {
            let all: usize = parts.iter().map(Piecewise::len).sum();
            self.budget.spend(all)?;
            let mut half = Vec::with_capacity(parts.len().div_ceil(2));
            let mut each = parts.into_iter();
            while let Some(one) = each.next() {
                half.push(match each.next() {
                    Some(next) => one.joined(&next, Effect::then),
                    None => one,
                });
            }
            parts = half;
        }
        let only = parts.pop();
        Ok(only.unwrap_or_else(|| Piecewise::constant(Effect::NONE)))
    }

    /// What rules do that are each for a network.
    fn nested(
        &self,
        chain: usize,
        judged: &Judged<'a>,
        from: usize,
        to: usize,
    ) -> Result<Piecewise<Effect>, TooMuch> {
        let effects = &judged.effects;
        let part = effects.get(from..to).unwrap_or_default().iter();
        let ours = part.copied().filter(|effect| *effect != Effect::NONE);
        let all = judged.rules.len();
        let few = ours.clone().count() < all / 8;
        let only =
            ours.clone().next().filter(|one| ours.clone().all(|e| e == *one));
        let compose = |keys: &[u64]| match only {
            Some(effect) => nest::alike(keys, effects, effect),
            None => nest::composed(keys, effects),
        };
        self.budget.spend(if few { to - from } else { all })?;
        let order = self.order(chain).filter(|_| !few);
        Ok(match order.map(Order::keys) {
            Some(keys) if (from, to) == (0, effects.len()) => compose(keys),
            Some(keys) => {
                let ours = |key: &u64| (from..to).contains(&entry(*key).at);
                let keys: Vec<u64> =
                    keys.iter().copied().filter(ours).collect();
                compose(&keys)
            }
            None => compose(&judged.keys(from, to)),
        })
    }

    /// Goes through the addresses in their order, and keeps the composition
    /// of the layers there.
    fn sweep_layers(
        &self,
        layers: &[Layer],
    ) -> Result<Piecewise<Effect>, TooMuch> {
        if let [layer] = layers {
            return Ok(layer.clone());
        }
        let mut events: Vec<Event> = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            let pieces = layer.pieces();
            events.extend(pieces.map(|(start, _, effect)| (start, at, effect)));
        }
        events.sort_by_key(|event| event.0);
        let mut tree = Compositions::new(layers.len());
        let pieces = events.into_iter().map(|(address, layer, effect)| {
            tree.set(layer, effect);
            (address, tree.whole())
        });
        Ok(Piecewise::new(pieces))
    }

    /// Rules in a row that do the same are taken as one: the effect of one
    /// after the other is that of either.
    fn layers(&self, ops: &[Op<'_>]) -> Result<Vec<Layer>, TooMuch> {
        let flat = |op: &Op<'_>| match op.what {
            What::Effect(effect) => Some(op.doubt(effect)),
            _ => None,
        };
        let same =
            |a: &Op<'_>, b: &Op<'_>| flat(a).is_some() && flat(a) == flat(b);
        let mut layers = Vec::new();
        for row in ops.chunk_by(same) {
            let Some(first) = row.first() else { continue };
            let layer = match flat(first) {
                Some(effect) => {
                    Layer::within(&together(row), effect, Effect::NONE)
                }
                None => self.call(first),
            };
            self.budget.spend(layer.len())?;
            layers.push(layer);
        }
        Ok(layers)
    }

    /// What a call does, and nothing where it is not made.
    fn call(&self, op: &Op<'_>) -> Layer {
        let (to, kind): (_, fn(Effect) -> Effect) = match op.what {
            What::Jump(to) => (to, Effect::called),
            What::Goto(to) => (to, Effect::gone_to),
            What::Effect(_) | What::Change(_) => {
                let within = op.within.set();
                return Layer::within(&within, Effect::ANY, Effect::NONE);
            }
        };
        let any = Piecewise::constant(Effect::ANY);
        let callee = match self.done.get(&to) {
            Some(Summary::Plain(effect)) => effect.as_ref(),
            _ => &any,
        };
        let change = |effect| op.doubt(kind(effect));
        match op.within.is_all() {
            true => callee.map(change),
            false => callee.inside(&op.within.set(), change, Effect::NONE),
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
    ) -> Result<Option<Judged<'a>>, TooMuch> {
        let judged = self.rest(chain, 0)?;
        let changes = judged.ops.iter().any(|op| self.changes(op));
        Ok((!changes).then_some(judged))
    }
}

impl Op<'_> {
    /// One of a rule that is for a network, or for all.
    fn plain(at: usize, rule: &Rule, effect: Effect) -> Option<Self> {
        let within = match rule.origin.range() {
            Some((_, range)) => Within::Range(range),
            None => Within::All,
        };
        let truth = if effect.passes() { Truth::Maybe } else { Truth::Yes };
        let what = What::Effect(effect);
        rule.origin.prefix().map(|_| Self { at, truth, within, what })
    }

    /// Whether no packet passes it of those that come from some addresses.
    fn ends_all(&self, (first, last): (u128, u128)) -> bool {
        let stops = matches!(self.what, What::Effect(e) if !e.passes());
        stops && self.truth == Truth::Yes && self.within.covers(first, last)
    }

    /// What it does, and nothing where it may not hold.
    fn doubt(&self, effect: Effect) -> Effect {
        doubted(self.truth, effect)
    }
}

fn doubted(truth: Truth, effect: Effect) -> Effect {
    match truth {
        Truth::Maybe => effect.or(Effect::NONE),
        _ => effect,
    }
}

/// An address from which on a layer has another effect.
type Event = (u128, usize, Effect);

/// What a rule does, or some in a row that do the same.
type Layer = Piecewise<Effect>;

/// A layer of more pieces is not taken apart.
const LONG: usize = 64;

/// The rules near the addresses that are asked for are looked at one by one
/// where they are no more than one of so many.
const NEAR: usize = 32;

/// The addresses that any of some rules is for.
fn together(row: &[Op<'_>]) -> RangeSet<u128> {
    match row {
        [one] => one.within.set(),
        row => {
            let ranges = row.iter().flat_map(|op| op.within.ranges());
            RangeSet::from_ranges(ranges)
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
