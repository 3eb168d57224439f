//! direct.xml: rules in the words of iptables.

use super::{Broken, xml::elements};
use crate::{
    net::Family,
    text::{Place, Source},
};

/// What direct.xml asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Direct {
    chains: Vec<Entry>,
    rules: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    family: Family,
    table: String,
    chain: String,
    priority: i32,
    words: String,
    place: Place,
}

const BUILT_IN: [&str; 5] =
    ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

const TABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

impl Direct {
    /// Reads the file; what stands before an error counts.
    pub(super) fn read(source: &Source) -> (Self, Option<Broken>) {
        let mut direct = Self::default();
        let broken = direct.fill(source).err();
        direct.rules.sort_by_key(|rule| rule.priority);
        (direct, broken)
    }

    fn fill(&mut self, source: &Source) -> Result<(), Broken> {
        for e in elements(source)? {
            let entry = |priority, words: String| {
                let family = match e.need("ipv")? {
                    "ipv4" => Some(Family::Ipv4),
                    "ipv6" => Some(Family::Ipv6),
                    "eb" => None,
                    _ => return Err(e.broken("no such ipv")),
                };
                let (table, chain) = (e.need("table")?, e.need("chain")?);
                Ok(family.map(|family| Entry {
                    family,
                    table: table.to_owned(),
                    chain: chain.to_owned(),
                    priority,
                    words,
                    place: e.place.clone(),
                }))
            };
            match e.name.as_str() {
                "direct" => {}
                "chain" => self.chains.extend(entry(0, String::new())?),
                "rule" => {
                    let priority = e.need("priority")?.trim().parse();
                    let priority =
                        priority.map_err(|_| e.broken("not a priority"))?;
                    let words = e.text.split_whitespace();
                    let words = words.collect::<Vec<_>>().join(" ");
                    self.rules.extend(entry(priority, words)?);
                }
                "passthrough" => self.passthrough(&e),
                name => {
                    let what = format!("unexpected element {name}");
                    return Err(e.broken(what));
                }
            }
        }
        Ok(())
    }

    /// `-t TABLE -A CHAIN rule`: other commands are not followed.
    fn passthrough(&mut self, e: &super::xml::Element) {
        let family = match e.get("ipv") {
            Some("ipv4") => Family::Ipv4,
            Some("ipv6") => Family::Ipv6,
            _ => return,
        };
        let mut words: Vec<_> = e.text.split_whitespace().collect();
        let table = words.iter().position(|word| *word == "-t");
        let table = match table {
            Some(at) if at + 1 < words.len() => {
                words.drain(at..at + 2).nth(1).unwrap_or("filter")
            }
            _ => "filter",
        };
        let [verb, chain, rest @ ..] = words.as_slice() else { return };
        if !matches!(*verb, "-A" | "-I") {
            return;
        }
        self.rules.push(Entry {
            family,
            table: table.to_owned(),
            // Its chain is taken as it is.
            chain: format!("={chain}"),
            priority: if *verb == "-I" { i32::MIN } else { i32::MAX },
            words: rest.join(" "),
            place: e.place.clone(),
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.chains.is_empty()
    }

    /// The tables that have something of a family.
    pub(super) fn tables(&self, family: Family) -> Vec<&'static str> {
        let all = || self.chains.iter().chain(&self.rules);
        let has = |table: &&str| {
            all().any(|e| e.family == family && e.table == *table)
        };
        TABLES.into_iter().filter(has).collect()
    }

    /// The lines that declare chains; `own` if those of the built-in chains
    /// have the rules.
    pub(super) fn chains(
        &self,
        family: Family,
        table: &str,
        own: bool,
        mut line: impl FnMut(&str, Option<&Place>),
    ) {
        for name in built_in(table).iter().filter(|_| own) {
            line(&format!(":{name}_direct - [0:0]"), None);
        }
        let of = |e: &&Entry| e.family == family && e.table == table;
        for entry in self.chains.iter().filter(of) {
            let text = format!(":{} - [0:0]", entry.chain);
            line(&text, Some(&entry.place));
        }
    }

    pub(super) fn rules(
        &self,
        family: Family,
        table: &str,
        own: bool,
        mut line: impl FnMut(&str, Option<&Place>),
    ) {
        for name in built_in(table).iter().filter(|_| own) {
            let there = table == "filter" && *name != "PREROUTING";
            // Those of the filter table are jumped to from the frame.
            if !there {
                line(&format!("-I {name} -j {name}_direct"), None);
            }
        }
        let of = |e: &&Entry| e.family == family && e.table == table;
        for rule in self.rules.iter().filter(of) {
            let chain = match rule.chain.strip_prefix('=') {
                Some(chain) => chain.to_owned(),
                None => {
                    let name = rule.chain.trim_end_matches("_direct");
                    match BUILT_IN.contains(&name) {
                        true if own => format!("{name}_direct"),
                        true => name.to_owned(),
                        false => rule.chain.clone(),
                    }
                }
            };
            let verb = if rule.priority == i32::MIN { "-I" } else { "-A" };
            let text = format!("{verb} {chain} {}", rule.words);
            line(&text, Some(&rule.place));
        }
    }
}

/// The chains of a table that firewalld gives a chain for direct rules.
fn built_in(table: &str) -> &'static [&'static str] {
    match table {
        "filter" => &["INPUT", "FORWARD", "OUTPUT"],
        "nat" => &["PREROUTING", "OUTPUT", "POSTROUTING"],
        "mangle" => &BUILT_IN,
        _ => &[],
    }
}
