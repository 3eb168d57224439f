//! Reads what `nft -j list ruleset` prints.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    marks::Marking,
    nft_match::{self, Names},
    rules::{Action, Base, Chain, Field, Rule, Table, Target},
    words::number,
};
use crate::{Error, text::Place};

/// A table as nft shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Native {
    pub family: String,
    pub table: Table,
    /// Whether a rule of iptables is shown without what it says.
    pub hidden: bool,
    /// Whether it says what iptables cannot.
    pub own: bool,
    pub sets: Names,
}

/// Reads the tables.
///
/// # Errors
///
/// Text that is no such listing.
pub(super) fn listing(name: &str, text: &str) -> Result<Vec<Native>, Error> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let whole: Value = serde_json::from_str(text)
        .map_err(|error| Error::json(name, &error))?;
    let objects = whole.get("nftables").and_then(Value::as_array);
    let objects = objects.ok_or_else(|| {
        Error::unsupported(format!("cannot check {name}: it has no nftables"))
    })?;
    Ok(tables(name, objects))
}

/// The tables that objects of a listing make.
pub(super) fn tables(name: &str, objects: &[Value]) -> Vec<Native> {
    let mut all: BTreeMap<(String, String), Native> = BTreeMap::new();
    for object in objects {
        let Some((kind, value)) =
            object.as_object().and_then(|o| o.iter().next())
        else {
            continue;
        };
        let own = if kind == "table" { "name" } else { "table" };
        let key = (text_of(value, "family"), text_of(value, own));
        if kind == "table" {
            let native = Native::new(&key, value);
            all.insert(key, native);
        } else if let Some(native) = all.get_mut(&key) {
            native.take(kind, value, name);
        }
    }
    all.into_values().filter(|native| !native.sleeps()).collect()
}

