//! Who gets through to a port: sets of sources.

use std::{net::IpAddr, rc::Rc};

use super::{
    Proto,
    atoms::{self, Atoms},
    cell::{Address, Interface, Tuple},
    chain::{Budget, TooMuch},
    journey::{self, Journey, address_type},
    passage::Passage,
    possible, reason,
    shape::Shape,
    stage::{Stage, stages},
};
use crate::{
    host::Host,
    net::{Family, IpSet, RangeSet},
    netfilter::{Action, AddressType, Chain, Hook, State},
    text::Place,
};

/// What a source set is asked for: new connections (or single datagrams) to
/// one address and port of this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    /// The interface they arrive at; `None` for whichever but the loopback.
    pub interface: Option<&'a str>,
    pub family: Family,
    /// An address that is taken as one of the host's own; `None` for
    /// whichever it has.
    pub to: Option<IpAddr>,
    /// True if the socket is bound to all addresses.
    pub wildcard: bool,
    pub taker: Taker,
    pub proto: Proto,
    pub port: u16,
}

#[cfg(test)]
impl<'a> Query<'a> {
    /// What is asked of a socket that is bound to all addresses.
    pub(crate) fn new(
        interface: Option<&'a str>,
        to: IpAddr,
        proto: Proto,
        port: u16,
    ) -> Self {
        Self {
            interface,
            family: Family::of(to),
            to: Some(to),
            wildcard: true,
            taker: Taker::Socket,
            proto,
            port,
        }
    }
}

/// Who takes what comes to the address and the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Taker {
    /// A socket of this host, and whoever rules lead it to.
    #[default]
    Socket,
    /// The same, and whatever other port of this host rules lead it to.
    AnySocket,
    /// Whoever rules lead it to, and perhaps a socket of this host.
    Perhaps,
    /// Whoever rules lead it to, and no socket of this host.
    Led,
    /// Another network namespace, which has the address.
    Other,
}

/// Who gets through.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Every source of which some packet could be delivered.
    pub may: IpSet,
    /// Every source of which each packet is sure to be delivered, whatever
    /// client port it comes from, and over TCP answered.
    pub must: IpSet,
    /// The rules that decide it, for one source of `may` and one that is
    /// not in it.
    pub because: Vec<Place>,
    /// The rules that make `may` and `must` differ.
    pub undecided: Vec<Place>,
}

/// How many rules and pieces are looked at before an answer is given up.
const WORK: u64 = 400_000_000;

/// The TCP flags of a first packet: SYN.
const SYN: u8 = 0x02;

/// A query and what it is answered from.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub host: &'a Host,
    pub family: Family,
    pub query: Query<'a>,
    budget: Rc<Budget>,
    /// The stages that a packet may come to on its way in.
    pub there: Vec<Stage<'a>>,
    /// Those of the answer.
    pub back: Vec<Stage<'a>>,
}

/// The sources, as numbers, of packets that have the rest in common.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    pub journey: Journey<'a>,
    pub may: RangeSet<u128>,
    pub must: RangeSet<u128>,
}

/// Who gets through to a port of this host.
pub(crate) fn sources(host: &Host, query: &Query<'_>) -> Sources {
    let (family, ruleset) = (query.family, &host.ruleset);
    if ruleset.missing(family) {
        return unknown(family, Vec::new());
    }
    let question = Question::new(host, query);
    let Ok(answered) = question.answers() else {
        let text = "the rules are too many to be decided".to_owned();
        let place = Place { text: Some(text), ..Place::default() };
        return unknown(family, vec![place]);
    };
    let mut may = RangeSet::empty();
    let mut must = RangeSet::range(0, family.last());
    for one in &answered {
        may = may.union(&one.may);
        must = must.intersection(&one.must);
    }
    let (may, mut must) = possible::within(&question, (may, must));
    let unread = ruleset.unread(family).map(|unread| unread.place.clone());
    let mut undecided: Vec<Place> = unread.collect();
    if !undecided.is_empty() {
        // A table that is not known can drop anything.
        must = RangeSet::empty();
    }
    let because = reason::because(&question, &answered, &may);
    undecided.extend(reason::undecided(&answered, &may, &must));
    Sources {
        may: IpSet::from_numbers(family, &may),
        must: IpSet::from_numbers(family, &must),
        because,
        undecided,
    }
}

fn unknown(family: Family, undecided: Vec<Place>) -> Sources {
    Sources {
        may: IpSet::all(family),
        must: IpSet::empty(family),
        because: Vec::new(),
        undecided,
    }
}

