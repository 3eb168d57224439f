//! The guard, by which tool so ever it is loaded.

use std::collections::BTreeSet;

use super::{
    iptables::{cannot, dump},
    rules::{Action, Base, Chain, Rule, Table},
    sets::Sets,
};
use crate::{
    Error, Guard,
    plan::{GUARD_HEAD, GUARD_LOAD},
};

const CHAIN: &str = "MEMSEC";

/// The chain of iptables as a table: none is called so.
const APART: &str = "mangle MEMSEC";

pub(super) fn is_guard(table: &Table) -> bool {
    table.name == APART
        || table.name == "memsec" && table.families == [true, true]
}

/// Takes the guard out of the table mangle of iptables, if all that comes in
/// is led to it before another rule decides: it is then as one of its own.
pub(super) fn part(table: &mut Table) -> Option<Table> {
    let own = table.chains.get(CHAIN).filter(|_| table.name == "mangle")?;
    let ends = own.rules.iter().all(|rule| leads_to(rule).is_none());
    let callers = table.chains.iter().filter(|(_, chain)| calls(chain));
    let names: Vec<_> = callers.clone().map(|(name, _)| name.clone()).collect();
    let first = callers.clone().all(|(_, chain)| is_led_first(chain));
    if !ends || !first || !names.iter().any(|name| name == "PREROUTING") {
        return None;
    }
    let name = APART.to_owned();
    let mut guard =
        Table { name, families: table.families, ..Table::default() };
    guard.chains.extend(table.chains.remove_entry(CHAIN));
    for name in names {
        let calling = table.chains.get_mut(&name).map(calling);
        guard.chains.extend(calling.map(|chain| (name, chain)));
    }
    Some(guard)
}

/// Takes what leads there out of a chain.
fn calling(chain: &mut Chain) -> Chain {
    let rules = std::mem::take(&mut chain.rules).into_iter();
    let (calls, others) = rules.partition(is_call);
    chain.rules = others;
    let base = chain.base.clone().map(|base| Base { accepts: true, ..base });
    Chain { base, rules: calls }
}

fn leads_to(rule: &Rule) -> Option<&str> {
    match &rule.action {
        Action::Jump(name) | Action::Goto(name) => Some(name),
        _ => None,
    }
}

fn calls(chain: &Chain) -> bool {
    chain.rules.iter().any(|rule| leads_to(rule) == Some(CHAIN))
}

fn is_call(rule: &Rule) -> bool {
    let plain = rule.tests.is_empty() && !rule.unsure;
    plain && rule.action == Action::Jump(CHAIN.to_owned())
}

fn is_led_first(chain: &Chain) -> bool {
    let passes = |rule: &&Rule| rule.action == Action::Continue;
    let deciding = chain.rules.iter().find(|rule| !passes(rule));
    let mut leading = chain.rules.iter().filter(|r| leads_to(r) == Some(CHAIN));
    chain.base.is_some()
        && deciding.is_some_and(is_call)
        && leading.all(is_call)
}

/// A guard that a script loads by iptables, one table for each family, and
/// whether it is the one that is shown.
///
/// # Errors
///
/// A rule that is not read in full.
pub(super) fn scripted(
    path: &str,
    text: &str,
    shown: Option<&Guard>,
) -> Result<Option<(Vec<Table>, bool)>, Error> {
    let Some(bodies) = bodies(text) else { return Ok(None) };
    let mut tables = Vec::new();
    for (six, body) in &bodies {
        let Some(text) = printed(body) else { return Ok(None) };
        let found = dump(path, &text, *six, &Sets::default())?;
        let mut found = found.tables.into_iter();
        tables.extend(found.find_map(|mut table| part(&mut table)));
    }
    let chains = tables.iter().flat_map(|table| table.chains.values());
    let mut rules = chains.flat_map(|chain| &chain.rules);
    if let Some(rule) = rules.find(|rule| rule.unsure) {
        return Err(cannot(&rule.place));
    }
    let same = |guard: &Guard| {
        bodies.iter().all(|(six, body)| is_shown(guard, *six, body))
    };
    let whole = !bodies.is_empty() && tables.len() == bodies.len();
    Ok(whole.then(|| (tables, shown.is_none_or(same))))
}

/// What the script gives to each program; `None` for one that does more.
fn bodies(text: &str) -> Option<Vec<(bool, &str)>> {
    let mut rest = text.strip_prefix(GUARD_HEAD)?.strip_prefix(GUARD_LOAD)?;
    let mut bodies = Vec::new();
    for (six, program) in [(false, "iptables"), (true, "ip6tables")] {
        let head = format!("\nload {program} <<'RULES'\n");
        let Some(after) = rest.strip_prefix(&head) else { continue };
        let (body, next) = after.split_once("RULES\n")?;
        (body.is_empty() || body.ends_with('\n')).then_some(())?;
        bodies.push((six, body));
        rest = next;
    }
    rest.is_empty().then_some(bodies)
}

/// What iptables-save would print of it.
fn printed(body: &str) -> Option<String> {
    let mut text = String::from(
        "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n\
         :MEMSEC - [0:0]\n",
    );
    for line in body.lines() {
        match line {
            "-I PREROUTING -j MEMSEC" | "-I INPUT -j MEMSEC" => {
                text += &line.replacen("-I", "-A", 1);
            }
            line if line.starts_with("-A MEMSEC ") => text += line,
            _ => return None,
        }
        text += "\n";
    }
    Some(text + "COMMIT\n")
}

/// Whether its clients, ports and ways in are those of a guard.
fn is_shown(guard: &Guard, six: bool, body: &str) -> bool {
    let after = |line: &str, option: &str| {
        let (_, rest) = line.split_once(option)?;
        rest.split(' ').next().map(str::to_owned)
    };
    let clients = body.lines().filter_map(|line| after(line, " -s "));
    let own = guard.allow.iter().filter(|n| n.address().is_ipv6() == six);
    let own = own.map(|net| net.in_full());
    let published = body.lines().filter(|line| !line.contains(" -d "));
    let lists = published.filter_map(|line| after(line, " --dports "));
    let lists: Vec<_> = lists.collect();
    let ports = lists.iter().flat_map(|list| list.split(','));
    let shown = guard.ports.iter().map(u16::to_string);
    body.contains("-I INPUT ") == guard.redirected
        && clients.collect::<BTreeSet<_>>() == own.collect()
        && ports.map(str::to_owned).collect::<BTreeSet<_>>() == shown.collect()
}
