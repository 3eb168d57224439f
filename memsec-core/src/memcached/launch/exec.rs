//! The words of a unit: how systemd splits them, what escapes and
//! specifiers stand for (src/basic/extract-word.c, src/basic/escape.c and
//! src/core/unit-printf.c of 252).

use super::super::word::{Char, Traced};

/// A quote that is not closed, or a backslash at the end.
#[derive(Debug)]
pub(super) struct Unbalanced;

/// `extract_first_word`.
#[derive(Debug)]
pub(super) struct Splitter<'a> {
    rest: &'a [Char],
    /// EXTRACT_CUNESCAPE: escapes are as in C.
    escapes: bool,
    /// EXTRACT_RELAX: what is open at the end is closed there.
    relaxed: bool,
}

impl<'a> Splitter<'a> {
    /// In a unit.
    pub(super) fn of_unit(rest: &'a [Char]) -> Self {
        Self { rest, escapes: true, relaxed: false }
    }

    /// In the value of a variable.
    pub(super) fn of_value(rest: &'a [Char]) -> Self {
        Self { rest, escapes: false, relaxed: true }
    }

    pub(super) fn rest(&self) -> &'a [Char] {
        self.rest
    }

    fn next(&mut self) -> Option<Char> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    pub(super) fn blanks(&mut self) {
        let blanks = self.rest.iter().take_while(|&&(c, _)| blank(c));
        self.skip(blanks.count());
    }

    /// The next word, or `None` at the end.
    pub(super) fn word(&mut self) -> Result<Option<Traced>, Unbalanced> {
        self.blanks();
        let mut word: Option<Traced> = None;
        let mut quote = None;
        while let Some((c, at)) = self.next() {
            match (c, quote) {
                ('\\', _) => self.escape(at, word.get_or_insert_default())?,
                (_, Some(open)) if c == open => quote = None,
                ('"' | '\'', None) => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (_, None) if blank(c) => {
                    self.blanks();
                    return Ok(word);
                }
                _ => word.get_or_insert_default().push(c, at),
            }
        }
        match quote {
            Some(_) if !self.relaxed => Err(Unbalanced),
            _ => Ok(word),
        }
    }

    fn escape(
        &mut self,
        at: Option<usize>,
        word: &mut Traced,
    ) -> Result<(), Unbalanced> {
        if self.escapes {
            if let Some((c, length)) = unescape(self.rest) {
                self.skip(length);
                word.push(c, None);
                return Ok(());
            }
        }
        match self.next() {
            // An escape that is not known stays as it is.
            Some((c, place)) if self.escapes => {
                word.push('\\', at);
                word.push(c, place);
            }
            Some((c, place)) => word.push(c, place),
            None if self.relaxed => {}
            None if self.escapes => word.push('\\', at),
            None => return Err(Unbalanced),
        }
        Ok(())
    }
}

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// `cunescape_one`: the character, and how many stand for it.
fn unescape(rest: &[Char]) -> Option<(char, usize)> {
    let &(first, _) = rest.first()?;
    let number = |from: usize, length: usize, radix: u32| {
        let digits = rest.get(from..from + length)?;
        let number = digits.iter().try_fold(0_u32, |sum, &(c, _)| {
            Some(sum.wrapping_mul(radix).wrapping_add(c.to_digit(radix)?))
        })?;
        let c = char::from_u32(number).filter(|&c| c != '\0')?;
        Some((c, from + length))
    };
    let simple = |c| Some((c, 1));
    match first {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        's' => simple(' '),
        '\\' | '"' | '\'' => simple(first),
        'x' => number(1, 2, 16),
        'u' => number(1, 4, 16),
        'U' => number(1, 8, 16),
        '0'..='7' => number(0, 3, 8).filter(|&(c, _)| u32::from(c) < 256),
        _ => None,
    }
}

/// What `%` and a letter stand for in a unit of the system.
#[derive(Clone, Debug, Default)]
pub(super) struct Specifiers {
    /// "memcached@a.service".
    pub unit: String,
    /// /etc/hostname.
    pub host: Option<String>,
}

impl Specifiers {
    /// A text with its specifiers resolved, up to the first that the
    /// snapshot does not tell.
    pub(super) fn resolve(&self, text: &Traced) -> (Traced, Option<String>) {
        let mut out = Traced::default();
        let mut chars = text.chars().iter().peekable();
        while let Some(&(c, at)) = chars.next() {
            let letter = match chars.peek() {
                Some(&&(letter, _)) if c == '%' => letter,
                _ => {
                    out.push(c, at);
                    continue;
                }
            };
            if LITERAL(letter) {
                out.push(c, at);
                continue;
            }
            chars.next();
            match self.value(letter) {
                Some(value) => out.extend(Traced::plain(&value).chars()),
                None => {
                    return (out, Some(format!("what %{letter} stands for")));
                }
            }
        }
        (out, None)
    }

