//! `getopt_long` as glibc has it, and `getopt` before memcached 1.5.0.

use super::{
    Word,
    behaviour::LONG_OPTIONS,
    options::{Opt, Takes, long, short},
    version::Release,
};

/// An option that was given.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub option: &'static Opt,
    /// Its value, or the word of the option where it takes none.
    pub word: Word,
    /// The indexes in the argv of the first word and of the one after the
    /// last.
    pub words: (usize, usize),
}

/// Where the options end for `getopt`, of an argv that has operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operands {
    /// Nowhere: glibc skips operands.
    Skipped,
    /// At the first: glibc with POSIXLY_CORRECT.
    End,
    /// At the first for `getopt`, nowhere for `getopt_long`: musl.
    EndShort,
}

/// The options of an argv, up to the first that is wrong.
pub(super) fn getopt(
    argv: &[Word],
    release: Release<'_>,
    operands: Operands,
) -> (Vec<Given>, Option<String>) {
    let mut scan = Scan { argv, release, at: 0, given: Vec::new() };
    let error = scan.all(operands).err();
    (scan.given, error)
}

struct Scan<'a> {
    argv: &'a [Word],
    release: Release<'a>,
    at: usize,
    given: Vec<Given>,
}

impl<'a> Scan<'a> {
    fn all(&mut self, operands: Operands) -> Result<(), String> {
        while let Some(word) = self.argv.get(self.at) {
            self.at += 1;
            let text = word.text.as_str();
            match text.strip_prefix("--") {
                Some("") => break,
                Some(name) if self.has_long() => self.long(word, name)?,
                _ if text.len() > 1 && text.starts_with('-') => {
                    self.bundle(word)?;
                }
                _ if self.ends(operands) => break,
                _ => {}
            }
        }
        Ok(())
    }

    fn has_long(&self) -> bool {
        self.release.is(LONG_OPTIONS)
    }

    fn ends(&self, operands: Operands) -> bool {
        match operands {
            Operands::Skipped => false,
            Operands::End => true,
            Operands::EndShort => !self.has_long(),
        }
    }

    fn bundle(&mut self, word: &Word) -> Result<(), String> {
        for (at, letter) in word.text.char_indices().skip(1) {
            let option = short(letter, self.release)
                .filter(|_| letter != '-')
                .ok_or_else(|| format!("invalid option -- '{letter}'"))?;
            let first = self.at - 1;
            let rest = at + letter.len_utf8();
            let value = match option.takes {
                Takes::Nothing | Takes::Maybe => None,
                Takes::Value if rest < word.text.len() => Some(word.tail(rest)),
                Takes::Value => Some(self.next().ok_or_else(|| {
                    format!("option requires an argument -- '{letter}'")
                })?),
            };
            let ends = value.is_some();
            self.push(option, value.unwrap_or_else(|| word.clone()), first);
            if ends {
                break;
            }
        }
        Ok(())
    }

    fn long(&mut self, word: &Word, text: &str) -> Result<(), String> {
        let (name, has_value) = match text.split_once('=') {
            Some((name, _)) => (name, true),
            None => (text, false),
        };
        let option = match *long(name, self.release) {
            [option] => option,
            [] => return Err(format!("unrecognized option '--{name}'")),
            _ => return Err(format!("option '--{name}' is ambiguous")),
        };
        let first = self.at - 1;
        let tail = "--=".len() + name.len();
        let value = match option.takes {
            Takes::Nothing if has_value => {
                return Err(format!(
                    "option '--{}' doesn't allow an argument",
                    option.long
                ));
            }
            Takes::Value if !has_value => self.next().ok_or_else(|| {
                format!("option '--{}' requires an argument", option.long)
            })?,
            _ if has_value => word.tail(tail),
            _ => word.clone(),
        };
        self.push(option, value, first);
        Ok(())
    }

    fn next(&mut self) -> Option<Word> {
        let word = self.argv.get(self.at)?;
        self.at += 1;
        Some(word.clone())
    }

    fn push(&mut self, option: &'static Opt, word: Word, first: usize) {
        self.given.push(Given { option, word, words: (first, self.at) });
    }
}
