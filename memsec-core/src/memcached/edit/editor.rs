//! The parts of a file that change.

use std::{collections::BTreeMap, ops::Range};

use super::{goal::Goal, options, unit};
use crate::{
    memcached::{
        Instance, Launcher, Word, getopt::Given, number::atoi,
        ports::port_settings,
    },
    text::Source,
};

/// Collects replacements of parts of a file.
pub(super) struct Editor<'a> {
    pub(super) source: &'a Source,
    pub(super) instance: &'a Instance,
    pub(super) given: Vec<Given>,
    /// By where they start: where they end, and the new text.
    pub(super) changes: BTreeMap<usize, (usize, String)>,
    /// Options to add.
    pub(super) added: Vec<String>,
}

impl<'a> Editor<'a> {
    pub(super) fn new(source: &'a Source, instance: &'a Instance) -> Self {
        let (given, _) = options(instance);
        let (changes, added) = (BTreeMap::new(), Vec::new());
        Self { source, instance, given, changes, added }
    }

    fn of(&self, letter: char) -> Vec<Given> {
        let of = self.given.iter().filter(|g| g.option.letter == letter);
        of.cloned().collect()
    }

    pub(super) fn all(&mut self, goal: &Goal<'_>) -> Result<(), String> {
        let wanted = goal.wanted;
        self.thin(wanted)?;
        let flags = wanted.added.iter().map(|letter| format!("-{letter}"));
        self.added.extend(flags);
        if let Some(path) = &wanted.socket {
            self.set('s', path)?;
            for letter in ['l', 'p', 'U'] {
                self.of(letter).iter().try_for_each(|one| self.remove(one))?;
            }
            self.add()?;
            return self.check_unit();
        }
        if wanted.listen.is_empty() {
            self.add()?;
            return self.check_unit();
        }
        let listen = wanted.listen.iter().map(ToString::to_string);
        let listen = listen.collect::<Vec<_>>().join(",");
        if !goal.listens(&self.instance.start) {
            self.set('l', &listen)?;
        }
        let udp = self.udp(goal)?;
        self.port(goal, udp)?;
        self.add()?;
        self.check_unit()
    }

    /// Of a unit that belongs to a package only the command line can be
    /// replaced.
    fn check_unit(&self) -> Result<(), String> {
        let path = self.source.name();
        if !unit::is_unit(path) || unit::is_own(path) {
            return Ok(());
        }
        let exec = unit::exec_start(self.source.text()).unwrap_or(0..0);
        let mut changes = self.changes.iter();
        match changes.all(|(&at, _)| exec.start <= at && at <= exec.end) {
            true => Ok(()),
            false => Err("it belongs to a package: a variable of it is set \
                          in a drop-in of your own"
                .to_owned()),
        }
    }

    /// Turns UDP off where it is on or may be. What `-U` then says.
    fn udp(&mut self, goal: &Goal<'_>) -> Result<Option<i32>, String> {
        let stated = self.of('U').last().map(|given| atoi(&given.word.text));
        let possible = self.instance.possible;
        let on = !possible.all(|release, patched| {
            port_settings(release, Some(1), stated, patched).1 == 0
        });
        if goal.wanted.udp || !on && !goal.wanted.states_udp {
            return Ok(stated);
        }
        self.set('U', "0")?;
        Ok(Some(0))
    }

    /// Keeps the port of TCP, which `-U` or `-l` may have set.
    fn port(
        &mut self,
        goal: &Goal<'_>,
        udp: Option<i32>,
    ) -> Result<(), String> {
        let Some(port) = goal.port else { return Ok(()) };
        let last = self.of('p').pop();
        let stated = last.as_ref().map(|given| atoi(&given.word.text));
        // `-U 0` alone turns TCP off in 1.4.3 to 1.5.3.
        let right = self.instance.possible.all(|release, patched| {
            let (tcp, _) = port_settings(release, stated, udp, patched);
            tcp == i32::from(port)
        });
        match last {
            _ if right => {}
            None => self.added.push(format!("-p {port}")),
            Some(last) => self.replace(&last.word, port.to_string())?,
        }
        Ok(())
    }

    /// Gives an option one value, where it stands first.
    fn set(&mut self, letter: char, value: &str) -> Result<(), String> {
        let given = self.of(letter);
        let Some((first, others)) = given.split_first() else {
            self.added.push(format!("-{letter} {value}"));
            return Ok(());
        };
        self.replace(&first.word, value.to_owned())?;
        others.iter().try_for_each(|other| self.remove(other))
    }

    /// Where a word stands in the file.
    fn place(&self, word: &Word) -> Result<Range<usize>, String> {
        let text = &word.text;
        let span = word.span.as_ref().ok_or_else(|| {
            format!("{text:?} is not written there in one piece")
        })?;
        if span.source_name() != self.source.name() {
            let other = span.source_name();
            return Err(format!("{text:?} is set in {other}"));
        }
        if span.text() != *text {
            return Err(format!("{text:?} is written as {:?}", span.text()));
        }
        Ok(span.range())
    }

    fn remove(&mut self, given: &Given) -> Result<(), String> {
        let (first, end) = given.words;
        let option = self.instance.argv.get(first);
        let letter = given.option.letter;
        let alone = option.is_some_and(|word| {
            word.text.starts_with("--")
                || word.text.starts_with(&format!("-{letter}"))
        });
        if !alone {
            return Err(format!("-{letter} is in one word with others"));
        }
        self.cut(first..end)
    }

    /// Takes words away, with the blanks before them.
    pub(super) fn cut(&mut self, words: Range<usize>) -> Result<(), String> {
        for word in self.instance.argv.get(words).unwrap_or_default() {
            let range = self.with_quotes(self.place(word)?);
            let start = self.blanks_before(range.start);
            self.changes.insert(start, (range.end, String::new()));
        }
        Ok(())
    }

    pub(super) fn replace(
        &mut self,
        word: &Word,
        text: String,
    ) -> Result<(), String> {
        if word.text != text {
            let range = self.place(word)?;
            self.changes.insert(range.start, (range.end, text));
        }
        Ok(())
    }

    fn with_quotes(&self, range: Range<usize>) -> Range<usize> {
        let bytes = self.source.text().as_bytes();
        let before = range.start.checked_sub(1).and_then(|i| bytes.get(i));
        let quoted = self.instance.launcher == Launcher::Debian
            && matches!(before, Some(b'"' | b'\''))
            && bytes.get(range.end) == before;
        if quoted { range.start - 1..range.end + 1 } else { range }
    }

    fn blanks_before(&self, at: usize) -> usize {
        let before = self.source.text().get(..at).unwrap_or_default();
        before.trim_end_matches([' ', '\t']).len()
    }

    /// The new text. A line that loses all that was on it goes.
    pub(super) fn apply(&self) -> String {
        let text = self.source.text();
        let mut out = String::new();
        let mut at = 0;
        for (&start, (end, new)) in &self.changes {
            out.push_str(text.get(at..start).unwrap_or_default());
            out.push_str(new);
            at = (*end).max(start);
            let rest = text.get(at..).unwrap_or_default();
            let blank = rest
                .find(|c: char| !matches!(c, ' ' | '\t' | '\r'))
                .unwrap_or(rest.len());
            let ends = rest.get(blank..).unwrap_or_default();
            let empty = new.is_empty()
                && (out.is_empty() || out.ends_with('\n'))
                && ends.starts_with('\n');
            if empty {
                at += blank + 1;
            }
        }
        out + text.get(at..).unwrap_or_default()
    }
}
