//! One packet through the whole host, as data.

use std::net::IpAddr;

use super::{
    Answer, Delivery, Explanation, Met, Packet, Proto, State as Before,
    Verdict,
    cell::{Address, Interface},
    chain::Budget,
    effect::Effect,
    sources::address_type,
    trace::{Meeting, Outcome, trace},
    walk::{self, Fate, Flow, stages, step},
};
use crate::{
    Error, Snapshot,
    host::Host,
    memcached::Start,
    net::{self, Family},
    netfilter::{Action, AddressType, Hook, Ruleset, State},
    schema::Version,
    text::Place,
};

/// How many rules one packet may meet.
const WORK: u64 = 10_000_000;

/// What becomes of one packet on a host, with the rules that it meets. To ask
/// of many packets, make a [`Host`] and ask that.
///
/// # Errors
///
/// A text of the snapshot that cannot be read as what it is, and those of
/// [`Host::explain`].
pub fn explain(
    snapshot: &Snapshot,
    packet: &Packet,
) -> Result<Explanation, Error> {
    Host::new(snapshot)?.explain(packet)
}

impl Host {
    /// What becomes of one packet, with the rules that it meets.
    ///
    /// # Errors
    ///
    /// A packet whose flags are no letters of FSRPAUEC, or whose addresses
    /// are of two families; one without a destination, where no address of
    /// the host is known.
    pub fn explain(&self, packet: &Packet) -> Result<Explanation, Error> {
        let to = destination(self, packet)?;
        if Family::of(to) != Family::of(packet.from) {
            let from = packet.from;
            let message = format!("{from} and {to} are of two families");
            return Err(Error::argument(message));
        }
        let flags = tcp_flags(&packet.flags)?;
        let mut way = Way::new(self, packet, to, flags);
        Ok(way.explain())
    }
}

/// The first address of the host that a listener of the port is reached by.
fn destination(host: &Host, packet: &Packet) -> Result<IpAddr, Error> {
    if let Some(to) = packet.to {
        return Ok(to);
    }
    let family = Family::of(packet.from);
    let own = addresses(host, family).filter(|to| !to.is_loopback());
    let own = own.chain(addresses(host, family));
    let mut reached =
        own.clone().filter(|&to| listener(host, packet, to).is_some());
    let bound = bound(host, packet);
    let to = reached.next().or(bound).or_else(|| own.clone().next());
    to.ok_or_else(|| {
        Error::argument("the packet has no \"to\", and no address is known")
    })
}

fn addresses(
    host: &Host,
    family: Family,
) -> impl Iterator<Item = IpAddr> + Clone + '_ {
    let all = host.interfaces.iter().flatten();
    all.flat_map(move |interface| {
        interface.addresses.iter().map(|entry| entry.address)
    })
    .filter(move |&to| Family::of(to) == family)
}

/// The sockets that get packets for a port, with their daemons.
fn sockets<'a>(
    host: &'a Host,
    packet: &'a Packet,
) -> impl Iterator<Item = Delivery> + 'a {
    host.instances.iter().flat_map(move |instance| {
        let listeners = match &instance.start {
            Start::Runs(running) => running.listeners.as_slice(),
            Start::Exits(_) => &[],
        };
        let sockets = listeners.iter().filter_map(|one| one.socket());
        let ours = sockets.filter(|(proto, socket)| {
            *proto == packet.proto && socket.port == packet.port
        });
        ours.map(|(proto, socket)| Delivery {
            instance: instance.id.clone(),
            proto,
            address: socket.address,
            port: socket.port,
        })
    })
}

/// An address that is bound by itself.
fn bound(host: &Host, packet: &Packet) -> Option<IpAddr> {
    let family = Family::of(packet.from);
    let all = sockets(host, packet).map(|socket| socket.address);
    let mut own =
        all.filter(|a| Family::of(*a) == family && !a.is_unspecified());
    own.next()
}

