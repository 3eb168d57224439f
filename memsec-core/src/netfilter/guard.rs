//! memsec's own guard among the rules, whichever tool loaded it.

use std::sync::Arc;

use super::{
    Action, Chain, Families, Hook, Origin, Rule, Ruleset, Table, calls::target,
    ipset::Sets, iptables, nftables,
};
use crate::{Error, net::Family, text::Source};

/// The table of nft.
const TABLE: &str = "memsec";

/// The chain of iptables, in its table mangle.
pub(crate) const CHAIN: &str = "MEMSEC";

/// The chain once it stands apart: no table is called so.
const APART: &str = "mangle MEMSEC";

impl Table {
    /// Whether it is the guard.
    pub(super) fn is_guard(&self) -> bool {
        self.is_native_guard() || self.name == APART
    }

    fn is_native_guard(&self) -> bool {
        self.families == Families::Both && self.name == TABLE
    }

    /// Takes the guard out of the table mangle of iptables. It sees every
    /// packet before a rule of the host decides, so it can be a table of its
    /// own; `None` where it does not, or is no guard at all.
    pub(super) fn part_guard(&mut self) -> Option<Self> {
        let mut chains = self.chains.iter();
        let is_own = |chain: &Chain| chain.name == CHAIN;
        let at = chains.position(is_own).filter(|_| self.name == "mangle")?;
        self.is_apart(at).then(|| self.part(at))
    }

    fn is_apart(&self, at: usize) -> bool {
        let mut callers = self.chains.iter().filter(|c| c.leads_to(at));
        let hook = |chain: &&Chain| chain.base.as_ref().map(|base| base.hook);
        let seen = callers.clone().any(|c| hook(&c) == Some(Hook::Prerouting));
        let own = self.chains.get(at).map_or(&[][..], |chain| &chain.rules);
        seen && callers.all(|caller| caller.enters_first(at))
            && own.iter().all(|rule| target(rule.action()).is_none())
    }

    fn part(&mut self, at: usize) -> Self {
        let callers = self.chains.iter().filter(|c| c.leads_to(at));
        let mut chains: Vec<_> = callers.map(|c| c.calling(at)).collect();
        chains.insert(0, self.chains.remove(at));
        for chain in &mut self.chains {
            chain.forget(at);
        }
        Self { name: APART.to_owned(), chains, ..*self }
    }
}

impl Chain {
    fn leads_to(&self, at: usize) -> bool {
        self.rules.iter().any(|rule| target(rule.action()) == Some(at))
    }

    /// Whether every packet that comes by here is led there first.
    fn enters_first(&self, at: usize) -> bool {
        let passes = |rule: &&Rule| {
            matches!(rule.action(), Action::Continue | Action::Mark(_))
        };
        let mut deciding = self.rules.iter().skip_while(passes);
        let mut calls = self.rules.iter();
        let leads = |rule: &&Rule| target(rule.action()) == Some(at);
        deciding.next().is_some_and(|rule| rule.calls(at))
            && calls.all(|rule| !leads(&rule) || rule.calls(at))
            && self.base.is_some()
    }

    /// The same with nothing but the way to that chain, which is the first
    /// then.
    fn calling(&self, at: usize) -> Self {
        let mut calls = self.rules.iter().filter(|rule| rule.calls(at));
        let first = calls.next().map(|rule| rule.acting(Action::Jump(0)));
        let mut chain = self.clone();
        chain.set_rules(first.into_iter().collect());
        if let Some(base) = &mut chain.base {
            base.accepts = true;
        }
        chain
    }

    /// The same once that chain is gone.
    fn forget(&mut self, at: usize) {
        let others = |rule: &&Rule| target(rule.action()) != Some(at);
        let renamed = |rule: &Rule| match rule.action() {
            Action::Jump(to) if *to > at => rule.acting(Action::Jump(to - 1)),
            Action::Goto(to) if *to > at => rule.acting(Action::Goto(to - 1)),
            _ => rule.clone(),
        };
        let rules = self.rules.iter().filter(others).map(renamed);
        self.set_rules(rules.collect());
    }

    fn set_rules(&mut self, rules: Vec<Rule>) {
        self.rules = Arc::new(rules);
        self.index = Default::default();
    }
}

impl Rule {
    fn calls(&self, at: usize) -> bool {
        *self.action() == Action::Jump(at)
            && self.matches().is_empty()
            && self.origin == Origin::Any
    }
}

impl Ruleset {
    /// True if there is a guard.
    pub(crate) fn has_guard(&self) -> bool {
        self.tables.iter().any(Table::is_guard)
    }

