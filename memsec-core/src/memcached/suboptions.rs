//! The suboptions of `-o`.

use super::{
    number::{atof, atoi, whole},
    version::{Release, Versions},
};
use Value::{
    Fraction, Hash, Ignored, Int, Nothing, Number, Range, Size, Text, Unchecked,
};

/// What a suboption wants for a value. Anything else exits with 1.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// None, or any.
    Nothing,
    /// Any text.
    Text,
    /// Any text; without one it crashes.
    Unchecked,
    /// Read by `atoi`, between two limits.
    Int(i32, i32),
    /// None, or as `Int`.
    Ignored(i32, i32),
    /// Read by `atof`: more than 0 and at most this.
    Fraction(f64),
    /// A whole number.
    Number,
    /// As `Number`, between two limits.
    Range(i32, i32),
    /// The name of a hash function.
    Hash,
    /// A path, a colon and a size.
    Size,
}

type Suboption = (&'static str, Value, Versions);

const fn since(major: u16, minor: u16, patch: u16) -> Versions {
    Versions::since(major, minor, patch)
}

const MODERN: Versions = since(1, 5, 0);
const TLS: Versions = since(1, 5, 13);
// Built in unless it is left out; before, it was left out unless asked for.
const EXTSTORE: Versions = since(1, 6, 0);
const MAX: i32 = i32::MAX;

/// `subopts_tokens` of memcached.c and of storage.c, and what each makes of
/// its value, tags 1.4.8 to 1.6.45.
const SUBOPTIONS: &[Suboption] = &[
    ("maxconns_fast", Nothing, since(1, 4, 8)),
    ("hashpower", Int(12, 64), since(1, 4, 8).until(5, 2)),
    ("hashpower", Int(12, 32), since(1, 5, 2)),
    ("no_hashexpand", Nothing, since(1, 5, 3)),
    ("slab_reassign", Nothing, since(1, 4, 11)),
    ("slab_automove", Nothing, since(1, 4, 11).until(4, 14)),
    ("slab_automove", Ignored(0, 2), since(1, 4, 14)),
    ("slab_automove_ratio", Fraction(1.0), since(1, 4, 38)),
    ("slab_automove_window", Int(3, MAX), since(1, 4, 38).until(6, 45)),
    ("slab_automove_window", Int(3, 1800), since(1, 6, 45)),
    ("tail_repair_time", Int(10, MAX), since(1, 4, 16)),
    ("hash_algorithm", Hash, since(1, 4, 18)),
    ("lru_crawler", Nothing, since(1, 4, 18)),
    ("lru_crawler_sleep", Int(0, 1_000_000), since(1, 4, 18)),
    ("lru_crawler_tocrawl", Number, since(1, 4, 18)),
    ("lru_maintainer", Nothing, since(1, 4, 23)),
    ("hot_lru_pct", Int(1, 79), since(1, 4, 23)),
    ("warm_lru_pct", Int(1, 79), since(1, 4, 23)),
    ("expirezero_does_not_evict", Nothing, since(1, 4, 23).until(4, 35)),
    ("hot_max_age", Number, since(1, 4, 35).until(4, 38)),
    ("hot_max_factor", Fraction(f64::MAX), since(1, 4, 38)),
    ("warm_max_factor", Fraction(f64::MAX), since(1, 4, 35)),
    ("temporary_ttl", Text, since(1, 4, 35)),
    ("idle_timeout", Unchecked, since(1, 4, 27).until(4, 37)),
    ("idle_timeout", Text, since(1, 4, 37)),
    ("watcher_logbuf_size", Number, since(1, 4, 27)),
    ("worker_logbuf_size", Number, since(1, 4, 27)),
    ("slab_sizes", Unchecked, since(1, 4, 27).until(4, 29)),
    ("slab_sizes", Nothing, since(1, 4, 29).until(5, 17)),
    ("slab_sizes", Unchecked, since(1, 5, 17)),
    ("slab_chunk_max", Unchecked, since(1, 4, 29).until(6, 24)),
    ("slab_chunk_max", Range(1, 1024), since(1, 6, 24)),
    ("track_sizes", Nothing, since(1, 4, 27)),
    ("no_inline_ascii_resp", Nothing, since(1, 4, 35)),
    ("inline_ascii_resp", Nothing, MODERN),
    ("modern", Nothing, since(1, 4, 26)),
    ("no_modern", Nothing, MODERN),
    ("no_chunked_items", Nothing, MODERN),
    ("no_slab_reassign", Nothing, MODERN),
    ("no_slab_automove", Nothing, MODERN),
    ("no_maxconns_fast", Nothing, MODERN),
    ("no_lru_crawler", Nothing, MODERN),
    ("no_lru_maintainer", Nothing, MODERN),
    ("no_drop_privileges", Nothing, since(1, 5, 1)),
    ("drop_privileges", Nothing, since(1, 5, 9)),
    ("resp_obj_mem_limit", Number, since(1, 6, 0).until(6, 7)),
    ("resp_obj_mem_limit", Nothing, since(1, 6, 7)),
    ("read_buf_mem_limit", Number, since(1, 6, 0)),
    ("meta_response_old", Nothing, since(1, 6, 10).until(6, 18)),
    ("sock_cookie_id", Nothing, since(1, 6, 17)),
    ("ssl_chain_cert", Text, TLS),
    ("ssl_key", Text, TLS),
    ("ssl_verify_mode", Range(0, 3), TLS),
    ("ssl_keyformat", Number, TLS),
    ("ssl_ciphers", Text, TLS),
    ("ssl_ca_cert", Text, TLS),
    ("ssl_wbuf_size", Number, TLS),
    ("ssl_session_cache", Nothing, since(1, 6, 3)),
    ("ssl_min_version", Range(0, 3), since(1, 6, 11)),
    ("ssl_kernel_tls", Nothing, since(1, 6, 16)),
    ("proxy_config", Text, since(1, 6, 13)),
    ("proxy_uring", Nothing, since(1, 6, 14)),
    ("proxy_memprofile", Nothing, since(1, 6, 22)),
    ("proxy_arg", Unchecked, since(1, 6, 26)),
    ("ext_page_size", Number, EXTSTORE),
    ("ext_wbuf_size", Number, EXTSTORE),
    ("ext_threads", Number, EXTSTORE),
    ("ext_io_depth", Number, EXTSTORE),
    ("ext_path", Size, EXTSTORE),
    ("ext_item_size", Number, EXTSTORE),
    ("ext_item_age", Number, EXTSTORE),
    ("ext_low_ttl", Number, EXTSTORE),
    ("ext_recache_rate", Number, EXTSTORE),
    ("ext_compact_under", Number, EXTSTORE),
    ("ext_drop_under", Number, EXTSTORE),
    ("ext_max_sleep", Number, since(1, 6, 15)),
    ("ext_max_frag", Fraction(f64::MAX), EXTSTORE),
    ("ext_drop_unread", Nothing, EXTSTORE),
    ("slab_automove_freeratio", Fraction(f64::MAX), EXTSTORE),
];

/// The versions in which `hash_algorithm` may be xxh3.
const XXH3: Versions = since(1, 6, 10);
/// The versions that read a null pointer where `lru_crawler_sleep` and
/// `lru_crawler_tocrawl` have no value.
const CRAWLER_CRASHES: Versions = since(1, 4, 18).until(4, 25);

/// What is wrong with a suboption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It says so.
    Refused(String),
    /// It reads a null pointer.
    Crash(String),
}

