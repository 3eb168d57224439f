use std::net::IpAddr;

use super::{
    Proto,
    atoms::{self, Atoms},
    cell::{Address, Interface},
    chain::{Budget, TooMuch},
    piecewise::Piecewise,
    reason,
    walk::{self, Fate, Flow, Stage, stages, walk},
};
use crate::{
    net::{Family, IpSet, RangeSet},
    netfilter::{Action, AddressType, Hook, Ruleset, State},
    text::Place,
};

/// What a source set is asked for: new connections (or single datagrams) to
/// one address and port of this host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    /// The interface they arrive at; `None` for whichever but the loopback.
    pub interface: Option<&'a str>,
    pub family: Family,
    /// `None` for whichever address the host has.
    pub to: Option<IpAddr>,
    pub proto: Proto,
    pub port: u16,
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

/// TCP flags: SYN, and SYN with ACK.
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;

/// A query and what it is answered from.
pub(super) struct Question<'a> {
    pub family: Family,
    pub query: Query<'a>,
    pub budget: Budget,
    marks: bool,
    /// The stages to the routing decision.
    pub first: Vec<Stage<'a>>,
    /// Those to a socket of this host.
    pub input: Vec<Stage<'a>>,
    /// Those to another host, for what is translated.
    pub forward: Vec<Stage<'a>>,
    /// Those of the answer.
    pub back: Vec<Stage<'a>>,
    /// True if a rule may turn another port into this one.
    leads_here: bool,
}

/// The sources, as numbers, of packets that have the rest in common.
pub(super) struct Answered<'a> {
    pub flow: Flow<'a>,
    pub may: RangeSet<u128>,
    pub must: RangeSet<u128>,
}

