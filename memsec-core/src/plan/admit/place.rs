//! Where in a dump of iptables a rule goes.

use crate::{audit::ShutOut, plan::draft::Draft, snapshot::Snapshot};

/// A place in a chain of a dump.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Before the rule of this number, counted from 1; one more than there
    /// are rules: at the end.
    number: usize,
    /// Whether it is the end.
    last: bool,
    /// Where the new line goes, in bytes.
    offset: usize,
}

impl Place {
    pub(super) fn command(&self, rule: &[String]) -> Vec<String> {
        let mut rule = rule.to_vec();
        let verb = if self.last { "-A" } else { "-I" };
        if !self.last {
            rule.insert(1, self.number.to_string());
        }
        rule.insert(0, verb.to_owned());
        rule
    }

    pub(super) fn write(&self, text: &str, rule: &[String]) -> String {
        let (before, after) =
            text.split_at_checked(self.offset).unwrap_or((text, ""));
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        format!("{before}-A {}{end}{after}", rule.join(" "))
    }
}

/// The last place in its chain at which the rule lets the clients in. The
/// later it stands, the less it goes before what the host's own rules say.
pub(super) fn place(
    draft: &Draft<'_>,
    save: &str,
    text: &str,
    (rule, later): (&[String], &[Vec<String>]),
    shut: &ShutOut,
) -> Option<Place> {
    let places = places(text, chain(rule));
    // What lets them in at one place does at each place before it.
    let fails = places.partition_point(|place| {
        with_first(place.write(text, rule), later)
            .is_some_and(|text| admits_by(draft, save, text, shut))
    });
    places.get(fails.checked_sub(1)?).copied()
}

/// The same by another dump.
pub(super) fn admits_by(
    draft: &Draft<'_>,
    save: &str,
    text: String,
    shut: &ShutOut,
) -> bool {
    let mut trial = draft.clone();
    set_output(&mut trial.snapshot, save, text);
    admits(trial, shut)
}

/// Whether those who were shut out will get in.
pub(super) fn admits(trial: Draft<'_>, shut: &ShutOut) -> bool {
    let still = trial.into_foreseen().and_then(|later| later.shut_out());
    still.is_ok_and(|all| !all.iter().any(|still| still.is_like(shut)))
}

/// The dump with rules first in their chains.
pub(super) fn with_first(
    text: String,
    rules: &[Vec<String>],
) -> Option<String> {
    rules.iter().try_fold(text, |text, rule| {
        let place = *places(&text, chain(rule)).first()?;
        Some(place.write(&text, rule))
    })
}

fn chain(rule: &[String]) -> &str {
    rule.first().map_or("", String::as_str)
}

/// Every place in a chain of the last filter table of a dump, the first
/// first.
fn places(text: &str, chain: &str) -> Vec<Place> {
    let head = format!("-A {chain} ");
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
            _ if filter && words.starts_with(&head) => {
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

pub(super) fn set_output(
    snapshot: &mut Snapshot,
    command: &str,
    stdout: String,
) {
    if let Some(output) = snapshot.commands.get_mut(command) {
        output.stdout = stdout.into();
    }
}
