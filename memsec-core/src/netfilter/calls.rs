//! Which chains lead to which.

use super::{About, Action, Chain, Rule};
use crate::Error;

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Not,
    Open,
    Done,
}

/// A chain that was entered, and the calls in it that are still to follow.
type Left<'a> = (usize, &'a [&'a Rule]);

/// Checks that nothing that the kernel enters leads back to itself, as it
/// does before it takes a table (nft_table_validate, mark_source_chains).
pub(super) fn check_loops(chains: &[Chain]) -> Result<(), Error> {
    let mut visits = vec![Visit::Not; chains.len()];
    let calls: Vec<Vec<&Rule>> = chains
        .iter()
        .map(|chain| chain.each_about(About::CALL).collect())
        .collect();
    let entered = chains.iter().enumerate();
    for (start, _) in entered.filter(|(_, chain)| chain.base.is_some()) {
        let mut open: Vec<Left<'_>> = Vec::new();
        enter(&calls, start, &mut visits, &mut open);
        while let Some((chain, rest)) = open.last_mut() {
            let Some((rule, after)) = rest.split_first() else {
                set(&mut visits, *chain, Visit::Done);
                open.pop();
                continue;
            };
            *rest = after;
            let Some(callee) = target(rule.action()) else { continue };
            if visits.get(callee) == Some(&Visit::Open) {
                return Err(circle(chains, &calls, &open, callee, rule));
            }
            enter(&calls, callee, &mut visits, &mut open);
        }
    }
    Ok(())
}

/// The chain that an action leads to.
pub(super) fn target(action: &Action) -> Option<usize> {
    match action {
        Action::Jump(chain) | Action::Goto(chain) => Some(*chain),
        _ => None,
    }
}

fn enter<'a>(
    calls: &'a [Vec<&'a Rule>],
    at: usize,
    visits: &mut [Visit],
    open: &mut Vec<Left<'a>>,
) {
    if visits.get(at) == Some(&Visit::Not) {
        set(visits, at, Visit::Open);
        open.push((at, calls.get(at).map_or(&[][..], |all| all)));
    }
}

fn set(visits: &mut [Visit], at: usize, visit: Visit) {
    if let Some(slot) = visits.get_mut(at) {
        *slot = visit;
    }
}

fn circle(
    chains: &[Chain],
    calls: &[Vec<&Rule>],
    open: &[Left<'_>],
    callee: usize,
    rule: &Rule,
) -> Error {
    let name = chains.get(callee).map_or("", |chain| &chain.name);
    let last = open.last().map(|(chain, _)| *chain);
    let message = if last == Some(callee) {
        format!("chain {name} jumps to itself")
    } else {
        let left = left_at(chains, calls, open, callee).unwrap_or(0);
        format!("chain {name}, left at line {left}, is jumped to again")
    };
    match last.and_then(|at| chains.get(at)) {
        Some(chain) => Error::parse(&chain.span(rule), message),
        None => Error::argument(message),
    }
}

/// The line of the rule that first left a chain on the way round.
fn left_at(
    chains: &[Chain],
    calls: &[Vec<&Rule>],
    open: &[Left<'_>],
    callee: usize,
) -> Option<usize> {
    let (at, rest) = open.iter().rev().find(|(chain, _)| *chain == callee)?;
    let all = calls.get(*at)?;
    let before = all.len().checked_sub(rest.len() + 1)?;
    Some(chains.get(*at)?.span(all.get(before)?).line())
}
