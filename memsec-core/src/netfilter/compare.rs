//! A rule set with a table more, and against another one.

use super::{Action, Chain, Families, Rule, Ruleset, Table, Test, nftables};
use crate::{
    Error,
    net::PortSet,
    text::{Place, Source},
};

impl Table {
    fn is(&self, name: &str) -> bool {
        self.families == Families::Both && self.name == name
    }
}

impl Ruleset {
    /// True if there is an inet table of this name.
    pub(crate) fn has_table(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.is(name))
    }

    /// Puts the tables of a listing of nft in the place of those with the
    /// same name.
    ///
    /// # Errors
    ///
    /// Text that is not such a listing.
    pub(crate) fn load(&mut self, listing: &Source) -> Result<(), Error> {
        let tables = nftables::tables(listing)?;
        for table in tables.into_iter().map(|native| native.table) {
            self.tables.retain(|known| !known.is(&table.name));
            self.tables.push(table);
        }
        Ok(())
    }

    /// What the snapshot does not say of the rules, for people.
    pub(crate) fn unknowns(&self) -> Vec<(String, Place)> {
        let all = self.all_unread();
        all.map(|unread| (unread.what.clone(), unread.place.clone())).collect()
    }

    /// The first rule by which this set could treat a packet for another
    /// port than `ports` differently from `before`: one that is gone, or one
    /// that is new and speaks of more. The inet table `own` may come, go and
    /// change, as long as it stops nothing else.
    pub(crate) fn differs_beyond(
        &self,
        before: &Self,
        own: &str,
        ports: &PortSet,
    ) -> Option<Place> {
        let of_own = self.tables.iter().filter(|table| table.is(own));
        let rules = of_own.flat_map(|table| &table.chains).flat_map(|chain| {
            chain.rules.iter().map(move |rule| (chain, rule))
        });
        let mut stops = rules.filter(|(_, rule)| {
            *rule.action() != Action::Accept && !rule.is_within(ports)
        });
        if let Some((chain, rule)) = stops.next() {
            return Some(chain.place(rule));
        }
        let (old, new) = (before.all_but(own), self.all_but(own));
        let pairs = old.iter().zip(&new);
        let mut changed =
            pairs.filter_map(|(old, new)| new.changed(old, ports));
        match changed.next() {
            Some(place) => Some(place),
            None if old.len() == new.len() => None,
            None => Some(Place::default()),
        }
    }
}

impl Ruleset {
    fn all_but(&self, own: &str) -> Vec<&Table> {
        self.tables.iter().filter(|table| !table.is(own)).collect()
    }
}

impl Table {
    fn changed(&self, old: &Self, ports: &PortSet) -> Option<Place> {
        let same = self.name == old.name
            && self.families == old.families
            && self.chains.len() == old.chains.len();
        if !same {
            return Some(Place::whole(&self.name));
        }
        let pairs = old.chains.iter().zip(&self.chains);
        let mut all = pairs.filter_map(|(old, new)| {
            if !old.is_entered_as(new) {
                return Some(Place::whole(&new.name));
            }
            new.inserted(old, ports)
        });
        all.next()
    }
}

impl Chain {
    /// Whether the kernel enters and leaves both in the same way.
    fn is_entered_as(&self, other: &Self) -> bool {
        let way = |chain: &Self| {
            let base = chain.base.as_ref()?;
            Some((base.hook, base.priority, base.accepts, base.nat))
        };
        self.name == other.name && way(self) == way(other)
    }

    /// The first rule that is not there as it was, unless it is a new one
    /// that speaks of the ports only.
    fn inserted(&self, old: &Self, ports: &PortSet) -> Option<Place> {
        // Matches that are not known are told apart by their text.
        let same = |known: &Rule, rule: &Rule| {
            known.is_like(rule)
                && old.span(known).text() == self.span(rule).text()
        };
        let mut before = old.rules.iter().peekable();
        for rule in &self.rules {
            if before.next_if(|known| same(known, rule)).is_none()
                && !rule.is_within(ports)
            {
                return Some(self.place(rule));
            }
        }
        before.next().map(|gone| old.place(gone))
    }
}

impl Rule {
    fn is_within(&self, ports: &PortSet) -> bool {
        self.matches().iter().any(|condition| match &condition.test {
            Test::DestinationPort(set) => {
                !condition.negated && set.is_subset(ports)
            }
            _ => false,
        })
    }
}
