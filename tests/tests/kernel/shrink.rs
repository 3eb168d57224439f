//! Makes a contradiction small.

use std::env;

use memsec_core::Packet;

use crate::{
    case::{Case, word},
    compare::{Model, Standing},
    oracle::{Fate, Load, Oracle},
};

/// How often rules are loaded to make one case small.
const ATTEMPTS: usize = 400;

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
    if env::var_os("NOSHRINK").is_some() {
        return None;
    }
    let first = packets.first().cloned()?;
    let mut ruled = packets
        .into_iter()
        .filter(|packet| contradiction(oracle, &[], packet, text).is_none());
    match ruled.next() {
        Some(packet) => shrink(oracle, case, packet, text),
        None if env::var_os("MEMSEC_KERNEL_RULES_ONLY").is_some() => None,
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
/// texts; the lines that open and close stay.
fn without(loads: &[Load], at: usize, size: usize) -> Option<Vec<Load>> {
    let total: usize = loads.iter().map(|l| l.text.lines().count()).sum();
    if at >= total {
        return None;
    }
    let mut number = 0;
    let mut fewer = Vec::new();
    for load in loads {
        let kept = load.text.lines().filter(|_| {
            number += 1;
            !(at + 1..=at + size).contains(&number)
        });
        let text: String = kept.map(|line| format!("{line}\n")).collect();
        if !text.trim().is_empty() {
            fewer.push(Load { tool: load.tool, text });
        }
    }
    Some(fewer)
}
