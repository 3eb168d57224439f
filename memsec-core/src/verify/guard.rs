//! Reads the guard's own file, as nft does.

use std::collections::BTreeMap;

use super::{
    rules::{Action, Base, Chain, Field, Rule, TCP, Table, Test, UDP},
    segments::Range,
    words::{addresses, ports, words},
};
use crate::{Error, text::Place};

/// What a guard's file loads.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    pub table: Table,
    /// The elements of its sets, as they are written.
    pub sets: BTreeMap<String, Vec<String>>,
}

/// Reads a file.
///
/// # Errors
///
/// A line that no guard has.
pub(super) fn read(path: &str, text: &str) -> Result<Loaded, Error> {
    let mut loaded = Loaded::default();
    let mut inside = Inside::Nothing;
    for (index, line) in text.lines().enumerate() {
        let place = Place {
            source: Some(path.to_owned()),
            line: Some(index + 1),
            text: Some(line.trim().to_owned()),
        };
        let next = loaded.line(line.trim(), &inside, &place);
        inside = next.ok_or_else(|| super::iptables::cannot(&place))?;
    }
    Ok(loaded)
}

/// The block that a line stands in.
#[derive(Clone, PartialEq)]
enum Inside {
    Nothing,
    Table,
    Set(String),
    Chain(String),
}

impl Loaded {
    fn line(
        &mut self,
        line: &str,
        inside: &Inside,
        place: &Place,
    ) -> Option<Inside> {
        let words = words(line);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let same = Some(inside.clone());
        match (inside, words.as_slice()) {
            (_, []) => same,
            (_, [word, ..]) if word.starts_with('#') => same,
            (
                Inside::Nothing,
                ["table", "inet", "memsec"]
                | ["delete", "table", "inet", "memsec"],
            ) => same,
            (Inside::Nothing, ["table", "inet", "memsec", "{"]) => {
                self.table.name = "memsec".to_owned();
                self.table.families = [true, true];
                Some(Inside::Table)
            }
            (Inside::Table, ["set", name, "{"]) => {
                self.sets.insert((*name).to_owned(), Vec::new());
                Some(Inside::Set((*name).to_owned()))
            }
            (Inside::Table, ["chain", name, "{"]) => {
                let chains = &mut self.table.chains;
                chains.insert((*name).to_owned(), Chain::default());
                Some(Inside::Chain((*name).to_owned()))
            }
            (Inside::Table, ["}"]) => Some(Inside::Nothing),
            (Inside::Set(_) | Inside::Chain(_), ["}"]) => Some(Inside::Table),
            (Inside::Set(_), ["type", _] | ["flags", "interval"]) => same,
            (Inside::Set(name), ["elements", "=", "{", all @ .., "}"]) => {
                let all = all.iter().map(|e| e.trim_end_matches(','));
                let all = all.map(str::to_owned).collect();
                self.sets.insert(name.clone(), all);
                same
            }
            (Inside::Chain(name), words) => {
                self.in_chain(name, words, place)?;
                same
            }
            _ => None,
        }
    }

    fn in_chain(
        &mut self,
        name: &str,
        words: &[&str],
        place: &Place,
    ) -> Option<()> {
        if let ["type", "filter", "hook", hook, "priority", rest @ ..] = words {
            let priority = match rest {
                ["mangle;", "policy", "accept;"] => -150,
                _ => return None,
            };
            let base = Base {
                hook: (*hook).to_owned(),
                priority,
                accepts: true,
                nat: false,
            };
            self.table.chains.get_mut(name)?.base = Some(base);
            return Some(());
        }
        let mut rule = self.rule(words)?;
        rule.place = place.clone();
        self.table.chains.get_mut(name)?.rules.push(rule);
        Some(())
    }

    fn rule(&self, mut words: &[&str]) -> Option<Rule> {
        let mut rule = Rule::default();
        while !words.is_empty() {
            let (mut tests, rest) = match words {
                ["accept"] => {
                    rule.action = Action::Accept;
                    return Some(rule);
                }
                ["drop"] => {
                    rule.action = Action::Drop;
                    return Some(rule);
                }
                ["counter", rest @ ..] => (Vec::new(), rest),
                ["iif" | "iifname", name, rest @ ..] => {
                    (vec![Field::In(vec![(*name).to_owned()])], rest)
                }
                ["fib", "daddr", "type", kind, rest @ ..] => {
                    let kind = vec![(*kind).to_owned()];
                    (vec![Field::DestinationType(kind)], rest)
                }
                ["ct", "direction", way, rest @ ..] => {
                    (vec![Field::Reply(*way == "reply")], rest)
                }
                ["meta", "l4proto", "{", "tcp,", "udp", "}", rest @ ..] => {
                    (vec![Field::Protocol(vec![TCP, UDP])], rest)
                }
                [family @ ("ip" | "ip6"), "saddr", of, rest @ ..] => {
                    let set = self.ranges(of, addresses)?;
                    let six = Field::Six(*family == "ip6");
                    (vec![six, Field::Source(set)], rest)
                }
                ["th", "dport", of, rest @ ..] => {
                    (vec![Field::DestinationPort(self.ranges(of, port)?)], rest)
                }
                ["tcp", "dport", of, rest @ ..] => {
                    let ports = Field::DestinationPort(self.ranges(of, port)?);
                    (vec![Field::Protocol(vec![TCP]), ports], rest)
                }
                _ => return None,
            };
            rule.tests
                .extend(tests.drain(..).map(|of| Test { not: false, of }));
            words = rest;
        }
        None
    }

    /// What a named set holds, or one element.
    fn ranges(
        &self,
        of: &str,
        read: fn(&str) -> Option<Range>,
    ) -> Option<Vec<Range>> {
        match of.strip_prefix('@') {
            Some(name) => {
                self.sets.get(name)?.iter().map(|text| read(text)).collect()
            }
            None => Some(vec![read(of)?]),
        }
    }
}

fn port(text: &str) -> Option<Range> {
    ports(text)?.first().copied()
}
