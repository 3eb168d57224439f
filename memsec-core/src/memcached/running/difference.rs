//! In what a daemon that runs is not what its file says.

use std::{collections::BTreeSet, fmt};

use super::{
    UDP_OFF,
    expected::{KEYS, Key, SHOWN},
    listening,
};
use crate::{
    memcached::{
        Instance, Listener, Running, Start, Version, Word, instance::value,
        options::OPTIONS,
    },
    snapshot::{Process, StatsSettings},
};

/// Something in which a daemon that runs is not what its file says.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// In one line: "udpport is 11211, the file says 0".
    what: String,
    /// What of the file it contradicts, where that is one word.
    pub word: Option<Word>,
    /// Whether it is about what is listened on.
    network: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

pub(super) fn differences(
    file: &Instance,
    runs: &Instance,
    process: &Process,
    same_words: bool,
) -> Vec<Difference> {
    let (theirs, ours) = match (&file.start, &runs.start) {
        (Start::Runs(theirs), Start::Runs(ours)) => (theirs, ours),
        (Start::Exits(exit), Start::Runs(_)) => {
            let what = format!(
                "it runs, and with the arguments of the file it exits with \
                 {}: {}",
                exit.status, exit.message
            );
            return vec![Difference { what, word: None, network: true }];
        }
        _ => return Vec::new(),
    };
    let sides = Sides { theirs, ours, version: file.version, same_words };
    let mut all = sides.settings(process.settings.as_ref());
    all.extend(sides.unsaid());
    if !all.iter().any(|difference| difference.network) {
        all.extend(sides.listeners());
    }
    all
}

/// The two sides: what the file comes to, and what the arguments of the
/// process do.
struct Sides<'a> {
    theirs: &'a Running,
    ours: &'a Running,
    version: Option<Version>,
    same_words: bool,
}

impl Sides<'_> {
    fn settings(&self, said: Option<&StatsSettings>) -> Vec<Difference> {
        let keys = KEYS.iter().filter_map(|key| self.setting(key, said));
        keys.collect()
    }

    fn setting(
        &self,
        key: &Key,
        said: Option<&StatsSettings>,
    ) -> Option<Difference> {
        let expected = key.value(self.theirs, self.version)?;
        let by_words = key.value(self.ours, self.version);
        let now = match said {
            Some(said) => said.get(key.name)?.to_owned(),
            None => by_words.clone()?,
        };
        // Another text that comes to the same: 127.1 and 127.0.0.1.
        let same = self.same_words && by_words.as_ref() == Some(&now);
        let backported = key.is_port()
            && self.version.is_none_or(|version| version < UDP_OFF)
            && by_words.as_ref() == Some(&expected)
            && !(key.name == "udpport" && self.has_udp_option());
        if now == expected || same || backported {
            return None;
        }
        Some(Difference {
            what: format!("{} is {now}, the file says {expected}", key.name),
            word: self.theirs.options.get(&key.letter).cloned(),
            network: key.is_network(),
        })
    }

    fn has_udp_option(&self) -> bool {
        self.theirs.options.contains_key(&'U')
    }

    /// What no setting shows: options without one, and suboptions.
    fn unsaid(&self) -> Vec<Difference> {
        let (theirs, ours) = (self.theirs, self.ours);
        let shown = |letter| KEYS.iter().any(|key| key.letter == letter);
        let letters = OPTIONS.iter().map(|option| option.letter);
        let unsaid = letters.filter(|l| !shown(*l) && !NEUTRAL.contains(*l));
        let mut all: Vec<_> = unsaid
            .filter_map(|letter| {
                let pair =
                    (ours.options.get(&letter), theirs.options.get(&letter));
                option(letter, pair)
            })
            .collect();
        let names = ours.suboptions.keys().chain(theirs.suboptions.keys());
        let names: BTreeSet<_> = names.collect();
        for name in names.into_iter().filter(|n| !SHOWN.contains(*n)) {
            let pair = (ours.suboptions.get(name), theirs.suboptions.get(name));
            if pair.0 != pair.1 {
                all.push(Difference {
                    what: format!(
                        "-o {name} is {}, the file says {}",
                        suboption(pair.0),
                        suboption(pair.1)
                    ),
                    word: theirs.options.get(&'o').cloned(),
                    network: false,
                });
            }
        }
        all
    }

    /// What is open and should not be, or the other way round.
    fn listeners(&self) -> Vec<Difference> {
        let known = self.theirs.unresolved.is_empty()
            && self.ours.unresolved.is_empty();
        if !known {
            return Vec::new();
        }
        let (theirs, ours) = (&self.theirs.listeners, &self.ours.listeners);
        let missing = |all: &[Listener], one: &Listener| {
            !all.iter().any(|other| listening::alike(other, one))
        };
        let udp_by_default = |l: &Listener| {
            let udp = matches!(l, Listener::Udp(_));
            udp && self.same_words && !self.has_udp_option()
        };
        let more = ours.iter().filter(|l| missing(theirs, l)).map(|listener| {
            let what = listening::name(listener);
            format!("it listens on {what}, which the file does not say")
        });
        let less = theirs.iter().filter(|l| missing(ours, l));
        let less = less.filter(|l| !udp_by_default(l)).map(|listener| {
            let what = listening::name(listener);
            format!("it does not listen on {what}, as the file says")
        });
        let word = || self.theirs.options.get(&'l').cloned();
        let difference =
            |what| Difference { what, word: word(), network: true };
        more.chain(less).map(difference).collect()
    }
}

/// What launchers add, and what only says how it runs.
const NEUTRAL: &str = "kirdLPVhDmvof";

/// A difference of an option that no setting shows. A user counts only where
/// both name one: a unit can have it instead.
fn option(
    letter: char,
    (ours, theirs): (Option<&Word>, Option<&Word>),
) -> Option<Difference> {
    let what = match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            let pair = (value(letter, ours), value(letter, theirs));
            if pair.0 == pair.1 {
                return None;
            }
            format!("-{letter} is {}, the file says {}", pair.0, pair.1)
        }
        (Some(_), None) if letter != 'u' => {
            format!("it runs with -{letter}, which the file does not have")
        }
        (None, Some(_)) if letter != 'u' => {
            format!("it runs without -{letter}, which the file has")
        }
        _ => return None,
    };
    Some(Difference { what, word: theirs.cloned(), network: false })
}

fn suboption(value: Option<&Option<String>>) -> &str {
    match value {
        None => "not given",
        Some(None) => "given",
        Some(Some(text)) => text,
    }
}
