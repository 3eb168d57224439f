//! Every option of memcached's command line.

use super::Version;
use Check::{Any, Greater, Quits};
use Takes::{Maybe, Nothing, Value};

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Value,
    /// Only as `--name=value`.
    Maybe,
}

/// What is checked as soon as an option is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Check {
    Any,
    /// A number that must be greater, or it exits with 1.
    Greater(f64),
    /// It prints something and exits with 0.
    Quits,
}

/// An option.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opt {
    pub letter: char,
    pub long: &'static str,
    pub takes: Takes,
    /// The first version that has it.
    pub since: Version,
    pub check: Check,
}

const fn opt(
    letter: char,
    long: &'static str,
    takes: Takes,
    since: Version,
    check: Check,
) -> Opt {
    Opt { letter, long, takes, since, check }
}

const OLD: Version = Version(0, 0, 0);

/// `shortopts` and `longopts` of memcached.c's `main`, tags 1.2.0 to 1.6.45.
pub(super) const OPTIONS: &[Opt] = &[
    opt('a', "unix-mask", Value, Version(1, 2, 4), Any),
    opt('A', "enable-shutdown", Nothing, Version(1, 4, 16), Any),
    opt('Z', "enable-ssl", Nothing, Version(1, 5, 13), Any),
    opt('p', "port", Value, OLD, Any),
    opt('s', "unix-socket", Value, OLD, Any),
    opt('U', "udp-port", Value, OLD, Any),
    opt('m', "memory-limit", Value, OLD, Any),
    opt('M', "disable-evictions", Nothing, OLD, Any),
    opt('c', "conn-limit", Value, OLD, Greater(0.0)),
    opt('k', "lock-memory", Nothing, OLD, Any),
    opt('h', "help", Nothing, OLD, Quits),
    opt('i', "license", Nothing, OLD, Quits),
    opt('V', "version", Nothing, Version(1, 4, 22), Quits),
    opt('r', "enable-coredumps", Nothing, OLD, Any),
    opt('v', "verbose", Maybe, OLD, Any),
    opt('d', "daemon", Nothing, OLD, Any),
    opt('l', "listen", Value, OLD, Any),
    opt('u', "user", Value, OLD, Any),
    opt('P', "pidfile", Value, OLD, Any),
    opt('f', "slab-growth-factor", Value, OLD, Greater(1.0)),
    opt('n', "slab-min-size", Value, OLD, Greater(0.0)),
    opt('t', "threads", Value, OLD, Greater(0.0)),
    opt('D', "", Value, OLD, Any),
    opt('L', "enable-largepages", Nothing, OLD, Any),
    opt('R', "max-reqs-per-event", Value, OLD, Greater(0.0)),
    opt('C', "disable-cas", Nothing, OLD, Any),
    opt('b', "listen-backlog", Value, OLD, Any),
    opt('B', "protocol", Value, Version(1, 4, 0), Any),
    opt('I', "max-item-size", Value, Version(1, 4, 2), Any),
    opt('S', "enable-sasl", Nothing, Version(1, 4, 3), Any),
    opt('F', "disable-flush-all", Nothing, Version(1, 4, 17), Any),
    opt('X', "disable-dumping", Nothing, Version(1, 4, 34), Any),
    opt('W', "disable-watch", Nothing, Version(1, 5, 21), Any),
    opt('Y', "auth-file", Value, Version(1, 5, 15), Any),
    opt('e', "memory-file", Value, Version(1, 5, 18), Any),
    opt('o', "extended", Value, Version(1, 4, 8), Any),
    opt('N', "napi-ids", Value, Version(1, 6, 9), Greater(0.0)),
];

/// The option of a letter, in a version.
pub(super) fn short(letter: char, version: Version) -> Option<&'static Opt> {
    OPTIONS
        .iter()
        .find(|option| option.letter == letter && option.since <= version)
}

/// The options whose long names begin with `name`, in a version; just the
/// one where it is the whole name.
pub(super) fn long(name: &str, version: Version) -> Vec<&'static Opt> {
    let known = OPTIONS
        .iter()
        .filter(|option| option.since <= version && !option.long.is_empty());
    let begun = known.filter(|option| option.long.starts_with(name));
    let begun: Vec<_> = begun.collect();
    match begun.iter().find(|option| option.long == name) {
        Some(exact) => vec![*exact],
        None => begun,
    }
}
