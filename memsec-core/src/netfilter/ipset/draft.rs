//! A set that is being read.

use std::collections::HashMap;

use super::{
    Content, Set,
    networks::{Kind, Networks},
    part::{self, Part},
};
use crate::{
    net::Family,
    netfilter::{
        Name,
        boxes::{Boxes, Range},
        iptables,
    },
};

/// A set that is being read.
#[derive(Debug)]
pub(super) struct Draft {
    /// `None` for a list of sets.
    parts: Option<Vec<Part>>,
    family: Family,
    /// The bits of an address that count where an element does not say.
    prefix: Option<u32>,
    mark_mask: u32,
    pub known: bool,
    /// What a set of addresses alone holds.
    alone: Networks,
    /// Elements by all that they say beside the address that stands first,
    /// or the network.
    groups: HashMap<Vec<Range>, Networks>,
    /// What the numbers of interfaces stand for, and back.
    names: Vec<Name>,
    numbers: HashMap<Name, u128>,
    members: Vec<String>,
}

/// So many networks times interfaces are told apart.
const LAYERS: usize = 1 << 22;

impl Draft {
    pub(super) fn new<'a>(mut words: impl Iterator<Item = &'a str>) -> Self {
        let kind = words.next().unwrap_or_default();
        let (method, names) = kind.split_once(':').unwrap_or((kind, ""));
        let parts: Option<Vec<Part>> =
            names.split(',').map(|name| Part::named(method, name)).collect();
        let list = kind == "list:set";
        let known = parts.is_some() || list;
        let mut draft = Self {
            parts: parts.filter(|_| !list),
            family: Family::Ipv4,
            prefix: None,
            mark_mask: u32::MAX,
            known,
            alone: Networks::default(),
            groups: HashMap::new(),
            names: Vec::new(),
            numbers: HashMap::new(),
            members: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word {
                "family" if words.next() == Some("inet6") => {
                    draft.family = Family::Ipv6;
                }
                "netmask" => {
                    draft.prefix = words.next().and_then(|n| n.parse().ok());
                    draft.known &= draft.prefix.is_some();
                }
                "markmask" => {
                    let mask = words.next().and_then(mark);
                    draft.known &= mask.is_some();
                    draft.mark_mask = mask.unwrap_or(u32::MAX);
                }
                "bitmask" => draft.known = false,
                _ => {}
            }
        }
        draft
    }

    /// Adds an element; `rest` is what is said of it.
    pub(super) fn add(&mut self, element: &str, rest: &str) -> Option<()> {
        let (kind, wildcard) = about(rest);
        let Some(parts) = &self.parts else {
            // One with a place, "before" or "after", is as good.
            self.members.push(element.to_owned());
            return (kind == Kind::Plain).then_some(());
        };
        if let [only] = parts.as_slice() {
            if only.is_address() {
                return self.address(element, kind);
            }
        }
        let parts = parts.clone();
        let mut ranges = Vec::with_capacity(4);
        let mut spine = None;
        let at = spine_of(&parts);
        let mut texts = element.splitn(parts.len(), ',');
        for (index, part) in parts.iter().enumerate() {
            let text = texts.next();
            if Some(index) == at {
                let range = part::addresses(self.family, text?, self.prefix)?;
                spine = Some(range);
            } else {
                self.part(*part, text, wildcard, &mut ranges)?;
            }
        }
        // Without an address, any number will do.
        let spine = spine.unwrap_or((0, 0));
        self.groups.entry(ranges).or_default().push(kind, spine);
        Some(())
    }

    fn address(&mut self, text: &str, kind: Kind) -> Option<()> {
        let plain = kind == Kind::Plain && self.prefix.is_none();
        if plain && self.family == Family::Ipv4 {
            if let Some(range) = iptables::network(text.as_bytes()) {
                self.alone.short(range);
                return Some(());
            }
        }
        let range = part::addresses(self.family, text, self.prefix)?;
        self.alone.push(kind, range);
        Some(())
    }

    fn part(
        &mut self,
        part: Part,
        text: Option<&str>,
        wildcard: bool,
        out: &mut Vec<Range>,
    ) -> Option<()> {
        let range = match (part, text) {
            (Part::Address | Part::Network, Some(text)) => {
                part::addresses(self.family, text, self.prefix)?
            }
            (Part::Port, Some(text)) => {
                out.extend(part::protocol_port(text)?);
                return Some(());
            }
            (Part::PlainPort, Some(text)) => part::port_range(text)?,
            (Part::Mark, Some(text)) => {
                let mark = u128::from(mark(text)?);
                (mark, mark)
            }
            (Part::Interface, Some(text)) => {
                let at = self.name(text, wildcard)?;
                (at, at)
            }
            (Part::Mac, text) => {
                let any = u128::from(text.is_none());
                (any, any)
            }
            _ => return None,
        };
        out.push(range);
        Some(())
    }

    fn name(&mut self, text: &str, wildcard: bool) -> Option<u128> {
        if text.starts_with("physdev:") {
            return None;
        }
        let name = if wildcard {
            Name::Prefix(text.to_owned())
        } else {
            Name::Exact(text.to_owned())
        };
        if let Some(known) = self.numbers.get(&name) {
            return Some(*known);
        }
        let number = self.names.len() as u128;
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        Some(number)
    }

    pub(super) fn finish(self) -> Set {
        let parts = self.parts.clone().unwrap_or_default();
        let addressed = parts.iter().any(|part| part.is_address());
        let family = addressed.then_some(self.family);
        let known = self.known;
        let content = if known { self.content() } else { None };
        let content = content.unwrap_or(Content::Unknown);
        Set { dimensions: parts.len().max(1), family, content }
    }

    /// ip_set_hash_netiface.c: the longest prefix of a network that is there
    /// with any interface decides, and then only its interfaces match.
    fn layer(&mut self, parts: &[Part]) -> Option<()> {
        let layered = matches!(parts, [Part::Network, Part::Interface]);
        if !layered || self.groups.len() < 2 {
            return Some(());
        }
        let all: Vec<Range> =
            self.groups.values().flat_map(Networks::given).collect();
        if all.len().saturating_mul(self.groups.len()) > LAYERS {
            return None;
        }
        self.groups.values_mut().for_each(|own| own.behind(&all));
        Some(())
    }

    fn content(mut self) -> Option<Content> {
        let Some(parts) = self.parts.clone() else {
            return Some(Content::List(self.members));
        };
        self.layer(&parts)?;
        if let [Part::Address | Part::Network] = parts.as_slice() {
            let [all, timed] = self.alone.finish()?;
            return Some(Content::Addresses([all, timed]));
        }
        let networks = parts.iter().filter(|part| **part == Part::Network);
        let several = networks.count() > 1;
        let mut boxes = [Boxes::default(), Boxes::default()];
        for (rest, networks) in self.groups {
            // Which of two prefixes is the longest is not told apart.
            if several && networks.has_without() {
                return None;
            }
            for (set, boxes) in networks.finish()?.into_iter().zip(&mut boxes) {
                if !set.is_empty() {
                    boxes.add(set, rest.clone());
                }
            }
        }
        let [sure, timed] = boxes.map(Boxes::finish);
        let spine = spine_of(&parts);
        let (names, mask) = (self.names, self.mark_mask);
        Some(Content::Boxes { parts, spine, sure, timed, names, mask })
    }
}

