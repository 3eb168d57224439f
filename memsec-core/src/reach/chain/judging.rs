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
                let (kinds, port) = (chain.kinds(), self.cell.dport);
                let ours =
                    |at: &usize| *at >= from && kinds.may_take(*at, port);
                self.judged(rules, near.into_iter().filter(ours))
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
        let rules = &*chain.rules;
        let mut told = Vec::new();
        let end = self.end(chain, order, from, &mut told)?;
        let len = end.unwrap_or(rules.len());
        self.budget.spend(len.saturating_sub(from))?;
        self.tell(chain, chain.kinds().before(len), &mut told)?;
        let mut effects = vec![Effect::NONE; from];
        let of = |kind| told.get(kind).copied().unwrap_or(Effect::UNTOLD);
        effects.extend(chain.kinds().within(from, len).map(of));
        let mut more = untold(&mut effects, order);
        more.extend(end);
        let mut ops = Vec::new();
        for at in more {
            ops.extend(self.op(rules, at)?);
        }
        let to = end.map_or(len, |at| at + 1);
        Ok(Judged { rules, effects: effects.into(), ops: ops.into(), to })
    }

    /// The first rule for all that ends all packets.
    fn end(
        &self,
        chain: &Chain,
        order: &Order,
        from: usize,
        told: &mut Vec<Effect>,
    ) -> Result<Option<usize>, TooMuch> {
        for at in order.everyone().filter(|&at| at >= from) {
            let kind = chain.kinds().at(at).unwrap_or_default();
            self.tell(chain, kind + 1, told)?;
            if told.get(kind).is_some_and(|effect| effect.ends()) {
                return Ok(Some(at));
            }
        }
        Ok(None)
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

    /// What the rules of the first kinds do, so many of them, added to those
    /// that are told already.
    fn tell(
        &self,
        chain: &Chain,
        kinds: usize,
        told: &mut Vec<Effect>,
    ) -> Result<(), TooMuch> {
        let all = chain.kinds();
        let dport = self.cell.dport;
        for kind in told.len()..kinds {
            let other = dport.is_some_and(|port| !all.may_be_for(kind, port));
            told.push(match chain.of_kind(kind) {
                _ if other => Effect::NONE,
                Some(rule) => self.plainly(rule)?,
                None => Effect::UNTOLD,
            });
        }
        Ok(())
    }

    /// What a rule does, for whatever source; untold if it is more than an
    /// effect, or not for all of its sources.
    fn plainly(&self, rule: &Rule) -> Result<Effect, TooMuch> {
        self.budget.spend(weight(rule))?;
        let (truth, within) = self.cell.beside_origin(rule);
        Ok(match Effect::of(rule.action()) {
            _ if truth == Truth::No => Effect::NONE,
            Some(effect) if within.is_all() => doubted(truth, effect),
            _ => Effect::UNTOLD,
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

/// The places of rules that are to be looked at one by one, in their order:
/// what they do is not told, or not for one network. No effect stays there.
fn untold(effects: &mut [Effect], order: &Order) -> Vec<usize> {
    for at in order.others() {
        if let Some(effect) = effects.get_mut(at) {
            if *effect != Effect::NONE {
                *effect = Effect::UNTOLD;
            }
        }
    }
    let mut more = Vec::new();
    for (at, effect) in effects.iter_mut().enumerate() {
        if *effect == Effect::UNTOLD {
            *effect = Effect::NONE;
            more.push(at);
        }
    }
    more
}

/// How much work it is to judge a rule.
fn weight(rule: &Rule) -> usize {
    let each = rule.matches().iter().map(|condition| match &condition.test {
        Test::Source(set) | Test::Destination(set) => set.ranges().len(),
        _ => 1,
    });
    each.sum::<usize>() + 1
}
