//! The JSON of `nft -j list ruleset`.

use serde::{Deserialize, de::DeserializeSeed};
use serde_json::{Value, value::RawValue};

use super::{
    Native, Piece,
    alike::Alike,
    building::{Head, Tables},
    draft::Whole,
    piece::AddressSet,
    set::{ADDRESS, Content},
};
use crate::{
    Error,
    netfilter::Hook,
    text::{At, Source},
};

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    nftables: Vec<&'a RawValue>,
}

/// The objects of a listing, each with its offset in bytes.
pub(crate) fn objects(text: &str) -> serde_json::Result<Vec<(usize, &str)>> {
    let document: Document<'_> = serde_json::from_str(text)?;
    let all = document.nftables.into_iter().map(RawValue::get);
    // Each is a part of the text.
    let offset = |raw: &str| raw.as_ptr().addr() - text.as_ptr().addr();
    Ok(all.map(|raw| (offset(raw), raw)).collect())
}

#[derive(Deserialize)]
struct Object<'a> {
    table: Option<TableObject>,
    chain: Option<ChainObject>,
    #[serde(borrow)]
    set: Option<SetObject<'a>>,
    #[serde(borrow)]
    map: Option<SetObject<'a>>,
    #[serde(borrow)]
    rule: Option<RuleObject<'a>>,
}

#[derive(Deserialize)]
struct TableObject {
    family: String,
    name: String,
    flags: Option<Value>,
}

#[derive(Deserialize)]
struct ChainObject {
    family: String,
    name: String,
    table: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    hook: Option<String>,
    prio: Option<i64>,
    dev: Option<Value>,
    policy: Option<String>,
}

#[derive(Deserialize)]
struct SetObject<'a> {
    family: String,
    table: String,
    name: String,
    #[serde(rename = "type")]
    kind: Option<Value>,
    #[serde(borrow)]
    elem: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RuleObject<'a> {
    family: String,
    table: String,
    chain: String,
    #[serde(borrow)]
    expr: Option<&'a RawValue>,
}

/// Reads the tables.
pub(in crate::netfilter) fn tables(
    source: &Source,
) -> Result<Vec<Native>, Error> {
    let text = source.text();
    // nft 1.0 prints nothing at all where there is nothing to list.
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let wrong = |error| Error::json(source.name(), &error);
    let mut tables = Tables::new(source);
    for (_, raw) in objects(text).map_err(wrong)? {
        let at = place(text, raw);
        let object: Object<'_> = serde_json::from_str(raw)
            .map_err(|error| inside(source, at, &error))?;
        take(&mut tables, object, at);
    }
    tables.finish()
}

fn take<'a>(tables: &mut Tables<'a>, object: Object<'a>, at: At) {
    match object {
        Object { table: Some(table), .. } => {
            let dormant = table.dormant();
            let key = (table.family, table.name);
            tables.declare(&key, at);
            if let Some(table) = tables.get(&key).filter(|_| dormant) {
                table.sleeps();
            }
        }
        Object { chain: Some(chain), .. } => {
            let key = (chain.family.clone(), chain.table.clone());
            if let Some(table) = tables.get(&key) {
                table.chain(chain.head(), at);
            }
        }
        Object { set: Some(set), .. } => {
            let content = set.content();
            if let Some(table) = tables.get(&(set.family, set.table)) {
                table.sets.insert(&set.name, content);
            }
        }
        Object { map: Some(map), .. } => {
            let content = pairs(map.elem);
            if let Some(table) = tables.get(&(map.family, map.table)) {
                table.sets.insert(&map.name, content);
            }
        }
        Object { rule: Some(rule), .. } => {
            let alike = rule.expr.and_then(|raw| Alike::json(raw.get()));
            let statements = || rule.statements();
            let key = (rule.family.clone(), rule.table.clone());
            let Some(table) = tables.get(&key) else { return };
            let like = alike.as_ref();
            let like = like.and_then(|like| table.like(&rule.chain, like, at));
            if like.is_none() {
                let (chain, statements) = (rule.chain.clone(), statements());
                table.rule(Whole::new(chain, statements, at, None), alike);
            }
        }
        _ => {}
    }
}

impl TableObject {
    fn dormant(&self) -> bool {
        // nft 1.0.6 prints the name of the table in place of "dormant".
        let flag = |text: &str| text == "dormant" || text == self.name;
        match &self.flags {
            Some(Value::String(one)) => flag(one),
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).any(flag)
            }
            _ => false,
        }
    }
}

impl ChainObject {
    fn head(self) -> Head {
        let devices = match self.dev {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(all)) => {
                let names = all.iter().filter_map(Value::as_str);
                names.map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let priority = self.prio.unwrap_or(0);
        Head {
            name: self.name,
            nat: self.kind.as_deref() == Some("nat"),
            hook: self.hook.as_deref().and_then(Hook::named),
            priority: i32::try_from(priority).unwrap_or(i32::MAX),
            drops: self.policy.as_deref() == Some("drop"),
            devices,
        }
    }
}

impl RuleObject<'_> {
    /// What is nested too deeply to be read is not known.
    fn statements(&self) -> Vec<Value> {
        let Some(raw) = self.expr else { return Vec::new() };
        let all = serde_json::from_str(raw.get());
        all.unwrap_or_else(|_| vec![Value::Null])
    }
}

impl<'a> SetObject<'a> {
    fn content(&self) -> Content<'a> {
        let Some(raw) = self.elem else { return Content::Elements(Vec::new()) };
        let mut json = serde_json::Deserializer::from_str(raw.get());
        let all = if self.kind.as_ref().is_some_and(|kind| kind == ADDRESS) {
            AddressSet.deserialize(&mut json)
        } else {
            Vec::deserialize(&mut json)
        };
        all.map_or(Content::Unknown, Content::Elements)
    }
}

fn pairs(raw: Option<&RawValue>) -> Content<'_> {
    let Some(raw) = raw else { return Content::Pairs(Vec::new()) };
    let all = serde_json::from_str::<Vec<(Piece<'_>, Value)>>(raw.get());
    all.map_or(Content::Unknown, Content::Pairs)
}

/// Where a part of a text stands, up to the end of its first line. Its
/// address tells: it is borrowed.
fn place(text: &str, part: &str) -> At {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let first = part.lines().next().unwrap_or_default();
    At::new(start, first.len())
}

fn inside(source: &Source, at: At, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    let message = text.get(..end).unwrap_or(&text);
    Error::parse(&source.span(at), message)
}