impl<'a> Question<'a> {
    pub(super) fn new(host: &'a Host, query: &Query<'a>) -> Self {
        let family = query.family;
        let of = |hooks: &[Hook]| stages(&host.ruleset, family, hooks);
        let there = match query.interface {
            Some("lo") => of(&[
                Hook::Output,
                Hook::Postrouting,
                Hook::Prerouting,
                Hook::Input,
            ]),
            _ => of(&[
                Hook::Ingress,
                Hook::Prerouting,
                Hook::Input,
                Hook::Forward,
            ]),
        };
        Self {
            host,
            family,
            query: *query,
            budget: Rc::new(Budget::new(WORK)),
            there,
            back: of(&[Hook::Output, Hook::Postrouting]),
        }
    }

    fn answers(&self) -> Result<Vec<Answered<'a>>, TooMuch> {
        let Atoms { interfaces, ports } = atoms::of(self);
        let mut out = Vec::new();
        for interface in &interfaces {
            for port in &ports {
                let journey = self.journey(*interface, port.first);
                let (may, must) = self.answer(&journey)?;
                // A client does not choose a port below 1024.
                let client = port.last.is_none_or(|last| last >= 1024);
                let must = if client { must } else { self.everyone() };
                out.push(Answered { journey, may, must });
            }
        }
        Ok(out)
    }

    fn everyone(&self) -> RangeSet<u128> {
        RangeSet::range(0, self.family.last())
    }

    /// New packets that arrive by an interface from a port.
    pub(super) fn journey(
        &self,
        interface: Interface<'a>,
        sport: Option<u16>,
    ) -> Journey<'a> {
        let to = self.query.to;
        Journey {
            host: self.host,
            family: self.family,
            proto: self.query.proto.into(),
            flags: SYN,
            interface,
            state: Some(State::New),
            tuple: Tuple {
                source: Address::Symbolic,
                sport,
                destination: match to {
                    Some(to) => Address::Known(Family::number(to)),
                    None => Address::Unknown,
                },
                dport: Some(self.query.port),
            },
            given: match self.query.taker {
                Taker::Other => None,
                _ => Some(to.map_or(AddressType::Local, address_type)),
            },
            peer: None,
            reply: false,
            shape: Shape::default(),
            connection_mark: Some(0),
            budget: Rc::clone(&self.budget),
            asked: Rc::default(),
        }
    }

    fn answer(
        &self,
        journey: &Journey<'a>,
    ) -> Result<(RangeSet<u128>, RangeSet<u128>), TooMuch> {
        let all = self.everyone();
        let (mut may, must) = self.grouped(journey, all)?;
        for port in self.led_from() {
            may = may.union(&self.led(journey, port)?);
        }
        Ok((may, must))
    }

    /// Goes the way once, and where rules ask for what routing says of a
    /// source, once more for each group of sources that it tells apart.
    fn grouped(
        &self,
        journey: &Journey<'a>,
        all: RangeSet<u128>,
    ) -> Result<(RangeSet<u128>, RangeSet<u128>), TooMuch> {
        let answer = Passage::of(journey, &self.query, all)?.answer();
        if !journey.asked.get() || self.host.interfaces.is_none() {
            return Ok(answer);
        }
        let arrival = match journey.interface {
            Interface::Named(name) => Some(name),
            Interface::NotLoopback => None,
        };
        let Some(groups) = journey::groups(self.host, self.family, arrival)
        else {
            return Ok(answer);
        };
        let (mut may, mut must) = (RangeSet::empty(), RangeSet::empty());
        for group in groups {
            let peer = Some(group.peer);
            let journey = Journey { peer, ..journey.clone() };
            let passage = Passage::of(&journey, &self.query, group.addresses)?;
            let (more_may, more_must) = passage.answer();
            may = may.union(&more_may);
            must = must.union(&more_must);
        }
        Ok((may, must))
    }

    /// Ports, other than the one that is asked for, from which a rule may
    /// turn packets to it: each stands for those that no rule tells from it.
    fn led_from(&self) -> Vec<Option<u16>> {
        let port = self.query.port;
        let nat = self.there.iter().filter(|stage| stage.base.nat);
        let chains = nat.clone().flat_map(|stage| &stage.table.chains);
        let mut rules = chains.flat_map(Chain::each_kind);
        let leads = rules.any(|rule| match rule.action() {
            Action::Translate(to) => to
                .ports
                .is_some_and(|(first, last)| (first..=last).contains(&port)),
            _ => false,
        });
        match leads {
            true => atoms::other_ports(nat, port),
            false => Vec::new(),
        }
    }

    /// Sources whose packets to another port a rule turns to this one.
    fn led(
        &self,
        journey: &Journey<'a>,
        port: Option<u16>,
    ) -> Result<RangeSet<u128>, TooMuch> {
        let destination = Address::Unknown;
        let tuple = Tuple { destination, dport: port, ..journey.tuple };
        let journey = Journey { tuple, ..journey.clone() };
        let passage = Passage::of(&journey, &self.query, self.everyone())?;
        Ok(passage.here)
    }
}
