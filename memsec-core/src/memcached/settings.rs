//! What the options of an argv set.

use std::collections::BTreeMap;

use super::{
    Exit, Version, Word,
    getopt::Given,
    number::{atof, atoi, is_space, strtol},
    options::{Check, Takes},
    suboptions::suboption,
};

pub(super) const MEGABYTE: i32 = 1024 * 1024;
const TRIMMED: Version = Version(1, 6, 32);
const APPENDED: Version = Version(1, 4, 6);
const SUBSTRING: Version = Version(1, 4, 25);
/// How often `-l` may be repeated: each is searched for in all before it.
const LISTS: usize = 1000;

/// The protocol that clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Auto,
    Ascii,
    Binary,
    Proxy,
}

/// What a memcached was built with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    pub version: Version,
    pub sasl: bool,
    pub tls: bool,
    pub proxy: bool,
    /// Whether it is a package of Debian's.
    pub debian: bool,
}

/// `settings` of memcached.c, as far as it decides what is opened.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub build: Build,
    /// The options in force.
    pub options: BTreeMap<char, Word>,
    pub protocol: Option<Protocol>,
    pub item_max: i32,
    pub chunk_max: i32,
    pub chunk_given: bool,
    pub maintainer: bool,
    pub suboptions: BTreeMap<&'static str, Option<String>>,
    lists: usize,
}

pub(super) fn usage(message: impl Into<String>) -> Exit {
    Exit { status: 64, message: message.into() }
}

pub(super) fn failure(message: impl Into<String>) -> Exit {
    Exit { status: 1, message: message.into() }
}

impl Settings {
    pub(super) fn new(build: Build) -> Self {
        Self {
            build,
            options: BTreeMap::new(),
            protocol: None,
            item_max: MEGABYTE,
            chunk_max: MEGABYTE / 2,
            chunk_given: false,
            maintainer: true,
            suboptions: BTreeMap::new(),
            lists: 0,
        }
    }

    /// The value of an option.
    pub(super) fn text(&self, letter: char) -> Option<&str> {
        self.options.get(&letter).map(|word| word.text.as_str())
    }

    /// The number that an option has, read as C reads it.
    pub(super) fn number(&self, letter: char) -> Option<i32> {
        self.text(letter).map(atoi)
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.options.contains_key(&letter)
    }

    /// The value of a suboption.
    pub(super) fn suboption(&self, name: &str) -> Option<&str> {
        self.suboptions.get(name)?.as_deref()
    }

    /// The permission bits of a unix socket.
    pub(super) fn access(&self) -> i64 {
        self.text('a').map_or(0o700, |mask| strtol(mask, 8).0) & 0o777
    }

    /// Takes one option, as the loop of `main` does.
    pub(super) fn take(&mut self, given: &Given) -> Result<(), Exit> {
        let mut word = given.word.clone();
        let letter = given.option.letter;
        if given.option.takes == Takes::Value && self.build.version >= TRIMMED {
            let blanks = word.text.bytes().take_while(|&b| is_space(b));
            word = word.tail(blanks.count());
        }
        self.check(given, &word.text)?;
        match letter {
            'l' => word = self.listen(word),
            'B' => self.protocol = Some(protocol(&word.text)?),
            'I' => self.item_max = size(&word.text),
            'o' => self.extended(&word.text)?,
            _ => {}
        }
        self.options.insert(letter, word);
        Ok(())
    }

    fn check(&self, given: &Given, text: &str) -> Result<(), Exit> {
        let option = given.option;
        let (letter, long) = (option.letter, option.long);
        match option.check {
            Check::Quits => Err(Exit {
                status: 0,
                message: format!("-{letter} prints something and exits"),
            }),
            Check::Greater(least) => {
                let number =
                    if letter == 'f' { atof(text) } else { atoi(text).into() };
                if number > least {
                    return Ok(());
                }
                Err(failure(format!(
                    "-{letter} ({long}) must be greater than {least}"
                )))
            }
            Check::Any if letter == 'D' && text.is_empty() => {
                Err(failure("No delimiter specified"))
            }
            Check::Any if letter == 'Z' && !self.build.tls => {
                Err(usage("This server is not built with TLS support."))
            }
            Check::Any if letter == 'S' && !self.build.sasl => {
                Err(usage("This server is not built with SASL support."))
            }
            Check::Any => Ok(()),
        }
    }

    /// Adds to the list of `-l`. From 1.4.25, what is a part of its text
    /// already is dropped.
    fn listen(&mut self, word: Word) -> Word {
        let version = self.build.version;
        let Some(before) = self.options.remove(&'l') else { return word };
        if version < APPENDED {
            return word;
        }
        self.lists += 1;
        let known = version >= SUBSTRING && before.text.contains(&word.text);
        if known || self.lists > LISTS {
            return before;
        }
        let text = before.text + "," + &word.text;
        Word { text, span: before.span }
    }

    /// Whether `-l` was repeated too often to say what it comes to.
    pub(super) fn too_many_lists(&self) -> bool {
        self.lists > LISTS
    }

    fn extended(&mut self, text: &str) -> Result<(), Exit> {
        let build = self.build;
        let built = |feature: &str| match feature {
            "tls" => build.tls,
            _ => build.proxy,
        };
        let text = text.strip_suffix(',').unwrap_or(text);
        if text.is_empty() {
            return Ok(());
        }
        for part in text.split(',') {
            let (name, value) =
                suboption(part, build.version, built).map_err(failure)?;
            self.apply(name, value)?;
            self.suboptions.insert(name, value.map(str::to_owned));
        }
        Ok(())
    }

    fn apply(&mut self, name: &str, value: Option<&str>) -> Result<(), Exit> {
        match name {
            "slab_chunk_max" => {
                self.chunk_max = value.map_or(0, atoi).saturating_mul(1024);
                self.chunk_given = true;
            }
            "no_chunked_items" => self.chunk_max = MEGABYTE,
            "lru_maintainer" => self.maintainer = true,
            "no_lru_maintainer" => self.maintainer = false,
            "no_modern" => {
                self.maintainer = false;
                if !self.chunk_given {
                    self.chunk_max = MEGABYTE;
                }
            }
            "proxy_config" if self.protocol.is_some() => {
                return Err(failure(
                    "Cannot specify a protocol with proxy mode enabled",
                ));
            }
            "proxy_config" => self.protocol = Some(Protocol::Proxy),
            _ => {}
        }
        Ok(())
    }
}

fn protocol(text: &str) -> Result<Protocol, Exit> {
    match text {
        "auto" => Ok(Protocol::Auto),
        "binary" => Ok(Protocol::Binary),
        "ascii" => Ok(Protocol::Ascii),
        _ => Err(usage(format!("Invalid value for binding protocol: {text}"))),
    }
}

/// The value of `-I`: a number of bytes, of kilobytes or of megabytes.
pub(super) fn size(text: &str) -> i32 {
    let unit = match text.bytes().last() {
        Some(b'k' | b'K') => 1024,
        Some(b'm' | b'M') => MEGABYTE,
        _ => 1,
    };
    atoi(text).wrapping_mul(unit)
}
