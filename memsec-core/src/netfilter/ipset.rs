//! The text of `ipset save`: ipset(8).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    Addresses, Test,
    iptables::{network, protocol},
};
use crate::{
    Error,
    net::{Family, PortSet, RangeSet},
    text::{Source, Span},
};

/// The sets of a host, by their names.
#[derive(Debug, Default)]
pub(super) struct Sets(HashMap<String, Set>);

/// A set: how many things of a packet it looks at, and what it holds.
#[derive(Debug)]
struct Set {
    dimensions: usize,
    family: Option<Family>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Addresses(Addresses),
    Ports(PortSet),
    /// The same ports of one protocol for all of the addresses.
    Product(Addresses, u8, PortSet),
    /// The names of others, any of which may match.
    List(Vec<String>),
    /// One of another type, or one that changes by itself.
    Unknown,
}

/// What a set asks of a packet.
#[derive(Debug)]
pub(super) enum Asked {
    /// All of these.
    All(Vec<Test>),
    Unknown,
}

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
        let mut drafts: HashMap<String, Draft> = HashMap::new();
        for line in source.lines() {
            let mut words = words(line.text());
            match (words.next(), words.next()) {
                (None, _) => {}
                (Some("create"), Some(name)) => {
                    drafts.insert(name.to_owned(), Draft::new(words));
                }
                (Some("add"), Some(name)) => {
                    if let Some(draft) = drafts.get_mut(name) {
                        draft.known &= draft.add(words).is_some();
                    }
                }
                (Some("COMMIT"), None) => {}
                (Some(word), _) if word.starts_with('#') => {}
                _ => return Err(unknown(&line)),
            }
        }
        for name in changed {
            if let Some(draft) = drafts.get_mut(name) {
                draft.known = false;
            }
        }
        let all = drafts.into_iter();
        Ok(Self(all.map(|(name, draft)| (name, draft.finish())).collect()))
    }

    /// What "--match-set NAME DIRECTIONS" asks of packets of a family.
    pub(super) fn asked(
        &self,
        family: Family,
        name: &str,
        directions: &str,
    ) -> Asked {
        let to: Vec<bool> = directions.split(',').map(|d| d == "dst").collect();
        match self.0.get(name) {
            Some(set) if set.family.is_none_or(|own| own == family) => {
                self.of(set, family, &to)
            }
            _ => Asked::Unknown,
        }
    }

    fn of(&self, set: &Set, family: Family, to: &[bool]) -> Asked {
        let [first, rest @ ..] = to else { return Asked::Unknown };
        if to.len() < set.dimensions {
            return nothing();
        }
        match &set.content {
            Content::Addresses(all) => Asked::All(vec![of(*first, all)]),
            Content::Ports(ports) => Asked::All(vec![ports_of(*first, ports)]),
            Content::Product(all, protocol, ports) => Asked::All(vec![
                of(*first, all),
                Test::Protocol(RangeSet::one(*protocol)),
                ports_of(rest.first() == Some(&true), ports),
            ]),
            Content::List(names) => self.any(names, family, to),
            Content::Unknown => Asked::Unknown,
        }
    }

    /// ip_set_list_set.c: its members are asked one after the other; one of
    /// another family, or of more dimensions, does not match.
    fn any(&self, names: &[String], family: Family, to: &[bool]) -> Asked {
        let members = names.iter().map(|name| self.0.get(name));
        let Some(members) = members.collect::<Option<Vec<_>>>() else {
            return Asked::Unknown;
        };
        let members: Vec<&Set> = members
            .into_iter()
            .filter(|set| set.family.is_none_or(|own| own == family))
            .filter(|set| set.dimensions <= to.len())
            .collect();
        let addresses = members.iter().map(|set| match &set.content {
            Content::Addresses(all) => Some(all.ranges()),
            _ => None,
        });
        let addresses: Option<Vec<_>> = addresses.collect();
        match (members.as_slice(), addresses) {
            ([], _) => nothing(),
            (_, Some(all)) => {
                let all = all.into_iter().flatten().copied();
                let all = Arc::new(RangeSet::from_ranges(all));
                Asked::All(vec![of(to.first() == Some(&true), &all)])
            }
            // A list in a list is not to be had.
            ([Set { content: Content::List(_), .. }], _) => Asked::Unknown,
            ([one], _) => self.of(one, family, to),
            _ => Asked::Unknown,
        }
    }
}

