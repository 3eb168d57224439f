//! csfpre.sh and csfpost.sh: the plain calls of iptables in them, and the
//! guard that they load.

use super::{
    super::{
        line::Command,
        pre::{loads_guard, path},
        text::Line,
    },
    Start, Step,
};
use crate::{
    managers::{guard, save},
    net::Family,
};

/// Words that begin and end what runs under a condition.
const OPENING: [&str; 6] = ["if", "for", "while", "until", "case", "function"];
const CLOSING: [&str; 3] = ["fi", "done", "esac"];

impl Start<'_> {
    pub(super) fn script(&mut self, name: &str) -> Step {
        let mut depth = 0_usize;
        for line in self.plain_lines(&path(self.snapshot, name)) {
            let text = String::from_utf8_lossy(line.trimmed()).into_owned();
            let first = text.split_whitespace().next().unwrap_or_default();
            if first.is_empty() || first.starts_with('#') {
                continue;
            }
            if OPENING.contains(&first) {
                depth += 1;
            }
            if depth == 0 && loads_guard(&text) && self.guard() {
                continue;
            }
            let plain = (depth == 0).then(|| call(&text)).flatten();
            if CLOSING.contains(&first) {
                depth = depth.saturating_sub(1);
            }
            match plain {
                Some(command) => self.call(command, Some(line.place()))?,
                None => self.not_read(&line),
            }
        }
        Ok(())
    }

    /// Loads the guard, once; false where its script is not known.
    fn guard(&mut self) -> bool {
        if std::mem::replace(&mut self.guarded, true) {
            return false;
        }
        let Ok(Some(load)) = guard::load(self.snapshot) else { return false };
        for (tables, family) in self.tables.iter_mut().zip(Family::BOTH) {
            let mut own = load.dumps.iter();
            let own = own.find(|dump| dump.command == save(family));
            own.into_iter().for_each(|dump| tables.load_guard(dump));
        }
        true
    }

    fn not_read(&mut self, line: &Line<'_>) {
        let what = "what this line of a script does".to_owned();
        self.unknown.push((what, line.place()));
    }
}

/// A call of iptables or ip6tables, with nothing in it that a shell would
/// change.
fn call(text: &str) -> Option<Command> {
    let text = text.split(" #").next().unwrap_or(text);
    if text.contains(|c: char| "$&*(){}[]'\\;|?<>~`".contains(c)) {
        return None;
    }
    let (program, words) = text.split_once(char::is_whitespace)?;
    let family = match program.rsplit('/').next()? {
        "iptables" => Family::Ipv4,
        "ip6tables" => Family::Ipv6,
        _ => return None,
    };
    let words = words.split_whitespace();
    let words: Vec<_> =
        words.filter(|word| !matches!(*word, "-w" | "--wait" | "-v")).collect();
    Some(Command::Rule(family, words.join(" ")))
}
