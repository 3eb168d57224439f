//! What packets meet: the rules, and the networks that the host is on.

use std::collections::BTreeSet;

use super::rules::{Field, Network, Table};
use crate::{Error, plan::HostRoute};

/// More source ports than this no rules tell apart.
const SOURCE_PORTS: usize = 64;

/// A port that every client may have.
pub(super) const CLIENT: u16 = 40000;

/// What packets meet: the rules, and the networks that the host is on.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub tables: &'a [Table],
    pub networks: &'a [Network],
    /// The host's routes, of each family of which they are known.
    pub routes: &'a [HostRoute],
}

impl<'a> Ground<'a> {
    pub(super) fn has(&self, six: bool, address: u128) -> bool {
        self.networks.iter().any(|one| one.six == six && one.own == address)
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
