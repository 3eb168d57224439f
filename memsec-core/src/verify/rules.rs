//! Rules, as their texts say them, and whether they are about a packet.

use std::{cmp::Ordering, collections::BTreeMap, rc::Rc};

use super::{
    marks::{Marked, Marking, Marks},
    segments::{Range, complement},
};
use crate::text::Place;

/// The tables of one family of packets, or of both.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub name: String,
    /// Whether it sees IPv4, and IPv6.
    pub families: [bool; 2],
    pub chains: BTreeMap<String, Chain>,
}

/// Rules in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    pub base: Option<Base>,
    pub rules: Vec<Rule>,
}

/// Where the kernel enters a chain.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// The name of the hook, as nft has it.
    pub hook: String,
    pub priority: i64,
    pub accepts: bool,
    pub nat: bool,
}

impl Base {
    /// Whether conntrack has looked at what comes by: it does at priority
    /// -200 of the hooks where packets come from (nf_conntrack_proto.c).
    pub(super) fn is_tracked(&self) -> Option<bool> {
        match (self.hook.as_str(), self.priority.cmp(&-200)) {
            ("ingress", _) => Some(false),
            ("prerouting" | "output", Ordering::Less) => Some(false),
            ("prerouting" | "output", Ordering::Equal) => None,
            _ => Some(true),
        }
    }
}

/// One rule. All tests must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub tests: Vec<Test>,
    /// Whether it has a condition that is not read: it may hold, or not.
    pub unsure: bool,
    /// What becomes of the mark of the packet before it acts.
    pub marking: Option<Marking>,
    pub action: Action,
    pub place: Place,
}

/// A condition.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub not: bool,
    pub of: Field,
}

/// What a condition is about.
#[derive(Clone, Debug)]
pub(super) enum Field {
    Source(Vec<Range>),
    Destination(Vec<Range>),
    SourcePort(Vec<Range>),
    DestinationPort(Vec<Range>),
    EitherPort(Vec<Range>),
    OriginalPort(Vec<Range>),
    /// The address that the connection is from.
    Client(Vec<Range>),
    /// Names, or beginnings of names with a wildcard behind.
    In(Vec<String>),
    Out(Vec<String>),
    Protocol(Vec<u8>),
    /// Conntrack states, and statuses of translation, in lower case.
    State(Vec<String>),
    /// True for answers.
    Reply(bool),
    /// What routing says of the destination, in lower case.
    DestinationType(Vec<String>),
    Flags {
        mask: u8,
        value: u8,
    },
    Six(bool),
    /// The mark of the packet.
    Mark(Marked),
    /// An answer would leave where the packet came in. The networks that the
    /// host is on are known once it is known whose rules they are.
    ReversePath(Rc<[Network]>),
    /// Holds for no TCP or UDP packet without further headers.
    Never,
}

/// A network that the host is on.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub interface: String,
    pub six: bool,
    /// The host's own address.
    pub own: u128,
    pub range: Range,
}

/// What a rule does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Action {
    #[default]
    Continue,
    Accept,
    Drop,
    Return,
    Jump(String),
    Goto(String),
    /// It goes on from another address than the client's.
    Disguise,
    /// To another address or port.
    Translate(Target),
    /// Something that is not followed.
    Unknown,
}

/// Where a rule turns packets to, as far as it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub address: Option<u128>,
    pub ports: Option<Range>,
}

/// The side of the host that a packet has to do with, besides its client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side<'a> {
    /// The host itself.
    Here,
    /// Another interface; `None` for one that is not known, and is not the
    /// loopback.
    Beyond(Option<&'a str>),
}

/// Packets that differ in one address alone: the client's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    pub six: bool,
    pub proto: u8,
    /// The port of the client.
    pub client: u16,
    /// The port of the host.
    pub port: u16,
    /// The port that the client sees.
    pub original: u16,
    /// The interface towards the client; `None` for one that is not known,
    /// and is not the loopback.
    pub interface: Option<&'a str>,
    /// Where the daemon is.
    pub daemon: Side<'a>,
    /// The address of the daemon; `None` for one that is not known.
    pub host: Option<u128>,
    /// Whether it is the answer.
    pub reply: bool,
    /// Whether a rule has turned its destination.
    pub turned: bool,
    /// Whether conntrack has looked at it; `None` where that is not known.
    pub tracked: Option<bool>,
}

