//! A rule that a plan inserts into a chain of nft.

use serde_json::{Value, json};

use super::{
    nft_text,
    steps::{Found, Texts, changed},
    world::World,
};
use crate::plan::Checked;

const JSON: &str = "nft -j list ruleset";
const TEXT: &str = "nft list ruleset";

/// Inserts the rule of a command such as `inet filter input ip saddr NET tcp
/// dport PORT accept comment TEXT`: what the certificate says of the listing
/// is then that rule, first in its chain, and nothing else.
pub(super) fn insert(
    world: &mut World,
    words: &[&str],
    checked: &Checked,
) -> Found {
    let json = world.texts.contains_key(JSON);
    let Some((chain, rule)) = rule(words, json) else {
        return Found::Other("it is no rule that a plan adds".to_owned());
    };
    let Some(said) = changed(world, checked) else {
        return Found::Other("its changes are of another text".to_owned());
    };
    let listing = if json { JSON } else { TEXT };
    let objects = |texts: &Texts| objects(listing, texts.get(listing)?);
    let fits = match (objects(&world.texts), objects(&said)) {
        (Some(old), Some(new)) => is_first(&old, &new, &chain, &rule),
        _ => false,
    };
    let alone = said
        .iter()
        .all(|(of, text)| of == listing || world.texts.get(of) == Some(text));
    world.texts = said;
    match fits && alone {
        true => Found::Same,
        false => {
            Found::Other("the rule stands where it was not proved".to_owned())
        }
    }
}

/// The chain of a rule, and what the rule says in a listing.
fn rule(words: &[&str], json: bool) -> Option<(Value, Value)> {
    let [
        family,
        table,
        name,
        ip,
        "saddr",
        net,
        proto,
        "dport",
        port,
        "accept",
        "comment",
        _,
    ] = *words
    else {
        return None;
    };
    let equal = |protocol: &str, field: &str, right: Value| {
        json!({ "match": {
            "op": "==", "right": right,
            "left": { "payload": { "protocol": protocol, "field": field } },
        }})
    };
    let port: u16 = port.parse().ok()?;
    let net = if json { network(net)? } else { json!(net) };
    let known = ["ip", "ip6"].contains(&ip) && ["tcp", "udp"].contains(&proto);
    let expr = json!([
        equal(ip, "saddr", net),
        equal(proto, "dport", json!(port)),
        { "accept": null },
    ]);
    known.then(|| (json!([family, table, name]), expr))
}

fn network(text: &str) -> Option<Value> {
    match text.split_once('/') {
        Some((address, bits)) => {
            let bits: u8 = bits.parse().ok()?;
            Some(json!({ "prefix": { "addr": address, "len": bits } }))
        }
        None => Some(json!(text)),
    }
}

fn objects(listing: &str, text: &str) -> Option<Vec<Value>> {
    if listing == JSON {
        let mut all: Value = serde_json::from_str(text).ok()?;
        return match all.get_mut("nftables")?.take() {
            Value::Array(objects) => Some(objects),
            _ => None,
        };
    }
    let mut all = nft_text::objects(listing, text).ok()?;
    // Each rule behind the new one stands on another line.
    for rule in all.iter_mut().filter_map(|object| object.get_mut("rule")) {
        rule.as_object_mut()?.remove("line");
    }
    Some(all)
}

/// Whether the new listing is the old one with the rule before all others of
/// its chain.
fn is_first(old: &[Value], new: &[Value], chain: &Value, expr: &Value) -> bool {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (before, rest) = new.split_at(same);
    let Some((inserted, after)) = rest.split_first() else { return false };
    let of = |rule: &Value| {
        let member = |key: &str| rule.get(key).cloned().unwrap_or_default();
        json!([member("family"), member("table"), member("chain")])
    };
    let is_own = |object: &Value| {
        object.get("rule").is_some_and(|rule| of(rule) == *chain)
    };
    let rule = inserted.get("rule").and_then(|rule| rule.get("expr"));
    is_own(inserted)
        && rule == Some(expr)
        && !before.iter().any(is_own)
        && old.get(same..) == Some(after)
}
