//! The JSON of `nft -j list ruleset`: libnftables-json(5).

mod expression;
mod field;
mod set;
mod value;

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    Action, Base, Chain, Families, Hook, Match, Rule, Table, Test, calls,
};
use crate::{
    Error,
    net::Family,
    text::{Source, Span},
};
use expression::{Reading, Statement};
use set::Set;

/// A table as nft shows it.
#[derive(Debug)]
pub(super) struct Native {
    family: String,
    name: String,
    /// True if its chains hook nowhere for now.
    pub dormant: bool,
    /// True if iptables-save cannot show all that it does.
    pub inexpressible: bool,
    pub table: Table,
}

impl Native {
    /// True if iptables-save shows it as its table `name`.
    pub(super) fn is(&self, family: Family, name: &str) -> bool {
        let ours = if family == Family::Ipv4 { "ip" } else { "ip6" };
        self.family == ours && self.name == name
    }
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    nftables: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Object {
    table: Option<Head>,
    chain: Option<Head>,
    set: Option<Value>,
    map: Option<Value>,
    rule: Option<RuleObject>,
}

#[derive(Deserialize)]
struct Head {
    family: String,
    name: String,
    table: Option<String>,
    flags: Option<Value>,
    #[serde(rename = "type")]
    kind: Option<String>,
    hook: Option<String>,
    prio: Option<i64>,
    dev: Option<Value>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct RuleObject {
    family: String,
    table: String,
    chain: String,
    #[serde(default)]
    expr: Vec<Value>,
}

/// A table that is being read.
struct Building {
    source: Source,
    native: Native,
    index: HashMap<String, usize>,
    sets: HashMap<String, Set>,
    /// What holds of each rule: the device of a netdev chain.
    conditions: Vec<Option<Test>>,
    /// The chains that rules name, each with the rule's place.
    calls: Vec<(String, Span)>,
}

/// The tables that are being read.
#[derive(Default)]
struct Tables {
    all: Vec<Building>,
    index: HashMap<(String, String), usize>,
    /// Sets may stand behind the rules that name them.
    rules: Vec<(RuleObject, Option<Span>)>,
}

/// Reads the tables.
pub(super) fn tables(source: &Source) -> Result<Vec<Native>, Error> {
    let text = source.text();
    // nft 1.0 prints nothing at all where there is nothing to list.
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let wrong = |error| Error::json(source.name(), &error);
    let document: Document<'_> = serde_json::from_str(text).map_err(wrong)?;
    let lines: Vec<Span> = source.lines().collect();
    let mut tables = Tables::default();
    for raw in document.nftables {
        let span = span_of(text, &lines, raw.get());
        let object: Object = serde_json::from_str(raw.get())
            .map_err(|error| inside(&span, &error))?;
        tables.take(object, span, source);
    }
    tables.finish()
}

impl Tables {
    fn take(&mut self, object: Object, span: Option<Span>, source: &Source) {
        match object {
            Object { table: Some(head), .. } => {
                let key = (head.family.clone(), head.name.clone());
                self.index.insert(key, self.all.len());
                self.all.push(Building::new(head, source));
            }
            Object { chain: Some(head), .. } => {
                let name = head.table.as_deref().unwrap_or_default();
                if let Some(table) = self.table(&head.family, name) {
                    table.chain(head, span);
                }
            }
            Object { set: Some(set), .. } | Object { map: Some(set), .. } => {
                self.set(&set);
            }
            Object { rule: Some(rule), .. } => self.rules.push((rule, span)),
            _ => {}
        }
    }

    fn table(&mut self, family: &str, name: &str) -> Option<&mut Building> {
        let key = (family.to_owned(), name.to_owned());
        self.all.get_mut(*self.index.get(&key)?)
    }

    fn set(&mut self, set: &Value) {
        let text = |key| set.get(key).and_then(Value::as_str).unwrap_or("");
        if let Some(table) = self.table(text("family"), text("table")) {
            table.sets.insert(text("name").to_owned(), Set::new(set));
        }
    }

