//! Which chains lead to which.

use super::{Action, Chain, Rule};
use crate::Error;

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Not,
    Open,
    Done,
}

/// Checks that nothing that the kernel enters leads back to itself, as it
/// does before it takes a table (nft_table_validate, mark_source_chains).
pub(super) fn check_loops(chains: &[Chain]) -> Result<(), Error> {
    let mut visits = vec![Visit::Not; chains.len()];
    let entered = chains.iter().enumerate();
    for (start, _) in entered.filter(|(_, chain)| chain.base.is_some()) {
        // Each entry: a chain, and the rules of it that are still to follow.
        let mut open: Vec<(usize, std::slice::Iter<'_, Rule>)> = Vec::new();
        enter(chains, start, &mut visits, &mut open);
        while let Some((chain, rules)) = open.last_mut() {
            let Some(rule) = rules.next() else {
                set(&mut visits, *chain, Visit::Done);
                open.pop();
                continue;
            };
            let Some(callee) = target(rule.action()) else { continue };
            if visits.get(callee) == Some(&Visit::Open) {
                return Err(circle(chains, &open, callee, rule));
            }
            enter(chains, callee, &mut visits, &mut open);
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
    chains: &'a [Chain],
    at: usize,
    visits: &mut [Visit],
    open: &mut Vec<(usize, std::slice::Iter<'a, Rule>)>,
) {
    if visits.get(at) == Some(&Visit::Not) {
        set(visits, at, Visit::Open);
        let rules = chains.get(at).map_or(&[][..], |chain| &chain.rules);
        open.push((at, rules.iter()));
    }
}

fn set(visits: &mut [Visit], at: usize, visit: Visit) {
    if let Some(slot) = visits.get_mut(at) {
        *slot = visit;
    }
}

fn circle(
    chains: &[Chain],
    open: &[(usize, std::slice::Iter<'_, Rule>)],
    callee: usize,
    rule: &Rule,
) -> Error {
    let name = chains.get(callee).map_or("", |chain| &chain.name);
    let last = open.last().map(|(chain, _)| *chain);
    let message = if last == Some(callee) {
        format!("chain {name} jumps to itself")
    } else {
        let left = left_at(chains, open, callee).unwrap_or(0);
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
    open: &[(usize, std::slice::Iter<'_, Rule>)],
    callee: usize,
) -> Option<usize> {
    let (at, rest) = open.iter().rev().find(|(chain, _)| *chain == callee)?;
    let chain = chains.get(*at)?;
    let before = chain.rules.len().checked_sub(rest.len() + 1)?;
    Some(chain.span(chain.rules.get(before)?).line())
}
