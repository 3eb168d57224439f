//! The advisories. Sources: the release notes and the git history of
//! memcached, cvelistV5, the changelogs of Debian and SUSE.

use super::{
    Advisory, Kind,
    Need::{
        self, Ascii, AuthFile, AuthFileItem, Binary, Proxy, Sasl, SaslBuilt,
        SaslItem, SaslPwdb, Udp, UnixSocket, Verbose,
    },
    Rating::{self, Critical, High, Low, Medium},
    Version,
};

const fn flaw(
    id: &'static str,
    versions: (Version, Version),
    needs: &'static [Need],
    rating: Rating,
    impact: &'static str,
) -> Advisory {
    let (since, fixed) = (versions.0, Some(versions.1));
    let kind = Kind::Flaw;
    Advisory { id, since, fixed, needs, rating, kind, impact }
}

const fn bypass(
    id: &'static str,
    since: Version,
    fixed: Option<Version>,
    needs: &'static [Need],
    impact: &'static str,
) -> Advisory {
    let (rating, kind) = (High, Kind::Bypass);
    Advisory { id, since, fixed, needs, rating, kind, impact }
}

/// Versions before one.
const fn before(a: u16, b: u16, c: u16) -> (Version, Version) {
    (Version(0, 0, 0), Version(a, b, c))
}

pub(super) const fn v(a: u16, b: u16, c: u16) -> Version {
    Version(a, b, c)
}

/// Every known flaw, the oldest first.
pub(crate) const ADVISORIES: &[Advisory] = &[
    flaw(
        "CVE-2009-1255",
        before(1, 2, 8),
        &[],
        Medium,
        "`stats maps` tells where things are in memory",
    ),
    flaw(
        "CVE-2009-2415",
        before(1, 2, 9),
        &[],
        High,
        "a length that is too great overflows the heap",
    ),
    flaw("CVE-2010-1152", before(1, 4, 3), &[], Medium, "any client ends it"),
    flaw(
        "CVE-2011-4971",
        before(1, 4, 16),
        &[Binary],
        Medium,
        "a binary request ends it",
    ),
    flaw(
        "CVE-2013-0179",
        before(1, 4, 17),
        &[Verbose, Binary],
        Low,
        "a binary delete ends it, with -vv",
    ),
    flaw(
        "CVE-2013-7239",
        (v(1, 4, 3), v(1, 4, 17)),
        &[Sasl],
        High,
        "a second attempt at SASL succeeds without a password",
    ),
    flaw(
        "CVE-2013-7290",
        (v(1, 4, 4), v(1, 4, 17)),
        &[Verbose],
        Low,
        "a request for a long key ends it, with -vv",
    ),
    flaw(
        "CVE-2013-7291",
        before(1, 4, 17),
        &[Verbose],
        Low,
        "a request ends it, with -vv",
    ),
    flaw(
        "CVE-2016-8704",
        before(1, 4, 33),
        &[Binary],
        Critical,
        "a binary append or prepend runs code",
    ),
    flaw(
        "CVE-2016-8705",
        before(1, 4, 33),
        &[Binary],
        Critical,
        "a binary set, add or replace runs code",
    ),
    flaw(
        "CVE-2016-8706",
        before(1, 4, 33),
        &[Binary, SaslBuilt],
        High,
        "a binary request to authenticate runs code",
    ),
    flaw(
        "CVE-2017-9951",
        before(1, 4, 39),
        &[Binary],
        High,
        "a binary request ends it",
    ),
    flaw(
        "CVE-2018-1000115",
        before(1, 5, 6),
        &[Udp],
        High,
        "a datagram with a forged source floods a third party",
    ),
    flaw(
        "CVE-2018-1000127",
        before(1, 4, 37),
        &[],
        High,
        "items are corrupted, or it hangs, while memory is rebalanced",
    ),
    flaw(
        "CVE-2019-11596",
        (v(1, 5, 0), v(1, 5, 14)),
        &[Ascii],
        High,
        "the command `lru mode` ends it",
    ),
    flaw(
        "CVE-2019-15026",
        (v(1, 4, 18), v(1, 5, 17)),
        &[UnixSocket],
        High,
        "`stats conns` reads beyond the stack",
    ),
    flaw(
        "CVE-2020-10931",
        (v(1, 6, 0), v(1, 6, 2)),
        &[Binary],
        High,
        "a binary request overflows a buffer",
    ),
    flaw(
        "CVE-2020-22570",
        (v(1, 6, 0), v(1, 6, 3)),
        &[Ascii],
        High,
        "a meta command ends it",
    ),
    flaw(
        "CVE-2021-37519",
        (v(1, 5, 15), v(1, 6, 10)),
        &[AuthFile],
        Medium,
        "whoever writes the authentication file overflows the heap",
    ),
    flaw(
        "CVE-2022-48571",
        (v(1, 6, 0), v(1, 6, 8)),
        &[Udp],
        High,
        "one datagram ends it",
    ),
    flaw(
        "CVE-2023-46852",
        before(1, 6, 22),
        &[Proxy],
        High,
        "a request for many keys overflows a buffer of the proxy",
    ),
    flaw(
        "CVE-2023-46853",
        before(1, 6, 22),
        &[Proxy],
        Critical,
        "a line that ends with a bare line feed overflows a buffer of the \
         proxy",
    ),
    flaw(
        "CVE-2026-47783",
        before(1, 6, 42),
        &[Sasl, SaslPwdb],
        High,
        "the time of an answer tells the names of users",
    ),
    flaw(
        "CVE-2026-47784",
        before(1, 6, 42),
        &[Sasl, SaslPwdb],
        High,
        "the time of an answer tells passwords",
    ),
    flaw(
        "CVE-2026-90698",
        (v(1, 6, 41), v(1, 6, 44)),
        &[AuthFile],
        Medium,
        "empty lines before the password end it",
    ),
    flaw(
        "the flaws fixed in 1.6.42",
        before(1, 6, 42),
        &[],
        High,
        "it crashes or corrupts items; no CVE",
    ),
    flaw(
        "the flaws fixed in 1.6.43 to 1.6.45",
        before(1, 6, 45),
        &[],
        Medium,
        "it crashes or corrupts items; no CVE",
    ),
    bypass(
        "SASL over UDP",
        v(1, 4, 3),
        Some(v(1, 5, 20)),
        &[Sasl, Udp],
        "over UDP, ASCII commands are asked for no password",
    ),
    bypass(
        "-Y beside proto[binary]",
        v(1, 6, 17),
        Some(v(1, 6, 43)),
        &[AuthFile, AuthFileItem],
        "the listener of -l with proto[binary] or proto[negotiating] asks \
         for no password in the binary protocol",
    ),
    bypass(
        "-S beside proto[ascii]",
        v(1, 6, 17),
        None,
        &[Sasl, SaslItem],
        "the listener of -l with proto[ascii] or proto[negotiating] asks for \
         no password in the ASCII protocol",
    ),
];
