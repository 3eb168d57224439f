//! A systemd unit and its drop-ins: what of them makes an argv
//! (src/shared/conf-parser.c, src/core/load-fragment.c of 252).

use super::{
    super::word::{Sources, Traced},
    exec::{Specifiers, Splitter},
};
use crate::text::Source;

/// What a unit says of how it is started.
#[derive(Clone, Debug, Default)]
pub(super) struct Unit {
    /// The values of ExecStart.
    pub exec: Vec<Traced>,
    /// Assignments, in order.
    pub environment: Vec<(String, Traced)>,
    /// Paths, which may begin with "-".
    pub files: Vec<String>,
    pub unset: Vec<String>,
    pub user: String,
    pub oneshot: bool,
    /// A specifier in it that the snapshot does not tell.
    pub unknown: Option<String>,
}

impl Unit {
    /// Adds a unit file, or one drop-in after it.
    pub(super) fn add(
        &mut self,
        file: &Source,
        sources: &mut Sources,
        specifiers: &Specifiers,
    ) {
        let start = sources.add(file);
        let mut service = false;
        for line in logical_lines(file.text(), start) {
            let chars = line.chars();
            if chars.first().is_some_and(|&(c, _)| c == '[') {
                service = line.text() == "[Service]";
                continue;
            }
            let sign = chars.iter().position(|&(c, _)| c == '=');
            if let (true, Some(sign)) = (service, sign) {
                let (key, value) = chars.split_at(sign);
                let key = trim(&Traced::from(key)).text();
                let value = value.get(1..).unwrap_or_default();
                self.set(&key, &trim(&value.into()), specifiers);
            }
        }
    }

    fn set(&mut self, key: &str, value: &Traced, specifiers: &Specifiers) {
        match key {
            "ExecStart" if value.is_empty() => self.exec.clear(),
            "ExecStart" => self.exec.push(value.clone()),
            "EnvironmentFile" if value.is_empty() => self.files.clear(),
            "EnvironmentFile" => {
                let path = self.resolved(value, specifiers);
                self.files.push(path.text());
            }
            "UnsetEnvironment" if value.is_empty() => self.unset.clear(),
            "UnsetEnvironment" => {
                let names = self.words(value, specifiers);
                self.unset.extend(names.iter().map(Traced::text));
            }
            "Environment" if value.is_empty() => self.environment.clear(),
            "Environment" => {
                for word in self.words(value, specifiers) {
                    self.environment.extend(assignment(&word));
                }
            }
            "User" => self.user = self.resolved(value, specifiers).text(),
            "Type" => self.oneshot = value.text() == "oneshot",
            _ => {}
        }
    }

    fn resolved(&mut self, text: &Traced, specifiers: &Specifiers) -> Traced {
        let (text, unknown) = specifiers.resolve(text);
        self.unknown = self.unknown.take().or(unknown);
        text
    }

    fn words(
        &mut self,
        value: &Traced,
        specifiers: &Specifiers,
    ) -> Vec<Traced> {
        let mut splitter = Splitter::of_unit(value.chars());
        let mut words = Vec::new();
        while let Ok(Some(word)) = splitter.word() {
            words.push(self.resolved(&word, specifiers));
        }
        words
    }
}

fn assignment(word: &Traced) -> Option<(String, Traced)> {
    let chars = word.chars();
    let sign = chars.iter().position(|&(c, _)| c == '=')?;
    let (name, value) = chars.split_at(sign);
    let name: String = name.iter().map(|&(c, _)| c).collect();
    let value = value.get(1..).unwrap_or_default();
    super::env_file::is_name(&name).then(|| (name, value.into()))
}

pub(super) fn trim(text: &Traced) -> Traced {
    let chars = text.chars();
    let blank = |&&(c, _): &&(char, _)| c.is_ascii_whitespace();
    let before = chars.iter().take_while(blank).count();
    let after = chars.iter().rev().take_while(blank).count();
    chars.get(before..chars.len() - after).unwrap_or_default().into()
}

/// The lines, joined where one ends in a backslash; comments in between are
/// left out.
pub(super) fn logical_lines(text: &str, start: usize) -> Vec<Traced> {
    let mut lines = Vec::new();
    let mut open = Traced::default();
    for (at, line) in physical_lines(text) {
        if line.trim_ascii_start().starts_with(['#', ';']) {
            continue;
        }
        let escapes = line.bytes().rev().take_while(|&b| b == b'\\').count();
        let goes_on =
            if escapes % 2 == 1 { line.strip_suffix('\\') } else { None };
        open.extend(Traced::at(goes_on.unwrap_or(line), start + at).chars());
        match goes_on {
            Some(_) => open.push(' ', None),
            None => lines.push(trim(&std::mem::take(&mut open))),
        }
    }
    lines.push(trim(&open));
    lines
}

/// The lines and where each begins: they end with a line feed, a carriage
/// return, or both.
fn physical_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split('\n').flat_map(move |whole| {
        let line = whole.strip_suffix('\r').unwrap_or(whole);
        let mut part = at;
        at += whole.len() + 1;
        line.split('\r').map(move |line| {
            let start = part;
            part += line.len() + 1;
            (start, line)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(texts: &[&str]) -> Unit {
        let mut unit = Unit::default();
        let mut sources = Sources::default();
        let specifiers = Specifiers::default();
        for text in texts {
            unit.add(&Source::new("u", *text), &mut sources, &specifiers);
        }
        unit
    }

    #[test]
    fn lines_go_on_and_comments_do_not_count() {
        for (text, exec) in [
            ("[Service]\nExecStart=a \\\n # b\n c\n", "a   c"),
            ("[Service]\r\nExecStart=a \\\r\n c\r\n", "a   c"),
            ("[Service]\rExecStart = a b \r", "a b"),
            ("[Service]\nExecStart=a \\\\\nUser=b\n", "a \\\\"),
            ("[Service]\nExecStart=a # b\n", "a # b"),
            ("[Service]\n;ExecStart=b\nExecStart=a", "a"),
        ] {
            assert_eq!(unit(&[text]).exec[0].text(), exec, "{text:?}");
        }
    }

    #[test]
    fn drop_ins_reset_lists() {
        let unit = unit(&[
            "[Service]\nExecStart=a\nEnvironmentFile=/x\n",
            "[Unit]\nExecStart=d\n[Service]\nEnvironmentFile=\n",
            "[Service]\nExecStart=\nExecStart=b\n",
        ]);
        assert_eq!(unit.exec.len(), 1);
        assert!(unit.files.is_empty());
    }

    #[test]
    fn environment_is_words() {
        let unit = unit(&["[Service]\n\
            Environment=A=-l 1\nEnvironment=\"B=-l 1\" C='x y'\n"]);
        let all: Vec<_> = unit
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={}", value.text()))
            .collect();
        assert_eq!(all, ["A=-l", "B=-l 1", "C=x y"]);
    }
}
