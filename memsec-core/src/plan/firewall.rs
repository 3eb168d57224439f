//! The strategies of the firewall: the guard, and a rule of iptables where
//! the host's own rules would still drop the clients.

use super::{
    Guard, Run, Step, StepKind,
    daemon::{settles, words},
    draft::Draft,
    guard,
};
use crate::{
    Cidr, Error, FileChange,
    audit::{ShutOut, reached, shut_out},
    host::Host,
    net::Family,
    snapshot::{Content, Snapshot},
};

/// The unit that loads the guard at boot.
const UNIT: &str = "/etc/systemd/system/memsec-guard.service";

/// After nftables.service, which empties the rule set when it starts; before
/// the network is up, so that there is no open moment at boot.
const UNIT_TEXT: &str = "\
[Unit]
Description=memsec: only the allowed clients reach memcached
DefaultDependencies=no
After=local-fs.target nftables.service
Before=network-pre.target memcached.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/memsec/guard.nft

[Install]
WantedBy=sysinit.target
";

/// What a shell says of a command that is not there.
const NOT_FOUND: i32 = 127;

/// Whether nft is on the host, or not known to be missing.
pub(super) fn has_nft(snapshot: &Snapshot) -> bool {
    let listing = snapshot.commands.get("nft -j list ruleset");
    listing.is_none_or(|output| output.status != NOT_FOUND)
}

/// Loads the guard.
pub(super) fn guard(
    draft: &mut Draft<'_>,
    ports: Vec<u16>,
) -> Result<(), Error> {
    let guard = Guard::new(draft.policy, ports);
    let file = FileChange {
        path: guard::FILE.to_owned(),
        before: draft.text(guard::FILE),
        after: Some(guard.to_nft()),
    };
    draft.write(&file);
    draft.guard = Some(guard.clone());
    let ports: Vec<_> = guard.ports.iter().map(u16::to_string).collect();
    draft.step(Step {
        kind: StepKind::Guard,
        summary: format!(
            "guard port {}: a table of its own drops whoever is not allowed",
            ports.join(", ")
        ),
        settles: settles(&["FW-001", "FW-002", "FW-003", "AUTH-001"]),
        undo: Some(Run { command: undo(&file) }),
        file: Some(file),
        command: words(&["nft", "-f", guard::FILE]),
        check: Some(Run {
            command: words(&["nft", "list", "table", "inet", "memsec"]),
        }),
        guard: Some(guard),
    })
}

/// The guard that was there before comes back from its file.
fn undo(file: &FileChange) -> Vec<String> {
    match file.before {
        Some(_) => words(&["nft", "-f", guard::FILE]),
        None => words(&["nft", "delete", "table", "inet", "memsec"]),
    }
}

/// Makes the guard come back at boot, unless it does already.
pub(super) fn persist_guard(draft: &mut Draft<'_>) -> Result<(), Error> {
    let before = draft.text(UNIT);
    if before.as_deref() == Some(UNIT_TEXT) {
        return Ok(());
    }
    let file = FileChange {
        path: UNIT.to_owned(),
        before,
        after: Some(UNIT_TEXT.to_owned()),
    };
    draft.write(&file);
    draft.step(Step {
        kind: StepKind::Persist,
        summary: "load the guard at boot, before the network is up".to_owned(),
        settles: settles(&["FW-010"]),
        file: Some(file),
        command: words(&["systemctl", "enable", "memsec-guard.service"]),
        undo: Some(Run {
            command: words(&["systemctl", "disable", "memsec-guard.service"]),
        }),
        ..Step::default()
    })
}

