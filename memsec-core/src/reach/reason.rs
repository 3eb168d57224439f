//! The rules that an answer rests on.

use std::rc::Rc;

use super::{
    cell::{Address, Tuple},
    chain::{Budget, TooMuch},
    journey::{Course, Journey, Parcel, Traffic},
    meeting::{Meeting, Outcome},
    passage::{first, local, onward},
    sources::{Answered, Question},
};
use crate::{
    net::RangeSet,
    netfilter::{Action, Hook},
    text::Place,
};

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
    let out = RangeSet::range(0, question.family.last()).difference(may);
    let inside = witness(may).and_then(|source| {
        let one = answered.iter().find(|one| one.may.contains(source))?;
        Some((one, source))
    });
    let outside =
        witness(&out).and_then(|source| Some((answered.first()?, source)));
    let mut places = Vec::new();
    for (one, source) in inside.into_iter().chain(outside) {
        let met = meetings(&one.journey, source);
        let deciding = met.iter().rev().find(|meeting| ends(meeting));
        let place = deciding.and_then(place);
        places.extend(place.filter(|place| !places.contains(place)));
    }
    places
}

/// The rules that are not decided, for one source that may get in and need
/// not.
pub(super) fn undecided(
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
    let met = meetings(&one.journey, source);
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

/// The rule that decides the packets of a journey from one source of a set.
pub(super) fn decider(
    journey: &Journey<'_>,
    sources: &RangeSet<u128>,
) -> Option<Place> {
    let met = meetings(journey, witness(sources)?);
    let mut rules = met.iter().rev().filter(|meeting| {
        ends(meeting) && matches!(meeting.what, Outcome::Rule(_))
    });
    rules.next().and_then(place)
}

/// An address of a set: of its widest range, as the one that says most.
fn witness(set: &RangeSet<u128>) -> Option<u128> {
    let widest = set.ranges().max_by_key(|(first, last)| last - first);
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
                | Action::Reject(_)
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

/// What a packet of a journey meets, if it comes from `source`: on the way
/// in, and if it gets in, its answer on the way out.
fn meetings<'a>(journey: &Journey<'a>, source: u128) -> Vec<Meeting<'a>> {
    let tuple = Tuple { source: Address::Known(source), ..journey.tuple };
    let one = Journey {
        tuple,
        peer: Some(journey.family.address(source)),
        budget: Rc::new(Budget::new(WORK)),
        ..journey.clone()
    };
    let mut met = Vec::new();
    // What it met before there was too much of it, says enough.
    let _ = follow(&one, &mut met);
    met
}

fn follow<'a>(
    journey: &Journey<'a>,
    met: &mut Vec<Meeting<'a>>,
) -> Result<(), TooMuch> {
    let start = Traffic::of(journey.parcel());
    let note = |_: Hook, meeting: &Meeting<'a>| met.push(*meeting);
    let routed = journey.pass(first(journey), start, note)?;
    for parcel in routed.under_way {
        let course = journey.course(&parcel);
        if !matches!(course, Some(Course::Onward | Course::OnwardPerhaps)) {
            behind(journey, parcel, true, met)?;
        }
        if matches!(course, Some(Course::Onward | Course::OnwardPerhaps) | None)
        {
            behind(journey, parcel, false, met)?;
        }
    }
    Ok(())
}

/// What is met behind the routing decision, here or on the way to another
/// host.
fn behind<'a>(
    journey: &Journey<'a>,
    parcel: Parcel,
    here: bool,
    met: &mut Vec<Meeting<'a>>,
) -> Result<(), TooMuch> {
    let hooks = if here { local(journey) } else { onward(journey) };
    let note = |_: Hook, meeting: &Meeting<'a>| met.push(*meeting);
    let passed = journey.pass(hooks, Traffic::of(parcel), note)?;
    for parcel in passed.under_way.into_iter().filter(|_| here) {
        let (back, under_way) = journey.answer(&parcel);
        let mut out = Vec::new();
        let traffic = Traffic { under_way, ..Traffic::default() };
        let hooks = [Hook::Output, Hook::Postrouting];
        let sent =
            back.pass(&hooks, traffic, |_, meeting| out.push(*meeting))?;
        if sent.dropped || sent.rejected {
            met.extend(out);
        }
    }
    Ok(())
}
