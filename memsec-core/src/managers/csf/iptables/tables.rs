//! The tables of a family, as calls of iptables change them.

use std::collections::{BTreeMap, VecDeque};

use super::{Names, Refusal, canonical};
use crate::{managers::Dump, netfilter::GUARD_CHAIN, text::Place};

/// The chains that are there from the start, by table.
const BUILT_IN: [(&str, &[&str]); 4] = [
    ("filter", &["INPUT", "FORWARD", "OUTPUT"]),
    ("mangle", &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]),
    ("nat", &["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]),
    ("raw", &["PREROUTING", "OUTPUT"]),
];

/// Targets that are no chains.
const TARGETS: [&str; 13] = [
    "ACCEPT",
    "CT",
    "DNAT",
    "DROP",
    "LOG",
    "MASQUERADE",
    "NOTRACK",
    "QUEUE",
    "REDIRECT",
    "REJECT",
    "RETURN",
    "SNAT",
    "TARPIT",
];

/// A rule, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Kept {
    pub text: String,
    pub place: Option<Place>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chain {
    /// Of a chain that is there from the start: whether it lets through what
    /// no rule decides.
    policy: Option<bool>,
    rules: VecDeque<Kept>,
}

/// The tables of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Tables(
    BTreeMap<&'static str, BTreeMap<String, Chain>>,
);

impl Tables {
    /// After a flush: no rules, and everything is let through.
    pub(in super::super) fn new() -> Self {
        let table = |(name, chains): (&'static str, &[&str])| {
            let open = Chain { policy: Some(true), rules: VecDeque::new() };
            let chains =
                chains.iter().map(|name| ((*name).to_owned(), open.clone()));
            (name, chains.collect())
        };
        Self(BUILT_IN.into_iter().map(table).collect())
    }

    /// Does what a call of iptables does.
    pub(in super::super) fn call(
        &mut self,
        names: &Names<'_>,
        words: &str,
        place: Option<&Place>,
    ) -> Result<(), Refusal> {
        let (table, words) = table_of(split(words))?;
        let Some(chains) = self.0.get_mut(table.as_str()) else {
            return Err(Refusal::new(format!("no table {table}")));
        };
        let mut words = words.into_iter();
        let verb = words.next().unwrap_or_default();
        let name = words.next().unwrap_or_default();
        let rest: Vec<String> = words.collect();
        match verb.as_str() {
            "-N" | "--new-chain" => create(chains, name),
            "-P" | "--policy" => {
                let chain = existing(chains, &name)?;
                chain.policy =
                    Some(rest.first().is_some_and(|p| p == "ACCEPT"));
                Ok(())
            }
            "-A" | "--append" | "-I" | "--insert" | "-D" | "--delete" => {
                edit(chains, names, (&verb, &name), &rest, place)
            }
            _ => Err(Refusal::Undecided(format!("iptables {verb}"))),
        }
    }

    /// Loads the guard of a dump: its chain anew, and what leads there before
    /// all other rules.
    pub(in super::super) fn load_guard(&mut self, dump: &Dump) {
        let call = format!("-j {GUARD_CHAIN}");
        let Some(chains) = self.0.get_mut("mangle") else { return };
        chains.insert(GUARD_CHAIN.to_owned(), Chain::default());
        for chain in chains.values_mut() {
            chain.rules.retain(|rule| rule.text != call);
        }
        for (line, place) in dump.text.lines().zip(&dump.places) {
            let rule = line.strip_prefix("-A ").or(line.strip_prefix("-I "));
            let Some((name, text)) = rule.and_then(|r| r.split_once(' '))
            else {
                continue;
            };
            let Some(chain) = chains.get_mut(name) else { continue };
            let rule = Kept { text: text.to_owned(), place: place.clone() };
            match name {
                GUARD_CHAIN => chain.rules.push_back(rule),
                _ => chain.rules.push_front(rule),
            }
        }
    }

    /// Puts a rule in front of a chain of the table filter.
    pub(in super::super) fn put_first(&mut self, chain: &str, rule: Kept) {
        let filter = self.0.get_mut("filter");
        if let Some(chain) = filter.and_then(|chains| chains.get_mut(chain)) {
            chain.rules.push_front(rule);
        }
    }