fn nothing() -> Asked {
    Asked::All(vec![Test::Source(Arc::new(RangeSet::empty()))])
}

fn of(destination: bool, all: &Addresses) -> Test {
    let test = if destination { Test::Destination } else { Test::Source };
    test(all.clone())
}

fn ports_of(destination: bool, ports: &PortSet) -> Test {
    let test =
        if destination { Test::DestinationPort } else { Test::SourcePort };
    test(ports.clone())
}

/// The words of a line, without the text of a comment.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let (head, rest) = line.split_once('"').unwrap_or((line, ""));
    let tail = rest.rsplit_once('"').map_or("", |(_, tail)| tail);
    head.split_whitespace().chain(tail.split_whitespace())
}

fn unknown(line: &Span) -> Error {
    Error::parse(line, "ipset save does not print this")
}

type Ranges = Vec<(u128, u128)>;

/// A set that is being read.
#[derive(Debug)]
struct Draft {
    kind: String,
    family: Family,
    /// The bits of an address that count where an element does not say.
    prefix: Option<u32>,
    known: bool,
    /// Networks by the bits that are fixed: those that match, and those
    /// that do not.
    networks: BTreeMap<u32, [Ranges; 2]>,
    ports: BTreeMap<(u8, u16), Ranges>,
    plain: Vec<(u16, u16)>,
    members: Vec<String>,
}

impl Draft {
    fn new<'a>(mut words: impl Iterator<Item = &'a str>) -> Self {
        let kind = words.next().unwrap_or_default().to_owned();
        let mut draft = Self {
            kind,
            family: Family::Ipv4,
            prefix: None,
            known: true,
            networks: BTreeMap::new(),
            ports: BTreeMap::new(),
            plain: Vec::new(),
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
                // What expires changes without a rule.
                "timeout" | "bitmask" => draft.known = false,
                _ => {}
            }
        }
        draft
    }

    fn add<'a>(
        &mut self,
        mut words: impl Iterator<Item = &'a str>,
    ) -> Option<()> {
        let element = words.next()?;
        let without = words.any(|word| word == "nomatch");
        match self.kind.as_str() {
            "hash:ip" | "hash:net" | "bitmap:ip" => {
                let (bits, range) = self.network(element)?;
                let group = self.networks.entry(bits).or_default();
                group.get_mut(usize::from(without))?.push(range);
            }
            "hash:ip,port" | "hash:net,port" if !without => {
                let (address, port) = element.split_once(',')?;
                let (_, range) = self.network(address)?;
                // Without a protocol it is TCP: ipset_parse_proto_port.
                let (name, port) =
                    port.split_once(':').unwrap_or(("tcp", port));
                let key = (protocol(name)?, port.parse().ok()?);
                self.ports.entry(key).or_default().push(range);
            }
            "bitmap:port" => {
                let (first, last) =
                    element.split_once('-').unwrap_or((element, element));
                self.plain.push((first.parse().ok()?, last.parse().ok()?));
            }
            "list:set" => {
                // One with a place, "before" or "after", is as good.
                self.members.push(element.to_owned());
            }
            _ => return None,
        }
        Some(())
    }

    /// The fixed bits of an element, and the addresses that it stands for.
    fn network(&self, text: &str) -> Option<(u32, (u128, u128))> {
        let (text, bits) = match (text.split_once('/'), self.prefix) {
            (Some((text, bits)), _) => (text, Some(bits.parse().ok()?)),
            (None, bits) => (text, bits),
        };
        network(self.family, text, bits)
    }

    fn finish(self) -> Set {
        let dimensions = self.kind.matches(',').count() + 1;
        let addressed = self.kind.contains("ip") || self.kind.contains("net");
        let family = addressed.then_some(self.family);
        let content = if self.known { self.content() } else { None };
        let content = content.unwrap_or(Content::Unknown);
        Set { dimensions, family, content }
    }

    fn content(self) -> Option<Content> {
        match self.kind.as_str() {
            "hash:ip" | "hash:net" | "bitmap:ip" => {
                let all = most_specific(self.networks);
                Some(Content::Addresses(Arc::new(all)))
            }
            "hash:ip,port" | "hash:net,port" => product(self.ports),
            "bitmap:port" => {
                Some(Content::Ports(PortSet::from_ranges(self.plain)))
            }
            "list:set" => Some(Content::List(self.members)),
            _ => None,
        }
    }
}