    fn finish(mut self) -> Result<Vec<Native>, Error> {
        for (rule, span) in std::mem::take(&mut self.rules) {
            if let Some(table) = self.table(&rule.family, &rule.table) {
                table.rule(&rule, span)?;
            }
        }
        self.all.into_iter().map(Building::finish).collect()
    }
}

/// Where a part of the text stands. Its address tells: it is borrowed.
fn span_of(text: &str, lines: &[Span], part: &str) -> Option<Span> {
    let at = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let line = lines.partition_point(|line| line.range().end < at);
    let line = lines.get(line)?;
    let start = at.checked_sub(line.range().start)?;
    Some(line.part(start..start + part.len()))
}

fn inside(span: &Option<Span>, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    let message = text.get(..end).unwrap_or(&text);
    match span {
        Some(span) => Error::parse(span, message),
        None => Error::argument(message),
    }
}

impl Building {
    fn new(head: Head, source: &Source) -> Self {
        // nft 1.0.6 prints the name of the table in place of "dormant".
        let flag = |text: &str| text == "dormant" || text == head.name;
        let dormant = match &head.flags {
            Some(Value::String(one)) => flag(one),
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).any(flag)
            }
            _ => false,
        };
        let families = match head.family.as_str() {
            "ip" => Families::Only(Family::Ipv4),
            "ip6" => Families::Only(Family::Ipv6),
            _ => Families::Both,
        };
        let name = head.name.clone();
        let table = Table { families, name, chains: Vec::new() };
        let native = Native {
            // Bridges and ARP are below what a ruleset is about.
            dormant: dormant || matches!(&*head.family, "arp" | "bridge"),
            family: head.family,
            name: head.name,
            inexpressible: false,
            table,
        };
        Self {
            source: source.clone(),
            native,
            index: HashMap::new(),
            sets: HashMap::new(),
            conditions: Vec::new(),
            calls: Vec::new(),
        }
    }

    fn chain(&mut self, head: Head, span: Option<Span>) {
        let hook = head.hook.as_deref().and_then(Hook::named);
        let netdev = hook == Some(Hook::Ingress);
        let condition = netdev.then(|| device(head.dev.as_ref()));
        let drops = head.policy.as_deref() == Some("drop");
        let priority = head.prio.unwrap_or(0);
        let base = hook.map(|hook| Base {
            hook,
            priority: i32::try_from(priority).unwrap_or(i32::MAX),
            // Another device's packets do not see the policy either.
            accepts: !drops || netdev,
            nat: head.kind.as_deref() == Some("nat"),
            span: span.clone(),
        });
        let (name, rules) = (head.name.clone(), Vec::new());
        let source = self.source.clone();
        let mut chain = Chain { name, base, rules, source };
        if let (Some(test), Some(span), true) = (&condition, span, drops) {
            let matches =
                vec![Match::new(test.clone()), Match::new(Test::Unknown)];
            chain.rules.push(Rule::new(matches, Action::Drop, &span));
        }
        self.index.insert(head.name, self.native.table.chains.len());
        self.native.table.chains.push(chain);
        self.conditions.push(condition);
    }

    fn rule(
        &mut self,
        rule: &RuleObject,
        span: Option<Span>,
    ) -> Result<(), Error> {
        let at = self.index.get(&rule.chain).copied();
        let (Some(at), Some(span)) = (at, span) else { return Ok(()) };
        let mut reading = Reading::new(&self.sets);
        for statement in &rule.expr {
            reading.statement(statement);
        }
        self.native.inexpressible |= reading.inexpressible;
        let condition = self.conditions.get(at).cloned().flatten();
        for (matches, statement) in reading.finish() {
            let condition = condition.clone().map(Match::new);
            let matches = condition.into_iter().chain(matches).collect();
            let action = self.action(statement, &span);
            let rule = Rule::new(matches, action, &span);
            if let Some(chain) = self.native.table.chains.get_mut(at) {
                chain.rules.push(rule);
            }
        }
        Ok(())
    }

    fn action(&mut self, statement: Statement, span: &Span) -> Action {
        let (name, call): (_, fn(usize) -> Action) = match statement {
            Statement::Decides(action) => return action,
            Statement::Jump(name) => (name, Action::Jump),
            Statement::Goto(name) => (name, Action::Goto),
        };
        match self.index.get(&name) {
            Some(&at) => call(at),
            None => {
                self.calls.push((name, span.clone()));
                Action::Unknown("jump".to_owned())
            }
        }
    }

    fn finish(self) -> Result<Native, Error> {
        if let Some((name, span)) = self.calls.first() {
            let message = format!("there is no chain {name}");
            return Err(Error::parse(span, message));
        }
        calls::check_loops(&self.native.table.chains)?;
        Ok(self.native)
    }
}

/// The condition that a netdev chain's device is. nft 1.0.6 leaves it out.
fn device(dev: Option<&Value>) -> Test {
    match dev {
        Some(Value::String(name)) => {
            Test::In(vec![super::Name::new(name, '*')])
        }
        _ => Test::Unknown,
    }
}
