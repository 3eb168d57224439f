//! The suboptions of `-o`.

use super::{
    Version,
    number::{atof, atoi, whole},
};
use Value::{Fraction, Hash, Ignored, Int, Nothing, Number, Range, Size, Text};

/// What a suboption wants for a value. Anything else exits with 1.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// None, or any.
    Nothing,
    /// Any text.
    Text,
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

struct Suboption {
    name: &'static str,
    since: Version,
    until: Version,
    value: Value,
}

const fn sub(name: &'static str, since: Version, value: Value) -> Suboption {
    Suboption { name, since, until: Version(9, 0, 0), value }
}

const OLD: Version = Version(0, 0, 0);
const PRIVILEGES: Version = Version(1, 5, 1);
const TLS: Version = Version(1, 5, 13);
const EXTSTORE: Version = Version(1, 6, 0);
const MAX: i32 = i32::MAX;

/// `subopts_tokens` of memcached.c and of storage.c. Which there are before
/// 1.5.6 is not told apart.
const SUBOPTIONS: &[Suboption] = &[
    sub("maxconns_fast", OLD, Nothing),
    sub("hashpower", OLD, Int(12, 32)),
    sub("no_hashexpand", OLD, Nothing),
    sub("slab_reassign", OLD, Nothing),
    sub("slab_automove", OLD, Ignored(0, 2)),
    sub("slab_automove_ratio", OLD, Fraction(1.0)),
    sub("slab_automove_window", OLD, Int(3, 1800)),
    sub("tail_repair_time", OLD, Int(10, MAX)),
    sub("hash_algorithm", OLD, Hash),
    sub("lru_crawler", OLD, Nothing),
    sub("lru_crawler_sleep", OLD, Int(0, 1_000_000)),
    sub("lru_crawler_tocrawl", OLD, Number),
    sub("lru_maintainer", OLD, Nothing),
    sub("hot_lru_pct", OLD, Int(1, 79)),
    sub("warm_lru_pct", OLD, Int(1, 79)),
    sub("hot_max_factor", OLD, Fraction(f64::MAX)),
    sub("warm_max_factor", OLD, Fraction(f64::MAX)),
    sub("temporary_ttl", OLD, Text),
    sub("idle_timeout", OLD, Text),
    sub("watcher_logbuf_size", OLD, Number),
    sub("worker_logbuf_size", OLD, Number),
    sub("slab_sizes", OLD, Text),
    sub("slab_chunk_max", OLD, Range(1, 1024)),
    sub("track_sizes", OLD, Nothing),
    sub("no_inline_ascii_resp", OLD, Nothing),
    sub("inline_ascii_resp", OLD, Nothing),
    sub("modern", OLD, Nothing),
    sub("no_modern", OLD, Nothing),
    sub("no_chunked_items", OLD, Nothing),
    sub("no_slab_reassign", OLD, Nothing),
    sub("no_slab_automove", OLD, Nothing),
    sub("no_maxconns_fast", OLD, Nothing),
    sub("no_lru_crawler", OLD, Nothing),
    sub("no_lru_maintainer", OLD, Nothing),
    sub("no_drop_privileges", PRIVILEGES, Nothing),
    sub("drop_privileges", Version(1, 5, 9), Nothing),
    sub("resp_obj_mem_limit", Version(1, 6, 0), Nothing),
    sub("read_buf_mem_limit", Version(1, 6, 0), Number),
    Suboption {
        name: "meta_response_old",
        since: Version(1, 6, 10),
        until: Version(1, 6, 18),
        value: Nothing,
    },
    sub("sock_cookie_id", Version(1, 6, 17), Nothing),
    sub("ssl_chain_cert", TLS, Text),
    sub("ssl_key", TLS, Text),
    sub("ssl_verify_mode", TLS, Range(0, 3)),
    sub("ssl_keyformat", TLS, Number),
    sub("ssl_ciphers", TLS, Text),
    sub("ssl_ca_cert", TLS, Text),
    sub("ssl_wbuf_size", TLS, Number),
    sub("ssl_session_cache", Version(1, 6, 6), Nothing),
    sub("ssl_min_version", Version(1, 6, 11), Range(0, 3)),
    sub("ssl_kernel_tls", Version(1, 6, 16), Nothing),
    sub("proxy_config", Version(1, 6, 13), Text),
    sub("proxy_uring", Version(1, 6, 15), Nothing),
    sub("proxy_memprofile", Version(1, 6, 22), Nothing),
    sub("proxy_arg", Version(1, 6, 26), Text),
    sub("ext_page_size", EXTSTORE, Number),
    sub("ext_wbuf_size", EXTSTORE, Number),
    sub("ext_threads", EXTSTORE, Number),
    sub("ext_io_depth", EXTSTORE, Number),
    sub("ext_path", EXTSTORE, Size),
    sub("ext_item_size", EXTSTORE, Number),
    sub("ext_item_age", EXTSTORE, Number),
    sub("ext_low_ttl", EXTSTORE, Number),
    sub("ext_recache_rate", EXTSTORE, Number),
    sub("ext_compact_under", EXTSTORE, Number),
    sub("ext_drop_under", EXTSTORE, Number),
    sub("ext_max_sleep", EXTSTORE, Number),
    sub("ext_max_frag", EXTSTORE, Fraction(f64::MAX)),
    sub("ext_drop_unread", EXTSTORE, Nothing),
    sub("slab_automove_freeratio", EXTSTORE, Fraction(1.0)),
];

/// Reads one suboption as `getsubopt` does; the error is what is wrong.
pub(super) fn suboption(
    text: &str,
    version: Version,
    built: impl Fn(&str) -> bool,
) -> Result<(&'static str, Option<&str>), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let needs = match name.split_once('_') {
        Some(("ssl", _)) => Some("tls"),
        Some(("proxy", _)) => Some("proxy"),
        _ => None,
    };
    let known = SUBOPTIONS.iter().find(|known| {
        known.name == name
            && (known.since..known.until).contains(&version)
            && needs.is_none_or(&built)
    });
    let known = known.ok_or_else(|| format!("Illegal suboption {text:?}"))?;
    if known.value.takes(value) {
        Ok((known.name, value))
    } else {
        Err(format!("Illegal value of suboption {text:?}"))
    }
}

/// Whether a text begins with the name of a suboption of any version.
pub(super) fn is_suboption(text: &str) -> bool {
    let name = text.split('=').next().unwrap_or_default();
    SUBOPTIONS.iter().any(|known| known.name == name)
}

impl Value {
    fn takes(self, value: Option<&str>) -> bool {
        let Some(text) = value else {
            return matches!(self, Nothing | Ignored(..));
        };
        match self {
            Nothing | Text => true,
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
            Hash => matches!(text, "jenkins" | "murmur3" | "xxh3"),
            Size => text.contains(':'),
        }
    }
}
