//! How versions differ, but for the tables of options and suboptions. Each
//! was found in the tags of memcached: the first that has it, and the first
//! that has it no more.

use super::version::Versions;

const fn since(major: u16, minor: u16, patch: u16) -> Versions {
    Versions::since(major, minor, patch)
}

/// `main` calls `getopt_long`, which permutes with every C library.
pub(super) const LONG_OPTIONS: Versions = since(1, 5, 0);
/// Blanks before the value of an option are skipped.
pub(super) const TRIMMED: Versions = since(1, 6, 32);
/// The exit status is one of sysexits.h; before, it is always 1.
pub(super) const SYSEXITS: Versions = since(1, 3, 2);

/// `-l` is read by `inet_pton` at once, for IPv4 alone.
pub(super) const INET_PTON: Versions = since(1, 2, 0).until(2, 5);
/// Sockets are bound before the user is switched, and by plain 16 bits.
pub(super) const BOUND_FIRST: Versions = INET_PTON;
/// UDP has IPv4 alone, and `::` takes IPv4 too.
pub(super) const UDP_INET: Versions = since(1, 2, 5).until(2, 7);
/// `-l` is a list.
pub(super) const LIST: Versions = since(1, 4, 6);
/// A `-l` whose text is a part of what is there already is dropped.
pub(super) const SUBSTRING: Versions = since(1, 4, 25);
/// `[::1]:11212`, and colons that begin no port.
pub(super) const BRACKETS: Versions = since(1, 4, 25);
/// `notls:` before a host.
pub(super) const NOTLS: Versions = since(1, 5, 13);
/// `proto[..]:` and `tag[..]:` before a host.
pub(super) const PROTOCOL: Versions = since(1, 6, 17);
/// `tag_.._` before a host.
pub(super) const UNDERSCORES: Versions = since(1, 6, 23);
/// `btls:` and `mtls:` before a host, in every build.
pub(super) const PEERS: Versions = since(1, 6, 30);
/// No `proto[binary]` beside an authentication file.
pub(super) const NO_BINARY: Versions = since(1, 6, 43);

/// TCP is bound even to port 0.
pub(super) const TCP_ALWAYS: Versions = since(1, 2, 0).until(2, 7);
/// UDP that has no port of its own takes that of TCP.
pub(super) const UDP_ALWAYS: Versions = UDP_INET;
/// UDP is on if nothing is said.
pub(super) const UDP_DEFAULT: Versions = since(1, 2, 7).until(5, 6);
/// The one of `-p` and `-U` that is given moves the other.
pub(super) const COUPLED: Versions = since(1, 4, 3).until(5, 4);
/// So it does unless it is 0.
pub(super) const COUPLED_BUT_FOR_0: Versions = since(1, 5, 4).until(5, 6);
/// Only `-U` does, unless it is 0.
pub(super) const UDP_COUPLES: Versions = since(1, 5, 6);
/// The port -1 is one that the kernel chooses.
pub(super) const MINUS_ONE: Versions = since(1, 4, 1);
/// A port of TCP above 65535 is refused.
pub(super) const PORT_CHECKED: Versions = since(1, 6, 16);

/// SASL without `-B` speaks binary, and refuses UDP.
pub(super) const SASL_NO_UDP: Versions = since(1, 5, 20);
/// A malformed authentication file is refused.
pub(super) const AUTH_CHECKED: Versions = since(1, 6, 10);
/// An empty one is refused.
pub(super) const AUTH_NOT_EMPTY: Versions = since(1, 6, 32);

/// `daemon()` comes after all that can fail.
pub(super) const DAEMON_LAST: Versions = since(1, 2, 0).until(2, 5);
/// `daemon()` comes before the user is looked up.
pub(super) const DAEMON_FIRST: Versions = since(1, 2, 6).until(3, 2);
/// `-c` is the limit of open files.
pub(super) const FEW_FILES: Versions = since(1, 4, 8);
/// With `-k` threads cannot get a stack from a user with the usual limit of
/// locked memory. From 1.5.13 the locking itself fails, and that is let be.
pub(super) const LOCKED: Versions = since(1, 4, 0).until(5, 13);
/// The logger is the first thread.
pub(super) const LOGGER: Versions = since(1, 4, 26);

/// `-I` is checked as it is read.
pub(super) const ITEM_AT_ONCE: Versions = since(1, 4, 2).until(5, 4);
/// It may be 128 megabytes at most.
pub(super) const ITEM_128M: Versions = since(1, 4, 2).until(4, 29);
/// It may be a gigabyte at most.
pub(super) const ITEM_1G: Versions = since(1, 4, 31);
/// `-I` and `-m` are checked against each other when all is read.
pub(super) const ITEM_AT_END: Versions = since(1, 5, 4);
/// `-o slab_chunk_max` is checked against `-I` and the page size.
pub(super) const CHUNKS: Versions = since(1, 4, 29);
/// A chunk is half a page if nothing is said.
pub(super) const HALF_PAGES: Versions = since(1, 5, 0);
/// `-o modern` and a great `-I` make chunks of 16 kilobytes.
pub(super) const SMALL_CHUNKS: Versions = since(1, 4, 29).until(4, 31);
/// `-o slab_chunk_max` is in kilobytes.
pub(super) const CHUNK_KILOBYTES: Versions = since(1, 6, 24);
/// `-o worker_logbuf_size` sets `slab_sizes` too, for want of a break.
pub(super) const FALLS_THROUGH: Versions = since(1, 4, 27).until(6, 40);
/// `-o slab_sizes` is checked as it is read.
pub(super) const SLABS_AT_ONCE: Versions = since(1, 4, 27).until(4, 29);
/// What is checked as `slab_sizes` is the value of the last suboption.
pub(super) const LAST_VALUE: Versions = since(1, 4, 29).until(4, 32);
/// `-o hot_lru_pct` and `warm_lru_pct` are checked together.
pub(super) const SHARES: Versions = since(1, 4, 35);
/// The thread that maintains the LRU runs if nothing is said.
pub(super) const MAINTAINER: Versions = since(1, 5, 0);
/// The shares are 32 percent each if nothing is said; then 20 and 40.
pub(super) const EVEN_SHARES: Versions = since(1, 4, 23).until(4, 38);
