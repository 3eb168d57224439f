//! Sets of names of interfaces.

use std::fmt;

use crate::net::RangeSet;

/// The most bytes that a name of an interface has: IFNAMSIZ without the end.
const LONGEST: usize = 15;

/// The bits behind a name.
const REST: u128 = 0xff;

/// A set of names of interfaces, of at most 15 bytes each. A name is a
/// number, its bytes from the highest on, and names that begin alike are a
/// range.
///
/// ```
/// use memsec_core::packets::NameSet;
///
/// let bridges = NameSet::prefix("br-").unwrap();
/// assert!(bridges.contains("br-lan") && !bridges.contains("eth0"));
/// let rest = bridges.complement();
/// assert!(rest.contains("eth0"));
/// assert_eq!(NameSet::one("a name that is too long"), None);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct NameSet(pub(super) RangeSet<u128>);

impl NameSet {
    /// Every name.
    pub fn all() -> Self {
        Self(RangeSet::all())
    }

    /// No name.
    pub fn empty() -> Self {
        Self(RangeSet::empty())
    }

    /// One name; `None` if no interface can have it.
    pub fn one(name: &str) -> Option<Self> {
        number(name).map(|first| Self(RangeSet::range(first, first | REST)))
    }

    /// The names that begin so; `None` if no interface has such a name.
    pub fn prefix(name: &str) -> Option<Self> {
        let first = number(name)?;
        let rest = u128::MAX.checked_shr(8 * u32::try_from(name.len()).ok()?);
        Some(Self(RangeSet::range(first, first | rest.unwrap_or(0))))
    }

    /// Every name that is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self(self.0.complement())
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }

    /// True if every name is in it.
    pub fn is_all(&self) -> bool {
        self.0.is_all()
    }

    /// True if a name is in it.
    pub fn contains(&self, name: &str) -> bool {
        number(name).is_some_and(|number| self.0.contains(number))
    }

    /// The names that are in it, if they are only single ones.
    pub fn listed(&self) -> Option<Vec<String>> {
        let single = |(first, last): (u128, u128)| {
            (first | REST == last).then(|| name(first)).flatten()
        };
        self.0.ranges().map(single).collect()
    }

    /// One of the names, if it is not empty: one that is plain text if
    /// there is one.
    pub(super) fn witness(&self) -> Option<String> {
        let starts = || self.0.ranges();
        let plain = starts().find_map(|(first, last)| {
            let longer = longer(first).filter(|&number| number <= last);
            name(first).or_else(|| name(longer?))
        });
        plain.or_else(|| self.0.first().map(any_name))
    }
}

impl fmt::Debug for NameSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.listed(), self.complement().listed()) {
            (Some(names), _) => f.debug_set().entries(names).finish(),
            (None, Some(names)) => write!(f, "all but {names:?}"),
            (None, None) => self.0.fmt(f),
        }
    }
}

/// A name as a number.
pub(super) fn number(name: &str) -> Option<u128> {
    let mut bytes = [0; 16];
    let fits = name.len() <= LONGEST && !name.contains('\0');
    let own = bytes.get_mut(..name.len()).filter(|_| fits)?;
    own.copy_from_slice(name.as_bytes());
    Some(u128::from_be_bytes(bytes))
}

/// A number as a name of plain text.
fn name(number: u128) -> Option<String> {
    let name = any_name(number);
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && !name.is_empty()).then_some(name)
}

fn any_name(number: u128) -> String {
    let bytes = (number & !REST).to_be_bytes();
    let text = String::from_utf8_lossy(&bytes);
    text.trim_end_matches('\0').to_owned()
}

/// A greater number, that of a name with one letter more.
fn longer(number: u128) -> Option<u128> {
    let mut bytes = number.to_be_bytes();
    let end = bytes.iter().take(LONGEST).position(|byte| *byte == 0)?;
    let (first, rest) = bytes.get_mut(end..)?.split_first_mut()?;
    *first = b'0';
    rest.fill(0);
    Some(u128::from_be_bytes(bytes))
}