/// The socket that gets a packet to `to`: one bound to the address goes
/// before one bound to all. memcached makes its IPv6 sockets IPV6_V6ONLY.
fn listener(host: &Host, packet: &Packet, to: IpAddr) -> Option<Delivery> {
    let every = sockets(host, packet).find(|socket| {
        socket.address.is_unspecified()
            && Family::of(socket.address) == Family::of(to)
    });
    sockets(host, packet).find(|socket| socket.address == to).or(every)
}

/// The byte of TCP flags that letters stand for.
fn tcp_flags(letters: &str) -> Result<u8, Error> {
    letters.chars().try_fold(0, |bits, letter| {
        let at = "FSRPAUEC".find(letter).ok_or_else(|| {
            let message = format!("{letter:?} is no TCP flag of FSRPAUEC");
            Error::argument(message)
        })?;
        Ok(bits | 1 << at)
    })
}

/// What conntrack says of a packet: nf_conntrack_proto_tcp.c, tcp_conntracks
/// and its first row; without a connection, a SYN or a bare ACK opens one.
fn state(packet: &Packet, flags: u8) -> State {
    let (fin, syn, rst, ack) =
        (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0, flags & 16 != 0);
    let opens = !fin && !rst && (syn != ack);
    match packet.state {
        Before::Established => State::Established,
        _ if packet.proto == Proto::Tcp && !opens => State::Invalid,
        Before::Related => State::Related,
        Before::New => State::New,
    }
}

/// A packet on its way through a host.
struct Way<'a> {
    host: &'a Host,
    packet: &'a Packet,
    to: IpAddr,
    flow: Flow<'a>,
    budget: Budget,
    path: Vec<Met>,
    certain: bool,
}

impl<'a> Way<'a> {
    fn new(host: &'a Host, packet: &'a Packet, to: IpAddr, flags: u8) -> Self {
        let family = Family::of(to);
        let flow = Flow {
            family,
            proto: packet.proto,
            source: Address::Known(Family::number(packet.from)),
            destination: Address::Known(Family::number(to)),
            sport: Some(packet.sport),
            dport: Some(packet.port),
            interface: arrival(host, packet, to),
            state: Some(state(packet, flags)),
            reply: false,
            flags,
            destination_type: destination_type(host, to),
            marks: walk::sets_marks(&host.ruleset),
            ordinary: true,
            probe: None,
        };
        let certain = host.ruleset.unread(family).next().is_none();
        let (budget, path) = (Budget::new(WORK), Vec::new());
        Self { host, packet, to, flow, budget, path, certain }
    }

    fn explain(&mut self) -> Explanation {
        let lo = self.flow.interface == Interface::Named("lo");
        let first: &[Hook] = if lo {
            &[Hook::Output, Hook::Postrouting, Hook::Prerouting]
        } else {
            &[Hook::Ingress, Hook::Prerouting]
        };
        let routed = self.walk(first, Fate::TRACKED);
        if !routed.alive() {
            return self.stopped(routed);
        }
        if !lo && self.martian() {
            return self.end(Verdict::Dropped);
        }
        match self.flow.destination_type {
            Some(AddressType::Unicast) => self.forwarded(routed, true),
            _ => self.local(routed),
        }
    }

    /// A packet for an address of the host, behind the routing decision.
    fn local(&mut self, routed: Fate) -> Explanation {
        let input = self.walk(&[Hook::Input], routed);
        let listener = listener(self.host, self.packet, self.to);
        let translated = routed.has(Fate::TRANSLATED);
        if input.alive() && (listener.is_some() || !translated) {
            self.certain &= input.sure();
            return self.arrive(listener, input);
        }
        match translated {
            true => self.forwarded(Fate::TRANSLATED, false),
            false => self.stopped(input),
        }
    }

