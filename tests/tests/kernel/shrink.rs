//! Makes a contradiction small.

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
    let standing = match Model::new(snapshot) {
        Ok(model) => model.standing(packet, fate),
        Err(error) => Standing::Contradiction(error),
    };
    match standing {
        Standing::Contradiction(why) => Some((fate, why)),
        _ => None,
    }
}

/// Drops every line of the rules that the contradiction does not need.
pub fn shrink(
    oracle: &mut Oracle,
    mut case: Case,
    packet: &Packet,
    text: bool,
) -> Option<Case> {
    let (mut fate, mut why) = contradiction(oracle, &case.loads, packet, text)?;
    let mut attempts = 0;
    let longest = case.loads.iter().map(|l| l.text.lines().count()).max()?;
    let mut size = longest.next_power_of_two();
    while size > 0 {
        let mut at = 0;
        while let Some(fewer) = without(&case.loads, at, size) {
            attempts += 1;
            if attempts > ATTEMPTS {
                break;
            }
            match contradiction(oracle, &fewer, packet, text) {
                Some(still) => {
                    (fate, why) = still;
                    case.loads = fewer;
                }
                None => at += size,
            }
        }
        size /= 2;
    }
    case.shows = format!("{}\n{}", case.shows, comment(&why));
    case.packets = vec![(word(fate).to_owned(), packet.clone())];
    Some(case)
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