impl Probe<'_> {
    pub(super) fn everyone(&self) -> Range {
        (0, if self.six { u128::MAX } else { u128::from(u32::MAX) })
    }
}

/// Whether a condition holds: of some clients, of all or none, or it cannot
/// be told.
pub(super) enum Holds {
    Of(Vec<Range>),
    /// Perhaps of these, and of no other.
    Perhaps(Vec<Range>),
    Known(bool),
    Unknown,
}

/// For which clients a rule is about a packet; whether it is sure to be.
pub(super) struct Meets {
    pub clients: Vec<Range>,
    pub sure: bool,
}

impl Rule {
    /// `None` if it is about none.
    pub(super) fn meets(
        &self,
        probe: &Probe<'_>,
        marks: &Marks,
    ) -> Option<Meets> {
        let mut meets =
            Meets { clients: vec![probe.everyone()], sure: !self.unsure };
        for test in &self.tests {
            match test.holds(probe, marks) {
                Holds::Known(true) => {}
                Holds::Known(false) => return None,
                Holds::Unknown => meets.sure = false,
                Holds::Of(ranges) => {
                    meets.clients = common(&meets.clients, &ranges);
                }
                Holds::Perhaps(ranges) => {
                    meets.clients = common(&meets.clients, &ranges);
                    meets.sure = false;
                }
            }
        }
        (!meets.clients.is_empty()).then_some(meets)
    }
}

fn common(one: &[Range], other: &[Range]) -> Vec<Range> {
    let pairs = one.iter().flat_map(|&(a, b)| {
        other.iter().map(move |&(c, d)| (a.max(c), b.min(d)))
    });
    pairs.filter(|(first, last)| first <= last).collect()
}

impl Test {
    fn holds(&self, probe: &Probe<'_>, marks: &Marks) -> Holds {
        if let Field::Mark(of) = &self.of {
            return marks.are(of, self.not, probe.everyone());
        }
        if probe.tracked != Some(true) && self.of.is_of_connection() {
            return self.untracked(probe);
        }
        match self.of.holds(probe) {
            Holds::Known(_) if matches!(self.of, Field::Never) => {
                Holds::Known(false)
            }
            Holds::Known(yes) => Holds::Known(yes != self.not),
            Holds::Of(ranges) if self.not => {
                Holds::Of(complement(probe.everyone(), &ranges))
            }
            other => other,
        }
    }
}

impl Test {
    /// What is asked of a connection that conntrack has not looked for: its
    /// state is invalid, and it has nothing else (nf_conntrack_core.c).
    fn untracked(&self, probe: &Probe<'_>) -> Holds {
        let translated = |one: &String| one == "snat" || one == "dnat";
        match &self.of {
            _ if probe.tracked.is_none() => Holds::Unknown,
            Field::State(all) if all.iter().any(translated) => Holds::Unknown,
            Field::State(all) => {
                let invalid = all.iter().any(|one| one == "invalid");
                Holds::Known(invalid != self.not)
            }
            _ => Holds::Known(false),
        }
    }
}