    /// A packet that goes on to another host, surely or perhaps.
    fn forwarded(&mut self, routed: Fate, sure: bool) -> Explanation {
        let hooks = [Hook::Forward, Hook::Postrouting];
        let fate = self.walk(&hooks, routed);
        self.certain &= sure;
        if !fate.alive() {
            return self.stopped(fate);
        }
        self.certain &= fate.sure();
        self.end(Verdict::Forwarded)
    }

    fn stopped(&mut self, fate: Fate) -> Explanation {
        let (rejected, dropped) =
            (fate.has(Fate::REJECTED), fate.has(Fate::DROPPED));
        self.certain &= !(rejected && dropped);
        let told = if rejected { Verdict::Rejected } else { Verdict::Dropped };
        self.end(told)
    }

    /// Follows the packet through hooks, and writes down what it meets.
    fn walk(&mut self, hooks: &[Hook], fate: Fate) -> Fate {
        let flow = self.flow.clone();
        self.follow(&flow, hooks, fate)
    }

    fn follow(
        &mut self,
        flow: &Flow<'_>,
        hooks: &[Hook],
        mut fate: Fate,
    ) -> Fate {
        let ruleset: &'a Ruleset = &self.host.ruleset;
        let (path, budget) = (&mut self.path, &self.budget);
        for stage in stages(ruleset, flow.family, hooks) {
            let sure = fate.sure();
            fate = step(&stage, flow, fate, |one| {
                let cell = flow.cell(stage.base, one);
                let hook = stage.base.hook;
                let mut meet = |meeting| path.push(met(hook, &meeting, sure));
                trace(&stage, &cell, budget, &mut meet).unwrap_or(Effect::ANY)
            });
        }
        fate
    }

    /// fib_frontend.c, ip6_input.c: such a source does not come in from
    /// outside.
    fn martian(&mut self) -> bool {
        let from = self.packet.from;
        let own = from.is_ipv4()
            && addresses(self.host, Family::Ipv4).any(|own| own == from);
        let broadcast = self.flow.destination_type
            == Some(AddressType::Broadcast)
            || self.to.is_multicast();
        let bogus = from.is_loopback()
            || from.is_multicast()
            || own
            || from == IpAddr::from([255; 4])
            || from.is_ipv4() && from.is_unspecified() && !broadcast
            || self.to.is_loopback() && !self.packet_from_lo();
        if bogus {
            self.path.push(Met {
                hook: "routing".to_owned(),
                chain: String::new(),
                rule: None,
                outcome: "drop".to_owned(),
            });
        }
        bogus
    }

    fn packet_from_lo(&self) -> bool {
        self.flow.interface == Interface::Named("lo")
    }

    fn arrive(
        &mut self,
        listener: Option<Delivery>,
        fate: Fate,
    ) -> Explanation {
        let Some(delivered_to) = listener else {
            return self.end(Verdict::NobodyListens);
        };
        let answer = self.answer(fate);
        let delivered_to = Some(delivered_to);
        Explanation { answer, delivered_to, ..self.end(Verdict::Delivered) }
    }

    /// The answer, as part of the connection. Its rules are in the path only
    /// if they stop it.
    fn answer(&mut self, fate: Fate) -> Option<Answer> {
        let before = self.path.len();
        let lo = self.packet_from_lo();
        let back = Flow {
            source: self.flow.destination,
            destination: self.flow.source,
            sport: self.flow.dport,
            dport: self.flow.sport,
            interface: match lo {
                true => Interface::Named("lo"),
                false => Interface::NotLoopback,
            },
            state: (!fate.has(Fate::UNTRACKED)).then_some(State::Established),
            reply: true,
            flags: 0x12,
            destination_type: None,
            ..self.flow.clone()
        };
        let hooks = [Hook::Output, Hook::Postrouting];
        let answer = self.follow(&back, &hooks, Fate::TRACKED);
        if answer.sure() {
            self.path.truncate(before);
        }
        Some(if answer.alive() { Answer::Sent } else { Answer::Dropped })
    }

