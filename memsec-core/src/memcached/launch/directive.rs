//! What systemd is told of a unit, line by line (systemd.syntax(7)).

use super::{
    super::{
        Word,
        word::{Sources, Traced},
    },
    env_file,
    exec::{Splitter, Unbalanced},
    unit::{logical_lines, trim},
    unit_files::{self, Found},
};
use crate::{Error, Snapshot, text::Source};

/// A line of a unit or of one of its drop-ins.
#[derive(Clone, Debug)]
pub(crate) struct Directive {
    /// The section, for example "Service".
    pub section: String,
    /// Its name; empty for a line that has no "=", which systemd passes over.
    pub key: String,
    /// Its value, or the whole of a line that has no "=".
    pub value: Word,
}

impl Directive {
    /// What systemd drops of it: words of `Environment=` that assign
    /// nothing, or a line that is no assignment.
    pub(crate) fn ignored(&self) -> Vec<String> {
        match self.key.as_str() {
            "" => vec![self.value.text.clone()],
            "Environment" => unassigned(&self.value.text),
            _ => Vec::new(),
        }
    }
}

fn unassigned(value: &str) -> Vec<String> {
    let value = Traced::plain(value);
    let mut splitter = Splitter::of_unit(value.chars());
    let mut dropped = Vec::new();
    loop {
        let rest = Traced::from(splitter.rest()).text();
        match splitter.word() {
            Ok(Some(word)) => {
                let word = word.text();
                let name = word.split_once('=').map(|(name, _)| name);
                if !name.is_some_and(env_file::is_name) {
                    dropped.push(word);
                }
            }
            Ok(None) => return dropped,
            Err(Unbalanced) => {
                dropped.push(rest.trim().to_owned());
                return dropped;
            }
        }
    }
}

/// The lines of a unit, its drop-ins after it; none where the snapshot does
/// not have the unit.
///
/// # Errors
///
/// A file that is not UTF-8.
pub(crate) fn directives(
    snapshot: &Snapshot,
    unit: &str,
) -> Result<Vec<Directive>, Error> {
    let Found::Files(Some(own), drop_ins) = unit_files::find(snapshot, unit)?
    else {
        return Ok(Vec::new());
    };
    let files = std::iter::once(own).chain(drop_ins);
    Ok(files.flat_map(|file| of(&file)).collect())
}

fn of(file: &Source) -> Vec<Directive> {
    let mut sources = Sources::default();
    let start = sources.add(file);
    let mut section = String::new();
    let mut out = Vec::new();
    for line in logical_lines(file.text(), start) {
        let text = line.text();
        if let Some(name) = text.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if !text.is_empty() {
            let (key, value) = split(&line);
            let value = sources.word(&value);
            out.push(Directive { section: section.clone(), key, value });
        }
    }
    out
}

fn split(line: &Traced) -> (String, Traced) {
    let chars = line.chars();
    let Some(sign) = chars.iter().position(|&(c, _)| c == '=') else {
        return (String::new(), line.clone());
    };
    let (key, value) = chars.split_at(sign);
    let value = value.get(1..).unwrap_or_default();
    (trim(&Traced::from(key)).text(), trim(&value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_assign_nothing_are_dropped() {
        let table: &[(&str, &[&str])] = &[
            ("\"OPTIONS=-l 127.0.0.1\" B=2", &[]),
            ("OPTIONS=-l 127.0.0.1", &["127.0.0.1"]),
            ("1A=2", &["1A=2"]),
            ("A=1 \"B=2", &["\"B=2"]),
        ];
        for (value, dropped) in table {
            assert_eq!(&unassigned(value), dropped, "{value}");
        }
    }

    #[test]
    fn a_unit_is_lines_and_its_drop_ins_come_after_it() {
        let directory = "/etc/systemd/system/memcached.service";
        let snapshot = Snapshot::new()
            .with_file(directory, "[Unit]\nA=1\n[Service]\nB = 2 \n# C=3\nD\n")
            .with_file(&format!("{directory}.d/x.conf"), "[Service]\nB=4\\\n5");
        let all = directives(&snapshot, "memcached.service").unwrap();
        let all: Vec<_> = all
            .iter()
            .map(|d| format!("{} {}={}", d.section, d.key, d.value.text))
            .collect();
        assert_eq!(
            all,
            ["Unit A=1", "Service B=2", "Service =D", "Service B=4 5"]
        );
    }
}
