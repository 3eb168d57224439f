//! The strategy of iptables: a rule where the host's own would still drop the
//! clients.

mod managed;
mod native;
mod place;

use super::{
    Run, Step, StepKind,
    daemon::{settles, words},
    draft::Draft,
};
use crate::{Error, FileChange, audit::ShutOut, net::Family};
use place::{admits_by, place, set_output, with_first};

/// More rules than this are no list that a person keeps.
const MOST: usize = 64;

/// Lets the clients in that the host's own rules would still drop.
pub(super) fn admit(draft: &mut Draft<'_>) -> Result<(), Error> {
    managed::ask(draft)?;
    let shut = draft.shut_out()?;
    if shut.len() > MOST {
        draft.obstacles.push(format!(
            "{} client networks are too many for a rule each, {MOST} are not: \
             join them to larger ones",
            shut.len()
        ));
        return Ok(());
    }
    for shut in shut {
        match shut.to {
            Some(_) => admit_one(draft, &shut)?,
            None => draft.obstacles.push(shut.message),
        }
    }
    Ok(())
}

/// How iptables is asked and kept for a family.
struct Iptables {
    command: &'static str,
    save: &'static str,
    files: [&'static str; 2],
}

fn iptables(family: Family) -> Iptables {
    match family {
        Family::Ipv4 => Iptables {
            command: "iptables",
            save: "iptables-save",
            files: ["/etc/iptables/rules.v4", "/etc/sysconfig/iptables"],
        },
        Family::Ipv6 => Iptables {
            command: "ip6tables",
            save: "ip6tables-save",
            files: ["/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"],
        },
    }
}

/// What lets the clients in.
fn rule(shut: &ShutOut) -> Vec<String> {
    accepting(shut, ["INPUT", "-s", "--dport"], &[])
}

/// What lets the answers to them out, and nothing else: packets of
/// connections that they began.
fn answer(shut: &ShutOut) -> Vec<String> {
    let replies = ["-m", "conntrack", "--ctdir", "REPLY"];
    accepting(shut, ["OUTPUT", "-d", "--sport"], &replies)
}

/// A rule of a chain that accepts what has the clients at one end, the port
/// at the other, and is what else is asked.
fn accepting(
    shut: &ShutOut,
    [chain, client, own]: [&str; 3],
    asked: &[&str],
) -> Vec<String> {
    let ShutOut { clients, proto, port, .. } = shut;
    let (clients, port) = (clients.in_full(), port.to_string());
    let proto = proto.name();
    let packets = [chain, client, &clients, "-p", proto, "-m", proto];
    let accept = ["-m", "comment", "--comment", "memsec", "-j", "ACCEPT"];
    words(&[&packets, &[own, &port][..], asked, &accept].concat())
}

fn admit_one(draft: &mut Draft<'_>, shut: &ShutOut) -> Result<(), Error> {
    let tool = iptables(shut.clients.family());
    let rules = needed(draft, &tool, shut);
    if rules.is_empty() && !native::admit(draft, shut)? {
        draft.obstacles.push(format!(
            "{}: no rule in INPUT or OUTPUT of {}, or in an input chain of \
             nft, would change that",
            shut.message, tool.command
        ));
    }
    let mut later = rules.as_slice();
    while let Some((rule, rest)) = later.split_first() {
        later = rest;
        insert(draft, &tool, rule, later, shut)?;
        for path in tool.files {
            persist_rule(draft, &tool, path, (rule, later), shut)?;
        }
    }
    Ok(())
}

/// The fewest rules that let the clients in, in their order: an answer may
/// get out before anybody is let in.
fn needed(
    draft: &Draft<'_>,
    tool: &Iptables,
    shut: &ShutOut,
) -> Vec<Vec<String>> {
    let Some(live) = draft.snapshot.output(tool.save) else {
        return Vec::new();
    };
    let (rule, answer) = (rule(shut), answer(shut));
    let works = |rules: &Vec<Vec<String>>| {
        with_first(live.text().to_owned(), rules)
            .is_some_and(|text| admits_by(draft, tool.save, text, shut))
    };
    let all = [vec![rule.clone()], vec![answer.clone()], vec![answer, rule]];
    all.into_iter().find(works).unwrap_or_default()
}

/// Adds the step of a rule, before some that come later.
fn insert(
    draft: &mut Draft<'_>,
    tool: &Iptables,
    rule: &[String],
    later: &[Vec<String>],
    shut: &ShutOut,
) -> Result<(), Error> {
    let live = draft.snapshot.output(tool.save);
    let text = live.map(|source| source.text().to_owned()).unwrap_or_default();
    let Some(place) = place(draft, tool.save, &text, (rule, later), shut)
    else {
        return Ok(());
    };
    let mut command = words(&[tool.command, "-w"]);
    command.extend(place.command(rule));
    let with = |verb: &str| {
        let mut line = words(&[tool.command, "-w", verb]);
        line.extend(rule.iter().cloned());
        Run { command: line }
    };
    set_output(&mut draft.snapshot, tool.save, place.write(&text, rule));
    draft.step(Step {
        kind: StepKind::Manager,
        summary: summary(rule, shut),
        settles: settles(&["FW-006"]),
        command,
        undo: Some(with("-D")),
        check: Some(with("-C")),
        ..Step::default()
    })
}

fn summary(rule: &[String], shut: &ShutOut) -> String {
    let ShutOut { clients, port, .. } = shut;
    let over = shut.over();
    match rule.first().map(String::as_str) {
        Some("OUTPUT") => format!(
            "let the answers of port {port}{over} to {clients} out, before \
             the rule that would stop them"
        ),
        _ => format!(
            "let {clients} in to port {port}{over}, before the rule that would \
             stop it"
        ),
    }
}

/// The same rule in the file that the rules are loaded from at boot.
fn persist_rule(
    draft: &mut Draft<'_>,
    tool: &Iptables,
    path: &str,
    (rule, later): (&[String], &[Vec<String>]),
    shut: &ShutOut,
) -> Result<(), Error> {
    let Some(text) = draft.text(path) else { return Ok(()) };
    let Some(place) = place(draft, tool.save, &text, (rule, later), shut)
    else {
        draft.obstacles.push(format!("{path}: no place for the rule"));
        return Ok(());
    };
    let after = place.write(&text, rule);
    let file = FileChange {
        path: path.to_owned(),
        before: Some(text),
        after: Some(after),
    };
    draft.write(&file);
    draft.step(Step {
        kind: StepKind::Persist,
        summary: format!("{path}: the same rule, for the next boot"),
        settles: settles(&["FW-010"]),
        file: Some(file),
        ..Step::default()
    })
}
