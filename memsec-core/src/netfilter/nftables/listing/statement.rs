//! Statements, as text, in the form of libnftables-json(5).

use serde_json::{Value, json};

use super::{
    expression,
    token::{Kind, Token, Tokens},
    translation, value,
};
use crate::netfilter::nftables::{Piece, domain, field::Field};

/// The statements of a rule, up to its end. What is not understood stands
/// for the rest of the rule.
pub(super) fn all(tokens: &mut Tokens<'_>) -> Vec<Value> {
    let mut out = Vec::new();
    while !tokens.ended() {
        let start = tokens.clone();
        match statement(tokens) {
            Some(Value::Bool(_)) => {}
            Some(statement) => out.push(statement),
            None => {
                *tokens = start;
                out.push(Value::Null);
                tokens.skip_rest();
            }
        }
    }
    // Where libxtables is not there, what it would say is a comment.
    let comment = tokens.peek();
    let handle = comment.text.trim_start_matches(['#', ' ']);
    let ends = out.last().is_some_and(is_verdict);
    if comment.kind == Kind::Comment && !ends && !handle.starts_with("handle") {
        out.push(Value::Null);
    }
    out
}

fn is_verdict(statement: &Value) -> bool {
    let all = ["accept", "drop", "return", "jump", "goto", "reject"];
    all.iter().any(|verdict| statement.get(verdict).is_some())
}

/// One statement; a truth value for one that says nothing.
fn statement(tokens: &mut Tokens<'_>) -> Option<Value> {
    if let Some(verdict) = value::verdict(tokens) {
        return Some(verdict);
    }
    let token = tokens.peek();
    if token.kind != Kind::Word {
        return None;
    }
    let mut ahead = tokens.clone();
    ahead.next();
    let second = ahead.peek().text;
    match (token.text, second) {
        ("ct", "count") => {
            *tokens = ahead;
            tokens.next();
            tokens.take("over");
            tokens.word()?;
            Some(json!({ "ct count": null }))
        }
        ("ct", "helper" | "timeout" | "expectation" | "event" | "label") => {
            assigned_or_asked(tokens, ahead)
        }
        ("add" | "update" | "delete", _) => {
            *tokens = ahead;
            dynamic(token.text, tokens)
        }
        _ => match plain(token.text, &mut ahead) {
            Some(found) => {
                *tokens = ahead;
                found
            }
            None => condition(tokens),
        },
    }
}

/// `ct helper set "ftp"` or `ct helper "ftp"`.
fn assigned_or_asked<'a>(
    tokens: &mut Tokens<'a>,
    mut ahead: Tokens<'a>,
) -> Option<Value> {
    let key = ahead.word()?;
    if !ahead.take("set") {
        return condition(tokens);
    }
    *tokens = ahead;
    tokens.word()?;
    Some(json!({ "ct helper": key }))
}

/// Statements that begin with a word of their own. `None` if this is none of
/// them, and none inside if it could not be read.
fn plain(word: &str, tokens: &mut Tokens<'_>) -> Option<Option<Value>> {
    let nothing = Some(Value::Bool(true));
    Some(match word {
        "counter" => {
            pairs(&["packets", "bytes", "name"], tokens);
            Some(json!({ "counter": null }))
        }
        "log" => {
            log(tokens);
            nothing
        }
        "comment" => {
            tokens.next();
            nothing
        }
        "limit" | "quota" | "last" => {
            amounts(tokens);
            Some(json!({ word: null }))
        }
        "reject" => Some(reject(tokens)),
        "notrack" => Some(json!({ "notrack": null })),
        "queue" => Some(queue(tokens)),
        "masquerade" | "redirect" | "dnat" | "snat" | "tproxy" => {
            translation::translation(word, tokens)
        }
        "xt" => extension(tokens),
        "dup" | "fwd" | "synproxy" => {
            tokens.skip_rest();
            Some(json!({ word: null }))
        }
        "flow" => {
            tokens.next();
            tokens.next();
            Some(json!({ "flow": null }))
        }
        "meter" => meter(tokens),
        _ => return None,
    })
}

/// Words, each with one that goes with it.
fn pairs(words: &[&str], tokens: &mut Tokens<'_>) {
    while words.iter().any(|word| tokens.take(word)) {
        tokens.word();
    }
}

fn log(tokens: &mut Tokens<'_>) {
    let words = ["prefix", "level", "group", "snaplen", "queue-threshold"];
    loop {
        pairs(&words, tokens);
        if !tokens.take("flags") {
            return;
        }
        if tokens.take("tcp") || tokens.take("ip") {
            list(tokens);
        } else {
            tokens.word();
        }
    }
}

/// Words with commas between.
fn list(tokens: &mut Tokens<'_>) -> Vec<Value> {
    let mut all: Vec<Value> =
        tokens.word().map(Value::from).into_iter().collect();
    while tokens.take(",") {
        all.extend(tokens.word().map(Value::from));
    }
    all
}

/// "rate over 10 mbytes/second burst 5 packets", "over 10 mbytes used 0
/// bytes", "used never".
fn amounts(tokens: &mut Tokens<'_>) {
    let fixed = [
        "rate", "over", "until", "burst", "used", "name", "packets", "bytes",
        "kbytes", "mbytes", "never",
    ];
    loop {
        let text = tokens.peek().text;
        let amount = text.starts_with(|c: char| c.is_ascii_digit())
            || text.contains('/');
        let quoted = tokens.peek().kind == Kind::Quoted;
        if !(fixed.contains(&text) || amount || quoted) {
            return;
        }
        tokens.next();
    }
}