    /// True if there is one of nft, which no other firewall empties.
    pub(crate) fn has_native_guard(&self) -> bool {
        self.tables.iter().any(Table::is_native_guard)
    }

    /// Takes the guard away.
    pub(crate) fn remove_guard(&mut self) {
        self.tables.retain(|table| !table.is_guard());
    }

    /// Puts the guard of a listing of nft in the place of the one that is
    /// there.
    ///
    /// # Errors
    ///
    /// Text that is not such a listing.
    pub(crate) fn load_guard(&mut self, listing: &Source) -> Result<(), Error> {
        let new = nftables::tables(listing)?;
        self.tables.retain(|table| !table.is_native_guard());
        self.tables.extend(new.into_iter().map(|native| native.table));
        Ok(())
    }

    /// Puts the guard of a dump of iptables in the place of the one that is
    /// there for the same family.
    ///
    /// # Errors
    ///
    /// Text that is not such a dump.
    pub(crate) fn load_guard_of(
        &mut self,
        family: Family,
        dump: &Source,
    ) -> Result<(), Error> {
        let new = iptables::dump(family, dump, &Sets::default())?;
        let mut new = new.tables.into_iter().map(|(_, table)| table);
        let guard = new.find_map(|mut table| table.part_guard());
        self.tables.retain(|table| !table.is_guard_of(family));
        self.tables.extend(guard);
        Ok(())
    }
}

impl Table {
    fn is_guard_of(&self, family: Family) -> bool {
        self.name == APART && self.families == Families::Only(family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;

    fn ruleset(rules: &str) -> Ruleset {
        let text = format!(
            "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT DROP [0:0]\n\
             :FIRST - [0:0]\n:MEMSEC - [0:0]\n:LAST - [0:0]\n{rules}\
             -A MEMSEC -p tcp -m tcp --dport 11211 -j DROP\nCOMMIT\n"
        );
        let snapshot = Snapshot::new().with_command("iptables-save", &text);
        Ruleset::new(&snapshot).unwrap()
    }

    #[test]
    fn a_guard_that_sees_all_packets_stands_apart() {
        let all = ruleset(
            "-A PREROUTING -j MARK --set-xmark 0x1/0xff\n\
             -A PREROUTING -j MEMSEC\n-A PREROUTING -j LAST\n\
             -A INPUT -j MEMSEC\n-A FIRST -j LAST\n",
        );
        assert!(all.has_guard() && !all.has_native_guard());
        let [rest, guard] = &all.tables[..] else { panic!("{all:?}") };
        let names = |table: &Table| {
            table.chains.iter().map(|c| c.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(guard), ["MEMSEC", "PREROUTING", "INPUT"]);
        assert_eq!(names(rest), ["PREROUTING", "INPUT", "FIRST", "LAST"]);
        let jumps = rest.chains[2].rules.iter().map(|rule| rule.action());
        assert_eq!(jumps.collect::<Vec<_>>(), [&Action::Jump(3)]);
        assert!(guard.chains[2].base.as_ref().unwrap().accepts);
        assert!(!rest.chains[1].base.as_ref().unwrap().accepts);
    }

    #[test]
    fn a_chain_that_some_packets_pass_by_is_none() {
        for rules in [
            "-A INPUT -j MEMSEC\n",
            "-A PREROUTING -i eth1 -j ACCEPT\n-A PREROUTING -j MEMSEC\n",
            "-A PREROUTING -i eth1 -j MEMSEC\n",
            "-A PREROUTING -s 10.0.0.0/8 -j MEMSEC\n",
            "-A PREROUTING -g MEMSEC\n",
            "-A PREROUTING -j MEMSEC\n-A FIRST -j MEMSEC\n",
            "-A PREROUTING -j MEMSEC\n-A MEMSEC -j LAST\n",
        ] {
            assert!(!ruleset(rules).has_guard(), "{rules}");
        }
    }

    #[test]
    fn the_guard_of_one_family_is_put_in_the_place_of_its_own() {
        let mut all = ruleset("-A PREROUTING -j MEMSEC\n");
        let dump = "*mangle\n:PREROUTING ACCEPT [0:0]\n:MEMSEC - [0:0]\n\
                    -A PREROUTING -j MEMSEC\nCOMMIT\n";
        let dump = Source::new("guard", dump);
        for family in Family::BOTH {
            all.load_guard_of(family, &dump).unwrap();
            let guards = all.tables.iter().filter(|t| t.is_guard());
            let empty = guards.filter(|t| t.chains[0].rules.is_empty());
            let expected = 1 + usize::from(family == Family::Ipv6);
            assert_eq!(empty.count(), expected, "{family:?}");
        }
        all.remove_guard();
        assert_eq!(all.tables.len(), 1);
    }
}
