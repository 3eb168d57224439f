use std::{cell::Cell, fmt, str::FromStr};

/// A version of memcached: 1.6.18.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Version(pub u16, pub u16, pub u16);

/// The oldest version that is modelled.
pub(super) const OLDEST: Version = Version(1, 2, 0);
/// The newest version that is modelled.
pub(super) const NEWEST: Version = Version(1, 6, 45);
const NEVER: Version = Version(u16::MAX, 0, 0);

impl FromStr for Version {
    type Err = ();

    /// Takes "1.6.18", and what follows it in a package's version.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.').map(|part| {
            let end = part.find(|c: char| !c.is_ascii_digit());
            part.get(..end.unwrap_or(part.len())).unwrap_or_default().parse()
        });
        let mut part = || parts.next().and_then(Result::ok).ok_or(());
        Ok(Self(part()?, part()?, part()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The versions that behave in some way: from the first up to the second,
/// which does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Versions(pub Version, pub Version);

impl Versions {
    pub(super) const fn since(major: u16, minor: u16, patch: u16) -> Self {
        Self(Version(major, minor, patch), NEVER)
    }

    pub(super) const fn until(self, minor: u16, patch: u16) -> Self {
        Self(self.0, Version(1, minor, patch))
    }
}

/// A version that is asked how it behaves, and the next one of which an
/// answer was different. Up to that all versions behave alike, as far as it
/// was asked: an unknown version is tried at these edges alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release<'a> {
    version: Version,
    next: &'a Cell<Version>,
}

impl<'a> Release<'a> {
    pub(super) fn new(version: Version, next: &'a Cell<Version>) -> Self {
        next.set(NEVER);
        Self { version, next }
    }

    /// Whether this is one of some versions.
    pub(super) fn is(self, versions: Versions) -> bool {
        let Versions(since, until) = versions;
        for edge in [since, until] {
            if edge > self.version {
                self.next.set(self.next.get().min(edge));
            }
        }
        (since..until).contains(&self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_edge_is_the_nearest() {
        let next = Cell::new(NEVER);
        let release = Release::new(Version(1, 4, 10), &next);
        assert!(!release.is(Versions::since(1, 5, 0)));
        assert!(release.is(Versions::since(1, 4, 6).until(4, 25)));
        assert!(!release.is(Versions::since(1, 2, 0).until(4, 1)));
        assert_eq!(next.get(), Version(1, 4, 25));
    }
}
