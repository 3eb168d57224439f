//! The certificate of a draft.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    certificate::{
        Certificate, Checked, HostAddress, HostRoute, Listening, Networks,
        Segment, Takes, TextChange, digest,
    },
    draft::{Draft, State, Texts},
};
use crate::{
    audit::{DUMPS, Reached, shortest},
    host::{Host, Way},
    memcached::Start,
    net::{Family, IpSet, RouteKind},
    reach::Taker,
};

/// A longer text is not repeated in a plan.
const LONGEST: usize = 256 << 10;

/// More routes of a family than this are not listed.
const ROUTES: usize = 64;

/// More networks than this are not listed.
const NETWORKS: usize = 64;

pub(super) fn certificate(draft: &Draft<'_>) -> Certificate {
    let first: &State = &draft.first;
    let mut before = &first.texts;
    let mut states = vec![Checked {
        listeners: Some(first.listeners.clone()),
        reach: Some(segments(&first.reached)),
        ..Checked::default()
    }];
    let mut known = first;
    for (state, step) in draft.states.iter().zip(&draft.steps) {
        states.push(Checked {
            step: Some(digest(step)),
            changes: changes(before, &state.texts),
            ..checked(known, state)
        });
        before = &state.texts;
        known = state;
    }
    Certificate {
        addresses: addresses(&draft.host),
        routes: routes(&draft.host),
        rules: first.texts.iter().map(listed).collect(),
        states,
    }
}

fn checked(before: &State, state: &State) -> Checked {
    let same = |one: &Listening| before.listeners.contains(one);
    let quiet = before.listeners.len() == state.listeners.len()
        && state.listeners.iter().all(same);
    let (was, is) = (segments(&before.reached), segments(&state.reached));
    Checked {
        listeners: (!quiet).then(|| state.listeners.clone()),
        reach: (was != is).then_some(is),
        ..Checked::default()
    }
}

fn listed(
    (command, text): (&&'static str, &Arc<String>),
) -> (String, Option<Arc<String>>) {
    let short = (text.len() <= LONGEST).then(|| Arc::clone(text));
    ((*command).to_owned(), short)
}

fn changes(before: &Texts, after: &Texts) -> Vec<TextChange> {
    let none = Arc::default();
    let changed = after.iter().filter_map(|(command, new)| {
        let old = before.get(command).unwrap_or(&none);
        let same = Arc::ptr_eq(old, new) || old == new;
        (!same).then(|| TextChange::between(command, old, new))
    });
    changed.collect()
}

pub(crate) fn addresses(host: &Host) -> Option<Vec<HostAddress>> {
    let all = host.interfaces.as_ref()?.iter().flat_map(|interface| {
        interface.addresses.iter().map(|entry| HostAddress {
            interface: interface.name.clone(),
            address: entry.address,
            prefix: entry.prefix,
            loopback: interface.loopback,
        })
    });
    Some(all.collect())
}

fn routes(host: &Host) -> Vec<HostRoute> {
    let of = |family: Family| {
        let all = host.routes.iter();
        all.filter(move |route| route.to.family() == family)
    };
    let few = |family: &&Family| of(**family).nth(ROUTES).is_none();
    let known = host.routed.iter().filter(few);
    let all = known.flat_map(|family| of(*family)).map(|route| {
        let sent = route.kind == RouteKind::Unicast;
        let interface = sent.then(|| route.interface.clone());
        HostRoute { to: route.to, interface }
    });
    all.collect()
}

/// The sockets of the daemons, what of this host leads to others, and where
/// those are.
pub(super) fn listening(host: &Host) -> Vec<Listening> {
    let there = |way: &&Way| {
        way.taker != Taker::Other || host.bridge(way.address).is_some()
    };
    let ways = host.ways.iter().filter(there);
    let mut all: Vec<_> = ways.map(|way| led(host, way)).collect();
    for instance in host.instances.iter().filter(|i| i.netns.is_none()) {
        let Start::Runs(running) = &instance.start else { continue };
        for listener in &running.listeners {
            let Some((proto, socket)) = listener.socket() else { continue };
            let one = Listening {
                instance: instance.id.clone(),
                proto,
                address: socket.address,
                port: socket.port,
                sure: running.is_sure(listener),
                taker: Takes::Socket,
                assumed: false,
            };
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

fn led(host: &Host, way: &Way) -> Listening {
    let mut daemons = host.instances.iter();
    Listening {
        instance: way.instance.clone(),
        proto: way.proto,
        address: way.address,
        port: way.port,
        sure: true,
        taker: match way.taker {
            // Other hosts come to a loopback address by a rule alone.
            _ if way.address.is_loopback() => Takes::Led,
            Taker::Socket | Taker::AnySocket => Takes::Socket,
            Taker::Perhaps => Takes::Perhaps,
            Taker::Led => Takes::Led,
            Taker::Other => Takes::Behind,
        },
        assumed: daemons.any(|one| one.id == way.instance && one.is_led()),
    }
}

fn segments(reached: &[Reached]) -> Vec<Segment> {
    let own = reached.iter().filter(|r| r.instance.is_some() && !r.local);
    own.map(segment).collect()
}

fn segment(reached: &Reached) -> Segment {
    Segment {
        proto: reached.proto,
        port: reached.port,
        interface: reached.interface.clone(),
        destinations: reached.destinations.clone(),
        may: networks(&reached.sources.may),
        must: networks(&reached.sources.must),
    }
}

fn networks(set: &IpSet) -> Option<Networks> {
    // Counting alone would take long where there are a million.
    let few = |set: &IpSet| set.cidrs().nth(NETWORKS).is_none();
    if !few(set) && !few(&set.complement()) {
        return None;
    }
    let (of, except) = shortest(set);
    let [of, except] = [of, except].map(|set| set.cidrs().collect());
    Some(Networks { of, except })
}

/// The texts of the rules in a snapshot.
pub(super) fn texts(snapshot: &crate::Snapshot) -> Texts {
    let text = |command: &&'static str| {
        let output = snapshot.commands.get(*command);
        let output = output.filter(|output| output.status == 0)?;
        Some((*command, Arc::clone(&output.stdout)))
    };
    DUMPS.iter().filter_map(text).collect::<BTreeMap<_, _>>()
}
