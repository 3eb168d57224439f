//! A rule set with a table more, and against another one.

use super::{
    Action, Chain, Families, Match, Rule, Ruleset, Table, Test, nftables,
};
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

    /// Takes an inet table away.
    pub(crate) fn remove_table(&mut self, name: &str) {
        self.tables.retain(|table| !table.is(name));
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
            self.remove_table(&table.name);
            self.tables.push(table);
        }
        Ok(())
    }

    /// Puts the tables of `nft list ruleset` beside those that are there.
    ///
    /// # Errors
    ///
    /// Text that is not such a listing.
    pub(crate) fn add_listed(&mut self, listing: &Source) -> Result<(), Error> {
        let tables = nftables::listed(listing)?.into_iter();
        let awake = tables.filter(|native| !native.dormant);
        self.tables.extend(awake.map(|native| native.table));
        Ok(())
    }

    /// What the snapshot does not say of the rules, for people.
    pub(crate) fn unknowns(&self) -> Vec<(String, Place)> {
        let all = self.all_unread();
        all.map(|unread| (unread.what.clone(), unread.place.clone())).collect()
    }

    /// The first rule by which this set could treat a packet for another
    /// port than `ports` differently from `before`: one that is gone, or one
    /// that is new, and that speaks of more. The inet table `own` may come, go and
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
            new.changed(old, ports)
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

    /// The first rule that is not there as it was, for what it says of other
    /// ports.
    fn changed(&self, old: &Self, ports: &PortSet) -> Option<Place> {
        let (before, after) = (old.rests(ports), self.rests(ports));
        let mut before = before.into_iter();
        for rest in after {
            if !before.next().is_some_and(|known| known.is_like(&rest)) {
                return Some(self.place(rest.rule));
            }
        }
        before.next().map(|gone| old.place(gone.rule))
    }

    /// What the rules say of other ports, in their order. Neighbours that
    /// differ in nothing but their ports are one.
    fn rests(&self, but: &PortSet) -> Vec<Rest<'_>> {
        let mut rests: Vec<Rest<'_>> = Vec::new();
        for rule in &self.rules {
            let ports = rule.ports().map(|ports| ports.difference(but));
            if ports.as_ref().is_some_and(PortSet::is_empty) {
                continue;
            }
            let rest = Rest { chain: self, rule, ports };
            match rests.last_mut() {
                Some(last) if last.differs_in_ports(&rest) => {
                    last.ports = last.both(&rest);
                }
                _ => rests.push(rest),
            }
        }
        rests
    }
}

/// What a rule says of other ports than some.
struct Rest<'c> {
    chain: &'c Chain,
    rule: &'c Rule,
    /// Its ports, if it is about ports.
    ports: Option<PortSet>,
}

impl Rest<'_> {
    fn is_like(&self, other: &Self) -> bool {
        if self.ports != other.ports {
            return false;
        }
        // Matches that are not known are told apart by their text.
        let text = |rest: &Self| rest.chain.span(rest.rule).text().to_owned();
        let same = self.rule.is_like(other.rule) && text(self) == text(other);
        same || self.differs_in_ports(other)
    }

    /// Whether both are known in full, and the same but for their ports.
    fn differs_in_ports(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.rule, other.rule);
        self.ports.is_some()
            && other.ports.is_some()
            && mine.origin == theirs.origin
            && mine.action() == theirs.action()
            && mine.is_known()
            && mine.beside_ports().eq(theirs.beside_ports())
    }

    fn both(&self, other: &Self) -> Option<PortSet> {
        let (mine, theirs) = (self.ports.as_ref()?, other.ports.as_ref()?);
        Some(mine.union(theirs))
    }
}

impl Rule {
    fn is_within(&self, ports: &PortSet) -> bool {
        self.ports().is_some_and(|own| own.is_subset(ports))
    }

    /// The destination ports that it is for, if it names them.
    fn ports(&self) -> Option<&PortSet> {
        self.matches().iter().find_map(destination_ports)
    }

    /// Its conditions but for that one.
    fn beside_ports(&self) -> impl Iterator<Item = &Match> {
        let mut found = false;
        self.matches().iter().filter(move |one| {
            let first = !found && destination_ports(one).is_some();
            found |= first;
            !first
        })
    }

    fn is_known(&self) -> bool {
        let open =
            |one: &Match| matches!(one.test, Test::Undecided | Test::Unknown);
        !self.matches().iter().any(open)
    }
}

fn destination_ports(condition: &Match) -> Option<&PortSet> {
    match &condition.test {
        Test::DestinationPort(set) if !condition.negated => Some(set),
        _ => None,
    }
}