    fn end(&mut self, verdict: Verdict) -> Explanation {
        Explanation {
            schema: Version,
            verdict,
            certain: self.certain,
            answer: None,
            delivered_to: None,
            path: std::mem::take(&mut self.path),
        }
    }
}

/// The interface that a packet comes in by: the one it names; the one in
/// whose network its source is; the one of its destination.
fn arrival<'a>(
    host: &'a Host,
    packet: &'a Packet,
    to: IpAddr,
) -> Interface<'a> {
    let all = || host.interfaces.iter().flatten();
    let own = |address: IpAddr| {
        all().find(|i| i.addresses.iter().any(|a| a.address == address))
    };
    if packet.interface.as_deref() == Some("local") {
        return Interface::Named("lo");
    }
    if let Some(name) = &packet.interface {
        return Interface::Named(name);
    }
    if packet.from.is_loopback() || own(packet.from).is_some() {
        return Interface::Named("lo");
    }
    let near =
        all().find(|i| i.addresses.iter().any(|a| within(a, packet.from)));
    match near.or_else(|| own(to)).filter(|i| !i.loopback) {
        Some(interface) => Interface::Named(&interface.name),
        None => Interface::NotLoopback,
    }
}

fn within(entry: &net::InterfaceAddress, address: IpAddr) -> bool {
    entry.network().is_ok_and(|network| network.contains(address))
}

/// What routing says of a destination; an address is taken as one of the
/// host where the snapshot does not list its addresses.
fn destination_type(host: &Host, to: IpAddr) -> Option<AddressType> {
    let kind = address_type(to);
    let Some(interfaces) = &host.interfaces else { return Some(kind) };
    let entries = interfaces.iter().flat_map(|i| &i.addresses);
    let mut entries = entries.filter(|e| e.address.is_ipv4() == to.is_ipv4());
    let own = entries.clone().any(|entry| entry.address == to);
    let broadcast = to.is_ipv4()
        && entries.any(|entry| {
            let network = entry.network();
            entry.prefix < 31
                && network.is_ok_and(|n| n.bounds().1 == Family::number(to))
        });
    Some(match kind {
        AddressType::Local if own || to.is_loopback() => kind,
        AddressType::Local if broadcast => AddressType::Broadcast,
        AddressType::Local => AddressType::Unicast,
        other => other,
    })
}

fn met(hook: Hook, meeting: &Meeting<'_>, sure: bool) -> Met {
    let (rule, outcome) = match meeting.what {
        Outcome::Rule(rule) => {
            (Some(meeting.chain.place(rule)), action(meeting, rule.action()))
        }
        Outcome::Policy { accepts, .. } => {
            (None, if accepts { "accept" } else { "drop" }.to_owned())
        }
    };
    let maybe = if meeting.sure && sure { "" } else { "maybe " };
    Met {
        hook: hook.name().to_owned(),
        chain: meeting.chain.name.clone(),
        rule: rule as Option<Place>,
        outcome: format!("{maybe}{outcome}"),
    }
}

fn action(meeting: &Meeting<'_>, action: &Action) -> String {
    let name = |at: usize| {
        meeting.chains.get(at).map_or("", |chain| chain.name.as_str())
    };
    match action {
        Action::Continue => "continue".to_owned(),
        Action::Accept => "accept".to_owned(),
        Action::Drop => "drop".to_owned(),
        Action::Reject => "reject".to_owned(),
        Action::Return => "return".to_owned(),
        Action::Jump(to) => format!("jump {}", name(*to)),
        Action::Goto(to) => format!("goto {}", name(*to)),
        Action::Translate(_) => "translate".to_owned(),
        Action::NoTrack => "notrack".to_owned(),
        Action::Mark(_) => "mark".to_owned(),
        Action::Queue { .. } => "queue".to_owned(),
        Action::Unknown(name) => name.clone(),
    }
}
