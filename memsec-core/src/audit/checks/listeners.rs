//! MEMSEC-NET-003 to -008 and INST-002: the list of -l, item by item.

use std::net::IpAddr;

use super::{Check, Found, each};
use crate::{
    Cidr, Proto, Socket,
    audit::{
        Scope, Severity,
        subject::{Access, Subject},
    },
    memcached::{Element, Instance, Launcher, Running, Start},
    net::{Family, IpSet},
    text::Place,
};

pub(super) const NET_003: Check = Check {
    id: "MEMSEC-NET-003",
    title: "Listener on a shared network, and no list of clients",
    severity: Severity::Medium,
    varies: "medium; nothing where a firewall keeps everybody out, or the \
             policy names the clients",
    why: "everybody on a private network is not everybody who should read \
          the cache: it has other tenants, printers and guests",
    detection: "a TCP listener on a private or link-local address that \
                somebody reaches, and a policy that allows nobody",
    fix: "name the clients in the policy, and let only them in",
    references: &["NIST AC-3"],
    find: shared_network,
};

pub(super) const NET_004: Check = Check {
    id: "MEMSEC-NET-004",
    title: "The listener is named, not numbered",
    severity: Severity::Low,
    varies: "low: it decides nothing today",
    why: "whoever changes /etc/hosts or the name server changes what \
          memcached listens on at its next start",
    detection: "an item of -l that is no address; localhost is one where \
                /etc/hosts is known",
    fix: "write the address",
    references: &["memcached(1)"],
    find: named,
};

pub(super) const NET_005: Check = Check {
    id: "MEMSEC-NET-005",
    title: "The address to listen on is not there",
    severity: Severity::Medium,
    varies: "medium: nothing is open, and the cache is down",
    why: "memcached does not start where it cannot bind an address",
    detection: "an address of -l that no interface has, where \
                ip_nonlocal_bind is off",
    fix: "listen on an address of this host; where it comes late at boot, \
          start after network-online.target",
    references: &["systemd.special(7)", "ip(7)"],
    find: absent,
};

pub(super) const NET_006: Check = Check {
    id: "MEMSEC-NET-006",
    title: "The lists of -l contradict each other",
    severity: Severity::Medium,
    varies: "medium where it keeps the daemon from starting, else low",
    why: "-l given twice adds up: a new one does not replace the old one, \
          and an address beside a wildcard is in use already",
    detection: "-l given more than once; items that are the same, or of \
                which one contains the other",
    fix: "write one -l, with each address once",
    references: &["memcached(1)"],
    find: contradicting,
};

pub(super) const NET_007: Check = Check {
    id: "MEMSEC-NET-007",
    title: "Another port than 11211 is all that protects it",
    severity: Severity::Info,
    varies: "found only where others than the clients get in",
    why: "scanners ask every port",
    detection: "a TCP listener on another port than 11211, and a way in for \
                others than the policy allows",
    fix: "listen on fewer addresses, or let only the clients in",
    references: &["CWE-656"],
    find: hidden_port,
};

pub(super) const NET_008: Check = Check {
    id: "MEMSEC-NET-008",
    title: "One listener is weaker than the others",
    severity: Severity::High,
    varies: "high where others than the clients get in, medium where only \
             clients do, nothing on loopback",
    why: "who wants to read what is sent, or has no certificate, takes the \
          listener that asks for none",
    detection: "an item of -l that begins with notls: beside -Z, or with \
                btls: beside -o ssl_verify_mode=2",
    fix: "take notls: and btls: away, or listen so on loopback only",
    references: &["memcached(1)", "NIST SC-8"],
    find: weaker,
};

pub(super) const INST_002: Check = Check {
    id: "MEMSEC-INST-002",
    title: "Two daemons want the same port",
    severity: Severity::Medium,
    varies: "medium: whichever starts first has it",
    why: "the other one does not start, and which of two configurations \
          holds is chance",
    detection: "two units or files whose daemons listen on the same address \
                and port, or one of them on all addresses",
    fix: "give each a port or an address of its own, or disable one",
    references: &["NIST CM-8"],
    find: claimed_twice,
};

/// The TCP sockets of a daemon.
fn tcp(running: &Running) -> impl Iterator<Item = &Socket> {
    let all = running.sockets().filter(|(proto, _)| *proto == Proto::Tcp);
    all.map(|(_, socket)| socket)
}

fn shared_network(subject: &Subject<'_>) -> Vec<Found> {
    let near = |address: IpAddr| {
        let set = IpSet::of(Family::of(address), [Cidr::host(address)]);
        matches!(Scope::of(&set), Scope::Private | Scope::Link)
    };
    each(subject, |instance, running| {
        let socket = tcp(running).find(|socket| near(socket.address))?;
        let ways = subject.of(&instance.id);
        let open: Vec<_> = ways.filter(|way| subject.is_open(way)).collect();
        if open.is_empty() || !subject.policy.allow.is_empty() {
            return None;
        }
        let message = format!(
            "{} listens on {}, and no clients are named: {}",
            instance.id,
            socket.address,
            subject.who(&open)
        );
        Some(Found::new(Severity::Medium, instance.place('l'), message))
    })
}

fn named(subject: &Subject<'_>) -> Vec<Found> {
    let hosts = subject.snapshot.files.contains_key("/etc/hosts");
    let is_name = |host: &String| {
        let text = host.split('%').next().unwrap_or_default();
        let number = |c: char| c.is_ascii_digit() || c == '.';
        !text.chars().all(number)
            && text.parse::<IpAddr>().is_err()
            && !(hosts && text == "localhost")
    };
    each(subject, |instance, _| {
        let hosts = instance.elements().into_iter().filter_map(|e| e.host);
        let name = hosts.into_iter().find(is_name)?;
        let message = format!("{} listens on whatever {name} is", instance.id);
        Some(Found::new(Severity::Low, instance.place('l'), message))
    })
}

