//! Expressions, as text, in the form of libnftables-json(5).

use serde_json::{Value, json};

use super::token::{Kind, Tokens};

/// Headers of packets.
const HEADERS: [&str; 18] = [
    "ether", "vlan", "arp", "ip", "ip6", "icmp", "igmp", "icmpv6", "tcp",
    "udp", "udplite", "sctp", "dccp", "ah", "esp", "comp", "th", "gre",
];

/// Extension headers of IPv6.
const EXTENSIONS: [&str; 6] = ["hbh", "rt", "frag", "dst", "mh", "srh"];

/// What "rt" asks of routing, and not of a header.
const ROUTE: [&str; 6] = ["classid", "nexthop", "mtu", "ipsec", "ip", "ip6"];

/// Keys of "meta" that need not say so.
const META: [&str; 16] = [
    "iif",
    "oif",
    "iifname",
    "oifname",
    "iiftype",
    "oiftype",
    "iifgroup",
    "oifgroup",
    "mark",
    "skuid",
    "skgid",
    "nftrace",
    "pkttype",
    "cpu",
    "cgroup",
    "rtclassid",
];

/// So many operations, one on the other, are not read any more.
const OPERATIONS: usize = 8;

/// What the left side of a match may be: fields with "." between, each with
/// operations on its bits.
pub(super) fn left(tokens: &mut Tokens<'_>) -> Option<Value> {
    let mut parts = vec![operations(tokens)?];
    while tokens.take(".") {
        parts.push(operations(tokens)?);
    }
    Some(match <[Value; 1]>::try_from(parts) {
        Ok([one]) => one,
        Err(parts) => json!({ "concat": parts }),
    })
}

fn operations(tokens: &mut Tokens<'_>) -> Option<Value> {
    let mut value = field(tokens)?;
    // nft folds what it is given: more is not what it prints.
    for _ in 0..OPERATIONS {
        let Some(op) = operator(tokens) else { return Some(value) };
        let right = operand(tokens)?;
        value = json!({ op: [value, right] });
    }
    None
}

