//! A daemon of which the version is not known: what each that it can be
//! would do, and the bounds over all.

use std::{cell::Cell, collections::HashSet, fmt};

use super::{
    Listener, Running, Start, Version,
    behaviour::UDP_DEFAULT,
    distribution::{Patch, oldest, patch},
    version::{NEWEST, Release},
};
use crate::{Snapshot, snapshot::Process};

/// The versions that a daemon can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Possible {
    oldest: Version,
    newest: Version,
    patch: Patch,
}

impl Possible {
    /// By the version that the program says, or that of its package, or the
    /// oldest that the host can have.
    pub(super) fn new(
        version: Option<Version>,
        process: Option<&Process>,
        snapshot: &Snapshot,
    ) -> Self {
        let package = process.and_then(|process| {
            let package = process.package.as_deref()?;
            let (_, epochless) =
                package.split_once(':').unwrap_or(("", package));
            epochless.parse().ok()
        });
        let patch = patch(snapshot, process);
        let (oldest, newest) = match version.or(package) {
            Some(version) => (version, version),
            None => (oldest(snapshot), NEWEST),
        };
        Self { oldest, newest, patch }
    }

    /// Whether it is this version or a later one.
    pub(crate) fn at_least(self, version: Version) -> bool {
        self.oldest >= version
    }

    /// Whether UDP is off if nothing is said: by the version, or by a patch.
    pub(crate) fn has_udp_off(self) -> bool {
        self.all(|release, patched| patched || !release.is(UDP_DEFAULT))
    }

    /// The newest of them.
    pub(super) fn newest(self) -> Version {
        self.newest
    }

    /// What each of them does, the oldest first. Versions between which
    /// nothing differs that was asked are run once.
    fn each<T>(self, run: impl Fn(Release<'_>, bool) -> T) -> Vec<T> {
        let next = Cell::new(self.oldest);
        let mut all = Vec::new();
        while next.get() <= self.newest {
            let release = Release::new(next.get(), &next);
            let ways: &[bool] = match self.patch {
                Patch::Perhaps if release.is(UDP_DEFAULT) => &[false, true],
                Patch::Yes if release.is(UDP_DEFAULT) => &[true],
                _ => &[false],
            };
            all.extend(ways.iter().map(|&patched| run(release, patched)));
        }
        all
    }

    /// Whether something holds of each of them.
    pub(super) fn all(self, test: impl Fn(Release<'_>, bool) -> bool) -> bool {
        self.each(test).into_iter().all(|holds| holds)
    }

    /// The bounds over what each of them does. A daemon that is `alive` is
    /// none of those that would have exited.
    pub(super) fn start(
        self,
        alive: bool,
        run: impl Fn(Release<'_>, bool) -> Start,
    ) -> Start {
        let mut starts = self.each(run);
        let runs = |start: &Start| matches!(start, Start::Runs(_));
        if alive && starts.iter().any(runs) {
            starts.retain(runs);
        }
        match starts.iter().rposition(runs) {
            Some(at) => {
                let newest = starts.remove(at);
                join(newest, &starts)
            }
            None => starts.pop().unwrap_or(Start::Runs(Running::default())),
        }
    }
}

impl fmt::Display for Possible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.oldest, self.newest)
    }
}