/// ip_set_hash_gen.h looks for the longest prefix first.
fn most_specific(networks: BTreeMap<u32, [Ranges; 2]>) -> RangeSet<u128> {
    let mut all = RangeSet::empty();
    for [with, without] in networks.into_values() {
        all = all.union(&RangeSet::from_ranges(with));
        if !without.is_empty() {
            all = all.difference(&RangeSet::from_ranges(without));
        }
    }
    all
}

/// All the addresses with all the ports, if the set is that.
fn product(ports: BTreeMap<(u8, u16), Ranges>) -> Option<Content> {
    let Some(&(protocol, _)) = ports.keys().next() else {
        let none = Arc::new(RangeSet::empty());
        return Some(Content::Addresses(none));
    };
    if ports.keys().any(|key| key.0 != protocol) {
        return None;
    }
    let numbers: Vec<_> = ports.keys().map(|key| (key.1, key.1)).collect();
    let mut each = ports.into_values().map(RangeSet::from_ranges);
    let first = each.next()?;
    if each.any(|other| other != first) {
        return None;
    }
    let numbers = PortSet::from_ranges(numbers);
    Some(Content::Product(Arc::new(first), protocol, numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: &str = "create a hash:ip family inet hashsize 1024\n\
        add a 192.0.2.7\n\
        create n hash:net family inet comment\n\
        add n 10.0.0.0/8 comment \"all nomatch\"\n\
        add n 10.1.0.0/16 nomatch\n\
        add n 10.1.2.0/24\n\
        create six hash:net family inet6\n\
        add six 2001:db8::/32\n\
        create p hash:ip,port family inet\n\
        add p 192.0.2.7,tcp:80\n\
        add p 192.0.2.7,443\n\
        create mixed hash:ip,port family inet\n\
        add mixed 192.0.2.7,tcp:80\n\
        add mixed 192.0.2.8,udp:80\n\
        create b bitmap:port range 0-65535\n\
        add b 80\n\
        create t hash:ip family inet timeout 0\n\
        add t 192.0.2.7 timeout 9\n\
        create l list:set size 8\n\
        add l a\n\
        add l n\n\
        add l six\n";

    fn asked(name: &str, directions: &str) -> String {
        let source = Source::new("ipset save", SETS.to_owned());
        let sets = Sets::new(&source, &["changed".to_owned()]).unwrap();
        match sets.asked(Family::Ipv4, name, directions) {
            Asked::Unknown => "unknown".to_owned(),
            Asked::All(tests) => {
                tests.iter().map(shown).collect::<Vec<_>>().join(" ")
            }
        }
    }

    fn shown(test: &Test) -> String {
        match test {
            Test::Source(set) => format!("from {}", set.ranges().len()),
            Test::Destination(set) => format!("to {}", set.ranges().len()),
            Test::DestinationPort(set) => format!("dport {:?}", set.ranges()),
            Test::Protocol(set) => format!("proto {:?}", set.ranges()),
            other => format!("{other:?}"),
        }
    }

    macro_rules! asks {
        ($($name:ident: $set:literal $directions:literal => $want:literal)*) => {
            $(#[test]
            fn $name() {
                assert_eq!(asked($set, $directions), $want);
            })*
        };
    }

    asks! {
        addresses: "a" "src" => "from 1"
        destinations: "a" "dst" => "to 1"
        further_flags_are_ignored: "a" "src,dst" => "from 1"
        the_longest_prefix_decides: "n" "src" => "from 3"
        another_family: "six" "src" => "unknown"
        too_few_flags_never_match: "p" "src" => "from 0"
        no_protocol_is_tcp:
            "p" "src,dst" => "from 1 proto [(6, 6)] dport [(80, 80), (443, 443)]"
        no_product: "mixed" "src,dst" => "unknown"
        ports: "b" "dst" => "dport [(80, 80)]"
        what_expires: "t" "src" => "unknown"
        members_of_this_family: "l" "src" => "from 4"
        no_such_set: "x" "src" => "unknown"
    }

    #[test]
    fn other_text_is_an_error() {
        let source = Source::new("ipset save", "create\n".to_owned());
        assert!(Sets::new(&source, &[]).is_err());
    }
}
