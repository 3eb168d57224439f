//! What packets meet: the rules, and the networks that the host is on.

use std::collections::BTreeSet;

use super::{
    rules::{Field, Network, Probe, Table},
    segments::Segments,
    walk::walk,
    way::Reach,
};
use crate::Error;

/// More source ports than this no rules tell apart.
const SOURCE_PORTS: usize = 64;

/// A port that every client may have.
pub(super) const CLIENT: u16 = 40000;

/// What packets meet: the rules, and the networks that the host is on.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub tables: &'a [Table],
    pub networks: &'a [Network],
}

impl<'a> Ground<'a> {
    /// The interface that leads to an address.
    pub(super) fn towards(&self, six: bool, to: u128) -> Option<&'a str> {
        let mut all = self.networks.iter();
        let on = |one: &&Network| {
            one.six == six && (one.range.0..=one.range.1).contains(&to)
        };
        all.find(on).map(|one| one.interface.as_str())
    }

    pub(super) fn has(&self, six: bool, address: u128) -> bool {
        self.networks.iter().any(|one| one.six == six && one.own == address)
    }

    /// The clients whose answers get out: by the interface of the network that
    /// they are on, or else by the one that they came in by.
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
            Ok::<_, Error>(back.must().meet(clients))
        };
        let mut all = by(probe.interface)?;
        let Some(arrival) = probe.interface else { return Ok(all) };
        for network in self.away_from(arrival, probe.six) {
            let range = Segments::of([network.range]);
            if clients.meet(&range).is_empty() {
                continue;
            }
            let other = by(Some(&network.interface))?.meet(&range);
            all = all.without(&range);
            all.add(&other);
        }
        Ok(all)
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

    /// Source ports that stand for all that the rules tell apart.
    ///
    /// # Errors
    ///
    /// Too many of them.
    pub(super) fn source_ports(&self) -> Result<Vec<u16>, Error> {
        let mut starts = BTreeSet::from([CLIENT]);
        for field in self.tests() {
            let (Field::SourcePort(set) | Field::EitherPort(set)) = field
            else {
                continue;
            };
            let edges = set.iter().flat_map(|&(first, last)| [first, last + 1]);
            starts.extend(edges.filter_map(|edge| u16::try_from(edge).ok()));
            if starts.len() > SOURCE_PORTS {
                let what = "the rules tell too many source ports apart";
                return Err(Error::unsupported(format!(
                    "cannot check: {what}"
                )));
            }
        }
        // The one that every client may have comes first.
        let mut all = vec![CLIENT];
        all.extend(starts.into_iter().filter(|port| *port != CLIENT));
        Ok(all)
    }

    fn tests(&self) -> impl Iterator<Item = &'a Field> {
        let chains = self.tables.iter().flat_map(|table| table.chains.values());
        let rules = chains.flat_map(|chain| &chain.rules);
        rules.flat_map(|rule| &rule.tests).map(|test| &test.of)
    }
}
