//! What iptables-restore(8) makes of a text, given the tables that are there.

use std::collections::HashMap;

use super::{Dump, beside::Stays, command::command, refusal};
use crate::{
    net::Family,
    text::{Place, Source, Span},
};

/// The tables of one family, as a dump shows them.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    family: Family,
    all: Vec<Table>,
    /// Commands that are not followed.
    pub unknown: Vec<(String, Place)>,
}

#[derive(Clone, Debug)]
struct Table {
    name: String,
    chains: Vec<Chain>,
    index: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Chain {
    name: String,
    /// "ACCEPT" or "DROP" for a built-in chain, "-" for another.
    policy: String,
    declared: Option<Place>,
    /// False once it is deleted.
    there: bool,
    rules: Vec<(String, Option<Place>)>,
}

/// Why iptables-restore refuses a text, and at which line.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub what: String,
    pub place: Place,
}

const BUILT_IN: [(&str, &[&str]); 5] = [
    ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
    ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]),
    ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
    ("raw", &["PREROUTING", "OUTPUT"]),
    ("security", &["INPUT", "FORWARD", "OUTPUT"]),
];

/// The command that prints the rules of a family.
pub(crate) fn save(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "iptables-save",
        Family::Ipv6 => "ip6tables-save",
    }
}

impl Tables {
    pub(super) fn new(family: Family) -> Self {
        Self { family, all: Vec::new(), unknown: Vec::new() }
    }

    /// Loads rules that stand in no file.
    pub(super) fn add(&mut self, text: &str) {
        // The texts are this library's own; none is refused.
        let _ = self.load(&Source::new("", text), false, true, |_| None);
    }

    /// The same, without making a chain anew that is there.
    pub(super) fn add_but(&mut self, text: &str, chain: &str) {
        let made = format!(":{chain} ");
        let there = self.all.iter_mut().any(|t| t.get(chain).is_some());
        let lines = text.lines().filter(|l| !there || !l.starts_with(&made));
        let lines: String = lines.map(|line| format!("{line}\n")).collect();
        self.add(&lines);
    }

    /// The tables in a text that iptables-save, or a start, has printed;
    /// each line is for the place of its number.
    pub(super) fn printed(
        family: Family,
        source: &Source,
        places: impl Fn(usize) -> Option<Place>,
    ) -> Self {
        let mut tables = Self::new(family);
        let place = |line: &Span| {
            let number = line.place().line.unwrap_or_default();
            places(number.checked_sub(1)?)
        };
        // It is not checked, and so not refused.
        let _ = tables.load(source, false, true, place);
        tables
    }

    /// Loads a file. Each table is one transaction: those before the one
    /// that is refused stay. If `flush`, a table loses what it had before.
    ///
    /// # Errors
    ///
    /// The line that iptables-restore refuses.
    pub(super) fn restore(
        &mut self,
        source: &Source,
        flush: bool,
    ) -> Result<(), Refused> {
        self.load(source, true, !flush, |line| Some(line.place()))
    }

    fn load(
        &mut self,
        source: &Source,
        checked: bool,
        keep: bool,
        place: impl Fn(&Span) -> Option<Place>,
    ) -> Result<(), Refused> {
        let mut open: Option<(Table, Vec<Span>)> = None;
        for line in source.lines() {
            let text = line.text().trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match &mut open {
                None => match text.strip_prefix('*') {
                    Some(name) => {
                        open =
                            Some((self.table(name.trim(), keep), Vec::new()));
                    }
                    None => return Err(refused(&line, "not in a table")),
                },
                Some((table, lines)) if text == "COMMIT" => {
                    if checked {
                        refusal::check(self.family, &table.frame(), lines)?;
                    }
                    if let Some((table, _)) = open.take() {
                        self.put(table);
                    }
                }
                Some((table, lines)) => {
                    lines.push(line.clone());
                    if !table.line(text, place(&line)) {
                        let what = format!("{text}: not followed");
                        self.unknown.push((what, line.place()));
                    }
                }
            }
        }
        // Without COMMIT nothing of the last table is loaded.
        Ok(())
    }

    fn table(&self, name: &str, keep: bool) -> Table {
        let known = self.all.iter().find(|table| table.name == name);
        match known {
            Some(table) if keep => table.clone(),
            _ => Table::new(name),
        }
    }

