//! Every option of memcached's command line.

use super::version::{Release, Versions};
use Takes::{Maybe, Nothing, Value};

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Value,
    /// Only as `--name=value`.
    Maybe,
}

/// An option.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opt {
    pub letter: char,
    pub long: &'static str,
    pub takes: Takes,
    /// The versions that have it so.
    pub versions: Versions,
}

const fn opt(
    letter: char,
    long: &'static str,
    takes: Takes,
    versions: Versions,
) -> Opt {
    Opt { letter, long, takes, versions }
}

const fn since(major: u16, minor: u16, patch: u16) -> Versions {
    Versions::since(major, minor, patch)
}

const OLD: Versions = since(1, 2, 0);

/// `shortopts` and `longopts` of memcached.c's `main`, tags 1.2.0 to 1.6.45.
pub(super) const OPTIONS: &[Opt] = &[
    opt('a', "unix-mask", Value, since(1, 2, 4)),
    opt('A', "enable-shutdown", Nothing, since(1, 4, 16)),
    opt('Z', "enable-ssl", Nothing, since(1, 5, 13)),
    opt('p', "port", Value, OLD),
    opt('s', "unix-socket", Value, OLD),
    opt('U', "udp-port", Value, OLD),
    opt('m', "memory-limit", Value, OLD),
    opt('M', "disable-evictions", Nothing, OLD),
    opt('c', "conn-limit", Value, OLD),
    opt('k', "lock-memory", Nothing, OLD),
    opt('h', "help", Nothing, OLD),
    opt('i', "license", Nothing, OLD),
    opt('V', "version", Nothing, since(1, 4, 22)),
    opt('r', "enable-coredumps", Nothing, OLD),
    opt('v', "verbose", Maybe, OLD),
    opt('d', "daemon", Nothing, OLD),
    opt('l', "listen", Value, OLD),
    opt('u', "user", Value, OLD),
    opt('P', "pidfile", Value, OLD),
    opt('f', "slab-growth-factor", Value, OLD),
    opt('n', "slab-min-size", Value, since(1, 2, 2)),
    opt('t', "threads", Value, since(1, 2, 2)),
    opt('D', "", Value, since(1, 2, 2)),
    opt('L', "enable-largepages", Nothing, since(1, 2, 5)),
    opt('R', "max-reqs-per-event", Value, since(1, 2, 7)),
    opt('C', "disable-cas", Nothing, since(1, 3, 2)),
    opt('b', "", Nothing, OLD.until(2, 8)),
    opt('b', "listen-backlog", Value, since(1, 2, 8)),
    opt('B', "protocol", Value, since(1, 4, 0)),
    opt('I', "max-item-size", Value, since(1, 4, 2)),
    opt('S', "enable-sasl", Nothing, since(1, 4, 3)),
    opt('F', "disable-flush-all", Nothing, since(1, 4, 17)),
    opt('X', "disable-dumping", Nothing, since(1, 4, 34)),
    opt('W', "disable-watch", Nothing, since(1, 5, 21)),
    opt('Y', "auth-file", Value, since(1, 5, 15)),
    opt('e', "memory-file", Value, since(1, 5, 18)),
    opt('o', "extended", Value, since(1, 4, 8)),
    opt('N', "napi-ids", Value, since(1, 6, 9)),
];

/// What an option must not be, or it exits with 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wrong {
    /// A number that is not greater.
    UpTo(f64),
    /// This number.
    Just(i32),
    /// Given at all.
    Given,
    /// Empty.
    Empty,
}

/// What is checked as soon as an option is read.
const CHECKS: &[(char, Wrong, Versions)] = &[
    ('c', Wrong::UpTo(0.0), since(1, 4, 26)),
    ('f', Wrong::UpTo(1.0), OLD),
    ('n', Wrong::Just(0), OLD.until(6, 24)),
    ('n', Wrong::UpTo(0.0), since(1, 6, 24)),
    ('R', Wrong::Just(0), OLD.until(6, 24)),
    ('R', Wrong::UpTo(0.0), since(1, 6, 24)),
    ('t', Wrong::Just(0), OLD.until(2, 7)),
    ('t', Wrong::UpTo(0.0), since(1, 2, 7).until(3, 2)),
    ('t', Wrong::Just(-1), since(1, 3, 2).until(4, 2)),
    ('t', Wrong::UpTo(0.0), since(1, 4, 2)),
    ('N', Wrong::UpTo(0.0), OLD),
    ('D', Wrong::Empty, OLD),
    // Linux has neither getpagesizes() nor memcntl().
    ('L', Wrong::Given, since(1, 2, 5).until(3, 2)),
    ('L', Wrong::Given, since(1, 4, 14).until(5, 9)),
];

/// What an option must not be in a version.
pub(super) fn wrong(
    letter: char,
    release: Release<'_>,
) -> impl Iterator<Item = Wrong> {
    let of = CHECKS.iter().filter(move |&&(of, ..)| of == letter);
    of.filter(move |&&(_, _, versions)| release.is(versions))
        .map(|&(_, wrong, _)| wrong)
}

/// The option of a letter, in a version.
pub(super) fn short(
    letter: char,
    release: Release<'_>,
) -> Option<&'static Opt> {
    let mut of = OPTIONS.iter().filter(|option| option.letter == letter);
    of.find(|option| release.is(option.versions))
}

/// The options whose long names begin with `name`, in a version; just the
/// one where it is the whole name.
pub(super) fn long(name: &str, release: Release<'_>) -> Vec<&'static Opt> {
    let named = OPTIONS.iter().filter(|option| !option.long.is_empty());
    let begun = named.filter(|option| option.long.starts_with(name));
    let begun: Vec<_> =
        begun.filter(|option| release.is(option.versions)).collect();
    match begun.iter().find(|option| option.long == name) {
        Some(exact) => vec![*exact],
        None => begun,
    }
}
