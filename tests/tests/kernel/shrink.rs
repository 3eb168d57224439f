//! Makes a contradiction small.

use memsec_core::{Packet, State};

use crate::{
    case::{Case, word},
    compare::{MEMCACHED, Model, Standing},
    oracle::{Fate, Load, Oracle},
};

/// How often rules are loaded to make one case small.
const ATTEMPTS: usize = 400;

/// What makes a packet plainer.
const PLAINER: [fn(&mut Packet); 9] = [
    |packet| packet.fragment = None,
    |packet| packet.extension = None,
    |packet| packet.frame = None,
    |packet| packet.connection_mark = None,
    |packet| packet.flags = "S".to_owned(),
    |packet| packet.state = State::New,
    |packet| packet.port = MEMCACHED,
    |packet| packet.sport = 40000,
    |packet| packet.interface = Some("eth0".to_owned()),
];

/// What the kernel does with a packet under some rules, if the model
/// contradicts it, with the contradiction.
pub fn contradiction(
    oracle: &mut Oracle,
    loads: &[Load],
    packet: &Packet,
    text: bool,
) -> Option<(Fate, String)> {
    oracle.load(loads).ok()?;
    let snapshot = oracle.snapshot(text).ok()?;
    let fate = oracle.ask(std::slice::from_ref(packet))[0];
    // Rules that lost a line can be such as no model reads.
    match Model::new(snapshot).ok()?.standing(packet, fate) {
        Standing::Contradiction(why) => Some((fate, why)),
        _ => None,
    }
}

/// The smallest case of one of the packets: of one that is also wrong with
/// no rules at all, only where all are. What does not come again was
/// something else, such as a softirq that came late.
pub fn smallest(
    oracle: &mut Oracle,
    case: &Case,
    packets: Vec<Packet>,
    text: bool,
) -> Option<Case> {
    let first = packets.first().cloned()?;
    let mut ruled = packets
        .into_iter()
        .filter(|packet| contradiction(oracle, &[], packet, text).is_none());
    match ruled.next() {
        Some(packet) => shrink(oracle, case, packet, text),
        None => shrink(oracle, case, first, text),
    }
}

/// Drops every line of the rules that the contradiction does not need.
fn shrink(
    oracle: &mut Oracle,
    case: &Case,
    packet: Packet,
    text: bool,
) -> Option<Case> {
    let mut loads = case.loads.clone();
    let (mut fate, mut why) = contradiction(oracle, &loads, &packet, text)?;
    let mut packet = packet;
    let mut attempts = ATTEMPTS;
    let lines = loads.iter().map(|load| load.text.lines().count()).sum();
    let mut size = usize::next_power_of_two(lines);
    while size > 0 {
        let mut at = 0;
        while let Some(fewer) = without(&loads, at, size) {
            attempts = attempts.saturating_sub(1);
            if attempts == 0 {
                break;
            }
            match contradiction(oracle, &fewer, &packet, text) {
                Some(still) => {
                    (fate, why) = still;
                    loads = fewer;
                }
                None => at += size,
            }
        }
        size /= 2;
    }
    for plainer in PLAINER {
        let mut simple = packet.clone();
        plainer(&mut simple);
        if let Some(still) = contradiction(oracle, &loads, &simple, text) {
            (fate, why) = still;
            packet = simple;
        }
    }
    Some(Case {
        shows: format!("{}\n{}", case.shows, comment(&why)),
        setup: case.setup,
        loads,
        packets: vec![(word(fate).to_owned(), packet)],
    })
}

fn comment(why: &str) -> String {
    let lines = why.lines().map(|line| format!("# {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The rules without `size` lines from the line `at`, counted through all
/// texts. A line by itself that opens a block goes with the block.
fn without(loads: &[Load], at: usize, size: usize) -> Option<Vec<Load>> {
    let all: Vec<_> = loads.iter().flat_map(|load| load.text.lines()).collect();
    let rest = all.get(at..).filter(|rest| !rest.is_empty())?;
    let gone = at..at + if size == 1 { block(rest) } else { size };
    let mut number = 0..;
    let kept = |load: &Load| {
        let lines = load.text.lines().zip(number.by_ref());
        let lines = lines.filter(|(_, number)| !gone.contains(number));
        let text = lines.map(|(line, _)| format!("{line}\n")).collect();
        Load { tool: load.tool, text }
    };
    let fewer = loads.iter().map(kept);
    Some(fewer.filter(|load| !load.text.trim().is_empty()).collect())
}

/// How many lines the first of them and what it opens take.
fn block(lines: &[&str]) -> usize {
    let mut depth = 0;
    let ends = lines.iter().position(|line| {
        depth += i32::from(line.ends_with('{'));
        depth -= i32::from(line.starts_with('}'));
        depth <= 0
    });
    ends.map_or(1, |last| last + 1)
}
