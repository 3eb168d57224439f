//! A rule set with a table more, and against another one.

use super::{
    Action, AddressType, Chain, Connection, Hook, Match, Origin, Rule, Ruleset,
    Table, Test, calls::target, nftables,
};
use crate::{
    Error,
    net::{Cidr, PortSet, RangeSet},
    text::{Place, Source},
};

impl Ruleset {
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

    /// The first rule by which this set could treat a packet that is not for
    /// this host, over TCP or UDP, to one of `ports`, differently from
    /// `before`: one that is gone, or one that is new, and that could be
    /// about more. The guard may come, go and change, as long as
    /// it stops nothing else; what is for the networks `inside` is for this
    /// host too, as far as it is concerned.
    pub(crate) fn differs_beyond(
        &self,
        before: &Self,
        ports: &PortSet,
        inside: &[Cidr],
    ) -> Option<Place> {
        let mut of_own = self.tables.iter().filter(|table| table.is_guard());
        if let Some(place) = of_own.find_map(|t| t.stops_more(ports, inside)) {
            return Some(place);
        }
        let (old, new) = (before.beside_guard(), self.beside_guard());
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
    fn beside_guard(&self) -> Vec<&Table> {
        self.tables.iter().filter(|table| !table.is_guard()).collect()
    }
}

impl Table {
    /// What of a table of our own could stop other packets than those for
    /// some ports of this host.
    fn stops_more(&self, ports: &PortSet, inside: &[Cidr]) -> Option<Place> {
        self.chains.iter().find_map(|chain| {
            let base = chain.base.as_ref();
            if base.is_some_and(|base| !base.accepts || base.nat) {
                return Some(Place::whole(&chain.name));
            }
            let input = base.is_some_and(|base| base.hook == Hook::Input);
            let mut rules = chain.rules.iter().enumerate();
            let (_, rule) = rules.find(|(at, rule)| {
                let before = chain.rules.get(..*at).unwrap_or_default();
                let here = input
                    || before.iter().any(Rule::spares_others)
                    || rule.goes_to(inside);
                !(rule.goes_on() || here && rule.is_for(ports))
            })?;
            Some(chain.place(rule))
        })
    }

    fn changed(&self, old: &Self, ports: &PortSet) -> Option<Place> {
        let same = self.name == old.name
            && self.families == old.families
            && self.chains.len() == old.chains.len();
        if !same {
            return Some(Place::whole(&self.name));
        }
        let pairs = old.chains.iter().zip(&self.chains).enumerate();
        let mut all = pairs.filter_map(|(index, (old, new))| {
            if !old.is_entered_as(new) {
                return Some(Place::whole(&new.name));
            }
            if new.is_like(old) {
                return None;
            }
            new.changed(old, ports).or_else(|| {
                let inward = self.is_inward(index);
                new.reaches_out(old, ports, inward)
            })
        });
        all.next()
    }