    /// The lines that iptables-save prints, and where each comes from.
    pub(in super::super) fn lines(&self) -> Vec<Kept> {
        let mut lines = Vec::new();
        for (name, built_in) in BUILT_IN {
            let Some(chains) = self.0.get(name) else { continue };
            let own = chains.keys().map(String::as_str);
            let own = own.filter(|name| !built_in.contains(name));
            let order: Vec<&str> =
                built_in.iter().copied().chain(own).collect();
            lines.push(bare(format!("*{name}")));
            lines.extend(order.iter().filter_map(|name| {
                Some(bare(format!(
                    ":{name} {} [0:0]",
                    chains.get(*name)?.state()
                )))
            }));
            for name in order {
                let rules = chains.get(name).map(|chain| &chain.rules);
                lines.extend(rules.into_iter().flatten().map(|rule| Kept {
                    text: format!("-A {name} {}", rule.text),
                    place: rule.place.clone(),
                }));
            }
            lines.push(bare("COMMIT".to_owned()));
        }
        lines
    }
}

impl Chain {
    fn state(&self) -> &'static str {
        match self.policy {
            Some(true) => "ACCEPT",
            Some(false) => "DROP",
            None => "-",
        }
    }
}

fn bare(text: String) -> Kept {
    Kept { text, place: None }
}

/// What a rule like "-A CHAIN ..." is saved as; `None` if it is refused.
pub(in super::super) fn saved(
    names: &Names<'_>,
    words: &str,
) -> Option<String> {
    let words = split(words);
    let (chain, rest) = (words.get(1)?, words.get(2..)?);
    let rule = canonical(names, rest).ok()?;
    Some(format!("{chain} {}", rule.text))
}

/// The table that the words name, and the words without it.
fn table_of(words: Vec<String>) -> Result<(String, Vec<String>), Refusal> {
    let at = words.iter().position(|w| matches!(&**w, "-t" | "--table"));
    let Some(at) = at else { return Ok(("filter".to_owned(), words)) };
    let table = words.get(at + 1).cloned();
    let table = table.ok_or_else(|| Refusal::new("-t is cut"))?;
    let mut words = words;
    words.drain(at..at + 2);
    Ok((table, words))
}

/// Rules farther down are not looked for one by one: a script could ask for
/// each.
const FAR: usize = 1000;

fn far() -> Refusal {
    Refusal::Undecided("a rule that far down".to_owned())
}

/// As long as nf_tables lets the name of a chain be.
const LONGEST: usize = 28;

fn create(
    chains: &mut BTreeMap<String, Chain>,
    name: String,
) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > LONGEST || chains.contains_key(&name) {
        return Err(Refusal::new(format!("there can be no new chain {name}")));
    }
    chains.insert(name, Chain::default());
    Ok(())
}

fn existing<'a>(
    chains: &'a mut BTreeMap<String, Chain>,
    name: &str,
) -> Result<&'a mut Chain, Refusal> {
    let message = format!("there is no chain {name}");
    chains.get_mut(name).ok_or(Refusal::Refused(message))
}

fn edit(
    chains: &mut BTreeMap<String, Chain>,
    names: &Names<'_>,
    (verb, name): (&str, &str),
    rest: &[String],
    place: Option<&Place>,
) -> Result<(), Refusal> {
    let (number, rest) = rule_number(verb, rest);
    let rule = canonical(names, rest)?;
    let calls = rule.calls.as_deref();
    let known =
        |target: &str| TARGETS.contains(&target) || chains.contains_key(target);
    if let Some(target) = calls.filter(|target| !known(target)) {
        return Err(Refusal::new(format!("there is no target {target}")));
    }
    let rules = &mut existing(chains, name)?.rules;
    let kept = Kept { text: rule.text, place: place.cloned() };
    match verb {
        "-A" | "--append" => rules.push_back(kept),
        "-D" | "--delete" => {
            let mut first = rules.iter().take(FAR);
            let at = first.position(|rule| rule.text == kept.text);
            if at.is_none() && rules.len() > FAR {
                return Err(far());
            }
            let at = at.ok_or_else(|| Refusal::new("there is no such rule"))?;
            rules.remove(at);
        }
        _ if number > rules.len() + 1 => {
            return Err(Refusal::new("Index of insertion too big"));
        }
        _ if number > FAR && rules.len() > FAR => return Err(far()),
        _ => rules.insert(number - 1, kept),
    }
    Ok(())
}

/// The number behind "-I CHAIN", and the words behind it.
fn rule_number<'a>(verb: &str, rest: &'a [String]) -> (usize, &'a [String]) {
    let [first, others @ ..] = rest else { return (1, rest) };
    match first.parse() {
        Ok(number) if number > 0 && verb.starts_with("-I") => (number, others),
        _ => (1, rest),
    }
}

/// Words at blanks, but not within double quotes, as iptables-restore has
/// them.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            ' ' | '\t' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}
