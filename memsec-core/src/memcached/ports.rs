//! `-p` and `-U`, and what they do to each other.

use super::{
    behaviour::{
        COUPLED, COUPLED_BUT_FOR_0, TCP_ALWAYS, UDP_ALWAYS, UDP_COUPLES,
        UDP_DEFAULT,
    },
    version::Release,
};

const PORT: i32 = 11211;

/// The ports that are bound; `None` for a protocol that is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    pub tcp: Option<i32>,
    pub udp: Option<i32>,
}

/// `settings.port` and `settings.udpport`, by the values of `-p` and `-U`.
/// `patched` is a distribution's patch that turns UDP off as 1.5.6 does.
pub(super) fn port_settings(
    release: Release<'_>,
    p: Option<i32>,
    u: Option<i32>,
    patched: bool,
) -> (i32, i32) {
    let is = |versions| !patched && release.is(versions);
    let default = if is(UDP_DEFAULT) { PORT } else { 0 };
    let (tcp, udp) = (p.unwrap_or(PORT), u.unwrap_or(default));
    match (p, u) {
        (Some(_), None) if is(COUPLED) || tcp != 0 && is(COUPLED_BUT_FOR_0) => {
            (tcp, tcp)
        }
        (None, Some(0)) if is(COUPLED) => (0, 0),
        (None, Some(0)) => (tcp, 0),
        (None, Some(_))
            if patched
                || is(COUPLED)
                || is(COUPLED_BUT_FOR_0)
                || is(UDP_COUPLES) =>
        {
            (udp, udp)
        }
        _ => (tcp, udp),
    }
}

impl Ports {
    /// What `main` makes of the settings.
    pub(super) fn new(release: Release<'_>, (tcp, udp): (i32, i32)) -> Self {
        let on = |port: i32| (port != 0).then_some(port);
        let always = release.is(TCP_ALWAYS);
        let udp = match udp {
            0 if release.is(UDP_ALWAYS) => Some(tcp),
            // Where TCP is always on, UDP is by a number above 0.
            ..0 if always && !release.is(UDP_ALWAYS) => None,
            _ => on(udp),
        };
        Self { tcp: if always { Some(tcp) } else { on(tcp) }, udp }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::memcached::Version;

    /// Nothing, `-p 5`, `-U 0`, `-U 7`, `-p 0`: TCP and UDP, 0 for off.
    fn all(version: &str, patched: bool) -> [(i32, i32); 5] {
        let next = Cell::new(Version(0, 0, 0));
        let release = Release::new(version.parse().unwrap(), &next);
        let cases = [
            (None, None),
            (Some(5), None),
            (None, Some(0)),
            (None, Some(7)),
            (Some(0), None),
        ];
        cases.map(|(p, u)| {
            let settings = port_settings(release, p, u, patched);
            let ports = Ports::new(release, settings);
            let shown = |port: Option<i32>| match port {
                Some(0) => -1,
                Some(port) => port,
                None => 0,
            };
            (shown(ports.tcp), shown(ports.udp))
        })
    }

    const P: i32 = PORT;

    #[test]
    fn ports_are_coupled_by_version() {
        let table = [
            ("1.2.2", [(P, 0), (5, 0), (P, 0), (P, 7), (-1, 0)]),
            ("1.2.6", [(P, P), (5, 5), (P, P), (P, 7), (-1, -1)]),
            ("1.4.2", [(P, P), (5, P), (P, 0), (P, 7), (0, P)]),
            ("1.5.3", [(P, P), (5, 5), (0, 0), (7, 7), (0, 0)]),
            ("1.5.5", [(P, P), (5, 5), (P, 0), (7, 7), (0, P)]),
            ("1.5.6", [(P, 0), (5, 0), (P, 0), (7, 7), (0, 0)]),
        ];
        for (version, expected) in table {
            assert_eq!(all(version, false), expected, "{version}");
        }
        assert_eq!(all("1.4.39", true), all("1.5.6", false));
    }
}