/// Reads one suboption as `getsubopt` does.
pub(super) fn suboption<'a>(
    text: &'a str,
    release: Release<'_>,
    built: impl Fn(&str) -> bool,
) -> Result<(&'static str, Option<&'a str>), Flaw> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let needs = match name.split_once('_') {
        Some(("ssl", _)) => Some("tls"),
        Some(("proxy", _)) => Some("proxy"),
        _ => None,
    };
    let refused = |why: &str| Flaw::Refused(format!("{why} {text:?}"));
    let mut of = SUBOPTIONS.iter().filter(|known| known.0 == name);
    let known =
        of.find(|known| release.is(known.2) && needs.is_none_or(&built));
    let &(name, wants, _) =
        known.ok_or_else(|| refused("Illegal suboption"))?;
    let crawler = name.starts_with("lru_crawler_");
    match value {
        None if matches!(wants, Unchecked)
            || crawler && release.is(CRAWLER_CRASHES) =>
        {
            Err(Flaw::Crash(format!("suboption {text:?} has no value")))
        }
        _ if wants.takes(value, release) => Ok((name, value)),
        _ => Err(refused("Illegal value of suboption")),
    }
}

/// Whether a text begins with the name of a suboption of any version.
pub(super) fn is_suboption(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    SUBOPTIONS.iter().any(|known| known.0 == name)
}

impl Value {
    fn takes(self, value: Option<&str>, release: Release<'_>) -> bool {
        let Some(text) = value else {
            return matches!(self, Nothing | Ignored(..));
        };
        match self {
            Nothing | Text | Unchecked => true,
            Int(low, high) | Ignored(low, high) => {
                (low..=high).contains(&atoi(text))
            }
            Range(low, high) => {
                whole(text).is_some_and(|n| (low..=high).contains(&n))
            }
            Fraction(most) => {
                let number = atof(text);
                number > 0.0 && number <= most
            }
            Number => whole(text).is_some(),
            Hash => match text {
                "xxh3" => release.is(XXH3),
                _ => matches!(text, "jenkins" | "murmur3"),
            },
            Size => text.contains(':'),
        }
    }
}
