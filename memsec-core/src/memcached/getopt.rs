//! `getopt_long` as glibc has it, and `getopt` before memcached 1.5.0.

use super::{
    Version, Word,
    options::{Opt, Takes, long, short},
};

const LONG_SINCE: Version = Version(1, 5, 0);

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

/// The options of an argv, up to the first that is wrong. Operands are
/// skipped; `posix` (POSIXLY_CORRECT) ends at the first.
pub(super) fn getopt(
    argv: &[Word],
    version: Version,
    posix: bool,
) -> (Vec<Given>, Option<String>) {
    let mut scan = Scan { argv, version, at: 0, given: Vec::new() };
    let error = scan.all(posix).err();
    (scan.given, error)
}

struct Scan<'a> {
    argv: &'a [Word],
    version: Version,
    at: usize,
    given: Vec<Given>,
}

impl<'a> Scan<'a> {
    fn all(&mut self, posix: bool) -> Result<(), String> {
        while let Some(word) = self.argv.get(self.at) {
            self.at += 1;
            let text = word.text.as_str();
            let has_long = self.version >= LONG_SINCE;
            match text.strip_prefix("--") {
                Some("") => break,
                Some(name) if has_long => self.long(word, name)?,
                _ if text.len() > 1 && text.starts_with('-') => {
                    self.bundle(word)?;
                }
                _ if posix => break,
                _ => {}
            }
        }
        Ok(())
    }

    fn bundle(&mut self, word: &Word) -> Result<(), String> {
        for (at, letter) in word.text.char_indices().skip(1) {
            let option = short(letter, self.version)
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
        let option = match *long(name, self.version) {
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
