//! Which rules of a chain may hold.

use super::{
    Chains, LONG, Op, TooMuch, What,
    op::{Judged, doubted},
};
use crate::{
    net::Family,
    netfilter::{Action, Chain, Order, Rule, Test},
    reach::{
        cell::{Address, Truth},
        effect::Effect,
    },
};

/// What the rules of a kind do to packets from where they are for.
#[derive(Clone, Copy)]
enum Plain {
    Unasked,
    /// Only this; nothing where they do not hold.
    Does(Effect),
    /// It is more, or not for all of their sources.
    More,
}

/// The rules near the addresses that are asked for are looked at one by one
/// where they are no more than one of so many.
const NEAR: usize = 32;

impl<'a> Chains<'a, '_> {
    pub(super) fn ops(
        &self,
        at: usize,
        from: usize,
    ) -> Result<Judged<'a>, TooMuch> {
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
    pub(in crate::reach) fn order(&self, chain: usize) -> Option<&'a Order> {
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
}

/// How much work it is to judge a rule.
fn weight(rule: &Rule) -> usize {
    let each = rule.matches().iter().map(|condition| match &condition.test {
        Test::Source(set) | Test::Destination(set) => set.ranges().len(),
        _ => 1,
    });
    each.sum::<usize>() + 1
}
