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
        let ranges = addresses.ranges();
        let first = ranges.first().map_or(0, |range| range.0);
        let window = (first, ranges.last().map_or(first, |range| range.1));
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

    fn ops(&self, chain: usize, from: usize) -> Result<Judged<'a>, TooMuch> {
        if let Some(order) = self.order(chain) {
            if let Some(chain) = self.chain(chain) {
                return self.ordered(chain, order, from);
            }
        }
        let rules = self.chain(chain).map_or(&[][..], |chain| &chain.rules);
        let (mut ops, mut to) = (Vec::new(), rules.len());
        for at in from..rules.len() {
            let Some(op) = self.op(rules, at)? else { continue };
            let last = op.ends_all();
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
        let mut to = rules.len();
        for at in order.everyone().filter(|&at| at >= from) {
            let kind = kinds.at(at).unwrap_or_default();
            if matches!(plain(kind)?, Plain::Does(effect) if !effect.passes()) {
                to = at + 1;
                break;
            }
        }
        let mut effects = vec![Effect::NONE; to];
        let mut more = Vec::new();
        let mut take = |at: usize, kind: usize| {
            match (plain(kind)?, effects.get_mut(at)) {
                (Plain::Does(effect), Some(slot)) => *slot = effect,
                _ => more.push(at),
            }
            Ok(())
        };
        let (first, last) = self.window;
        let window = first.try_into().ok().zip(last.try_into().ok());
        match window.and_then(|(first, last)| order.meeting(first, last)) {
            Some(near) => {
                self.budget.spend(near.len())?;
                let near = near.into_iter();
                for at in near.filter(|at| (from..to).contains(at)) {
                    take(at, kinds.at(at).unwrap_or_default())?;
                }
            }
            None => {
                self.budget.spend(to.saturating_sub(from))?;
                for (at, kind) in (from..).zip(kinds.within(from, to)) {
                    take(at, kind)?;
                }
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
        let mut ops = Vec::new();
        for at in more {
            ops.extend(self.op(rules, at)?);
        }
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
    fn of_kind(
        &self,
        chain: &Chain,
        asked: &mut [Plain],
        kind: usize,
    ) -> Result<Plain, TooMuch> {
        let Some(slot) = asked.get_mut(kind) else { return Ok(Plain::More) };
        if let (Plain::Unasked, Some(rule)) = (*slot, chain.of_kind(kind)) {
            self.budget.spend(weight(rule))?;
            let (truth, within) = self.cell.beside_origin(rule);
            *slot = match Effect::of(rule.action()) {
                _ if truth == Truth::No => Plain::Does(Effect::NONE),
                Some(effect) if within.is_all() => {
                    Plain::Does(doubted(truth, effect))
                }
                _ => Plain::More,
            };
        }
        Ok(*slot)
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
            parts.push(self.sweep_ops(row)?);
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
        let part = effects.get(from..to).unwrap_or_default();
        let ours = part.iter().filter(|effect| **effect != Effect::NONE);
        let all = judged.rules.len();
        let few = ours.count() < all / 8;
        self.budget.spend(if few { to - from } else { all })?;
        let order = self.order(chain).filter(|_| !few);
        Ok(match order.map(Order::keys) {
            Some(keys) if (from, to) == (0, effects.len()) => {
                nest::composed(keys, effects)
            }
            Some(keys) => {
                let ours = |key: &u64| (from..to).contains(&entry(*key).at);
                let keys: Vec<u64> =
                    keys.iter().copied().filter(ours).collect();
                nest::composed(&keys, effects)
            }
            None => nest::composed(&judged.keys(from, to), effects),
        })
    }

    /// Goes through the addresses in their order, and keeps the composition
    /// of the ops that hold there.
    fn sweep_ops(&self, ops: &[Op<'_>]) -> Result<Piecewise<Effect>, TooMuch> {
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
            Some((_, range)) => Within::Range([range]),
            None => Within::All,
        };
        let truth = if effect.passes() { Truth::Maybe } else { Truth::Yes };
        let what = What::Effect(effect);
        rule.origin.prefix().map(|_| Self { at, truth, within, what })
    }

    /// Whether no packet passes it.
    fn ends_all(&self) -> bool {
        let stops = matches!(self.what, What::Effect(e) if !e.passes());
        stops && self.truth == Truth::Yes && self.within.is_all()
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
