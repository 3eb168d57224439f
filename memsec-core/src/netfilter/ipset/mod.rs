//! The text of `ipset save`: ipset(8).

mod draft;
mod networks;
mod part;

#[cfg(test)]
mod tests;

use std::{cell::RefCell, collections::HashMap};

use memchr::memchr;

use super::{
    Addresses, Match, Name, Test,
    boxes::{Box, either, shared},
    line::Line,
};
use crate::{
    Error,
    net::{Family, RangeSet},
    text::Source,
};
use draft::Draft;
use part::Part;

/// The sets of a host, by their names.
#[derive(Debug, Default)]
pub(super) struct Sets {
    all: HashMap<String, Set>,
    /// What was asked before, of a family, by name and directions.
    asked: RefCell<HashMap<(Family, String, String), Option<Test>>>,
}

/// A set: how many things of a packet it looks at, and what it holds.
#[derive(Debug)]
struct Set {
    dimensions: usize,
    family: Option<Family>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Those that are there, and those that are gone at some moment.
    Addresses([Addresses; 2]),
    /// Several things of a packet. The numbers of the part at `spine` come
    /// first in each box, then those of the others.
    Boxes {
        parts: Vec<Part>,
        spine: Option<usize>,
        sure: Vec<Box>,
        timed: Vec<Box>,
        /// What the numbers of interfaces stand for.
        names: Vec<Name>,
        /// The mask of marks.
        mask: u32,
    },
    /// The names of others, any of which may match.
    List(Vec<String>),
    /// One of another type, or one that changes by itself.
    Unknown,
}

/// IPSET_DIM_MAX: more directions are not taken.
const MOST: usize = 6;

impl Sets {
    /// Reads what `ipset save` prints. The sets that are `changed` by rules
    /// are taken as not known.
    ///
    /// # Errors
    ///
    /// A line that it does not print.
    pub(super) fn new(
        source: &Source,
        changed: &[String],
    ) -> Result<Self, Error> {
        let mut drafts: Vec<(&str, Draft)> = Vec::new();
        let mut index: HashMap<&str, usize> = HashMap::new();
        let mut last = ("", None);
        for line in Line::all(source) {
            if let Some((name, element, rest)) = added(line.text) {
                if last.0 != name {
                    last = (name, index.get(name).copied());
                }
                let draft = last.1.and_then(|at| drafts.get_mut(at));
                if let Some((_, draft)) = draft {
                    draft.known &= draft.add(element, rest).is_some();
                }
                continue;
            }
            let mut words = line.text.trim().splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("create"), Some(name), Some(rest)) => {
                    index.insert(name, drafts.len());
                    drafts.push((name, Draft::new(rest.split_whitespace())));
                    last = ("", None);
                }
                (Some("COMMIT" | ""), None, _) => {}
                (Some(word), ..) if word.starts_with('#') => {}
                _ => {
                    let message = "ipset save does not print this";
                    return Err(Error::parse(&line.span(), message));
                }
            }
        }
        for name in changed {
            let at = index.get(name.as_str()).copied();
            if let Some((_, draft)) = at.and_then(|at| drafts.get_mut(at)) {
                draft.known = false;
            }
        }
        let all = drafts.into_iter();
        let all = all.map(|(name, draft)| (name.to_owned(), draft.finish()));
        Ok(Self { all: all.collect(), asked: RefCell::default() })
    }

    /// What "--match-set NAME DIRECTIONS" asks of packets of a family;
    /// `None` if that is not known.
    pub(super) fn asked(
        &self,
        family: Family,
        name: &str,
        directions: &str,
    ) -> Option<Test> {
        let key = (family, name.to_owned(), directions.to_owned());
        let mut asked = self.asked.borrow_mut();
        let found = asked.entry(key).or_insert_with(|| {
            let set = self.all.get(name)?;
            let ours = set.family.is_none_or(|own| own == family);
            let to = directions.split(',').map(|d| d == "dst");
            let to: Vec<bool> = to.take(MOST).collect();
            self.of(set, family, &to).filter(|_| ours).map(shared)
        });
        found.clone()
    }

    fn of(&self, set: &Set, family: Family, to: &[bool]) -> Option<Test> {
        let first = *to.first()?;
        if to.len() < set.dimensions {
            return Some(never());
        }
        match &set.content {
            Content::Addresses([all, timed]) => {
                let sure = vec![Match::new(part::address(first, all.clone()))];
                if timed.is_empty() {
                    return Some(either(vec![sure]));
                }
                let timed = Match::new(part::address(first, timed.clone()));
                Some(either(vec![sure, vec![timed, undecided()]]))
            }
            Content::Boxes { sure, timed, .. } => {
                let sure = sure.iter().map(|one| set.list(one, to));
                let timed = timed.iter().map(|one| {
                    let mut all = set.list(one, to);
                    all.push(undecided());
                    all
                });
                Some(either(sure.chain(timed).collect()))
            }
            Content::List(names) => self.any(names, family, to),
            Content::Unknown => None,
        }
    }

    /// ip_set_list_set.c: its members are asked one after the other; one of
    /// another family, or of more dimensions, does not match.
    fn any(
        &self,
        names: &[String],
        family: Family,
        to: &[bool],
    ) -> Option<Test> {
        let members = names.iter().map(|name| self.all.get(name));
        let members = members.collect::<Option<Vec<_>>>()?;
        let ours = members
            .into_iter()
            .filter(|set| set.family.is_none_or(|own| own == family))
            .filter(|set| set.dimensions <= to.len());
        let lists = ours.map(|set| match &set.content {
            // A list in a list is not to be had.
            Content::List(_) => None,
            _ => Some(vec![Match::new(self.of(set, family, to)?)]),
        });
        lists.collect::<Option<Vec<_>>>().map(either)
    }
}

impl Set {
    /// The conditions of a box.
    fn list(&self, one: &Box, to: &[bool]) -> Vec<Match> {
        let Content::Boxes { parts, spine, names, mask, .. } = &self.content
        else {
            return vec![undecided()];
        };
        let (own, mut rest) = match one.split_at_checked(1) {
            Some(split) => split,
            None => (&[][..], &one[..]),
        };
        let mut all = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let to = to.get(index).copied().unwrap_or(false);
            let numbers = if Some(index) == *spine {
                own
            } else {
                let (numbers, behind) =
                    rest.split_at_checked(part.width()).unwrap_or_default();
                rest = behind;
                numbers
            };
            all.extend(part.matches(numbers, to, names, *mask));
        }
        all
    }
}

/// The name of a set, an element that is added to it, and what is said of
/// that.
fn added(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = word(line.trim_ascii().strip_prefix("add ")?);
    let (element, rest) = word(rest.strip_prefix(' ')?);
    Some((name, element, rest.strip_prefix(' ').unwrap_or(rest)))
}

/// What stands before the first blank, and the rest.
fn word(text: &str) -> (&str, &str) {
    text.split_at(memchr(b' ', text.as_bytes()).unwrap_or(text.len()))
}

fn never() -> Test {
    Test::Source(RangeSet::empty())
}

fn undecided() -> Match {
    Match::new(Test::Undecided)
}