/// Lets the clients in that the host's own rules would still drop.
pub(super) fn admit(draft: &mut Draft<'_>) -> Result<(), Error> {
    let shut = shut_out(&draft.host, draft.policy, &draft.reached());
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

fn rule(clients: Cidr, port: u16) -> Vec<String> {
    let source = format!("{}/{}", clients.address(), clients.prefix());
    let port = port.to_string();
    words(&[
        "INPUT",
        "-s",
        &source,
        "-p",
        "tcp",
        "-m",
        "tcp",
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
    let rule = rule(shut.clients, shut.port);
    let live = draft.snapshot.output(tool.save);
    let text = live.map(|source| source.text().to_owned());
    let place = text
        .as_ref()
        .and_then(|text| place(draft, tool.save, text, &rule, shut));
    let (Some(text), Some(place)) = (text, place) else {
        draft.obstacles.push(format!(
            "{}: no rule in INPUT of {} would change that",
            shut.message, tool.command
        ));
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
            "let {} in to port {}, before the rule that would stop it",
            shut.clients, shut.port
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

/// A place in the INPUT chain of a dump.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Before the rule of this number, counted from 1; one more than there
    /// are rules: at the end.
    number: usize,
    /// Whether it is the end.
    last: bool,
    /// Where the new line goes, in bytes.
    offset: usize,
}

impl Place {
    fn command(&self, rule: &[String]) -> Vec<String> {
        let mut rule = rule.to_vec();
        let verb = if self.last { "-A" } else { "-I" };
        if !self.last {
            rule.insert(1, self.number.to_string());
        }
        rule.insert(0, verb.to_owned());
        rule
    }

    fn write(&self, text: &str, rule: &[String]) -> String {
        let (before, after) =
            text.split_at_checked(self.offset).unwrap_or((text, ""));
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        format!("{before}-A {}{end}{after}", rule.join(" "))
    }
}

/// The last place in INPUT at which the rule lets the clients in. The later
/// it stands, the less it goes before what the host's own rules say.
fn place(
    draft: &Draft<'_>,
    save: &str,
    text: &str,
    rule: &[String],
    shut: &ShutOut,
) -> Option<Place> {
    let places = places(text);
    // What lets them in at one place does at each place before it.
    let fails = places.partition_point(|place| {
        let mut trial = draft.clone();
        set_output(&mut trial.snapshot, save, place.write(text, rule));
        trial.update().is_ok() && admits(&trial.host, draft, shut)
    });
    places.get(fails.checked_sub(1)?).copied()
}

fn admits(host: &Host, draft: &Draft<'_>, shut: &ShutOut) -> bool {
    let reached = reached(host, draft.policy);
    let still = shut_out(host, draft.policy, &reached);
    !still.iter().any(|s| s.clients == shut.clients && s.port == shut.port)
}

/// Every place in INPUT of the last filter table of a dump, the first first.
fn places(text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let mut offset = 0;
    let mut filter = false;
    for line in text.split_inclusive('\n') {
        let words = without_counters(line.trim());
        match words {
            "*filter" => {
                filter = true;
                places.clear();
            }
            "COMMIT" if filter => {
                let number = places.len() + 1;
                places.push(Place { number, last: true, offset });
                filter = false;
            }
            _ if filter && words.starts_with("-A INPUT ") => {
                let number = places.len() + 1;
                places.push(Place { number, last: false, offset });
            }
            _ => {}
        }
        offset += line.len();
    }
    places
}

/// A rule without the "[packets:bytes] " that `iptables-save -c` prints.
fn without_counters(line: &str) -> &str {
    let rest = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    rest.map_or(line, |(_, rule)| rule)
}

fn set_output(snapshot: &mut Snapshot, command: &str, stdout: String) {
    if let Some(output) = snapshot.commands.get_mut(command) {
        output.stdout = stdout;
    }
}

/// Whether the guard of the host would be gone after a boot.
pub(super) fn guard_is_lost_at_boot(draft: &Draft<'_>) -> bool {
    let there = |path: &str| {
        let file = draft.snapshot.files.get(path);
        file.is_some_and(|f| !matches!(f.content, Content::Error(_)))
    };
    draft.host.ruleset.has_table("memsec")
        && !(there(UNIT) && there(guard::FILE))
}
