//! What a word of a shell program comes to: POSIX XCU 2.6.

use super::{
    super::super::word::{Char, Traced},
    Shell, Value,
    lexer::Lexer,
};

/// What words come to; `unknown` says why those that follow are not known.
#[derive(Debug, Default)]
pub(in super::super) struct Fields {
    pub words: Vec<Traced>,
    pub unknown: Option<String>,
}

/// A parameter is set, to what, and whether it counts as empty.
enum Parameter {
    Text(Value),
    Literal,
}

/// Expands one word after the other.
pub(super) struct Expander<'a> {
    shell: &'a mut Shell,
    fields: Fields,
    word: Option<Traced>,
    /// Whether the word has a pattern that is not quoted.
    pattern: bool,
    /// False in an assignment: there it stays one word.
    splits: bool,
}

impl<'a> Expander<'a> {
    pub(super) fn words(shell: &'a mut Shell) -> Self {
        let fields = Fields::default();
        Self { shell, fields, word: None, pattern: false, splits: true }
    }

    pub(super) fn finish(mut self) -> Fields {
        self.end_word();
        self.fields
    }

    /// What is assigned by a word after its `=`.
    pub(super) fn value(shell: &'a mut Shell, raw: &[Char]) -> Value {
        let mut expander = Self { splits: false, ..Self::words(shell) };
        expander.raw(raw);
        let text = expander.word.take().unwrap_or_default();
        let unknown = expander.fields.unknown;
        Value { text, unknown, written: None }
    }

    /// Adds a word, as it is written.
    pub(super) fn word(&mut self, raw: &[Char]) {
        if self.fields.unknown.is_none() {
            self.raw(raw);
            self.end_word();
        }
    }

    fn push(&mut self, (c, at): Char) {
        self.word.get_or_insert_default().push(c, at);
    }

    fn unknown(&mut self, why: impl Into<String>) {
        if self.splits {
            self.word = None;
        }
        self.fields.unknown = Some(why.into());
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        let pattern = std::mem::take(&mut self.pattern);
        // No file in the root directory has a colon in its name.
        if pattern && !word.chars().iter().any(|&(c, _)| c == ':') {
            let why = format!("which file names match {:?}", word.text());
            self.unknown(why);
        } else {
            self.fields.words.push(word);
        }
    }

    fn raw(&mut self, raw: &[Char]) {
        let mut lexer = Lexer { text: raw, at: 0 };
        let mut double = false;
        while let (Some(c), None) = (lexer.peek(0), &self.fields.unknown) {
            let start = lexer.at;
            match c {
                '"' => {
                    double = !double;
                    self.word.get_or_insert_default();
                    lexer.at += 1;
                }
                '\'' if !double => {
                    let _ = lexer.part();
                    let inner = raw.get(start + 1..lexer.at.saturating_sub(1));
                    let word = self.word.get_or_insert_default();
                    word.extend(inner.unwrap_or_default());
                }
                '\\' => self.escape(&mut lexer, double),
                '`' => self.unknown("what a command prints"),
                '$' => self.dollar(&mut lexer, double),
                _ => {
                    lexer.at += 1;
                    self.plain(raw, start, double);
                }
            }
        }
    }

    fn plain(&mut self, raw: &[Char], at: usize, double: bool) {
        let Some(&(c, place)) = raw.get(at) else { return };
        let next = raw.get(at + 1).map(|&(c, _)| c);
        let first = at == 0;
        match c {
            _ if double => {}
            '*' | '?' if self.splits => self.pattern = true,
            '~' if first => return self.home(raw, place),
            '{' if self.splits && self.shell.bash && next != Some('}') => {
                return self.unknown("what is in braces");
            }
            _ => {}
        }
        self.push((c, place));
    }

    /// Where there is no HOME, `~` stays as it is.
    fn home(&mut self, raw: &[Char], place: Option<usize>) {
        if !matches!(raw.get(1), None | Some(('/', _))) {
            return self.unknown("the home directory of a user");
        }
        match self.shell.get("HOME") {
            None => self.push(('~', place)),
            Some(value) => self.insert(&value, true),
        }
    }

