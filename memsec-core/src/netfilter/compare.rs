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
        let rules = of_own.flat_map(|t| t.chains.iter().flat_map(|c| &c.rules));
        let mut stops = rules.filter(|rule| rule.action != Action::Accept);
        if let Some(rule) = stops.find(|rule| !rule.is_within(ports)) {
            return Some(rule.span.place());
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
            inserted(&old.rules, &new.rules, ports)
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
}

/// The first rule that is not there as it was, unless it is a new one that
/// speaks of the ports only.
fn inserted(old: &[Rule], new: &[Rule], ports: &PortSet) -> Option<Place> {
    let mut old = old.iter().peekable();
    for rule in new {
        if old.next_if(|known| known.says_the_same(rule)).is_none()
            && !rule.is_within(ports)
        {
            return Some(rule.span.place());
        }
    }
    old.next().map(|gone| gone.span.place())
}

impl Rule {
    fn says_the_same(&self, other: &Self) -> bool {
        // Matches that are not known are told apart by their text.
        self.matches == other.matches
            && self.action == other.action
            && self.span.text() == other.span.text()
    }

    fn is_within(&self, ports: &PortSet) -> bool {
        self.matches.iter().any(|condition| match &condition.test {
            Test::DestinationPort(set) => {
                !condition.negated && set.is_subset(ports)
            }
            _ => false,
        })
    }
}
