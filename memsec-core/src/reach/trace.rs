//! One packet in one base chain, rule by rule.

use super::{
    cell::{Cell, Truth},
    chain::{Budget, TooMuch},
    effect::Effect,
    walk::Stage,
};
use crate::{
    netfilter::{Action, Chain, Rule},
    text::Span,
};

/// A rule or a policy that a packet met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meeting<'a> {
    /// The chains of the table, which calls lead to.
    pub chains: &'a [Chain],
    pub chain: &'a Chain,
    pub what: Outcome<'a>,
    /// False where it is not sure that the packet gets here, or matches.
    pub sure: bool,
    /// False where it is not known whether it matches.
    pub known: bool,
}

/// What it met.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome<'a> {
    Rule(&'a Rule),
    Policy { accepts: bool, span: Option<&'a Span> },
}

/// A chain that the packet is in.
struct Frame<'a> {
    chain: &'a Chain,
    rest: std::slice::Iter<'a, Rule>,
    /// True if the packet may also go on behind the call of this chain.
    maybe: bool,
    /// True if that holds of a chain that this one was called from.
    below: bool,
    /// True if the packet may have gone to this chain: what returns from it
    /// returns from the chain that it came from as well.
    gone: bool,
}

impl<'a> Frame<'a> {
    fn new(stage: &Stage<'a>, at: usize, maybe: bool, below: bool) -> Self {
        let chain = stage.table.chains.get(at).unwrap_or(stage.chain);
        Self { chain, rest: chain.rules.iter(), maybe, below, gone: false }
    }

    fn doubtful(&self) -> bool {
        self.maybe || self.below
    }
}

/// What the base chain does to the packet of a cell in which nothing is
/// symbolic; `meet` hears of all that it meets. A match that is not known
/// holds and does not hold: both ways are followed.
pub(super) fn trace<'a>(
    stage: &Stage<'a>,
    cell: &Cell<'_>,
    budget: &Budget,
    meet: &mut impl FnMut(Meeting<'a>),
) -> Result<Effect, TooMuch> {
    let mut frames = vec![Frame::new(stage, stage.index, false, false)];
    let mut so_far = Effect::NONE;
    let chains = stage.table.chains.as_slice();
    while let Some(frame) = frames.last_mut() {
        let Some(rule) = frame.rest.next() else {
            if frames.len() == 1 {
                break;
            }
            leave(&mut frames);
            continue;
        };
        budget.spend(1)?;
        let (truth, _) = cell.judge(rule);
        if truth == Truth::No {
            continue;
        }
        let chain = frame.chain;
        let sure =
            truth == Truth::Yes && so_far == Effect::NONE && !frame.doubtful();
        let what = Outcome::Rule(rule);
        meet(Meeting { chains, chain, what, sure, known: truth == Truth::Yes });
        let before = so_far;
        if !follow(stage, &mut frames, rule, truth, &mut so_far) {
            // Nothing is left but the other ways of what was not known.
            if !unwind(&mut frames) {
                break;
            }
            so_far = so_far.or(before.passing());
        }
    }
    if so_far.passes() {
        let (accepts, span) = (stage.base.accepts, stage.base.span.as_ref());
        let what = Outcome::Policy { accepts, span };
        let sure = so_far.passing() == so_far;
        meet(Meeting { chains, chain: stage.chain, what, sure, known: true });
    }
    Ok(so_far.base(stage.base.accepts))
}

/// Does what a rule says. False if the packet is sure to go no further than
/// this rule.
fn follow<'a>(
    stage: &Stage<'a>,
    frames: &mut Vec<Frame<'a>>,
    rule: &'a Rule,
    truth: Truth,
    so_far: &mut Effect,
) -> bool {
    let maybe = truth == Truth::Maybe;
    let base = frames.len() == 1;
    let Some(frame) = frames.last_mut() else { return false };
    let below = frame.doubtful();
    match rule.action() {
        Action::Return if maybe => return_maybe(frames),
        Action::Return if base => frame.rest = [].iter(),
        Action::Return => leave(frames),
        Action::Jump(to) => {
            frames.push(Frame::new(stage, *to, maybe, below));
        }
        Action::Goto(to) if maybe => {
            let to = Frame::new(stage, *to, true, true);
            frames.push(Frame { gone: true, ..to });
        }
        Action::Goto(to) => {
            let to = Frame::new(stage, *to, frame.maybe, frame.below);
            *frame = Frame { gone: frame.gone, ..to };
        }
        action => {
            let effect = Effect::of(action);
            frame.maybe |= matches!(action, Action::Unknown(_));
            let effect = if maybe { effect.or(Effect::NONE) } else { effect };
            *so_far = so_far.then(effect);
            return effect.passes();
        }
    }
    true
}

/// Returns from the last chain, or falls through it.
fn leave(frames: &mut Vec<Frame<'_>>) {
    return_maybe(frames);
    frames.pop();
}

/// The packet may return from the last chain.
fn return_maybe(frames: &mut [Frame<'_>]) {
    for frame in frames.iter_mut().rev() {
        frame.maybe = true;
        if !frame.gone {
            break;
        }
    }
}

/// Goes back to behind the last call that may not have been made. False if
/// there is none.
fn unwind(frames: &mut Vec<Frame<'_>>) -> bool {
    while let Some(frame) = frames.pop() {
        if frame.maybe {
            if frames.is_empty() {
                // A base chain that may have been returned from: its policy.
                frames.push(Frame { rest: [].iter(), ..frame });
            }
            return true;
        }
    }
    false
}