impl Field {
    fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::State(_)
                | Self::Reply(_)
                | Self::OriginalPort(_)
                | Self::Client(_)
        )
    }

    fn holds(&self, probe: &Probe<'_>) -> Holds {
        let (from, to) = match probe.reply {
            false => (probe.client, probe.port),
            true => (probe.port, probe.client),
        };
        let state = if probe.reply { "established" } else { "new" };
        let flags = if probe.reply { SYN | ACK } else { SYN };
        Holds::Known(match self {
            Self::Source(set) => return address(set, probe, !probe.reply),
            Self::Destination(set) => return address(set, probe, probe.reply),
            Self::SourcePort(set) => has(set, from),
            Self::DestinationPort(set) => has(set, to),
            Self::EitherPort(set) => has(set, from) || has(set, to),
            Self::OriginalPort(set) => has(set, probe.original),
            Self::Client(set) => return Holds::Of(set.clone()),
            Self::In(names) => return name(names, probe, !probe.reply),
            Self::Out(names) => return name(names, probe, probe.reply),
            Self::Protocol(all) => all.contains(&probe.proto),
            Self::State(all) => all
                .iter()
                .any(|one| one == state || one == "dnat" && probe.turned),
            Self::Reply(reply) => *reply == probe.reply,
            Self::DestinationType(all) => match probe.reply {
                false => {
                    let here = probe.daemon == Side::Here;
                    let kind = if here { "local" } else { "unicast" };
                    all.iter().any(|one| one == kind)
                }
                true => return Holds::Unknown,
            },
            Self::Flags { mask, value } => {
                probe.proto == TCP && flags & mask == *value
            }
            Self::Six(six) => *six == probe.six,
            // It is not of the packet as it came.
            Self::Mark(_) => return Holds::Unknown,
            Self::ReversePath(networks) => return way_back(networks, probe),
            Self::Never => false,
        })
    }
}

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

pub(super) fn has(set: &[Range], port: u16) -> bool {
    let port = u128::from(port);
    set.iter().any(|&(first, last)| (first..=last).contains(&port))
}

/// Whether an address is in a set: the client's, or else the host's.
fn address(set: &[Range], probe: &Probe<'_>, client: bool) -> Holds {
    match (client, probe.host) {
        (true, _) => Holds::Of(set.to_vec()),
        (false, None) => Holds::Unknown,
        (false, Some(host)) => Holds::Known(
            set.iter().any(|&(first, last)| (first..=last).contains(&host)),
        ),
    }
}

/// Clients whose answers leave where their packets come in: all but those of
/// another interface's network, and what is no client. That any other comes
/// by its own way is what a certificate's bounds are held against.
fn way_back(networks: &[Network], probe: &Probe<'_>) -> Holds {
    let Some(arrival) = probe.interface.filter(|_| !probe.reply) else {
        return Holds::Unknown;
    };
    let own = networks.iter().filter(|network| network.six == probe.six);
    let here = |range: Range| {
        let mut same = own.clone().filter(|one| one.range == range);
        same.any(|one| one.interface == arrival)
    };
    let mut gone = match probe.six {
        true => vec![(0, 1), (0xff << 120, u128::MAX)],
        false => vec![
            (0, 0),
            (0x7f00_0000, 0x7fff_ffff),
            (0xe000_0000, 0xefff_ffff),
            (0xffff_ffff, 0xffff_ffff),
        ],
    };
    for Network { own, range, .. } in own.clone() {
        gone.push((*own, *own));
        let (first, last) = *range;
        if !here(*range) {
            gone.push(*range);
        } else if !probe.six && last - first > 1 {
            gone.push((last, last));
        }
    }
    Holds::Of(complement(probe.everyone(), &gone))
}

/// Whether an interface has one of some names: the one towards the client, or
/// the other, which the way in to the host itself has not.
fn name(names: &[String], probe: &Probe<'_>, towards: bool) -> Holds {
    let own = match (towards, probe.daemon) {
        (true, _) => probe.interface,
        (false, Side::Beyond(own)) => own,
        (false, Side::Here) => {
            return Holds::Known(names.iter().any(|name| is_any(name)));
        }
    };
    let is = |name: &String| match name.strip_suffix(['+', '*']) {
        Some(start) => own.map(|own| own.starts_with(start)),
        None => match own {
            Some(own) => Some(own == name),
            None if name == "lo" => Some(false),
            None => None,
        },
    };
    let all: Option<Vec<bool>> = names.iter().map(is).collect();
    all.map_or(Holds::Unknown, |all| Holds::Known(all.contains(&true)))
}

fn is_any(name: &str) -> bool {
    matches!(name, "+" | "*")
}
