//! Rules that may hold for some packets, and what they do to them.

use std::rc::Rc;

use crate::{
    netfilter::{Action, Rule, key_of},
    reach::{cell::Truth, effect::Effect, within::Within},
};

/// A rule that may hold.
#[derive(Clone, Debug)]
pub(in crate::reach) struct Op<'a> {
    /// Its place in the chain.
    pub at: usize,
    pub truth: Truth,
    pub within: Within,
    pub what: What<'a>,
}

/// What it does.
#[derive(Clone, Copy, Debug)]
pub(in crate::reach) enum What<'a> {
    Effect(Effect),
    Jump(usize),
    Goto(usize),
    /// It changes the packet: from here on it is another one.
    Change(&'a Action),
}

/// The rules of a chain that may hold, up to one that ends all packets.
#[derive(Clone)]
pub(in crate::reach) struct Judged<'a> {
    pub rules: &'a [Rule],
    /// By place, what rules do that are for one network or all, and ask
    /// nothing else that is not known: most of a long chain. They are not
    /// among `ops`.
    pub effects: Rc<[Effect]>,
    pub ops: Rc<[Op<'a>]>,
    /// The first rule that was not looked at.
    pub(super) to: usize,
}

impl<'a> Judged<'a> {
    /// The first rule that was not looked at: packets do not get there.
    pub(in crate::reach) fn to(&self) -> usize {
        self.to
    }

    /// The keys of the rules with effects from one place to another, in the
    /// order of their networks.
    pub(in crate::reach) fn keys(&self, from: usize, to: usize) -> Vec<u64> {
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
    pub(in crate::reach) fn each(&self) -> impl Iterator<Item = Op<'a>> + '_ {
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
    pub(super) fn ends_all(&self, (first, last): (u128, u128)) -> bool {
        let stops = matches!(self.what, What::Effect(e) if !e.passes());
        stops && self.truth == Truth::Yes && self.within.covers(first, last)
    }

    /// What it does, and nothing where it may not hold.
    pub(super) fn doubt(&self, effect: Effect) -> Effect {
        doubted(self.truth, effect)
    }
}

pub(super) fn doubted(truth: Truth, effect: Effect) -> Effect {
    match truth {
        Truth::Maybe => effect.or(Effect::NONE),
        _ => effect,
    }
}
