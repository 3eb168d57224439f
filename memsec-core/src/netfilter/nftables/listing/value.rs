//! Values, as text, in the form of libnftables-json(5).

use serde_json::{Value, json};

use super::{
    expression,
    token::{Kind, Tokens},
};
use crate::netfilter::{
    iptables,
    nftables::{Piece, domain},
    packed::Packed,
};

/// Expressions that may stand where a value is wanted.
const ASKED: [&str; 6] = ["ct", "meta", "rt", "numgen", "jhash", "symhash"];

/// The right side of a match.
pub(super) fn right(tokens: &mut Tokens<'_>) -> Option<Value> {
    if tokens.is("{") {
        return set(tokens);
    }
    let token = tokens.peek();
    if token.kind == Kind::Word && ASKED.contains(&token.text) {
        return expression::left(tokens);
    }
    let first = concatenation(tokens)?;
    if !tokens.is(",") {
        return Some(first);
    }
    let mut bits = vec![first];
    while tokens.take(",") {
        bits.push(Value::from(tokens.word()?));
    }
    Some(Value::Array(bits))
}

/// `{ a, b }`, of single elements or of pairs.
pub(super) fn set(tokens: &mut Tokens<'_>) -> Option<Value> {
    let mut all = Vec::new();
    let mut depth = 0_usize;
    loop {
        tokens.skip_lines();
        // A set in a set is part of it.
        if tokens.take("{") {
            depth += 1;
            continue;
        }
        if !tokens.take("}") {
            all.push(element(tokens).filter(|_| depth > 0)?);
        } else if depth <= 1 {
            return Some(json!({ "set": all }));
        } else {
            depth -= 1;
        }
        tokens.skip_lines();
        if !tokens.take(",") && !tokens.is("}") {
            return None;
        }
    }
}

/// `{ a, b }`, of addresses of IPv4.
pub(super) fn addresses(
    tokens: &mut Tokens<'_>,
) -> Option<Vec<Piece<'static>>> {
    let (mut networks, mut others) = (Packed::default(), Vec::new());
    tokens.take("{").then_some(())?;
    loop {
        tokens.skip_lines();
        if tokens.take("}") {
            others.push(Piece::Networks(networks));
            return Some(others);
        }
        let piece = match plain(tokens) {
            Some(range) => {
                networks.push(range);
                continue;
            }
            None => Piece::from(element(tokens)?),
        };
        match domain::network(&piece) {
            Some(range) => networks.push(range),
            None => others.push(piece),
        }
        tokens.skip_lines();
        if !tokens.take(",") && !tokens.is("}") {
            return None;
        }
    }
}

/// A network with a comma behind it, and nothing said of it.
fn plain(tokens: &mut Tokens<'_>) -> Option<(u32, u32)> {
    let range = iptables::network(tokens.peek().text.as_bytes())?;
    let mut ahead = tokens.clone();
    ahead.next();
    if !ahead.take(",") {
        return None;
    }
    *tokens = ahead;
    Some(range)
}

/// An element of a set, with what is said of it.
fn element(tokens: &mut Tokens<'_>) -> Option<Value> {
    let mut key = concatenation(tokens)?;
    if about(tokens)? {
        key = json!({ "elem": { "val": key, "timeout": 0 } });
    }
    if !tokens.take(":") {
        return Some(key);
    }
    let to = match verdict(tokens) {
        Some(verdict) => verdict,
        None => concatenation(tokens)?,
    };
    about(tokens)?;
    Some(json!([key, to]))
}

/// Passes over what is said of an element; true if it is gone at some
/// moment.
fn about(tokens: &mut Tokens<'_>) -> Option<bool> {
    let mut timed = false;
    loop {
        let token = tokens.peek();
        match (token.kind, token.text) {
            (Kind::Sign, "," | "}") | (Kind::Word, ":") => return Some(timed),
            (Kind::Word, "timeout" | "expires") => timed = true,
            (Kind::Line | Kind::Comment, _) => {}
            (Kind::Word | Kind::Quoted, _) => {}
            _ => return None,
        }
        tokens.next();
    }
}

/// Values with "." between.
pub(super) fn concatenation(tokens: &mut Tokens<'_>) -> Option<Value> {
    let mut parts = vec![bits(tokens)?];
    while tokens.take(".") {
        tokens.skip_lines();
        parts.push(bits(tokens)?);
    }
    Some(match <[Value; 1]>::try_from(parts) {
        Ok([one]) => one,
        Err(parts) => json!({ "concat": parts }),
    })
}

/// One value, or several with "|" between.
fn bits(tokens: &mut Tokens<'_>) -> Option<Value> {
    let parenthesis = tokens.take("(");
    let mut all = vec![one(tokens)?];
    if tokens.take("-") {
        all.push(one(tokens)?);
        return Some(json!({ "range": all }));
    }
    while tokens.take("|") {
        all.push(one(tokens)?);
    }
    if parenthesis && !tokens.take(")") {
        return None;
    }
    Some(match <[Value; 1]>::try_from(all) {
        Ok([one]) => one,
        Err(all) => json!({ "|": all }),
    })
}

/// A word; what is defined elsewhere is not known.
fn one(tokens: &mut Tokens<'_>) -> Option<Value> {
    let word = tokens.word()?;
    Some(match word.strip_prefix('$') {
        Some(name) => json!({ "variable": name }),
        None => Value::from(word),
    })
}

/// A verdict, as a statement.
pub(super) fn verdict(tokens: &mut Tokens<'_>) -> Option<Value> {
    let token = tokens.peek();
    if token.kind != Kind::Word {
        return None;
    }
    match token.text {
        "accept" | "drop" | "return" | "continue" => {
            tokens.next();
            Some(json!({ token.text: null }))
        }
        "jump" | "goto" => {
            tokens.next();
            let target = tokens.word()?;
            Some(json!({ token.text: { "target": target } }))
        }
        _ => None,
    }
}

/// What a mark or a field is set to, or what a translation goes to: a
/// value, a map, or an expression.
pub(super) fn source(tokens: &mut Tokens<'_>) -> Option<Value> {
    let mut ahead = tokens.clone();
    match expression::left(&mut ahead) {
        Some(key) => {
            *tokens = ahead;
            if !tokens.take("map") {
                return Some(key);
            }
            let data = data(tokens)?;
            Some(json!({ "map": { "key": key, "data": data } }))
        }
        None => concatenation(tokens),
    }
}

/// What a map holds: its name, or all of it.
pub(super) fn data(tokens: &mut Tokens<'_>) -> Option<Value> {
    if tokens.is("{") {
        return set(tokens);
    }
    tokens.word().map(Value::from)
}