    /// Whether only packets come to a chain that are for this host.
    fn is_inward(&self, chain: usize) -> bool {
        let outward = |chain: &Chain| {
            chain.base.as_ref().is_some_and(|base| base.hook != Hook::Input)
        };
        let all = self.chains.iter().enumerate();
        let mut open: Vec<usize> =
            all.filter(|(_, c)| outward(c)).map(|(index, _)| index).collect();
        let mut seen = vec![false; self.chains.len()];
        while let Some(next) = open.pop() {
            let Some(new) = seen.get_mut(next).filter(|seen| !**seen) else {
                continue;
            };
            *new = true;
            let rules = self.chains.get(next).map_or(&[][..], |c| &c.rules);
            open.extend(rules.iter().filter_map(|rule| target(rule.action())));
        }
        seen.get(chain) == Some(&false)
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

    /// Whether the rules are the same, as far as they are known.
    fn is_like(&self, old: &Self) -> bool {
        let same = |(mine, theirs): (&Rule, &Rule)| {
            let text = || self.span(mine).text() == old.span(theirs).text();
            mine.is_like(theirs) && (mine.is_known() || text())
        };
        self.rules.len() == old.rules.len()
            && self.rules.iter().zip(old.rules.iter()).all(same)
    }

    /// A rule for some ports alone that came or went, and that other packets
    /// meet than those for this host, over TCP or UDP.
    fn reaches_out(
        &self,
        old: &Self,
        ports: &PortSet,
        inward: bool,
    ) -> Option<Place> {
        let within = |chain: &Self| {
            let own = chain.rules.iter();
            own.filter(|rule| rule.is_within(ports)).cloned().collect()
        };
        let (was, is): (Vec<Rule>, Vec<Rule>) = (within(old), within(self));
        let lacks = |all: &[Rule], rule: &&Rule| {
            let out = !inward || !rule.is_for(ports);
            out && !all.iter().any(|other| other.is_like(rule))
        };
        let new = is.iter().find(|rule| lacks(&was, rule));
        let gone = was.iter().find(|rule| lacks(&is, rule));
        new.map(|rule| self.place(rule))
            .or_else(|| gone.map(|rule| old.place(rule)))
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
        let hook = self.base.as_ref().map(|base| base.hook);
        let sends = hook == Some(Hook::Output);
        let own = |rule: &&Rule| sends && rule.answers_from(but);
        for rule in self.rules.iter().filter(|rule| !own(rule)) {
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

    /// The same over TCP and UDP alone.
    fn is_for(&self, ports: &PortSet) -> bool {
        let carried = self.matches().iter().any(|one| {
            let Test::Protocol(set) = &one.test else { return false };
            let known = RangeSet::from_ranges([(6, 6), (17, 17)]);
            !one.negated && set.is_subset(&known)
        });
        carried && self.is_within(ports)
    }

    /// Whether it lets the answers of some ports go on, over TCP or UDP, and
    /// nothing else.
    fn answers_from(&self, ports: &PortSet) -> bool {
        let has = |is: &dyn Fn(&Test) -> bool| {
            self.matches().iter().any(|one| !one.negated && is(&one.test))
        };
        let known = RangeSet::from_ranges([(6, 6), (17, 17)]);
        *self.action() == Action::Accept
            && has(&|t| matches!(t, Test::Protocol(p) if p.is_subset(&known)))
            && has(&|t| matches!(t, Test::SourcePort(p) if p.is_subset(ports)))
            && has(&|t| {
                let reply = Connection::Reply(true);
                matches!(t, Test::Connection { of, without: false }
                    if *of == reply)
            })
    }

    /// Whether what it meets goes on: of the guard each chain is looked at,
    /// and its callers end in an accept.
    fn goes_on(&self) -> bool {
        use Action::{Accept, Jump, Return};
        matches!(self.action(), Accept | Jump(_) | Return)
    }

    /// Whether it lets all go on that is for another host.
    fn spares_others(&self) -> bool {
        let ends = matches!(self.action(), Action::Accept | Action::Return);
        let others = match self.matches() {
            [one] => one.is_for_others(),
            [one, two] => one.is_no_group() && two.is_for_others(),
            _ => false,
        };
        ends && others && self.origin == Origin::Any
    }

    /// Whether it meets only what is sent to one of some networks.
    fn goes_to(&self, networks: &[Cidr]) -> bool {
        let within = |test: &Test| {
            let Test::Destination(set) = test else { return false };
            networks.iter().any(|network| {
                let (first, last) = network.bounds();
                set.is_subset(&RangeSet::range(first, last))
            })
        };
        self.matches().iter().any(|one| !one.negated && within(&one.test))
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

impl Match {
    fn is_for_others(&self) -> bool {
        let Test::DestinationType(kind) = self.test else { return false };
        let elsewhere = (AddressType::Unicast, false);
        let not_here = (AddressType::Local, true);
        let not_near = (AddressType::Local | AddressType::Anycast, true);
        [elsewhere, not_here, not_near].contains(&(kind, self.negated))
    }

    /// Whether it leaves out nothing but the groups of IPv6.
    fn is_no_group(&self) -> bool {
        let Test::Destination(set) = &self.test else { return false };
        let groups = RangeSet::range(0xff << 120, u128::MAX);
        self.negated && *set == groups
    }
}

fn destination_ports(condition: &Match) -> Option<&PortSet> {
    match &condition.test {
        Test::DestinationPort(set) if !condition.negated => Some(set),
        _ => None,
    }
}
