//! csfpre.sh and csfpost.sh: the plain calls of iptables in them.

use super::{
    super::{line::Command, text::Line},
    Start, Step,
};
use crate::net::Family;

/// Where a script may be; the first that is there runs.
const DIRECTORIES: [&str; 2] = ["/usr/local/csf/bin", "/etc/csf"];

/// Words that begin and end what runs under a condition.
const OPENING: [&str; 6] = ["if", "for", "while", "until", "case", "function"];
const CLOSING: [&str; 3] = ["fi", "done", "esac"];

impl Start<'_> {
    pub(super) fn script(&mut self, name: &str) -> Step {
        let paths = DIRECTORIES.map(|directory| format!("{directory}/{name}"));
        let Some(path) = paths.iter().find(|path| self.has(path)) else {
            return Ok(());
        };
        let mut depth = 0_usize;
        for line in self.plain_lines(path) {
            let text = String::from_utf8_lossy(line.trimmed()).into_owned();
            let first = text.split_whitespace().next().unwrap_or_default();
            if first.is_empty() || first.starts_with('#') {
                continue;
            }
            if OPENING.contains(&first) {
                depth += 1;
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