    fn put(&mut self, table: Table) {
        match self.all.iter_mut().find(|known| known.name == table.name) {
            Some(known) => *known = table,
            None => self.all.push(table),
        }
    }

    /// Puts the tables of a start beside those that were there: what is not
    /// the starter's stays, and its own chains, whose names begin so, are
    /// made anew. Its rules in other chains stand where such were.
    pub(super) fn start_beside(&mut self, started: Self, own: &str) {
        for new in started.all {
            let name = new.name.clone();
            let mut table = self.table(&name, true);
            table.start_beside(new, own);
            self.put(table);
        }
    }

    /// Puts the tables of a file in the place of those that were there.
    pub(super) fn replace(&mut self, tables: Self) {
        tables.all.into_iter().for_each(|table| self.put(table));
    }

    /// What iptables-save would print, but for rules that are still to be
    /// inserted before others: those are `-I` lines.
    pub(super) fn dump(self) -> Dump {
        let mut dump = Dump {
            command: save(self.family),
            text: String::new(),
            places: Vec::new(),
            stays: Stays::Tables,
        };
        for table in self.all {
            table.write(&mut dump);
        }
        dump
    }
}

pub(super) fn refused(line: &Span, what: impl Into<String>) -> Refused {
    Refused { what: what.into(), place: line.place() }
}

impl Table {
    fn new(name: &str) -> Self {
        let (chains, index) = (Vec::new(), HashMap::new());
        let mut table = Self { name: name.to_owned(), chains, index };
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        for chain in built_in.map_or(&[][..], |(_, chains)| chains) {
            table.chain(chain, "ACCEPT");
        }
        table
    }

    fn chain(&mut self, name: &str, policy: &str) {
        self.index.insert(name.to_owned(), self.chains.len());
        self.chains.push(Chain {
            name: name.to_owned(),
            policy: policy.to_owned(),
            declared: None,
            there: true,
            rules: Vec::new(),
        });
    }

    fn get(&mut self, name: &str) -> Option<&mut Chain> {
        self.chains.get_mut(*self.index.get(name)?)
    }

    /// Reads a line between the first and the last; false if it is not
    /// followed.
    fn line(&mut self, text: &str, place: Option<Place>) -> bool {
        if let Some(declaration) = text.strip_prefix(':') {
            self.declare(declaration, place);
            return true;
        }
        let Some((verb, chain, rest)) = command(text) else { return false };
        match verb {
            "-N" | "--new-chain" => self.chain(chain, "-"),
            "-P" | "--policy" => {
                self.declare(&format!("{chain} {rest}"), place)
            }
            "-F" | "--flush" => {
                let all = self.chains.iter_mut();
                let named = all.filter(|c| chain.is_empty() || c.name == chain);
                named.for_each(|chain| chain.rules.clear());
            }
            "-X" | "--delete-chain" => {
                if let Some(chain) = self.get(chain) {
                    chain.there = false;
                }
                self.index.remove(chain);
            }
            "-A" | "--append" | "-I" | "--insert" => {
                let verb = if verb.contains('A') || verb == "--append" {
                    "-A"
                } else {
                    "-I"
                };
                let rule = format!("{verb} {chain} {rest}");
                if let Some(chain) = self.get(chain) {
                    chain.rules.push((rule, place));
                }
            }
            "-Z" | "--zero" => {}
            _ => return false,
        }
        true
    }

    /// `:CHAIN POLICY [packets:bytes]`. A chain that is there and is not
    /// built in is flushed.
    fn declare(&mut self, text: &str, place: Option<Place>) {
        let mut words = text.split_whitespace();
        let (name, policy) = (words.next(), words.next());
        let (name, policy) = (name.unwrap_or(""), policy.unwrap_or("-"));
        match self.get(name) {
            Some(chain) if chain.policy == "-" => chain.rules.clear(),
            Some(chain) if policy != "-" => {
                policy.clone_into(&mut chain.policy);
                chain.declared = place;
            }
            Some(_) => {}
            None => self.chain(name, "-"),
        }
    }

