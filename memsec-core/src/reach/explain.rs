//! One packet through the whole host, as data.

use std::net::IpAddr;

use super::{
    Answer, Delivery, Explanation, Met, Packet, Protocol, Taker, Verdict,
    cell::{Address, Interface, Truth},
    chain::TooMuch,
    journey::{Course, Journey, Parcel, Traffic},
    meeting::{Meeting, Outcome},
    passage::{first, local, onward},
};
use crate::{
    Error, Snapshot,
    host::Host,
    memcached::Start,
    net::{self, Family},
    netfilter::{Action, Hook},
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
        Ok(Way::new(self, packet, to, flags).explain(packet))
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
    let here = host.instances.iter().filter(|i| i.netns.is_none());
    here.flat_map(move |instance| {
        let listeners = match &instance.start {
            Start::Runs(running) => running.listeners.as_slice(),
            Start::Exits(_) => &[],
        };
        let sockets = listeners.iter().filter_map(|one| one.socket());
        let ours = sockets.filter(|(proto, socket)| {
            packet.proto == *proto && socket.port == packet.port
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

/// A packet on its way through a host.
struct Way<'a> {
    host: &'a Host,
    journey: Journey<'a>,
    path: Vec<Met>,
    /// What it may come to, each once.
    ends: Vec<Arrival>,
    certain: bool,
}

/// What a packet may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Arrival {
    verdict: Verdict,
    answer: Option<Answer>,
    delivered_to: Option<Delivery>,
}

impl From<Verdict> for Arrival {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, answer: None, delivered_to: None }
    }
}

impl<'a> Way<'a> {
    fn new(host: &'a Host, packet: &'a Packet, to: IpAddr, flags: u8) -> Self {
        let interface = arrival(host, packet, to);
        let journey = Journey::new(host, packet, to, flags, interface, WORK);
        let certain = host.ruleset.unread(Family::of(to)).next().is_none();
        Self { host, journey, path: Vec::new(), ends: Vec::new(), certain }
    }

    fn explain(mut self, packet: &Packet) -> Explanation {
        let first = first(&self.journey);
        if self.journey.refused() {
            self.path.push(lost("drop"));
            self.ends.push(Verdict::Dropped.into());
            return self.end();
        }
        let start = Traffic::of(self.journey.parcel());
        if let Ok(routed) = self.pass(first, start) {
            if self.waits(self.journey.waits()) {
                return self.end();
            }
            for parcel in routed.under_way {
                self.route(packet, parcel);
            }
        } else {
            self.certain = false;
            self.ends.push(Verdict::Delivered.into());
        }
        self.end()
    }

    /// Takes packets through hooks, and writes down what they meet.
    fn pass(
        &mut self,
        hooks: &[Hook],
        traffic: Traffic,
    ) -> Result<Traffic, TooMuch> {
        let path = &mut self.path;
        let passed = self.journey.pass(hooks, traffic, |hook, meeting| {
            path.push(met(hook, meeting));
        })?;
        self.stopped(&passed);
        Ok(passed)
    }

    fn stopped(&mut self, traffic: &Traffic) {
        if traffic.dropped {
            self.ends.push(Verdict::Dropped.into());
        }
        if traffic.rejected {
            self.ends.push(Verdict::Rejected.into());
        }
    }

    /// The routing decision, and what comes behind it.
    fn route(&mut self, packet: &Packet, parcel: Parcel) {
        match self.journey.course(&parcel) {
            Some(Course::Here) => self.local(packet, parcel),
            Some(Course::Perhaps) => {
                self.ends.push(Verdict::Dropped.into());
                self.local(packet, parcel);
            }
            Some(Course::Onward) => self.onward(parcel),
            Some(Course::OnwardPerhaps) => {
                self.ends.push(Verdict::Dropped.into());
                self.onward(parcel);
            }
            Some(Course::Rejected) if self.journey.hears() => {
                self.path.push(lost("reject"));
                self.ends.push(Verdict::Rejected.into());
            }
            Some(Course::Dropped | Course::Rejected) => {
                self.path.push(lost("drop"));
                self.ends.push(Verdict::Dropped.into());
            }
            None => {
                self.certain = false;
                // It may have nowhere to go.
                self.ends.push(Verdict::Rejected.into());
                self.local(packet, parcel);
                self.onward(parcel);
            }
        }
    }

    /// A part of a datagram alone waits for the rest, and in the end is
    /// dropped.
    fn waits(&mut self, truth: Truth) -> bool {
        if truth != Truth::No {
            let maybe = if truth == Truth::Yes { "" } else { "maybe " };
            let outcome = format!("{maybe}drop");
            self.path.push(Met {
                hook: "defragmentation".to_owned(),
                ..lost(&outcome)
            });
            self.ends.push(Verdict::Dropped.into());
        }
        truth == Truth::Yes
    }

    fn local(&mut self, packet: &Packet, parcel: Parcel) {
        if self.waits(self.journey.joins()) {
            return;
        }
        let one = Traffic::of(parcel);
        let hooks = local(&self.journey);
        let Ok(passed) = self.pass(hooks, one) else {
            self.certain = false;
            return self.ends.push(Verdict::Delivered.into());
        };
        for parcel in passed.under_way {
            let arrival = self.arrive(packet, &parcel);
            self.ends.push(arrival);
        }
    }

    fn onward(&mut self, parcel: Parcel) {
        let hooks = onward(&self.journey);
        match self.pass(hooks, Traffic::of(parcel)) {
            Ok(passed) => {
                for parcel in passed.under_way {
                    let arrival = self.forward(&parcel);
                    self.ends.push(arrival);
                }
            }
            Err(TooMuch) => {
                self.certain = false;
                self.ends.push(Verdict::Forwarded.into());
            }
        }
    }

    fn arrive(&mut self, packet: &Packet, parcel: &Parcel) -> Arrival {
        let family = Family::of(packet.from);
        if !self.journey.proto.has_ports() {
            // The kernel itself hears ICMP.
            let heard = self.journey.proto == Protocol::icmp(family);
            let verdict =
                if heard { Verdict::Delivered } else { Verdict::NobodyListens };
            return verdict.into();
        }
        if self.journey.shape.is_part() {
            // Behind the rules it is joined with the rest.
            return Verdict::Delivered.into();
        }
        let (to, port) = (parcel.destination, parcel.dport);
        let (Address::Known(to), Some(port)) = (to, port) else {
            self.certain = false;
            return Verdict::Delivered.into();
        };
        let packet = &Packet { port, ..packet.clone() };
        let to = family.address(to);
        let own = listener(self.host, packet, to);
        let Some(delivered_to) = own.or_else(|| self.other(packet, to)) else {
            return Verdict::NobodyListens.into();
        };
        let hooks = [Hook::Output, Hook::Postrouting];
        let answer = self.answer(self.journey.answer(parcel), &hooks);
        delivered(delivered_to, answer)
    }

    /// What gets a packet to `to` and is no daemon of the host's: the proxy
    /// of a container, or another program.
    fn other(&mut self, packet: &Packet, to: IpAddr) -> Option<Delivery> {
        let (proto, port) = (packet.proto.spoken()?, packet.port);
        let delivery = |instance: &str, address| Delivery {
            instance: instance.to_owned(),
            proto,
            address,
            port,
        };
        if let Some(way) = self.host.proxied(proto, to, port) {
            if way.taker == Taker::Perhaps {
                self.ends.push(Verdict::NobodyListens.into());
            }
            return Some(delivery(&way.instance, way.address));
        }
        let name = self.host.taken_by(proto, to, port)?;
        Some(delivery(name, to))
    }

    /// A packet that is sent on: to a container of this host, or to another.
    fn forward(&mut self, parcel: &Parcel) -> Arrival {
        let (Address::Known(to), Some(port), Some(proto)) =
            (parcel.destination, parcel.dport, self.journey.proto.spoken())
        else {
            return Verdict::Forwarded.into();
        };
        let to = self.journey.family.address(to);
        let Some(way) = self.host.behind(proto, to, port) else {
            return Verdict::Forwarded.into();
        };
        let instance = way.instance.clone();
        let delivered_to = Delivery { instance, proto, address: to, port };
        let hooks = [Hook::Prerouting, Hook::Forward, Hook::Postrouting];
        let answer = self.answer(self.journey.returned(parcel), &hooks);
        delivered(delivered_to, answer)
    }

    /// The answer, as part of the connection. Its rules are in the path only
    /// if they may stop it.
    fn answer(
        &mut self,
        (back, under_way): (Journey<'a>, Vec<Parcel>),
        hooks: &[Hook],
    ) -> Answer {
        let traffic = Traffic { under_way, ..Traffic::default() };
        let mut path = Vec::new();
        let passed = back.pass(hooks, traffic, |hook, meeting| {
            path.push(met(hook, meeting));
        });
        let Ok(passed) = passed else { return Answer::Sent };
        if passed.dropped || passed.rejected {
            self.path.append(&mut path);
        }
        match passed.under_way.is_empty() {
            true => Answer::Dropped,
            false => Answer::Sent,
        }
    }

    /// The end that lets the most through.
    fn end(mut self) -> Explanation {
        let first = self.ends.first().map(|end| end.verdict);
        let same = self.ends.iter().all(|end| Some(end.verdict) == first);
        self.ends
            .sort_by_key(|end| MOST.iter().position(|v| *v == end.verdict));
        let end = self.ends.into_iter().next();
        let end = end.unwrap_or(Verdict::Dropped.into());
        Explanation {
            schema: Version,
            verdict: end.verdict,
            certain: self.certain && same,
            answer: end.answer,
            delivered_to: end.delivered_to,
            path: self.path,
        }
    }
}

fn delivered(to: Delivery, answer: Answer) -> Arrival {
    let (answer, delivered_to) = (Some(answer), Some(to));
    Arrival { verdict: Verdict::Delivered, answer, delivered_to }
}

/// Verdicts, that which lets the most through first.
const MOST: [Verdict; 5] = [
    Verdict::Delivered,
    Verdict::Forwarded,
    Verdict::NobodyListens,
    Verdict::Rejected,
    Verdict::Dropped,
];

/// What routing did with a packet that it did not send on.
fn lost(outcome: &str) -> Met {
    Met {
        hook: "routing".to_owned(),
        chain: String::new(),
        rule: None,
        outcome: outcome.to_owned(),
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

fn met(hook: Hook, meeting: &Meeting<'_>) -> Met {
    let (rule, outcome) = match meeting.what {
        Outcome::Rule(rule) => {
            (Some(meeting.chain.place(rule)), action(meeting, rule.action()))
        }
        Outcome::Policy { accepts, .. } => {
            (None, if accepts { "accept" } else { "drop" }.to_owned())
        }
    };
    let maybe = if meeting.sure { "" } else { "maybe " };
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
        Action::Reject(_) => "reject".to_owned(),
        Action::Return => "return".to_owned(),
        Action::Jump(to) => format!("jump {}", name(*to)),
        Action::Goto(to) => format!("goto {}", name(*to)),
        Action::Translate(_) => "translate".to_owned(),
        Action::NoTrack => "notrack".to_owned(),
        Action::Zone => "zone".to_owned(),
        Action::Mark(_) => "mark".to_owned(),
        Action::Queue { .. } => "queue".to_owned(),
        Action::Unknown(name) => name.clone(),
    }
}
