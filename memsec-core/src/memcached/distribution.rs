//! What a distribution says about the memcached on it, by /etc/os-release.

use super::Version;
use crate::{
    Snapshot,
    snapshot::{Content, Process},
};

/// The oldest memcached of each release: packages.debian.org,
/// packages.ubuntu.com, EPEL and AppStream, pkgs.alpinelinux.org. A release
/// that is not here may have any.
const OLDEST: &[(&str, &str, Version)] = &[
    ("debian", "7", Version(1, 4, 13)),
    ("debian", "8", Version(1, 4, 21)),
    ("debian", "9", Version(1, 4, 33)),
    ("debian", "10", Version(1, 5, 6)),
    ("debian", "11", Version(1, 6, 9)),
    ("debian", "12", Version(1, 6, 18)),
    ("debian", "13", Version(1, 6, 38)),
    ("ubuntu", "14.04", Version(1, 4, 14)),
    ("ubuntu", "16.04", Version(1, 4, 25)),
    ("ubuntu", "18.04", Version(1, 5, 6)),
    ("ubuntu", "20.04", Version(1, 5, 22)),
    ("ubuntu", "22.04", Version(1, 6, 14)),
    ("ubuntu", "24.04", Version(1, 6, 24)),
    ("rhel", "6", Version(1, 4, 4)),
    ("rhel", "7", Version(1, 4, 15)),
    ("rhel", "8", Version(1, 5, 9)),
    ("rhel", "9", Version(1, 6, 9)),
    ("rhel", "10", Version(1, 6, 23)),
    ("alpine", "3.8", Version(1, 5, 6)),
    ("alpine", "3.13", Version(1, 6, 0)),
];

/// The oldest memcached of any release since 2010: that of EL 6.
const FLOOR: Version = Version(1, 4, 4);

/// Whether a version from before 1.5.6 has UDP off as that has it: patched
/// for CVE-2018-1000115.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patch {
    No,
    Perhaps,
    Yes,
}

/// The first packages of Debian with the patch: DSA-4218-1.
const PATCHED: [(&str, u32); 2] = [("+deb8u", 2), ("+deb9u", 1)];
const PATCHERS: [&str; 7] =
    ["debian", "ubuntu", "rhel", "sles", "suse", "opensuse", "alpine"];

struct Release<'a> {
    /// ID and ID_LIKE.
    names: Vec<&'a str>,
    version: &'a str,
}

impl<'a> Release<'a> {
    fn new(snapshot: &'a Snapshot) -> Option<Self> {
        let paths = ["/etc/os-release", "/usr/lib/os-release"];
        let file = paths.iter().find_map(|path| snapshot.files.get(*path))?;
        let Content::Text(text) = &file.content else { return None };
        let mut release = Self { names: Vec::new(), version: "" };
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches(['"', '\'']);
            match key.trim() {
                "ID" => release.names.insert(0, value),
                "ID_LIKE" => release.names.extend(value.split(' ')),
                "VERSION_ID" => release.version = value,
                _ => {}
            }
        }
        Some(release)
    }

    fn is(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// The oldest memcached of this release, or of the last before it that
    /// is known.
    fn oldest(&self) -> Version {
        let own = number(self.version);
        // Only these count as those that they are like.
        let rebuilt = self.is("rhel") && !self.is("fedora")
            || ["rocky", "almalinux", "centos", "ol"]
                .iter()
                .any(|n| self.is(n));
        let id = match self.names.first() {
            Some(_) if rebuilt => "rhel",
            Some(id) => id,
            None => "",
        };
        let known = OLDEST.iter().filter(|(name, ..)| *name == id);
        let known = known.filter(|(_, version, _)| number(version) <= own);
        known.map(|&(.., oldest)| oldest).max().unwrap_or(FLOOR)
    }
}

/// "24.04" as (24, 4).
fn number(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// The oldest memcached that a host can have, if nothing else is known.
pub(super) fn oldest(snapshot: &Snapshot) -> Version {
    Release::new(snapshot).map_or(FLOOR, |release| release.oldest())
}

/// Whether the C library is musl.
pub(super) fn is_musl(snapshot: &Snapshot) -> bool {
    Release::new(snapshot).is_some_and(|release| release.is("alpine"))
}

/// Whether the UDP of an old version is off by a patch.
pub(super) fn patch(snapshot: &Snapshot, process: Option<&Process>) -> Patch {
    let package = process.and_then(|process| process.package.as_deref());
    let fixed = |text: &str| {
        PATCHED.iter().any(|&(mark, least)| {
            let at = text.split_once(mark).map(|(_, rest)| rest);
            at.is_some_and(|rest| number(rest).0 >= least)
        })
    };
    match package {
        Some(package) if fixed(package) => return Patch::Yes,
        Some(package) if package.contains('-') => return Patch::Perhaps,
        _ => {}
    }
    let release = Release::new(snapshot);
    let patcher = |release: Release<'_>| PATCHERS.iter().any(|n| release.is(n));
    match release.is_some_and(patcher) {
        true => Patch::Perhaps,
        false => Patch::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Snapshot {
        Snapshot::new().with_file("/etc/os-release", text)
    }

    #[test]
    fn a_release_has_an_oldest_memcached() {
        let table = [
            ("ID=debian\nVERSION_ID=\"12\"\n", Version(1, 6, 18)),
            ("ID=debian\nVERSION_ID=\"14\"\n", Version(1, 6, 38)),
            ("ID=debian\n", FLOOR),
            (
                "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.10\"\n",
                Version(1, 6, 14),
            ),
            (
                "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n",
                Version(1, 4, 15),
            ),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n",
                Version(1, 6, 9),
            ),
            ("ID=alpine\nVERSION_ID=3.7.0\n", FLOOR),
            ("ID=alpine\nVERSION_ID=3.20.1\n", Version(1, 6, 0)),
            ("ID=linuxmint\nID_LIKE=ubuntu\nVERSION_ID=22\n", FLOOR),
            ("ID=arch\n", FLOOR),
            ("", FLOOR),
        ];
        for (text, expected) in table {
            assert_eq!(oldest(&host(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_patch_is_known_by_the_package() {
        let table = [
            ("1.4.33-1+deb9u1", Patch::Yes),
            ("1.4.21-1.1+deb8u1", Patch::Perhaps),
            ("1.4.15-10.el7_3.1", Patch::Perhaps),
            ("1.4.39", Patch::No),
        ];
        for (package, expected) in table {
            let package = Some(package.to_owned());
            let process = Process { package, ..Process::default() };
            assert_eq!(patch(&Snapshot::new(), Some(&process)), expected);
        }
        assert_eq!(patch(&host("ID=debian\n"), None), Patch::Perhaps);
        assert_eq!(patch(&host("ID=arch\n"), None), Patch::No);
    }
}