    fn start_beside(&mut self, new: Self, own: &str) {
        let is_own = |chain: &Chain| chain.name.starts_with(own);
        for chain in self.chains.iter_mut().filter(|chain| is_own(chain)) {
            chain.there = false;
            chain.rules.clear();
        }
        for chain in new.chains.into_iter().filter(|chain| chain.there) {
            if self.get(&chain.name).is_none() {
                self.chain(&chain.name, &chain.policy);
            }
            if let Some(old) = self.get(&chain.name) {
                old.start_beside(chain, own);
            }
        }
    }

    /// The table with its chains and no rules, one line each.
    fn frame(&self) -> Vec<String> {
        let chains = self.chains.iter().filter(|chain| chain.there);
        let first = format!("*{}", self.name);
        std::iter::once(first).chain(chains.map(Chain::declaration)).collect()
    }

    fn write(self, dump: &mut Dump) {
        let mut line = |text: String, place: Option<Place>| {
            dump.text.push_str(&text);
            dump.text.push('\n');
            dump.places.push(place);
        };
        line(format!("*{}", self.name), None);
        let chains: Vec<_> =
            self.chains.into_iter().filter(|chain| chain.there).collect();
        for chain in &chains {
            line(chain.declaration(), chain.declared.clone());
        }
        for (rule, place) in chains.into_iter().flat_map(|chain| chain.rules) {
            line(rule, place);
        }
        line("COMMIT".to_owned(), None);
    }
}

impl Chain {
    fn start_beside(&mut self, new: Self, own: &str) {
        self.there = true;
        self.declared = new.declared;
        if new.policy != "-" {
            self.policy = new.policy;
        }
        let leads = |(rule, _): &(String, _)| {
            let mut words = rule.split_whitespace();
            words.any(|word| matches!(word, "-j" | "-g"))
                && words.next().is_some_and(|to| to.starts_with(own))
        };
        let first = self.rules.iter().position(leads);
        self.rules.retain(|rule| !leads(rule));
        let at = first.unwrap_or(self.rules.len());
        self.rules.splice(at..at, new.rules);
    }

    fn declaration(&self) -> String {
        format!(":{} {} [0:0]", self.name, self.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(texts: &[&str]) -> (String, Vec<String>) {
        let mut tables = Tables::new(Family::Ipv4);
        let mut errors = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let source = Source::new(format!("f{at}"), *text);
            if let Err(error) = tables.restore(&source, false) {
                errors.push(format!("{}: {}", error.place, error.what));
            }
        }
        (tables.dump().text, errors)
    }

    #[test]
    fn a_table_with_a_line_at_fault_stays_as_it_was() {
        let (text, errors) = loaded(&[
            "*filter\n:u - [0:0]\n-A INPUT -j u\nCOMMIT\n",
            "*nat\n:n -\nCOMMIT\n*filter\n-A u -j DROP\n\
             -A u -p tcp --dport 1x -j ACCEPT\nCOMMIT\n",
        ]);
        assert!(
            text.contains(":n - [0:0]") && !text.contains("-A u"),
            "{text}"
        );
        assert_eq!(errors, ["f1:6: \"1x\" is not a port"]);
    }

    #[test]
    fn a_chain_that_is_declared_again_is_flushed_and_a_built_in_one_is_not() {
        let (text, errors) = loaded(&[
            "*filter\n:u -\n-A u -j DROP\n-A INPUT -j u\nCOMMIT\n",
            "*filter\n:u -\n:INPUT DROP [0:0]\n[1:2] -A u -j RETURN\nCOMMIT\n",
        ]);
        assert!(errors.is_empty(), "{errors:?}");
        assert!(
            text.ends_with(
                ":u - [0:0]\n-A INPUT -j u\n-A u -j RETURN\nCOMMIT\n"
            )
        );
        assert!(text.contains(":INPUT DROP"), "{text}");
    }

    #[test]
    fn each_line_has_its_place() {
        let mut tables = Tables::new(Family::Ipv6);
        let source = Source::new("r", "*raw\n\n-A OUTPUT -j DROP\nCOMMIT\n");
        tables.restore(&source, true).unwrap();
        let dump = tables.dump();
        assert_eq!(dump.command, "ip6tables-save");
        assert_eq!(dump.places.len(), dump.text.lines().count());
        let at = dump.text.lines().position(|l| l.contains("DROP")).unwrap();
        assert_eq!(dump.places[at].as_ref().unwrap().line, Some(3));
    }
}