/// The kind of answer: "with tcp reset", "with icmp port-unreachable" or, of
/// older ones, "with icmp type port-unreachable".
fn reject(tokens: &mut Tokens<'_>) -> Value {
    if !tokens.take("with") {
        return json!({ "reject": null });
    }
    let kind = tokens.next().text;
    if kind == "tcp" {
        tokens.next();
        return json!({ "reject": { "type": "tcp reset" } });
    }
    tokens.take("type");
    tokens.next();
    json!({ "reject": { "type": kind } })
}

fn queue(tokens: &mut Tokens<'_>) -> Value {
    let mut flags = Vec::new();
    loop {
        if tokens.take("flags") {
            flags.extend(list(tokens));
        } else if tokens.take("num") || tokens.take("to") {
            // A number, a range, or what hashes to one.
            if value::source(tokens).is_none() {
                tokens.skip_rest();
            }
        } else if tokens.is("bypass") || tokens.is("fanout") {
            flags.extend(list(tokens));
        } else {
            return json!({ "queue": { "flags": flags } });
        }
    }
}

fn extension(tokens: &mut Tokens<'_>) -> Option<Value> {
    let kinds = ["match", "target", "watcher"];
    let kind = kinds.into_iter().find(|kind| tokens.take(kind))?;
    let name = tokens.word()?;
    Some(json!({ "xt": { "type": kind, "name": name } }))
}

/// `add @seen { ip saddr limit rate 5/minute }`.
fn dynamic(op: &str, tokens: &mut Tokens<'_>) -> Option<Value> {
    let name = tokens.word()?;
    tokens.is("{").then_some(())?;
    braces(tokens);
    Some(json!({ "set": { "op": op, "set": name } }))
}

fn meter(tokens: &mut Tokens<'_>) -> Option<Value> {
    tokens.word()?;
    pairs(&["size"], tokens);
    tokens.is("{").then_some(())?;
    braces(tokens);
    Some(json!({ "meter": null }))
}

/// Passes over a block.
fn braces(tokens: &mut Tokens<'_>) {
    tokens.next();
    close(tokens);
}

/// Passes over the rest of a block.
pub(super) fn close(tokens: &mut Tokens<'_>) {
    loop {
        tokens.skip_rest();
        if matches!(tokens.peek().kind, Kind::End) {
            return;
        }
        if tokens.next().text == "}" {
            return;
        }
    }
}

/// A match, a verdict map, or a mark that is set.
fn condition(tokens: &mut Tokens<'_>) -> Option<Value> {
    let key = expression::left(tokens)?;
    if tokens.take("vmap") {
        let data = value::data(tokens)?;
        return Some(json!({ "vmap": { "key": key, "data": data } }));
    }
    if tokens.take("set") {
        let value = value::source(tokens)?;
        return Some(json!({ "mangle": { "key": key, "value": value } }));
    }
    let op = operator(tokens);
    if tokens.is("exists") || tokens.is("missing") {
        let right = tokens.next().text == "exists";
        return Some(compared(op.unwrap_or("=="), &key, right.into()));
    }
    let right = unsaid(&key, tokens).or_else(|| value::right(tokens))?;
    // TCP flags under a mask: `tcp flags syn / fin,syn,rst,ack`.
    if tokens.take("/") {
        let mask = list(tokens);
        let key = json!({ "&": [key, mask] });
        return Some(compared(op.unwrap_or("=="), &key, right));
    }
    let op = op.unwrap_or_else(|| implicit(&key, &right));
    Some(compared(op, &key, right))
}

/// libxtables has no word for the status of none (libxt_conntrack.c): of
/// `! --ctstatus NONE` it makes `ct status !`, and goes on.
fn unsaid(key: &Value, tokens: &Tokens<'_>) -> Option<Value> {
    let asked = key.pointer("/ct/key").and_then(Value::as_str);
    let Token { kind: Kind::Word, text, .. } = tokens.peek() else {
        return None;
    };
    let said = text.starts_with(['@', '$'])
        || domain::number(Field::Status, &Piece::Word(text.into())).is_some();
    (asked == Some("status") && !said).then(|| json!([]))
}

/// Both ways to write it.
fn operator(tokens: &mut Tokens<'_>) -> Option<&'static str> {
    let all = [
        ("==", "eq"),
        ("!=", "ne"),
        ("<=", "le"),
        (">=", "ge"),
        ("<", "lt"),
        (">", "gt"),
        ("!", "!"),
    ];
    let one = all
        .into_iter()
        .find(|(sign, word)| tokens.take(sign) || tokens.take(word));
    one.map(|(sign, _)| sign)
}

fn compared(op: &str, key: &Value, right: Value) -> Value {
    json!({ "match": { "op": op, "left": key, "right": right } })
}

/// Without an operator, one of the bits is enough.
fn implicit(key: &Value, right: &Value) -> &'static str {
    let ct = key.pointer("/ct/key").and_then(Value::as_str);
    let field = key.pointer("/payload/field").and_then(Value::as_str);
    let tcp = key.pointer("/payload/protocol").and_then(Value::as_str);
    let bits = matches!(ct, Some("state" | "status" | "label" | "event"))
        || (tcp, field) == (Some("tcp"), Some("flags"));
    let plain = right.is_array()
        || right.as_str().is_some_and(|text| !text.starts_with('@'));
    if bits && plain { "in" } else { "==" }
}
