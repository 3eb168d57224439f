//! The rules that an answer rests on.

use super::{
    cell::Address,
    chain::Budget,
    sources::{Answered, Question},
    trace::{Meeting, Outcome, trace},
    walk::{Fate, Flow, Stage, step},
};
use crate::{net::RangeSet, netfilter::Action, text::Place};

/// The most rules that are named.
const MOST: usize = 5;

/// How many rules are looked at to name some.
const WORK: u64 = 5_000_000;

/// The rules that decide, for one source that may get in and one that does
/// not.
pub(super) fn because(
    question: &Question<'_>,
    answered: &[Answered<'_>],
    may: &RangeSet<u128>,
) -> Vec<Place> {
    let last = question.family.last();
    let out = may.complement().intersection(&RangeSet::range(0, last));
    let inside = witness(may).and_then(|source| {
        let one = answered.iter().find(|one| one.may.contains(source))?;
        Some((one, source))
    });
    let outside =
        witness(&out).and_then(|source| Some((answered.first()?, source)));
    let mut places = Vec::new();
    for (one, source) in inside.into_iter().chain(outside) {
        let met = meetings(question, &one.flow, source);
        let deciding = met.iter().rev().find(|meeting| ends(meeting));
        let place = deciding.and_then(place);
        places.extend(place.filter(|place| !places.contains(place)));
    }
    places
}

/// The rules that are not decided, for one source that may get in and need
/// not.
pub(super) fn undecided(
    question: &Question<'_>,
    answered: &[Answered<'_>],
    may: &RangeSet<u128>,
    must: &RangeSet<u128>,
) -> Vec<Place> {
    let Some(source) = witness(&may.difference(must)) else {
        return Vec::new();
    };
    let Some(one) = answered.iter().find(|one| !one.must.contains(source))
    else {
        return Vec::new();
    };
    let met = meetings(question, &one.flow, source);
    let doubtful = met.iter().filter(|meeting| doubtful(meeting));
    let places = doubtful.filter_map(place).take(MOST);
    let places: Vec<Place> = places.collect();
    if places.is_empty() {
        // Each packet is decided, and not all of them alike.
        let ends = met.iter().rev().filter(|meeting| ends(meeting));
        return ends.filter_map(place).take(1).collect();
    }
    places
}

fn doubtful(meeting: &Meeting<'_>) -> bool {
    let Outcome::Rule(rule) = meeting.what else { return false };
    match rule.action() {
        Action::Translate(_) | Action::Unknown(_) => true,
        Action::Continue | Action::Mark(_) => false,
        _ => !meeting.known,
    }
}

/// The rule that decides the packets of a flow from one source of a set.
pub(super) fn decider(
    question: &Question<'_>,
    flow: &Flow<'_>,
    sources: &RangeSet<u128>,
) -> Option<Place> {
    let met = meetings(question, flow, witness(sources)?);
    let mut rules = met.iter().rev().filter(|meeting| {
        ends(meeting) && matches!(meeting.what, Outcome::Rule(_))
    });
    rules.next().and_then(place)
}

/// An address of a set: of its widest range, as the one that says most.
fn witness(set: &RangeSet<u128>) -> Option<u128> {
    let widest = set.ranges().iter().max_by_key(|(first, last)| last - first);
    widest.map(|(first, last)| first + (last - first) / 2)
}

/// True if a packet may end here.
fn ends(meeting: &Meeting<'_>) -> bool {
    match meeting.what {
        Outcome::Policy { .. } => true,
        Outcome::Rule(rule) => matches!(
            rule.action(),
            Action::Accept
                | Action::Drop
                | Action::Reject
                | Action::Translate(_)
                | Action::Queue { .. }
                | Action::Unknown(_)
        ),
    }
}

fn place(meeting: &Meeting<'_>) -> Option<Place> {
    match meeting.what {
        Outcome::Rule(rule) => Some(meeting.chain.place(rule)),
        Outcome::Policy { span, .. } => span.map(|span| span.place()),
    }
}

/// What a packet of a flow meets, if it comes from `source`: on the way in,
/// and if it gets in, its answer on the way out.
fn meetings<'a>(
    question: &Question<'a>,
    flow: &Flow<'a>,
    source: u128,
) -> Vec<Meeting<'a>> {
    let flow = Flow { source: Address::Known(source), ..flow.clone() };
    let budget = Budget::new(WORK);
    let mut met = Vec::new();
    let way = question.first.iter().chain(&question.input);
    let fate = follow(way, &flow, &budget, &mut met);
    if fate.alive() {
        let mut out = Vec::new();
        let back = question.back(&flow);
        let answer = follow(question.back.iter(), &back, &budget, &mut out);
        if !answer.sure() {
            met.extend(out);
        }
    }
    met
}

fn follow<'s, 'a: 's>(
    stages: impl Iterator<Item = &'s Stage<'a>>,
    flow: &Flow<'_>,
    budget: &Budget,
    met: &mut Vec<Meeting<'a>>,
) -> Fate {
    let mut fate = Fate::TRACKED;
    for stage in stages.take_while(|_| true) {
        if !fate.alive() {
            break;
        }
        fate = step(stage, flow, fate, |one| {
            let cell = flow.cell(stage.base, one);
            trace(stage, &cell, budget, &mut |meeting| met.push(meeting))
                .unwrap_or(super::effect::Effect::ANY)
        });
    }
    fate
}
