//! systemd's `parse_env_file`: src/basic/env-file.c of 252.

use super::super::word::Traced;
use crate::text::{Source, Span};

/// One variable of an environment file.
#[derive(Clone, Debug)]
pub(in super::super) struct Assignment {
    pub key: String,
    pub value: Traced,
    /// The quote that is around all of it.
    pub quote: Option<char>,
    /// Where its text begins and ends, with the quotes.
    pub range: std::ops::Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    PreKey,
    Key,
    PreValue,
    Value,
    ValueEscape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

/// The variables of an environment file, in order. Where one is set twice,
/// the last counts. Its first byte is at the place `start`.
pub(in super::super) fn assignments(
    text: &str,
    start: usize,
) -> Vec<Assignment> {
    let mut parser = Parser {
        state: State::PreKey,
        key: String::new(),
        value: Traced::default(),
        end: 0,
        quote: None,
        range: 0..0,
        all: Vec::new(),
    };
    for (at, c) in text.char_indices() {
        parser.step(c, start + at);
    }
    use State::{Comment, CommentEscape, Key, PreKey};
    if !matches!(parser.state, PreKey | Key | Comment | CommentEscape) {
        parser.finish();
    }
    parser.all
}

/// The lines of an environment file that systemd reads and that assign
/// nothing: no assignment is on them, and no value goes on over them.
pub(crate) fn ignored(file: &Source) -> Vec<Span> {
    let all = assignments(file.text(), 0);
    let good = all.iter().filter(|one| is_name(&one.key));
    let mut good = good.map(|one| one.range.clone()).peekable();
    let mut out = Vec::new();
    for line in file.lines() {
        let range = line.range();
        while good.next_if(|value| value.end < range.start).is_some() {}
        let on = good.peek().is_some_and(|value| value.start <= range.end);
        let text = line.text().trim();
        if !on && !text.is_empty() && !text.starts_with(['#', ';']) {
            out.push(line);
        }
    }
    out
}

struct Parser {
    state: State,
    key: String,
    value: Traced,
    /// The length of the value without the blanks at its end.
    end: usize,
    quote: Option<char>,
    range: std::ops::Range<usize>,
    all: Vec<Assignment>,
}

impl Parser {
    fn step(&mut self, c: char, at: usize) {
        let newline = matches!(c, '\n' | '\r');
        let blank = newline || matches!(c, ' ' | '\t');
        self.state = match self.state {
            State::PreKey if matches!(c, '#' | ';') => State::Comment,
            State::PreKey if blank => State::PreKey,
            State::PreKey => self.key(c),
            State::Key if newline => {
                self.key.clear();
                State::PreKey
            }
            State::Key if c == '=' => {
                self.range = at + 1..at + 1;
                State::PreValue
            }
            State::Key => self.key(c),
            State::PreValue | State::Value if newline => self.finish(),
            State::PreValue => self.pre_value(c, at, blank),
            State::Value => self.value(c, at, blank),
            State::ValueEscape => {
                if !newline {
                    self.push(c, at, true);
                }
                State::Value
            }
            State::Single if c == '\'' => self.close(at),
            State::Double if c == '"' => self.close(at),
            State::Double if c == '\\' => State::DoubleEscape,
            state @ (State::Single | State::Double) => {
                self.push(c, at, true);
                state
            }
            State::DoubleEscape => self.double_escape(c, at),
            State::Comment if c == '\\' => State::CommentEscape,
            State::Comment if newline => State::PreKey,
            State::Comment | State::CommentEscape => State::Comment,
        };
    }

    fn key(&mut self, c: char) -> State {
        self.key.push(c);
        State::Key
    }

    fn pre_value(&mut self, c: char, at: usize, blank: bool) -> State {
        let state = match c {
            '\'' => State::Single,
            '"' => State::Double,
            _ => return self.value(c, at, blank),
        };
        let first = self.value.is_empty() && self.range.is_empty();
        self.quote = first.then_some(c);
        if first {
            self.range = at..at + 1;
        }
        state
    }

    fn close(&mut self, at: usize) -> State {
        self.range.end = at + 1;
        State::PreValue
    }

    fn value(&mut self, c: char, at: usize, blank: bool) -> State {
        if blank && self.state == State::PreValue {
            return State::PreValue;
        }
        if c == '\\' {
            self.touch(at, c);
            return State::ValueEscape;
        }
        self.quote = None;
        self.push(c, at, !blank);
        State::Value
    }

    fn double_escape(&mut self, c: char, at: usize) -> State {
        match c {
            '"' | '\\' | '`' | '$' => self.push(c, at, true),
            '\n' => {}
            _ => {
                self.push('\\', at - 1, true);
                self.push(c, at, true);
            }
        }
        State::Double
    }

    /// `keeps` is false for a blank that goes if it is the last.
    fn push(&mut self, c: char, at: usize, keeps: bool) {
        self.value.push(c, Some(at));
        if keeps {
            self.end = self.value.chars().len();
            self.touch(at, c);
        }
    }

    fn touch(&mut self, at: usize, c: char) {
        if self.range.is_empty() && self.quote.is_none() {
            self.range.start = at;
        }
        self.range.end = self.range.end.max(at + c.len_utf8());
    }

    fn finish(&mut self) -> State {
        let key = std::mem::take(&mut self.key);
        let mut value = std::mem::take(&mut self.value);
        value.truncate(self.end);
        let (quote, range) = (self.quote.take(), self.range.clone());
        self.end = 0;
        let key = key.trim_end_matches([' ', '\t', '\n', '\r']).to_owned();
        if is_name(&key) {
            self.all.push(Assignment { key, value, quote, range });
        }
        State::PreKey
    }
}

/// `env_name_is_valid`.
pub(super) fn is_name(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_assign_nothing_are_ignored() {
        let text = "A=1\n# c\nexport B=2\nC\n\nD=\"x\n y\"\n-l 1\nE=\n";
        let lines = ignored(&Source::new("e", text));
        let lines: Vec<_> = lines.iter().map(Span::text).collect();
        assert_eq!(lines, ["export B=2", "C", "-l 1"]);
    }

    #[test]
    fn files_are_as_systemd_reads_them() {
        let table = [
            ("A=\"b c\"\n", "A=b c"),
            ("A='b' # c\n", "A=b# c"),
            ("A=b c  \n", "A=b c"),
            ("A = \"b\"\r\n", "A=b"),
            ("export A=b\nB+=c\n\"C\"=d\n", ""),
            ("; A=b\n#A=c\n", ""),
            ("A=\"b\\\"c\\d\"", "A=b\"c\\d"),
            ("A=b\\\nc", "A=bc"),
            ("A=\"b\nc\"\n", "A=b\nc"),
            ("# a\\\nA=b\n", ""),
            ("A=\nB=c", "A= B=c"),
        ];
        for (text, expected) in table {
            let all = assignments(text, 0).into_iter();
            let all = all.map(|a| format!("{}={}", a.key, a.value.text()));
            let all: Vec<_> = all.collect();
            assert_eq!(all.join(" "), expected, "{text:?}");
        }
    }
}
