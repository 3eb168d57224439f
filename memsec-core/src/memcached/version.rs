use std::{fmt, str::FromStr};

/// A version of memcached: 1.6.18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Version(pub u16, pub u16, pub u16);

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
