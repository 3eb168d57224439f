//! What the options of an argv set.

use std::{collections::BTreeMap, net::Ipv4Addr};

use super::{
    Exit, Word,
    behaviour::{INET_PTON, LIST, MAINTAINER, SUBSTRING, TRIMMED},
    getopt::Given,
    number::{atof, atoi, is_space, strtol},
    options::{Takes, Wrong, wrong},
    sizes::Sizes,
    suboptions::{Flaw, suboption},
    version::Release,
};

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
    pub sasl: bool,
    pub tls: bool,
    pub proxy: bool,
    /// Whether it is a package of Debian's.
    pub debian: bool,
}

/// `settings` of memcached.c, as far as it decides what is opened.
#[derive(Clone, Debug)]
pub(super) struct Settings<'a> {
    pub release: Release<'a>,
    pub build: Build,
    /// The options in force.
    pub options: BTreeMap<char, Word>,
    pub protocol: Option<Protocol>,
    pub sizes: Sizes,
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

/// The end by a signal: abort() is 6, a null pointer 11.
pub(super) fn signal(number: i32, message: impl Into<String>) -> Exit {
    Exit { status: -number, message: message.into() }
}

impl<'a> Settings<'a> {
    pub(super) fn new(build: Build, release: Release<'a>) -> Self {
        Self {
            release,
            build,
            options: BTreeMap::new(),
            protocol: None,
            sizes: Sizes::default(),
            maintainer: release.is(MAINTAINER),
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
        let word = self.trimmed(given);
        let letter = given.option.letter;
        self.check(given, &word.text)?;
        let word = match letter {
            'l' => self.listen(word)?,
            _ => word,
        };
        let text = word.text.clone();
        self.options.insert(letter, word);
        match letter {
            'B' => self.protocol = Some(protocol(&text)?),
            'I' => self.item_size(&text)?,
            'o' => self.extended(&text)?,
            _ => {}
        }
        Ok(())
    }

    fn trimmed(&self, given: &Given) -> Word {
        let word = given.word.clone();
        let blanks = word.text.bytes().take_while(|&b| is_space(b)).count();
        let value = given.option.takes == Takes::Value;
        if value && blanks > 0 && self.release.is(TRIMMED) {
            return word.tail(blanks);
        }
        word
    }

    fn check(&self, given: &Given, text: &str) -> Result<(), Exit> {
        let letter = given.option.letter;
        let exit = |status, what: &str| {
            Err(Exit { status, message: format!("-{letter} {what}") })
        };
        match letter {
            'h' | 'i' | 'V' => return exit(0, "prints something and exits"),
            'Z' if !self.build.tls => return exit(64, "needs a TLS build"),
            'S' if !self.build.sasl => return exit(64, "needs a SASL build"),
            _ => {}
        }
        let number = || match letter {
            'f' => atof(text),
            _ => atoi(text).into(),
        };
        let bad = |wrong: &Wrong| match wrong {
            Wrong::UpTo(limit) => number() <= *limit,
            Wrong::Just(value) => atoi(text) == *value,
            Wrong::Empty => text.is_empty(),
            Wrong::Given => true,
        };
        match wrong(letter, self.release).find(bad) {
            Some(Wrong::UpTo(limit)) => {
                exit(1, &format!("must be greater than {limit}"))
            }
            Some(Wrong::Given) => exit(1, "is not for this system"),
            Some(Wrong::Just(_) | Wrong::Empty) => {
                exit(1, &format!("may not be {text:?}"))
            }
            None => Ok(()),
        }
    }

    /// Adds to the list of `-l`. From 1.4.25, what is a part of its text
    /// already is dropped.
    fn listen(&mut self, word: Word) -> Result<Word, Exit> {
        if self.release.is(INET_PTON) && word.text.parse::<Ipv4Addr>().is_err()
        {
            let text = word.text;
            return Err(failure(format!("Illegal address: {text:?}")));
        }
        let Some(before) = self.options.remove(&'l') else { return Ok(word) };
        if !self.release.is(LIST) {
            return Ok(word);
        }
        self.lists += 1;
        let known =
            before.text.contains(&word.text) && self.release.is(SUBSTRING);
        if known || self.lists > LISTS {
            return Ok(before);
        }
        let text = before.text + "," + &word.text;
        Ok(Word { text, span: before.span })
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
                suboption(part, self.release, built).map_err(exit)?;
            self.apply(name, value)?;
            self.suboptions.insert(name, value.map(str::to_owned));
        }
        Ok(())
    }

    fn apply(&mut self, name: &str, value: Option<&str>) -> Result<(), Exit> {
        match name {
            "lru_maintainer" => self.maintainer = true,
            "modern" if !self.release.is(MAINTAINER) => self.maintainer = true,
            "no_lru_maintainer" | "no_modern" => self.maintainer = false,
            "proxy_config" if self.protocol.is_some() => {
                return Err(failure(
                    "Cannot specify a protocol with proxy mode enabled",
                ));
            }
            "proxy_config" => self.protocol = Some(Protocol::Proxy),
            _ => {}
        }
        self.slabs(name, value)
    }
}

fn exit(flaw: Flaw) -> Exit {
    match flaw {
        Flaw::Refused(why) => failure(why),
        Flaw::Crash(why) => signal(11, why),
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
