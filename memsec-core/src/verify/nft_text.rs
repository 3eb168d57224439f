//! Reads rules of nft as people write them, and as `nft list ruleset` prints
//! them: into the objects that `nft -j` has for them.

use serde_json::{Value, json};

use super::{nft_rule::expression, words::words};
use crate::{Error, text::Place};

/// The objects of a text.
///
/// # Errors
///
/// A line that stands where none of its kind does.
pub(super) fn objects(name: &str, text: &str) -> Result<Vec<Value>, Error> {
    let mut reader = Reader::default();
    let mut open: Vec<String> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        open.extend(tokens(line));
        if is_whole(&open) {
            let place = Place {
                source: Some(name.to_owned()),
                line: Some(index + 1),
                text: Some(line.trim().to_owned()),
            };
            reader
                .line(&open, &place)
                .ok_or_else(|| super::iptables::cannot(&place))?;
            open.clear();
        }
    }
    match open.is_empty() && reader.table.is_none() {
        true => Ok(reader.objects),
        false => Err(super::iptables::cannot(&Place::whole(name))),
    }
}

/// Words, and the signs between them, without what is a comment.
fn tokens(line: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(line.len() + 16);
    let mut quoted = false;
    for c in line.chars() {
        quoted ^= c == '"';
        match c {
            '#' if !quoted => break,
            '{' | '}' | ',' | ';' if !quoted => {
                spaced.extend([' ', c, ' ']);
            }
            _ => spaced.push(c),
        }
    }
    words(&spaced)
}

/// Whether a list that was begun on a line is at its end.
fn is_whole(tokens: &[String]) -> bool {
    let count = |sign: &str| tokens.iter().filter(|t| *t == sign).count();
    let block = tokens.last().is_some_and(|last| last == "{")
        && !tokens.iter().any(|token| token == "=");
    block || count("{") <= count("}")
}

#[derive(Default)]
struct Reader {
    objects: Vec<Value>,
    /// The family and the name.
    table: Option<(String, String)>,
    /// What is open in the table: its kind, and its name.
    inner: Option<(String, String)>,
    /// Where it stands among the objects.
    at: usize,
}

impl Reader {
    fn line(&mut self, tokens: &[String], place: &Place) -> Option<()> {
        let words: Vec<_> = tokens.iter().map(String::as_str).collect();
        match (words.as_slice(), &self.table, &self.inner) {
            ([], ..)
            // So that a file can be loaded again.
            | (["table", _, _] | ["delete", "table", _, _], None, _) => {}
            (["table", family, name, "{"], None, _) => {
                self.table = Some(((*family).into(), (*name).into()));
                self.push("table", json!({ "family": family, "name": name }));
            }
            (["}"], _, Some(_)) => self.inner = None,
            (["}"], Some(_), None) => self.table = None,
            ([kind @ ("chain" | "set" | "map"), name, "{"], Some(of), None) => {
                let (family, table) = of;
                let value =
                    json!({ "family": family, "table": table, "name": name });
                self.inner = Some(((*kind).into(), (*name).into()));
                self.push(kind, value);
            }
            (["flags", flags @ ..], Some(_), _) => {
                self.note("flags", json!(flags));
            }
            // Counters, quotas and the like, by name: nobody asks for them.
            ([_, _, "{"], Some(_), None) => {
                self.inner = Some((String::new(), String::new()));
            }
            (_, Some(_), None) => {}
            (words, Some(_), Some((kind, _))) => match kind.as_str() {
                "chain" => self.in_chain(tokens, words, place)?,
                "" => {}
                _ => self.in_set(words),
            },
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, kind: &str, value: Value) {
        self.at = self.objects.len();
        self.objects.push(json!({ kind: value }));
    }

    /// Notes something about what was opened last.
    fn note(&mut self, key: &str, value: Value) {
        let object = self.objects.get_mut(self.at);
        let object = object.and_then(Value::as_object_mut);
        let inside = object.and_then(|object| object.values_mut().next());
        if let Some(inside) = inside.and_then(Value::as_object_mut) {
            inside.insert(key.to_owned(), value);
        }
    }

    fn in_set(&mut self, words: &[&str]) {
        match words {
            ["elements", "=", "{", all @ .., "}"] => {
                let all = all
                    .split(|word| *word == ",")
                    .map(super::nft_rule::element);
                self.note("elem", all.collect());
            }
            ["timeout", ..] => self.note("flags", json!(["timeout"])),
            _ => {}
        }
    }

    fn in_chain(
        &mut self,
        tokens: &[String],
        words: &[&str],
        place: &Place,
    ) -> Option<()> {
        match words {
            ["type", kind, "hook", hook, rest @ ..] => {
                let at = rest.iter().position(|word| *word == "priority")?;
                let rest = rest.get(at + 1..)?;
                let end = rest.iter().position(|word| *word == ";")?;
                self.note("type", json!(kind));
                self.note("hook", json!(hook));
                self.note("prio", json!(priority(rest.get(..end)?)?));
                if let ["policy", policy, ..] = rest.get(end + 1..)? {
                    self.note("policy", json!(policy));
                }
            }
            ["policy", policy, ..] => self.note("policy", json!(policy)),
            ["comment", _] => {}
            _ => {
                let (family, table) = self.table.clone()?;
                let (_, chain) = self.inner.clone()?;
                self.objects.push(json!({ "rule": {
                    "family": family, "table": table, "chain": chain,
                    "expr": expression(tokens),
                    "line": place.line, "text": place.text,
                }}));
            }
        }
        Some(())
    }
}

/// "filter + 10", "-90", "mangle".
fn priority(words: &[&str]) -> Option<i64> {
    let named = |word: &str| {
        Some(match word {
            "raw" => -300,
            "mangle" => -150,
            "dstnat" => -100,
            "filter" => 0,
            "security" => 50,
            "srcnat" => 100,
            number => number.parse().ok()?,
        })
    };
    match words {
        [one] => named(one),
        [one, sign @ ("+" | "-"), more] => {
            let more: i64 = more.parse().ok()?;
            named(one)?.checked_add(if *sign == "+" { more } else { -more })
        }
        _ => None,
    }
}