/// Everything that some version listens on; sure is what all do.
fn join(newest: Start, others: &[Start]) -> Start {
    let Start::Runs(mut joined) = newest else { return newest };
    let mut sure: HashSet<Listener> =
        joined.listeners.iter().cloned().collect();
    let mut all = sure.clone();
    for other in others {
        let Start::Runs(running) = other else {
            sure.clear();
            continue;
        };
        let own: HashSet<&Listener> = running.listeners.iter().collect();
        sure.retain(|listener| own.contains(listener));
        for listener in &running.listeners {
            if all.insert(listener.clone()) {
                joined.listeners.push(listener.clone());
            }
        }
        for name in &running.unresolved {
            if !joined.unresolved.contains(name) {
                joined.unresolved.push(name.clone());
            }
        }
    }
    let unsure = joined.listeners.iter().filter(|own| !sure.contains(own));
    joined.unsure = unsure.cloned().collect();
    Start::Runs(joined)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memcached::instances;

    fn process(argv: &str, version: Option<&str>) -> Process {
        Process {
            pid: 7,
            argv: argv.split(' ').map(str::to_owned).collect(),
            uid: Some(110),
            version: version.map(str::to_owned),
            ..Process::default()
        }
    }

    fn start(snapshot: &Snapshot) -> Start {
        let mut all = instances(snapshot, None).unwrap();
        all.remove(0).start
    }

    /// "T" or "U" and the address; "?" after what is not sure.
    fn shown(start: &Start) -> String {
        let running = match start {
            Start::Runs(running) => running,
            Start::Exits(exit) => return format!("exit {}", exit.status),
        };
        let all = running.listeners.iter().map(|listener| {
            let sure = if running.is_sure(listener) { "" } else { "?" };
            match listener.socket() {
                Some((proto, to)) => {
                    let proto = if proto.number() == 6 { "T" } else { "U" };
                    format!("{proto}{}:{}{sure}", to.address, to.port)
                }
                None => "unix".to_owned(),
            }
        });
        all.collect::<Vec<_>>().join(" ")
    }

    const OLD_UDP: &str = "T127.0.0.1:11211 U127.0.0.1:11211?";

    #[test]
    fn an_unknown_version_is_each_that_it_can_be() {
        let release = |text: &str| ("/etc/os-release", text.to_owned());
        let table = [
            ("", "-l 127.0.0.1", OLD_UDP),
            ("ID=debian\nVERSION_ID=9\n", "-l 127.0.0.1", OLD_UDP),
            ("ID=debian\nVERSION_ID=12\n", "-l 127.0.0.1", "T127.0.0.1:11211"),
            // The daemon runs: it is none that does not know an option.
            ("", "-l 127.0.0.1 -W", "T127.0.0.1:11211"),
            (
                "",
                "-l 127.0.0.1 --port=5000",
                "T127.0.0.1:5000 U127.0.0.1:5000?",
            ),
            ("", "-l 127.0.0.1 -U 0", "T127.0.0.1:11211?"),
            ("", "-l 127.0.0.1 -U 0 -p 5000", "T127.0.0.1:5000"),
            ("", "-l 127.0.0.1 -Q", "exit 1"),
        ];
        for (os, argv, expected) in table {
            let (path, text) = release(os);
            let snapshot = Snapshot::new()
                .with_file(path, &text)
                .with_process(process(argv, None));
            assert_eq!(shown(&start(&snapshot)), expected, "{os} {argv}");
        }
    }

    #[test]
    fn a_file_may_belong_to_a_version_that_exits() {
        let conf = "-u m\n-l 127.0.0.1\n-W\n";
        let snapshot = Snapshot::new().with_file("/etc/memcached.conf", conf);
        assert_eq!(shown(&start(&snapshot)), "T127.0.0.1:11211?");
    }

    #[test]
    fn a_backport_is_a_bound() {
        let table = [
            (None, "T127.0.0.1:11211 U127.0.0.1:11211"),
            (Some("1.4.33-1+deb9u1"), "T127.0.0.1:11211"),
            (Some("1.4.33-1"), OLD_UDP),
        ];
        for (package, expected) in table {
            let mut process = process("-l 127.0.0.1", Some("1.4.33"));
            process.package = package.map(str::to_owned);
            let snapshot = Snapshot::new().with_process(process);
            assert_eq!(shown(&start(&snapshot)), expected, "{package:?}");
        }
    }

    #[test]
    fn a_port_of_another_program_is_not_bound() {
        let table = [
            ("127.0.0.1:11211", "python3", "T:::11211"),
            ("0.0.0.0:11211", "python3", "T:::11211"),
            ("*:11211", "python3", "exit 71"),
            ("[::]:11211", "nginx", "T0.0.0.0:11211"),
            ("127.0.0.1:80", "nginx", "T0.0.0.0:11211 T:::11211"),
            ("0.0.0.0:11211", "memcached", "T0.0.0.0:11211 T:::11211"),
        ];
        for (local, name, expected) in table {
            let text = format!(
                "tcp LISTEN 0 128 {local} *:* users:((\"{name}\",pid=9,fd=3))"
            );
            let snapshot = Snapshot::new()
                .with_command("ss -lntupxH", &text)
                .with_process(process("-v", Some("1.6.18")));
            assert_eq!(shown(&start(&snapshot)), expected, "{local} {name}");
        }
    }

    #[test]
    fn musl_does_not_permute() {
        let table = [
            ("1.4.39", "x -l 127.0.0.1", "T0.0.0.0:11211 T:::11211"),
            ("1.5.6", "x -l 127.0.0.1", "T127.0.0.1:11211"),
            ("1.6.0", "-p 76747", "exit 71"),
        ];
        for (version, argv, expected) in table {
            let snapshot = Snapshot::new()
                .with_file("/etc/os-release", "ID=alpine\n")
                .with_process(process(argv, Some(version)));
            let seen = shown(&start(&snapshot));
            let tcp = seen.split(" U").next().unwrap();
            assert_eq!(tcp, expected, "{version} {argv}");
        }
    }

    fn word() -> impl Strategy<Value = String> {
        "-[a-zA-Z]{1,2}|-l|-p|-U|-o|[0-9]{1,5}|127\\.0\\.0\\.1|::1|\\PC{0,6}"
    }

    fn version() -> impl Strategy<Value = String> {
        (0..3_u16, 0..46_u16).prop_map(|(minor, patch)| {
            format!("1.{}.{patch}", [2, 4, 6][usize::from(minor)])
        })
    }

    fn of(argv: &[String], version: Option<&str>) -> Start {
        let argv = argv.to_vec();
        let mut process = process("", version);
        process.argv = argv;
        start(&Snapshot::new().with_process(process))
    }

    proptest! {
        #[test]
        fn operands_change_nothing(
            argv in prop::collection::vec(word(), 0..6),
            operand in "[a-z0-9.]{1,8}",
            version in version(),
        ) {
            let mut with = vec![operand];
            with.extend(argv.clone());
            let alone = shown(&of(&argv, Some(&version)));
            prop_assert_eq!(shown(&of(&with, Some(&version))), alone);
        }

        #[test]
        fn the_last_port_wins(
            (first, last) in (0..70_000_u32, 0..70_000_u32),
            version in version(),
        ) {
            let words = |ports: &[u32]| -> Vec<String> {
                let each = ports.iter().map(|port| format!("-p{port}"));
                each.collect()
            };
            let twice = shown(&of(&words(&[first, last]), Some(&version)));
            prop_assert_eq!(twice, shown(&of(&words(&[last]), Some(&version))));
        }

        #[test]
        fn a_known_version_is_within_the_bounds(
            argv in prop::collection::vec(word(), 0..6),
            version in version(),
        ) {
            let known: Version = version.parse().unwrap();
            prop_assume!(known >= Version(1, 4, 4));
            let (Start::Runs(one), Start::Runs(all)) =
                (of(&argv, Some(&version)), of(&argv, None))
            else {
                return Ok(());
            };
            for listener in &one.listeners {
                prop_assert!(all.listeners.contains(listener));
            }
            for listener in &all.listeners {
                let sure = all.is_sure(listener);
                prop_assert!(!sure || one.listeners.contains(listener));
            }
        }
    }
}
