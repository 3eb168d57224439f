//! Rules that are for networks, all at once: networks lie within each other
//! or apart, so that those around an address are a stack.

use super::{
    effect::Effect,
    piecewise::{Pieces, Piecewise},
};
use crate::{
    net::RangeSet,
    netfilter::{Entry, entry},
};

/// A network that is open, and what it and those around it do.
#[derive(Clone, Copy, Debug)]
struct Frame {
    last: u32,
    at: Place,
    /// The first of their rules that no packet passes.
    stop: Place,
    /// For each of [`Effect::ENDS`], the first rule that packets may pass and
    /// that may end them so.
    ends: [Place; 4],
    /// The greatest `stop` at any address of it.
    most: Place,
}

/// The place of a rule in its chain: an [`Entry`] has none that is larger.
type Place = u32;

/// There is no such rule.
const NONE: Place = Place::MAX;

/// Hears of what comes of the addresses, in ascending order.
trait Listener {
    /// From this address on it is this.
    fn from(&mut self, start: u128, stop: Place, ends: &[Place; 4]);

    /// Of all addresses that a rule is for, the greatest first rule that
    /// ends all packets.
    fn left(&mut self, at: Place, most: Place);
}

/// Goes through rules that are for networks, in the order of these: the keys
/// of [`entry`].
fn go(keys: &[u64], effects: &[Effect], listener: &mut impl Listener) {
    let outside = Frame {
        last: u32::MAX,
        at: NONE,
        stop: NONE,
        ends: [NONE; 4],
        most: 0,
    };
    let mut frames = Vec::new();
    let mut top = outside;
    let mut since = 0;
    listener.from(0, top.stop, &top.ends);
    for &key in keys {
        let Entry { first, last, at } = entry(key);
        let effect = effects.get(at).copied().unwrap_or(Effect::NONE);
        if effect == Effect::NONE {
            continue;
        }
        let at = Place::try_from(at).unwrap_or(NONE);
        while top.last < first && !frames.is_empty() {
            leave(&mut frames, &mut top, &mut since, listener);
        }
        if top.stop < at {
            // None of its packets gets to it.
            continue;
        }
        let first = u64::from(first);
        if since < first {
            top.most = top.most.max(top.stop);
            since = first;
        }
        let mut frame = Frame { last, at, most: 0, ..top };
        if effect.passes() {
            for (end, slot) in Effect::ENDS.iter().zip(&mut frame.ends) {
                if effect.has(*end) {
                    *slot = at.min(*slot);
                }
            }
        } else {
            frame.stop = at.min(top.stop);
        }
        frames.push(std::mem::replace(&mut top, frame));
        listener.from(first.into(), top.stop, &top.ends);
    }
    while !frames.is_empty() {
        leave(&mut frames, &mut top, &mut since, listener);
    }
}

/// Goes on behind the innermost network.
fn leave(
    frames: &mut Vec<Frame>,
    top: &mut Frame,
    since: &mut u64,
    listener: &mut impl Listener,
) {
    let next = u64::from(top.last) + 1;
    if *since < next {
        top.most = top.most.max(top.stop);
        *since = next;
    }
    listener.left(top.at, top.most);
    let Some(mut outer) = frames.pop() else { return };
    outer.most = outer.most.max(top.most);
    // Behind the last address there is none that anybody asks for.
    if top.last != u32::MAX {
        listener.from(next.into(), outer.stop, &outer.ends);
    }
    *top = outer;
}

/// What rules do that are each for a network, and all do the same.
pub(super) fn alike(
    keys: &[u64],
    effects: &[Effect],
    effect: Effect,
) -> Piecewise<Effect> {
    let entries = keys.iter().map(|key| entry(*key));
    let ours = entries.filter(|entry| effects.get(entry.at) == Some(&effect));
    let ranges = ours.map(|entry| (entry.first.into(), entry.last.into()));
    let all = RangeSet::from_sorted(ranges);
    Piecewise::within(&all, effect, Effect::NONE)
}

/// Composes the effects of rules, each of which is for a network.
pub(super) fn composed(keys: &[u64], effects: &[Effect]) -> Piecewise<Effect> {
    let out = Pieces::new();
    let mut composer = Composer { effects, out };
    go(keys, effects, &mut composer);
    composer.out.finish()
}

struct Composer<'e> {
    effects: &'e [Effect],
    out: Pieces<Effect>,
}

impl Listener for Composer<'_> {
    fn from(&mut self, start: u128, stop: Place, ends: &[Place; 4]) {
        let effect = self.effects.get(stop as usize).copied();
        let mut effect = effect.unwrap_or(Effect::NONE);
        for (end, first) in Effect::ENDS.into_iter().zip(ends) {
            if *first < stop {
                effect = effect.or(end);
            }
        }
        self.out.push(start, effect);
    }

    fn left(&mut self, _: Place, _: Place) {}
}

/// At each address, the first rule that no packet passes.
pub(super) fn stops(keys: &[u64], effects: &[Effect]) -> Piecewise<Place> {
    let mut stops = Stops(Pieces::new());
    go(keys, effects, &mut stops);
    stops.0.finish()
}

struct Stops(Pieces<Place>);

impl Listener for Stops {
    fn from(&mut self, start: u128, stop: Place, _: &[Place; 4]) {
        self.0.push(start, stop);
    }

    fn left(&mut self, _: Place, _: Place) {}
}

/// Tells of each rule that some packet gets to, for whatever address.
pub(super) fn met(keys: &[u64], effects: &[Effect], tell: impl FnMut(usize)) {
    go(keys, effects, &mut Meeting(tell));
}

struct Meeting<F>(F);

impl<F: FnMut(usize)> Listener for Meeting<F> {
    fn from(&mut self, _: u128, _: Place, _: &[Place; 4]) {}

    fn left(&mut self, at: Place, most: Place) {
        if most >= at {
            (self.0)(at as usize);
        }
    }
}