fn text_of(value: &Value, member: &str) -> String {
    let text = value.get(member).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

impl Native {
    fn new((family, name): &(String, String), value: &Value) -> Self {
        let families = match family.as_str() {
            "ip" => [true, false],
            "ip6" => [false, true],
            "inet" | "netdev" => [true, true],
            _ => [false, false],
        };
        let table = Table { name: name.clone(), families, ..Table::default() };
        let mut native =
            Self { family: family.clone(), table, ..Self::default() };
        // nft 1.0 prints the name of the table in the place of "dormant".
        let flags = value.get("flags").map(ToString::to_string);
        if flags.is_some_and(|f| f.contains("dormant") || f.contains(name)) {
            native.family.clear();
        }
        native
    }

    fn sleeps(&self) -> bool {
        self.family.is_empty()
    }

    fn take(&mut self, kind: &str, value: &Value, source: &str) {
        let name = text_of(value, "name");
        match kind {
            "chain" => {
                let chain = Chain { base: base(value), rules: Vec::new() };
                self.table.chains.insert(name, chain);
            }
            "set" | "map" => self.sets.define(&name, value),
            "rule" => self.rule(value, source),
            _ => {}
        }
    }

    fn rule(&mut self, value: &Value, source: &str) {
        let none = Vec::new();
        let expr = value.get("expr").and_then(Value::as_array);
        let json = || value.get("expr").map(ToString::to_string);
        let text = value.get("text").and_then(Value::as_str);
        let line = value.get("line").and_then(Value::as_u64);
        let place = Place {
            source: Some(source.to_owned()),
            line: line.and_then(|line| line.try_into().ok()),
            text: text.map(str::to_owned).or_else(json),
        };
        let mut read = Reading::default();
        for statement in expr.unwrap_or(&none) {
            let Some((kind, value)) =
                statement.as_object().and_then(|o| o.iter().next())
            else {
                continue;
            };
            self.hidden |= kind == "xt";
            read.statement(kind, value, &mut self.sets);
        }
        self.own |= read.own;
        let chain = text_of(value, "chain");
        let Some(chain) = self.table.chains.get_mut(&chain) else { return };
        let ingress = chain.base.as_ref().is_some_and(|b| b.hook == "ingress");
        for mut rule in read.finish() {
            rule.unsure |= ingress;
            rule.place = place.clone();
            chain.rules.push(rule);
        }
    }
}

fn base(value: &Value) -> Option<Base> {
    let hook = value.get("hook")?.as_str()?.to_owned();
    Some(Base {
        hook,
        priority: value.get("prio").and_then(Value::as_i64).unwrap_or(0),
        accepts: value.get("policy").and_then(Value::as_str) != Some("drop"),
        nat: value.get("type").and_then(Value::as_str) == Some("nat"),
    })
}

/// A rule that is being read.
#[derive(Default)]
struct Reading {
    rule: Rule,
    /// What it does before a later condition.
    marked: Vec<Rule>,
    /// Those that a map of verdicts makes of it.
    mapped: Vec<Rule>,
    own: bool,
}

impl Reading {
    fn statement(&mut self, kind: &str, value: &Value, sets: &mut Names) {
        match kind {
            "match" => {
                self.part();
                self.own |= nft_match::is_own(value);
                match nft_match::tests(value, sets) {
                    Some(tests) => self.rule.tests.extend(tests),
                    None => self.rule.unsure = true,
                }
            }
            "vmap" => {
                self.own = true;
                self.part();
                self.vmap(value, sets);
            }
            "mangle" => {
                self.rule.marking = marking(value).or(self.rule.marking);
            }
            "counter" | "log" | "ct helper" | "comment" | "flow" | "dup" => {}
            "set" => {
                self.own = true;
                // It ends the rule where the set is full, or where a limit
                // of the element says so (nft_dynset_eval).
                self.rule.unsure = true;
                sets.forget(&text_of(value, "set"));
            }
            _ => match verdict(kind, value) {
                Some(action) => self.rule.action = action,
                // A limit, a quota, a module of iptables, or something new.
                None => self.rule.unsure = true,
            },
        }
        if kind == "unread" {
            self.rule.marking = Some(Marking::Unread);
        }
        if kind == "xt" && text_of(value, "type") != "match" {
            self.rule.action = Action::Unknown;
        }
    }

    /// Parts what has marked a packet from a condition that comes later: who
    /// does not meet that is marked as well.
    fn part(&mut self) {
        if self.rule.marking.is_none() {
            return;
        }
        self.marked.push(self.rule.clone());
        self.rule.marking = None;
        // It was asked of the mark before.
        let tests = self.rule.tests.len();
        self.rule.tests.retain(|test| !matches!(test.of, Field::Mark(_)));
        self.rule.unsure |= self.rule.tests.len() < tests;
    }

    /// One rule for each key of a map of verdicts.
    fn vmap(&mut self, value: &Value, sets: &Names) {
        let pairs = value.get("data").and_then(|data| sets.pairs(data));
        let key = value.get("key");
        let rules = key.zip(pairs).and_then(|(key, pairs)| {
            let each = pairs.iter().map(|(element, verdict)| {
                let test = nft_match::equals(key, element, sets)?;
                let (kind, value) = verdict.as_object()?.iter().next()?;
                let mut rule = self.rule.clone();
                rule.tests.extend(test);
                rule.action = self::verdict(kind, value)?;
                Some(rule)
            });
            each.collect::<Option<Vec<_>>>()
        });
        match rules {
            Some(rules) => self.mapped = rules,
            None => {
                self.rule.unsure = true;
                self.rule.action = Action::Unknown;
            }
        }
    }

    fn finish(self) -> Vec<Rule> {
        let mut all = self.marked;
        match self.mapped.is_empty() {
            true => all.push(self.rule),
            false => all.extend(self.mapped),
        }
        all
    }
}

/// What becomes of the mark of a packet that something is set in.
fn marking(value: &Value) -> Option<Marking> {
    let key = value.get("key")?.get("meta")?.get("key")?.as_str()?;
    let number = value.get("value").and_then(Value::as_u64);
    let number = number.and_then(|number| number.try_into().ok());
    let marking = number.map_or(Marking::Unread, Marking::whole);
    (key == "mark").then_some(marking)
}

fn verdict(kind: &str, value: &Value) -> Option<Action> {
    let target = || text_of(value, "target");
    let to = || Target {
        address: number(&text_of(value, "addr")).map(|(_, number)| number),
        ports: value.get("port").and_then(Value::as_u64).map(|port| {
            let port = u128::from(port);
            (port, port)
        }),
    };
    Some(match kind {
        "accept" => Action::Accept,
        "masquerade" | "snat" => Action::Disguise,
        "drop" | "reject" => Action::Drop,
        "return" => Action::Return,
        "continue" => Action::Continue,
        "jump" => Action::Jump(target()),
        "goto" => Action::Goto(target()),
        "redirect" | "dnat" => Action::Translate(to()),
        "notrack" | "queue" | "tproxy" | "fwd" | "synproxy" => Action::Unknown,
        _ => return None,
    })
}
