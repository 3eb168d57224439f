//! What named sets and maps hold.

use serde_json::Value;

use super::{statement, token::Tokens, value};
use crate::netfilter::nftables::{Piece, set::Content};

/// The elements of a set, or of a map; those of a set may be known to be
/// addresses of IPv4.
pub(super) fn content<'a>(
    tokens: &mut Tokens<'_>,
    map: bool,
    addresses: bool,
) -> Content<'a> {
    if addresses && !map && tokens.is("{") {
        let all = value::addresses(tokens);
        if all.is_none() {
            statement::close(tokens);
        }
        return all.map_or(Content::Unknown, Content::Elements);
    }
    let Some(set) = value::set(tokens) else {
        statement::close(tokens);
        return Content::Unknown;
    };
    if map { pairs(set) } else { elements(set) }
}

fn listed(set: Value) -> Vec<Value> {
    match set {
        Value::Object(mut object) => match object.remove("set") {
            Some(Value::Array(all)) => all,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn elements(set: Value) -> Content<'static> {
    Content::Elements(listed(set).into_iter().map(Piece::from).collect())
}

fn pairs(set: Value) -> Content<'static> {
    let pair = |one| match one {
        Value::Array(pair) => {
            let [key, to] = <[Value; 2]>::try_from(pair).ok()?;
            Some((Piece::from(key), to))
        }
        _ => None,
    };
    let all: Option<Vec<_>> = listed(set).into_iter().map(pair).collect();
    all.map_or(Content::Unknown, Content::Pairs)
}