    fn value(&self, letter: char) -> Option<String> {
        let bare = self.unit.rsplit_once('.').map_or("", |(bare, _)| bare);
        let (prefix, instance) = bare.split_once('@').unwrap_or((bare, ""));
        let last = prefix.rsplit('-').next().unwrap_or_default();
        let file = if instance.is_empty() { prefix } else { instance };
        Some(match letter {
            '%' => "%".to_owned(),
            'n' => self.unit.clone(),
            'N' => bare.to_owned(),
            'p' => prefix.to_owned(),
            'P' => unescape_name(prefix),
            'i' => instance.to_owned(),
            'I' => unescape_name(instance),
            'j' => last.to_owned(),
            'J' => unescape_name(last),
            'f' => format!("/{}", unescape_name(file)),
            'H' => self.host.clone()?,
            'l' => self.host.as_ref()?.split('.').next()?.to_owned(),
            't' => "/run".to_owned(),
            'S' => "/var/lib".to_owned(),
            'C' => "/var/cache".to_owned(),
            'L' => "/var/log".to_owned(),
            'E' => "/etc".to_owned(),
            'T' => "/tmp".to_owned(),
            'V' => "/var/tmp".to_owned(),
            'h' => "/root".to_owned(),
            'u' | 'g' => "root".to_owned(),
            'U' | 'G' => "0".to_owned(),
            _ => return None,
        })
    }
}

/// A letter that is no specifier: the `%` stays.
const LITERAL: fn(char) -> bool =
    |letter| !"%aAbBcCdDEfgGhHiIjJlLmMnNopPqrRsStTuUvVwWyY".contains(letter);

/// `unit_name_unescape`.
fn unescape_name(name: &str) -> String {
    let mut out = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = rest.strip_prefix(b"\\x").and_then(|hex| hex.get(..2));
        let code = code.and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = match code {
            Some(_) => rest.get(4..).unwrap_or_default(),
            None => after,
        };
        out.push(code.unwrap_or(if byte == b'-' { b'/' } else { byte }));
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &Traced, unit: bool) -> String {
        let mut splitter = match unit {
            true => Splitter::of_unit(text.chars()),
            false => Splitter::of_value(text.chars()),
        };
        let mut words = Vec::new();
        loop {
            match splitter.word() {
                Ok(Some(word)) => words.push(word.text()),
                Ok(None) => return words.join("|"),
                Err(Unbalanced) => return "!".to_owned(),
            }
        }
    }

    #[test]
    fn words_are_as_systemd_splits_them() {
        for (text, value, unit) in [
            ("-l 127.0.0.1", "-l|127.0.0.1", "-l|127.0.0.1"),
            ("-l 'a b'\"c\" ", "-l|a bc", "-l|a bc"),
            ("a\\ b '' c", "a b||c", "a\\ b||c"),
            ("a \"x", "a|x", "!"),
            ("127\\.0", "127.0", "127\\.0"),
            ("a\\x20b\\tc", "ax20btc", "a b\tc"),
            ("\\101\\u0042\\s\\q", "101u0042sq", "AB \\q"),
            ("'a\\'b'", "a'b", "a'b"),
            ("a\\", "a", "a\\"),
            ("\\x0 \\000", "x0|000", "\\x0|\\000"),
        ] {
            let text = Traced::plain(text);
            assert_eq!(words(&text, false), value, "{text:?}");
            assert_eq!(words(&text, true), unit, "{text:?}");
        }
    }

    #[test]
    fn specifiers_are_those_of_the_unit() {
        let unit = "mem-cached@a-b\\x2dc.service".to_owned();
        let specifiers = Specifiers { unit, host: Some("h.x".to_owned()) };
        for (text, expected) in [
            ("%i %I", "a-b\\x2dc a/b-c"),
            ("%n", "mem-cached@a-b\\x2dc.service"),
            ("%N %p %j", "mem-cached@a-b\\x2dc mem-cached cached"),
            ("%%i 5% %. %t/%H %l", "%i 5% %. /run/h.x h"),
        ] {
            let (text, unknown) = specifiers.resolve(&Traced::plain(text));
            assert_eq!((text.text().as_str(), unknown), (expected, None));
        }
        let (text, unknown) = specifiers.resolve(&Traced::plain("a %m"));
        assert_eq!((text.text().as_str(), unknown.is_some()), ("a ", true));
    }
}
