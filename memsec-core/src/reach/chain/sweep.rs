//! What rules do in a row, address by address.

use super::{Chains, LONG, Op, Summary, TooMuch, What, op::Judged};
use crate::{
    net::RangeSet,
    netfilter::{Order, entry},
    reach::{effect::Effect, nest, piecewise::Piecewise},
};

/// An address from which on a layer has another effect.
type Event = (u128, usize, Effect);

/// What a rule does, or some in a row that do the same.
type Layer = Piecewise<Effect>;

impl<'a> Chains<'a, '_> {
    /// What the rules of a chain do from one place to another.
    pub(super) fn sweep(
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
}

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