/// The part by which elements are put together: the network whose longest
/// prefix decides, or the first address.
pub(super) fn spine_of(parts: &[Part]) -> Option<usize> {
    let network = parts.iter().position(|part| *part == Part::Network);
    network.or_else(|| parts.iter().position(|part| part.is_address()))
}

/// What is said of an element; and whether its interface is only the
/// beginning of names.
fn about(rest: &str) -> (Kind, bool) {
    if rest.is_empty() {
        return (Kind::Plain, false);
    }
    let (mut without, mut timed, mut wildcard) = (false, false, false);
    let mut words = words(rest);
    while let Some(word) = words.next() {
        match word {
            "nomatch" => without = true,
            "timeout" => timed = words.next() != Some("0"),
            "wildcard" => wildcard = true,
            _ => {}
        }
    }
    let kind = match (without, timed) {
        (true, false) => Kind::Without,
        (true, true) => Kind::Passing,
        (false, true) => Kind::Timed,
        (false, false) => Kind::Plain,
    };
    (kind, wildcard)
}

/// The words of a line, without the text of a comment.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let (head, rest) = line.split_once('"').unwrap_or((line, ""));
    let tail = rest.rsplit_once('"').map_or("", |(_, tail)| tail);
    head.split_whitespace().chain(tail.split_whitespace())
}

fn mark(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}
