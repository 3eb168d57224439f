//! MEMSEC-FW-008 and UDP-005: single packets, and what becomes of them.

use super::{Check, Found};
use crate::{
    Answer, Packet, Proto, State, Verdict,
    audit::{Reached, Severity, subject::Subject, witness},
    net::Family,
    reach::Explanation,
    text::Place,
};

pub(super) const FW_008: Check = Check {
    id: "MEMSEC-FW-008",
    title: "The firewall cuts what this host needs itself",
    severity: Severity::High,
    varies: "high where the host cannot reach its own cache, else medium",
    why: "without a rule for loopback or for answers the application loses \
          its cache, and the firewall is switched off to get it back",
    detection: "a new connection by lo to a listener, and a packet of an \
                established connection, each through every rule",
    fix: "accept by lo, and ESTABLISHED and RELATED, before what drops",
    references: &["CIS Debian 4.4.2.2"],
    find: cut,
};

pub(super) const UDP_005: Check = Check {
    id: "MEMSEC-UDP-005",
    title: "Floods that others cause can leave this host",
    severity: Severity::Low,
    varies: "found only where others than the clients get in over UDP",
    why: "until UDP is off, the last place to stop a flood is the way out",
    detection: "the answer to a datagram of somebody who should not get in, \
                through the output and postrouting rules",
    fix: "drop UDP from source port 11211 on the way out",
    references: &["BCP 38", "CISA TA14-017A"],
    find: floods,
};

/// Whether it is certain that a packet does not arrive.
fn is_cut(seen: &Explanation) -> bool {
    let stopped = matches!(seen.verdict, Verdict::Dropped | Verdict::Rejected);
    stopped && seen.certain
}

fn stopper(seen: &Explanation) -> Place {
    let last = seen.path.iter().rev().find_map(|met| met.rule.clone());
    // What no rule decides the policy of a chain does.
    last.unwrap_or_else(|| Place::whole("iptables-save"))
}

fn cut(subject: &Subject<'_>) -> Vec<Found> {
    let own = own_cut(subject).map(|seen| {
        let message = "this host cannot reach its own cache by loopback";
        Found::new(Severity::High, stopper(&seen), message.to_owned())
    });
    let answers = answers_cut(subject).map(|seen| {
        let message = "packets of established connections are stopped";
        Found::new(Severity::Medium, stopper(&seen), message.to_owned())
    });
    own.into_iter().chain(answers).collect()
}

/// A connection to a TCP listener on loopback that is stopped.
fn own_cut(subject: &Subject<'_>) -> Option<Explanation> {
    let loopback =
        |r: &&Reached| r.local && r.proto == Proto::Tcp && r.instance.is_some();
    let mut ways = subject.reached.iter().filter(loopback);
    ways.find_map(|way| {
        let to = way.destinations.iter().find(|to| to.is_loopback())?;
        let packet = Packet {
            to: Some(*to),
            port: way.port,
            interface: Some("local".to_owned()),
            ..Packet::new(*to)
        };
        subject.host.explain(&packet).ok().filter(is_cut)
    })
}

/// An answer from the internet to a connection of this host, that is stopped.
fn answers_cut(subject: &Subject<'_>) -> Option<Explanation> {
    let interfaces = subject.host.interfaces.as_ref()?;
    let mut far = interfaces.iter().filter(|i| !i.loopback);
    let (name, to) = far.find_map(|interface| {
        Some((&interface.name, interface.of(Family::Ipv4).next()?))
    })?;
    let packet = Packet {
        to: Some(to),
        port: 40000,
        sport: 443,
        interface: Some(name.clone()),
        state: State::Established,
        flags: "A".to_owned(),
        ..Packet::new([203, 0, 113, 1].into())
    };
    subject.host.explain(&packet).ok().filter(is_cut)
}

fn floods(subject: &Subject<'_>) -> Vec<Found> {
    let mut ways = subject.reached.iter().filter(|way| {
        way.proto == Proto::Udp
            && subject.is_open(way)
            && way.instance.is_some()
    });
    let found = ways.find_map(|way| {
        let beyond = way.beyond(subject.policy);
        let from = witness(&beyond)?;
        let packet = Packet {
            to: way.destinations.iter().find(|t| !t.is_unspecified()).copied(),
            proto: Proto::Udp.into(),
            port: way.port,
            interface: way.interface.clone(),
            ..Packet::new(from)
        };
        let seen = subject.host.explain(&packet).ok()?;
        (seen.answer == Some(Answer::Sent)).then(|| {
            let message = format!("answers over UDP to {from} leave this host");
            Found::new(Severity::Low, Place::whole("iptables-save"), message)
        })
    });
    found.into_iter().collect()
}