/// Who gets through to a port of this host.
pub(crate) fn sources(ruleset: &Ruleset, query: &Query<'_>) -> Sources {
    let family = query.family;
    if ruleset.missing(family) {
        return unknown(family, Vec::new());
    }
    let question = Question::new(ruleset, query);
    let Ok(answered) = question.answers() else {
        let text = "the rules are too many to be decided".to_owned();
        let place = Place { text: Some(text), ..Place::default() };
        return unknown(family, vec![place]);
    };
    let may = answered.iter().flat_map(|one| one.may.ranges().iter().copied());
    let may = RangeSet::from_ranges(may);
    let mut must = RangeSet::range(0, family.last());
    for one in &answered {
        must = must.intersection(&one.must);
    }
    let unread = ruleset.unread(family).map(|unread| unread.place.clone());
    let mut undecided: Vec<Place> = unread.collect();
    if !undecided.is_empty() {
        // A table that is not known can drop anything.
        must = RangeSet::empty();
    }
    let because = reason::because(&question, &answered, &may);
    undecided.extend(reason::undecided(&question, &answered, &may, &must));
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
    pub(super) fn new(ruleset: &'a Ruleset, query: &Query<'a>) -> Self {
        let family = query.family;
        let of = |hooks: &[Hook]| stages(ruleset, family, hooks);
        let first = match query.interface {
            Some("lo") => {
                of(&[Hook::Output, Hook::Postrouting, Hook::Prerouting])
            }
            _ => of(&[Hook::Ingress, Hook::Prerouting]),
        };
        Self {
            family,
            query: *query,
            budget: Budget::new(WORK),
            marks: walk::sets_marks(ruleset),
            leads_here: leads_here(&first, query.port),
            first,
            input: of(&[Hook::Input]),
            forward: of(&[Hook::Forward]),
            back: of(&[Hook::Output, Hook::Postrouting]),
        }
    }

    fn answers(&self) -> Result<Vec<Answered<'a>>, TooMuch> {
        let Atoms { interfaces, ports } = atoms::of(self);
        let mut out = Vec::new();
        for interface in &interfaces {
            for port in &ports {
                let flow = self.flow(*interface, port.first);
                let (may, must) = self.answer(&flow)?;
                // A client does not choose a port below 1024.
                let client = port.last.is_none_or(|last| last >= 1024);
                let all = || RangeSet::range(0, self.family.last());
                let must = if client { must } else { all() };
                out.push(Answered { flow, may, must });
            }
        }
        Ok(out)
    }

    /// New packets that arrive by an interface from a port.
    pub(super) fn flow(
        &self,
        interface: Interface<'a>,
        sport: Option<u16>,
    ) -> Flow<'a> {
        Flow {
            family: self.family,
            proto: self.query.proto,
            source: Address::Symbolic,
            destination: match self.query.to {
                Some(to) => Address::Known(Family::number(to)),
                None => Address::Unknown,
            },
            sport,
            dport: Some(self.query.port),
            interface,
            state: Some(State::New),
            reply: false,
            flags: SYN,
            destination_type: Some(
                self.query.to.map_or(AddressType::Local, address_type),
            ),
            marks: self.marks,
            ordinary: false,
            probe: None,
        }
    }

    fn answer(
        &self,
        flow: &Flow<'a>,
    ) -> Result<(RangeSet<u128>, RangeSet<u128>), TooMuch> {
        let start = Piecewise::constant(Fate::TRACKED);
        let routed = walk(&self.first, flow, start, &self.budget)?;
        let mut translated = routed.keep(|fate| fate.has(Fate::TRANSLATED));
        let input = walk(&self.input, flow, routed, &self.budget)?;
        let mut may = input.keep(Fate::alive);
        if self.leads_here {
            let other = self.led_here(flow)?;
            may = may.union(&other.keep(|f| f.has(Fate::TRANSLATED)));
            translated = translated.union(&may);
        }
        if !translated.is_empty() && self.query.interface != Some("lo") {
            let forwarded = self.forwarded(flow)?;
            let forwarded = forwarded.intersection(&translated);
            may = may.union(&forwarded);
        }
        let mut must = input.keep(Fate::sure);
        if self.query.proto == Proto::Tcp && !must.is_empty() {
            must = must.intersection(&self.answered(flow, &input)?);
        }
        Ok((may, must))
    }

    /// Packets to other ports that a rule turns into this one.
    fn led_here(&self, flow: &Flow<'a>) -> Result<Piecewise<Fate>, TooMuch> {
        let start = Piecewise::constant(Fate::TRACKED);
        let any = Flow { dport: None, ..flow.clone() };
        let led = walk(&self.first, &any, start, &self.budget)?;
        let led = led.map(|fate| {
            if fate.has(Fate::TRANSLATED) {
                Fate::TRANSLATED
            } else {
                Fate::DROPPED
            }
        });
        walk(&self.input, flow, led, &self.budget)
    }

    /// Sources whose packets get to another host, if they are translated.
    fn forwarded(&self, flow: &Flow<'a>) -> Result<RangeSet<u128>, TooMuch> {
        let start = Piecewise::constant(Fate::TRANSLATED);
        let fate = walk(&self.forward, flow, start, &self.budget)?;
        Ok(fate.keep(Fate::alive))
    }

    /// Sources that are sure to get the answer to what came in as `input`.
    fn answered(
        &self,
        flow: &Flow<'a>,
        input: &Piecewise<Fate>,
    ) -> Result<RangeSet<u128>, TooMuch> {
        let back = self.back(flow);
        let start = Piecewise::constant(Fate::TRACKED);
        let fate = walk(&self.back, &back, start, &self.budget)?;
        let sent = fate.keep(Fate::sure);
        if !input.any(|fate| fate.has(Fate::UNTRACKED)) {
            return Ok(sent);
        }
        // Conntrack did not see the question: what it makes of the answer
        // depends on its own rules.
        let unknown = Flow { state: None, ..back };
        let start = Piecewise::constant(Fate::TRACKED);
        let fate = walk(&self.back, &unknown, start, &self.budget)?;
        let tracked = input.keep(|fate| !fate.has(Fate::UNTRACKED));
        let both = fate.keep(Fate::sure).intersection(&sent);
        Ok(tracked.intersection(&sent).union(&both))
    }

    /// The answer to a flow.
    pub(super) fn back(&self, flow: &Flow<'a>) -> Flow<'a> {
        Flow {
            source: flow.destination,
            destination: flow.source,
            sport: flow.dport,
            dport: flow.sport,
            interface: match flow.interface {
                Interface::Named("lo") => Interface::Named("lo"),
                _ => Interface::NotLoopback,
            },
            state: Some(State::Established),
            reply: true,
            flags: SYN_ACK,
            destination_type: None,
            ..flow.clone()
        }
    }
}

/// What routing says of an address that packets for this host have.
pub(super) fn address_type(to: IpAddr) -> AddressType {
    match to {
        to if to.is_multicast() => AddressType::Multicast,
        IpAddr::V4(to) if to.is_broadcast() => AddressType::Broadcast,
        _ => AddressType::Local,
    }
}

fn leads_here(first: &[Stage<'_>], port: u16) -> bool {
    let nat = first.iter().filter(|stage| stage.base.nat);
    let chains = nat.flat_map(|stage| &stage.table.chains);
    chains.flat_map(|chain| &chain.rules).any(|rule| match rule.action() {
        Action::Translate(to) => {
            to.ports.is_some_and(|(first, last)| (first..=last).contains(&port))
        }
        _ => false,
    })
}

impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Question({:?})", self.query)
    }
}
