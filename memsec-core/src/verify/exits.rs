//! Where packets leave the host.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::{
    ground::Ground,
    rules::{Network, Probe},
    segments::{Range, Segments},
    walk::walk,
    way::Reach,
};
use crate::{Error, plan::HostRoute};

/// The addresses of a link of IPv6.
const LINK_LOCAL: Range = (0xfe80 << 112, (0xfec0 << 112) - 1);

/// Addresses, and the interfaces by which packets to them may leave.
type Exit<'a> = (Range, Vec<&'a str>);

impl<'a> Ground<'a> {
    /// The interface that leads to an address: of its network, or else by
    /// the closest route.
    pub(super) fn towards(&self, six: bool, to: u128) -> Option<&'a str> {
        let mut all = self.networks.iter();
        let on = |one: &&Network| {
            one.six == six && (one.range.0..=one.range.1).contains(&to)
        };
        match all.find(on) {
            Some(one) => Some(&one.interface),
            None => self.routed(six, to),
        }
    }

    fn routed(&self, six: bool, to: u128) -> Option<&'a str> {
        let exits = self.exits(six);
        let mut closest = exits.iter().rev();
        let (_, names) = closest.find(|((a, b), _)| (*a..=*b).contains(&to))?;
        match names[..] {
            [name] => Some(name),
            _ => None,
        }
    }

    /// The clients whose answers get out: by each interface that they may
    /// leave by.
    pub(super) fn answered(
        &self,
        probe: &Probe<'_>,
        hooks: &[&str],
        clients: &Segments,
        reach: &mut Reach,
    ) -> Result<Segments, Error> {
        let mut by = |interface| {
            let back = Probe { reply: true, interface, ..*probe };
            let back = walk(self.tables, &back, hooks)?;
            reach.note(&back);
            Ok::<_, Error>(back.must())
        };
        let Some(arrival) = probe.interface else {
            return Ok(by(None)?.meet(clients));
        };
        let mut known: BTreeMap<&str, Segments> = BTreeMap::new();
        let mut all = Segments::default();
        for (range, names) in self.answers(arrival, probe) {
            let range = Segments::of([range]);
            let mut out = clients.meet(&range);
            if names.is_empty() || out.is_empty() {
                all = all.without(&range);
                continue;
            }
            for name in names {
                let must = match known.entry(name) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(free) => free.insert(by(Some(name))?),
                };
                out = out.meet(must);
            }
            all = all.without(&range);
            all.add(&out);
        }
        Ok(all)
    }

    /// Where answers leave: by the routes, or where those are not known by
    /// the interface of the network that a client is on, or else by the one
    /// that it came in by. A later range is taken out of those before it.
    fn answers<'b>(
        &'b self,
        arrival: &'b str,
        probe: &Probe<'_>,
    ) -> Vec<Exit<'b>> {
        let mut all: Vec<Exit<'b>> = self.exits(probe.six);
        if all.is_empty() {
            let away = self.away_from(arrival, probe.six);
            let away = away.map(|n| (n.range, vec![n.interface.as_str()]));
            let same = (probe.everyone(), vec![arrival]);
            return [same].into_iter().chain(away).collect();
        }
        // Each link has such addresses: the interface is part of them.
        let of_link = |(range, names): &Exit<'b>| {
            let first = range.0.max(LINK_LOCAL.0);
            let last = range.1.min(LINK_LOCAL.1);
            let same = names.iter().copied().filter(|name| *name == arrival);
            let both = ((first, last), same.collect());
            (probe.six && first <= last).then_some(both)
        };
        let linked: Vec<_> = all.iter().filter_map(of_link).collect();
        all.extend(linked);
        all
    }

    /// The routes of a family, the closest last: what is for a range may
    /// leave by any of the interfaces, and not at all without one.
    fn exits(&self, six: bool) -> Vec<Exit<'a>> {
        let own =
            self.routes.iter().filter(|r| r.to.address().is_ipv6() == six);
        let mut all: BTreeMap<_, BTreeSet<Option<&'a str>>> = BTreeMap::new();
        for HostRoute { to, interface } in own {
            let names = all.entry((to.prefix(), to.bounds())).or_default();
            names.insert(interface.as_deref());
        }
        let each = all.into_iter().map(|((_, range), names)| {
            let names: Option<Vec<_>> = names.into_iter().collect();
            (range, names.unwrap_or_default())
        });
        each.collect()
    }

    /// The networks of a family that an interface is not on.
    fn away_from(
        &self,
        interface: &str,
        six: bool,
    ) -> impl Iterator<Item = &'a Network> {
        let own = self.networks.iter().filter(move |one| one.six == six);
        let here: BTreeSet<_> = own
            .clone()
            .filter(|one| one.interface == interface)
            .map(|one| one.range)
            .collect();
        own.filter(move |one| !here.contains(&one.range))
    }
}
