//! What memcached should listen on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    Cidr, Error, Policy, Proto,
    host::Host,
    memcached::{Instance, Running, Start, Version, Wanted},
    net::{Family, Interface},
};

/// The first version that takes an IPv6 literal in -l again: from 1.4.6 to
/// 1.4.24 any one makes the daemon exit (semantics, trap 12).
const IPV6_LITERALS: Version = Version(1, 4, 25);

/// What an instance should listen on by a policy, or `None` where it already
/// does.
///
/// # Errors
///
/// Clients of whom the snapshot does not tell which address they use.
pub(super) fn wanted(
    host: &Host,
    policy: &Policy,
    instance: &Instance,
) -> Result<Option<Wanted>, Error> {
    let running = match &instance.start {
        Start::Runs(running) => running,
        // What its options keep from starting they may let start again.
        Start::Exits(_) => {
            let all =
                [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
            let listen = addresses(host, policy, instance, &all)?;
            return Ok(Some(Wanted {
                listen,
                udp: policy.udp,
                ..Wanted::default()
            }));
        }
    };
    let options = options(policy, instance, running);
    if let Some(path) = &policy.socket {
        let wanted = Wanted { socket: Some(path.clone()), ..options };
        return Ok((!wanted.is_right(running)).then_some(wanted));
    }
    let sockets = running.sockets();
    let sockets: Vec<_> = sockets.collect();
    let udp_off = policy.udp || sockets.iter().all(|s| s.0 == Proto::Tcp);
    let now = sockets.iter().filter(|s| s.0 == Proto::Tcp);
    let now: Vec<IpAddr> = now.map(|(_, socket)| socket.address).collect();
    // A unix socket, or a daemon that serves nobody.
    if now.is_empty() {
        return Ok(options.changes_options().then_some(options));
    }
    let listen = addresses(host, policy, instance, &now)?;
    let same = listen.len() == now.len()
        && listen.iter().all(|address| now.contains(address));
    let right = same && udp_off && !options.changes_options();
    Ok((!right).then_some(Wanted { listen, udp: policy.udp, ..options }))
}

/// How often an option without a value is to stand there.
#[derive(Clone, Copy)]
enum Stands {
    AtLeastOnce,
    AtMostOnce,
    Never,
}

/// The options that settle findings of a policy.
const SETTLING: [(&str, Stands, char); 7] = [
    ("MEMSEC-CMD-001", Stands::Never, 'A'),
    ("MEMSEC-CMD-002", Stands::AtLeastOnce, 'X'),
    ("MEMSEC-CMD-003", Stands::AtLeastOnce, 'F'),
    ("MEMSEC-CMD-004", Stands::AtLeastOnce, 'W'),
    ("MEMSEC-LOG-001", Stands::AtLeastOnce, 'v'),
    ("MEMSEC-LOG-002", Stands::AtMostOnce, 'v'),
    ("MEMSEC-PRIV-003", Stands::Never, 'r'),
];

fn options(policy: &Policy, instance: &Instance, running: &Running) -> Wanted {
    let mut wanted = Wanted { udp: policy.udp, ..Wanted::default() };
    let asked = |check: &str| policy.settle.iter().any(|id| id == check);
    for (check, stands, letter) in SETTLING {
        // Without passwords there is nothing to log about them.
        let idle = check == "MEMSEC-LOG-001" && !running.asks();
        if !asked(check) || idle {
            continue;
        }
        match (stands, instance.given(letter).len()) {
            (Stands::AtLeastOnce, 0) => wanted.added.push(letter),
            (Stands::AtMostOnce, 2..) => wanted.single.push(letter),
            (Stands::Never, 1..) => wanted.removed.push(letter),
            _ => {}
        }
    }
    let udp_off = running.options.get(&'U').is_some_and(|w| w.text == "0");
    let stated = asked("MEMSEC-UDP-002");
    wanted.states_udp = stated && !policy.udp && !udp_off;
    wanted
}

fn addresses(
    host: &Host,
    policy: &Policy,
    instance: &Instance,
    now: &[IpAddr],
) -> Result<Vec<IpAddr>, Error> {
    if policy.allow.is_empty() && policy.bind.is_empty() {
        let near = now.iter().all(IpAddr::is_loopback);
        return Ok(if near { now.to_vec() } else { loopback(host, instance) });
    }
    let mut listen = if !policy.bind.is_empty() {
        policy.bind.clone()
    } else if now.iter().all(|a| !a.is_unspecified() && !a.is_loopback()) {
        now.to_vec()
    } else {
        match for_clients(host, policy) {
            // The clients get in by one that is open already.
            Err(_) if now.iter().any(|a| !a.is_loopback()) => now.to_vec(),
            found => found?,
        }
    };
    // What this host uses today it keeps.
    for address in loopback(host, instance) {
        let whole = |list: &[IpAddr]| {
            let family = Family::of(address);
            list.iter().any(|a| a.is_unspecified() && Family::of(*a) == family)
        };
        let used = now.contains(&address) || whole(now);
        if used && !whole(&listen) && !listen.contains(&address) {
            listen.push(address);
        }
    }
    Ok(listen)
}

/// The loopback addresses that the host has and the version takes.
fn loopback(host: &Host, instance: &Instance) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into()];
    let six: IpAddr = Ipv6Addr::LOCALHOST.into();
    let mut interfaces = host.interfaces.iter().flatten();
    let has = interfaces.any(|i| i.of(Family::Ipv6).any(|a| a == six));
    if has && instance.possible.at_least(IPV6_LITERALS) {
        all.push(six);
    }
    all
}

/// The addresses of this host that the clients of a policy use.
fn for_clients(host: &Host, policy: &Policy) -> Result<Vec<IpAddr>, Error> {
    let mut listen: Vec<IpAddr> = Vec::new();
    for &clients in &policy.allow {
        let found = for_network(host, clients).ok_or_else(|| {
            Error::unsupported(format!(
                "which address of this host {clients} uses cannot be told: \
                 name it with --bind"
            ))
        })?;
        for address in found {
            if !listen.contains(&address) {
                listen.push(address);
            }
        }
    }
    listen.sort_by_key(|address| Family::of(*address));
    Ok(listen)
}

fn for_network(host: &Host, clients: Cidr) -> Option<Vec<IpAddr>> {
    let others = host.interfaces.iter().flatten().filter(|i| !i.loopback);
    let others: Vec<&Interface> = others.collect();
    let family = clients.family();
    let near: Vec<_> = others.iter().flat_map(|i| i.on(clients)).collect();
    if !near.is_empty() {
        return Some(near);
    }
    let lone = |interfaces: &[&Interface]| match interfaces {
        [one] => global(one, family).next(),
        _ => None,
    };
    let with_address: Vec<_> = others
        .iter()
        .filter(|i| global(i, family).next().is_some())
        .copied()
        .collect();
    routed(host, &others, clients)
        .and_then(|interface| global(interface, family).next())
        .or_else(|| lone(&with_address))
        .map(|address| vec![address])
}

/// The addresses of an interface that are good beyond its link.
fn global(
    interface: &Interface,
    family: Family,
) -> impl Iterator<Item = IpAddr> + '_ {
    interface.of(family).filter(|address| match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    })
}

/// The interface that answers to a network leave by.
fn routed<'a>(
    host: &Host,
    interfaces: &[&'a Interface],
    to: Cidr,
) -> Option<&'a Interface> {
    let leads = host.routes.iter().filter(|r| {
        r.to.family() == to.family() && r.to.contains(to.address())
    });
    let route = leads.max_by_key(|route| route.to.prefix())?;
    interfaces.iter().find(|i| i.name == route.interface).copied()
}