/// The daemons that do not start, and why.
fn exits<'a>(
    subject: &Subject<'a>,
) -> impl Iterator<Item = (&'a Instance, &'a str)> {
    subject.host.instances.iter().filter_map(|i| match &i.start {
        Start::Exits(exit) => Some((i, exit.message.as_str())),
        Start::Runs(_) => None,
    })
}

fn absent(subject: &Subject<'_>) -> Vec<Found> {
    let all = exits(subject).filter(|(_, why)| {
        why.starts_with("bind(") && why.contains("Cannot assign")
    });
    let found = all.map(|(instance, why)| {
        let message = format!("{} does not start: {why}", instance.id);
        Found::new(Severity::Medium, instance.place('l'), message)
    });
    found.collect()
}

fn contradicting(subject: &Subject<'_>) -> Vec<Found> {
    let found = subject.host.instances.iter().filter_map(|instance| {
        let twice = instance.given('l').len() > 1;
        let down = matches!(instance.start, Start::Exits(_));
        let (severity, what) = match overlap(&instance.elements()) {
            Some(both) if down => (Severity::Medium, both),
            Some(both) => (Severity::Low, both),
            None if twice => {
                (Severity::Low, "-l is given twice, and adds up".to_owned())
            }
            None => return None,
        };
        let message = format!("{}: {what}", instance.id);
        Some(Found::new(severity, instance.place('l'), message))
    });
    found.collect()
}

/// Two items that want the same port of the same address.
fn overlap(elements: &[Element]) -> Option<String> {
    let mut seen: Vec<&Element> = Vec::new();
    // A longer list is no list of addresses of one host.
    for element in elements.iter().take(64) {
        let other = seen.iter().find(|known| collide(known, element));
        if let Some(other) = other {
            return Some(format!(
                "{} and {} are items of -l",
                shown(other),
                shown(element)
            ));
        }
        seen.push(element);
    }
    None
}

fn shown(element: &Element) -> &str {
    element.host.as_deref().unwrap_or("*")
}

fn collide(one: &Element, other: &Element) -> bool {
    let addresses = |element: &Element| match &element.host {
        None => vec!["0.0.0.0".parse().ok(), "::".parse().ok()],
        Some(host) => vec![host.parse::<IpAddr>().ok()],
    };
    one.port == other.port
        && (one.host == other.host
            || addresses(one).into_iter().flatten().any(|a| {
                let mut all = addresses(other).into_iter().flatten();
                all.any(|b| contains(a, b) || contains(b, a))
            }))
}

/// Whether a socket on the one keeps another from the other.
fn contains(one: IpAddr, other: IpAddr) -> bool {
    let wildcard = one.is_unspecified() && one.is_ipv4() == other.is_ipv4();
    one == other || wildcard
}

fn hidden_port(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let socket = tcp(running).find(|socket| socket.port != 11211)?;
        let tcp = |way: &&crate::audit::Reached| {
            way.proto == Proto::Tcp && way.port == socket.port
        };
        let mut ways = subject.of(&instance.id).filter(tcp);
        let open = ways.any(|way| subject.is_open(way));
        let port = socket.port;
        open.then(|| {
            let message = format!("{} is on port {port}, open", instance.id);
            Found::new(Severity::Info, instance.place('p'), message)
        })
    })
}

fn weaker(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        running.options.get(&'Z')?;
        let verifies = super::tls::verifies(running);
        let weak = |element: &Element| match element.tls {
            Some("notls") => !is_loopback(element),
            Some("btls") => verifies && !is_loopback(element),
            _ => false,
        };
        let item = instance.elements().into_iter().find(weak)?;
        let access = subject.access(instance, running);
        let severity = access.graded(Severity::High, Severity::Medium)?;
        let who = match access {
            Access::Others => "others than the clients",
            _ => "clients",
        };
        let message = format!(
            "{}: {who} get in by {}:{}",
            instance.id,
            item.tls.unwrap_or_default(),
            shown(&item)
        );
        Some(Found::new(severity, instance.place('l'), message))
    })
}

fn is_loopback(element: &Element) -> bool {
    let address = element.host.as_ref().and_then(|host| host.parse().ok());
    address.is_some_and(|address: IpAddr| address.is_loopback())
}

fn claimed_twice(subject: &Subject<'_>) -> Vec<Found> {
    let files: Vec<_> = subject
        .running()
        .filter(|(i, _)| {
            i.launcher != Launcher::Process
                && i.netns.is_none()
                && i.id != "memcached-sysconfig"
        })
        .take(256)
        .collect();
    let mut found = Vec::new();
    for (at, (instance, running)) in files.iter().enumerate() {
        let before = files.get(..at).unwrap_or_default();
        let both = before.iter().find_map(|(other, theirs)| {
            let port = shared_port(running, theirs)?;
            Some((other, port))
        });
        let Some((other, port)) = both else { continue };
        let message = format!(
            "{} and {} both want TCP port {port}",
            other.id, instance.id
        );
        let place = Place::whole(&instance.source);
        found.push(Found::new(Severity::Medium, place, message));
    }
    found
}

fn shared_port(one: &Running, other: &Running) -> Option<u16> {
    let same = |a: &Socket, b: &Socket| {
        a.port == b.port
            && a.port != 0
            && (contains(a.address, b.address)
                || contains(b.address, a.address))
    };
    tcp(one).find(|a| tcp(other).any(|b| same(a, b))).map(|a| a.port)
}