/// Both ways to write it.
fn operator(tokens: &mut Tokens<'_>) -> Option<&'static str> {
    let all = [
        ("&", "and"),
        ("|", "or"),
        ("^", "xor"),
        ("<<", "lshift"),
        (">>", "rshift"),
    ];
    let one = all
        .into_iter()
        .find(|(sign, word)| tokens.take(sign) || tokens.take(word));
    one.map(|(sign, _)| sign)
}

/// The right side of an operation: a number, or bits, in parentheses if
/// they are several.
fn operand(tokens: &mut Tokens<'_>) -> Option<Value> {
    if !tokens.take("(") {
        return tokens.word().map(Value::from);
    }
    let mut bits = vec![tokens.word().map(Value::from)?];
    while tokens.take("|") {
        bits.push(tokens.word().map(Value::from)?);
    }
    tokens.take(")").then(|| json!({ "|": bits }))
}

/// One field.
fn field(tokens: &mut Tokens<'_>) -> Option<Value> {
    let token = tokens.peek();
    if token.kind != Kind::Word {
        return None;
    }
    if let Some(base) = token.text.strip_prefix('@') {
        tokens.next();
        return raw(base, tokens);
    }
    let word = tokens.word()?;
    match word {
        "meta" => Some(json!({ "meta": { "key": tokens.word()? } })),
        "ct" => ct(tokens),
        "fib" => fib(tokens),
        "exthdr" => Some(json!({ "exthdr": { "name": tokens.word()? } })),
        "tcp" | "ip" if tokens.take("option") => option(word, tokens),
        "rt" if ROUTE.contains(&tokens.peek().text) => {
            // "rt ip nexthop".
            if matches!(tokens.word()?, "ip" | "ip6") {
                tokens.word()?;
            }
            Some(json!({ "rt": null }))
        }
        "sctp" if tokens.take("chunk") => {
            skip_words(2, tokens);
            Some(json!({ "sctp chunk": null }))
        }
        "numgen" | "jhash" | "symhash" => generator(word, tokens),
        "socket" | "osf" | "ipsec" => {
            skip_to_value(tokens);
            Some(json!({ word: null }))
        }
        word if META.contains(&word) => {
            Some(json!({ "meta": { "key": word } }))
        }
        word if EXTENSIONS.contains(&word) => {
            let field = tokens.word()?;
            Some(json!({ "exthdr": { "name": word, "field": field } }))
        }
        word if HEADERS.contains(&word) => {
            let field = tokens.word()?;
            Some(json!({ "payload": { "protocol": word, "field": field } }))
        }
        _ => None,
    }
}

/// "@th,16,16": a base, and bits from it.
fn raw(base: &str, tokens: &mut Tokens<'_>) -> Option<Value> {
    let mut number = || {
        tokens.take(",").then_some(())?;
        tokens.word()?.parse::<u64>().ok()
    };
    let (offset, len) = (number()?, number()?);
    Some(json!({ "payload": { "base": base, "offset": offset, "len": len } }))
}

fn ct(tokens: &mut Tokens<'_>) -> Option<Value> {
    let dirs = ["original", "reply"];
    let dir = dirs.into_iter().find(|dir| tokens.take(dir));
    let mut key = tokens.word()?.to_owned();
    if matches!(&*key, "ip" | "ip6") {
        key = format!("{key} {}", tokens.word()?);
    }
    Some(match dir {
        Some(dir) => json!({ "ct": { "key": key, "dir": dir } }),
        None => json!({ "ct": { "key": key } }),
    })
}

fn fib(tokens: &mut Tokens<'_>) -> Option<Value> {
    let mut flags = vec![tokens.word()?];
    while tokens.take(".") {
        flags.push(tokens.word()?);
    }
    let result = tokens.word()?;
    Some(json!({ "fib": { "result": result, "flags": flags } }))
}

fn option(header: &str, tokens: &mut Tokens<'_>) -> Option<Value> {
    let name = tokens.word()?;
    let fields = [
        "size", "value", "count", "left", "right", "length", "ptr", "addr",
        "type", "kind", "subtype",
    ];
    let field = fields.into_iter().find(|field| tokens.take(field));
    Some(
        json!({ format!("{header} option"): { "name": name, "field": field } }),
    )
}

/// "numgen inc mod 2 offset 1", "jhash ip saddr mod 2 seed 0x1": something
/// that chance decides.
fn generator(kind: &str, tokens: &mut Tokens<'_>) -> Option<Value> {
    match kind {
        "numgen" => skip_words(1, tokens),
        // What it hashes is not asked.
        "jhash" => {
            while !tokens.ended() && !tokens.is("mod") {
                tokens.next();
            }
        }
        _ => {}
    }
    while ["mod", "seed", "offset"].iter().any(|word| tokens.take(word)) {
        tokens.word()?;
    }
    Some(json!({ kind: null }))
}

fn skip_words(count: usize, tokens: &mut Tokens<'_>) {
    for _ in 0..count {
        tokens.word();
    }
}

/// Passes over the words of a field that is not asked, up to the last, which
/// is what it is compared with.
fn skip_to_value(tokens: &mut Tokens<'_>) {
    loop {
        let mut ahead = tokens.clone();
        ahead.next();
        let last = matches!(ahead.peek().kind, Kind::Line | Kind::End)
            || verdict(ahead.peek().text)
            || ahead.ended();
        let sign = tokens.peek().kind == Kind::Sign;
        if last || sign || tokens.is("missing") || tokens.is("exists") {
            return;
        }
        tokens.next();
    }
}

fn verdict(word: &str) -> bool {
    let all = [
        "accept", "drop", "return", "continue", "jump", "goto", "counter",
        "log", "reject", "meta", "vmap", "set", "queue",
    ];
    all.contains(&word)
}
