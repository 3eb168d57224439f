//! Who reaches memcached once a firewall manager has started again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Reached, reached, subject::Subject};
use crate::{
    Error, Packet, Snapshot, explain,
    host::Host,
    managers::{Dump, Load, Manager},
    net::{Family, IpSet},
    snapshot::Output,
    text::Place,
};

/// An address that is nobody's, RFC 3849.
const OUTSIDER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// A way in for which a next start makes a difference.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub manager: Manager,
    pub port: u16,
    pub proto: crate::Proto,
    pub family: Family,
    pub interface: Option<String>,
    /// Those who get in then, or could, and cannot now.
    pub opened: IpSet,
    /// Those who get in now and cannot then.
    pub closed: IpSet,
    /// Whether all who are in `opened` are sure to get in.
    pub sure: bool,
    /// The line of the manager's files that decides.
    pub place: Place,
}

/// One address that stands for a set: an outsider, if there is one.
pub(crate) fn witness(set: &IpSet) -> Option<IpAddr> {
    let outsider = match set.family() {
        Family::Ipv4 => Ipv4Addr::new(203, 0, 113, 1).into(),
        Family::Ipv6 => OUTSIDER.into(),
    };
    if set.contains(outsider) {
        return Some(outsider);
    }
    let first = set.numbers().first()?;
    Some(set.family().address(first))
}

/// What the next start of each enabled manager changes. A file of `nft -f`
/// is loaded at boot, with all the others: see [`super::boot`].
pub(crate) fn changes(subject: &Subject<'_>) -> Vec<Change> {
    let loads = subject.loads.iter();
    let loads = loads.filter(|load| load.enabled && !load.dumps.is_empty());
    let loads = loads.filter(|load| !load.is_script());
    loads.flat_map(|load| of(subject, load).unwrap_or_default()).collect()
}

fn of(subject: &Subject<'_>, load: &Load) -> Result<Vec<Change>, Error> {
    let load = &load.on(subject.snapshot);
    let after = started(subject.snapshot, load);
    let then = reached(&Host::new(&after)?, subject.policy);
    let mut changes = Vec::new();
    for now in &subject.reached {
        for then in then.iter().filter(|then| same_way(now, then)) {
            changes.extend(change(load, &after, now, then));
        }
    }
    Ok(changes)
}

/// The host once the manager has loaded its rules: those of others stay.
fn started(snapshot: &Snapshot, load: &Load) -> Snapshot {
    let mut after = snapshot.clone();
    for Dump { command, text, .. } in &load.dumps {
        let output = Output { stdout: text.clone().into(), status: 0 };
        after.commands.insert((*command).to_owned(), output);
    }
    after
}

pub(super) fn same_way(now: &Reached, then: &Reached) -> bool {
    let key = |r: &Reached| {
        (r.instance.clone(), r.proto, r.port, r.interface.clone(), r.family())
    };
    !now.local
        && key(now) == key(then)
        && now.destinations.iter().any(|to| then.destinations.contains(to))
}

fn change(
    load: &Load,
    after: &Snapshot,
    now: &Reached,
    then: &Reached,
) -> Option<Change> {
    let opened = then.sources.may.difference(&now.sources.may);
    let closed = now.sources.must.difference(&then.sources.may);
    let changed = if opened.is_empty() { &closed } else { &opened };
    let packet = Packet {
        to: then.destinations.first().copied(),
        proto: now.proto.into(),
        port: now.port,
        interface: now.interface.clone(),
        ..Packet::new(witness(changed)?)
    };
    Some(Change {
        manager: load.manager,
        port: now.port,
        proto: now.proto,
        family: now.family(),
        interface: now.interface.clone(),
        sure: opened.is_subset(&then.sources.must),
        opened,
        closed,
        place: load.decides(after, &packet).unwrap_or_default(),
    })
}

impl Load {
    /// What decides over a packet: the last line of the manager's files that
    /// it meets, or else the last rule.
    fn decides(&self, after: &Snapshot, packet: &Packet) -> Option<Place> {
        let met = explain(after, packet).ok()?.path;
        let rules = met.iter().rev().filter_map(|met| met.rule.as_ref());
        let places: Vec<_> = rules.map(|rule| self.origin(rule)).collect();
        let printed = |place: &&Place| {
            let mut dumps = self.dumps.iter();
            dumps.any(|dump| place.source.as_deref() == Some(dump.command))
        };
        let of_files = places.iter().find(|place| !printed(place));
        of_files.or(places.first()).cloned()
    }

    /// The line of the manager's files that a rule of its dumps is for, or
    /// else the rule.
    pub(crate) fn origin(&self, rule: &Place) -> Place {
        let dump = self
            .dumps
            .iter()
            .find(|dump| rule.source.as_deref() == Some(dump.command));
        let line = rule.line.and_then(|line| line.checked_sub(1));
        let place = dump
            .zip(line)
            .and_then(|(dump, line)| dump.places.get(line).cloned().flatten());
        place.unwrap_or_else(|| rule.clone())
    }
}
