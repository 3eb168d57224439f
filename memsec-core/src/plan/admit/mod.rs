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
use place::{place, set_output};

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

fn rule(shut: &ShutOut) -> Vec<String> {
    let ShutOut { clients, proto, port, .. } = shut;
    let source = format!("{}/{}", clients.address(), clients.prefix());
    let (proto, port) = (proto.name(), port.to_string());
    words(&[
        "INPUT",
        "-s",
        &source,
        "-p",
        proto,
        "-m",
        proto,
        "--dport",
        &port,
        "-m",
        "comment",
        "--comment",
        "memsec",
        "-j",
        "ACCEPT",
    ])
}

fn admit_one(draft: &mut Draft<'_>, shut: &ShutOut) -> Result<(), Error> {
    let tool = iptables(shut.clients.family());
    let rule = rule(shut);
    let live = draft.snapshot.output(tool.save);
    let text = live.map(|source| source.text().to_owned());
    let place = text
        .as_ref()
        .and_then(|text| place(draft, tool.save, text, &rule, shut));
    let (Some(text), Some(place)) = (text, place) else {
        if !native::admit(draft, shut)? {
            draft.obstacles.push(format!(
                "{}: no rule in INPUT of {} or in an input chain of nft would \
                 change that",
                shut.message, tool.command
            ));
        }
        return Ok(());
    };
    let mut command = words(&[tool.command, "-w"]);
    command.extend(place.command(&rule));
    let with = |verb: &str| {
        let mut line = words(&[tool.command, "-w", verb]);
        line.extend(rule.iter().cloned());
        Run { command: line }
    };
    set_output(&mut draft.snapshot, tool.save, place.write(&text, &rule));
    draft.step(Step {
        kind: StepKind::Manager,
        summary: format!(
            "let {} in to port {}{}, before the rule that would stop it",
            shut.clients,
            shut.port,
            shut.over()
        ),
        settles: settles(&["FW-006"]),
        command,
        undo: Some(with("-D")),
        check: Some(with("-C")),
        ..Step::default()
    })?;
    for path in tool.files {
        persist_rule(draft, &tool, path, &rule, shut)?;
    }
    Ok(())
}

/// The same rule in the file that the rules are loaded from at boot.
fn persist_rule(
    draft: &mut Draft<'_>,
    tool: &Iptables,
    path: &str,
    rule: &[String],
    shut: &ShutOut,
) -> Result<(), Error> {
    let Some(text) = draft.text(path) else { return Ok(()) };
    let Some(place) = place(draft, tool.save, &text, rule, shut) else {
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