    fn escape(&mut self, lexer: &mut Lexer<'_>, double: bool) {
        let backslash = lexer.text.get(lexer.at).copied();
        let next = lexer.text.get(lexer.at + 1).copied();
        lexer.at += 2;
        match next {
            Some(('\n', _)) => {}
            Some(next) if !double || "$`\"\\".contains(next.0) => {
                self.push(next);
            }
            _ => {
                backslash.into_iter().for_each(|c| self.push(c));
                next.into_iter().for_each(|c| self.push(c));
            }
        }
    }

    fn dollar(&mut self, lexer: &mut Lexer<'_>, double: bool) {
        let start = lexer.at;
        let mut length = 1;
        while lexer.peek(length).is_some_and(is_name) {
            length += 1;
        }
        let slice = |from, to| {
            let part = lexer.text.get(from..to).unwrap_or_default();
            part.iter().map(|&(c, _)| c).collect::<String>()
        };
        let found = match lexer.peek(1) {
            Some('(') => {
                Parameter::Text(Value::unknown("what a command prints"))
            }
            Some('{') => {
                let _ = lexer.part();
                let inner = slice(start + 2, lexer.at.saturating_sub(1));
                self.braced(&inner)
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                lexer.at += 2;
                Parameter::Text(Value::unknown(format!("what ${c} is")))
            }
            Some('\'' | '"') if self.shell.bash && !double => {
                Parameter::Text(Value::unknown("a quote after a $"))
            }
            _ if length > 1 => {
                let name = slice(start + 1, start + length);
                lexer.at += length;
                Parameter::Text(self.shell.get(&name).unwrap_or_default())
            }
            _ => Parameter::Literal,
        };
        match found {
            Parameter::Text(value) => self.insert(&value, double),
            Parameter::Literal => {
                lexer.at += 1;
                let at = lexer.text.get(start).and_then(|&(_, at)| at);
                self.push(('$', at));
            }
        }
    }

    /// What is within `${` and `}`. The word of an operator is read only
    /// where it is plain.
    fn braced(&mut self, inner: &str) -> Parameter {
        let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
        let (name, operator) = inner.split_at(end);
        let value = self.shell.get(name);
        let bad = || Value::unknown(format!("what ${{{inner}}} is"));
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Parameter::Text(bad());
        }
        if operator.is_empty() {
            return Parameter::Text(value.unwrap_or_default());
        }
        let colon = operator.starts_with(':');
        let rest = operator.strip_prefix(':').unwrap_or(operator);
        let mut chars = rest.chars();
        let sign = chars.next();
        let word = chars.as_str();
        let set = value.as_ref().and_then(|value| value.is_set(colon));
        let plain = !word.contains(['$', '`', '"', '\'', '\\', '*', '?', '~']);
        let other = Value::plain(word);
        Parameter::Text(
            match (sign, set.or(value.is_none().then_some(false))) {
                _ if !plain => bad(),
                (Some('-' | '='), Some(true)) => value.unwrap_or_default(),
                (Some('-'), Some(false)) => other,
                (Some('='), Some(false)) => {
                    self.shell.assign(name, other.clone());
                    other
                }
                (Some('+'), Some(true)) => other,
                (Some('+'), Some(false)) => Value::default(),
                (Some('?'), Some(true)) => value.unwrap_or_default(),
                _ => bad(),
            },
        )
    }

    fn insert(&mut self, value: &Value, quoted: bool) {
        let length = value.text.chars().len();
        self.shell.left = self.shell.left.saturating_sub(length);
        if self.shell.left == 0 {
            return self.unknown("a text that is too long");
        }
        if quoted || !self.splits {
            self.word.get_or_insert_default().extend(value.text.chars());
        } else {
            self.split(&value.text);
        }
        if let (Some(why), None) = (&value.unknown, &self.fields.unknown) {
            self.unknown(why.clone());
        }
    }

    fn split(&mut self, text: &Traced) {
        for &(c, at) in text.chars() {
            match c {
                ' ' | '\t' | '\n' => self.end_word(),
                _ => {
                    self.pattern |= matches!(c, '*' | '?');
                    self.push((c, at));
                }
            }
            if self.fields.unknown.is_some() {
                return;
            }
        }
    }
}

pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
