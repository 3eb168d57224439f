//! Translations of addresses and ports, as text.

use serde_json::{Value, json};

use super::{token::Tokens, value};

/// `dnat ip to 10.0.0.1:80 random`, `redirect to :8080`.
pub(super) fn translation(
    kind: &str,
    tokens: &mut Tokens<'_>,
) -> Option<Value> {
    let families = ["ip", "ip6"];
    let mut out = serde_json::Map::new();
    if let Some(family) = families.into_iter().find(|f| tokens.take(f)) {
        out.insert("family".to_owned(), family.into());
    }
    if tokens.take("prefix") {
        out.insert("type_flags".to_owned(), "prefix".into());
    }
    tokens.take("interval");
    if tokens.take("to") {
        target(tokens, &mut out)?;
    }
    while ["random", "fully-random", "persistent", "netmap"]
        .iter()
        .any(|flag| tokens.take(flag))
    {
        tokens.take(",");
    }
    Some(json!({ kind: out }))
}

fn target(
    tokens: &mut Tokens<'_>,
    out: &mut serde_json::Map<String, Value>,
) -> Option<()> {
    let token = tokens.peek();
    // A port that a map tells: ":tcp dport map { ... }".
    if token.text == ":" {
        tokens.next();
        out.insert("port".to_owned(), value::source(tokens)?);
        return Some(());
    }
    let Some((address, port)) = address_and_port(token.text) else {
        out.insert("addr".to_owned(), value::source(tokens)?);
        return Some(());
    };
    tokens.next();
    if !address.is_empty() {
        out.insert("addr".to_owned(), address.into());
    }
    match port {
        // ":tcp" of ":tcp dport map".
        Some(word) if word.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let field = tokens.word()?;
            let key =
                json!({ "payload": { "protocol": word, "field": field } });
            tokens.take("map").then_some(())?;
            let data = value::data(tokens)?;
            let map = json!({ "map": { "key": key, "data": data } });
            out.insert("port".to_owned(), map);
        }
        Some(port) => {
            out.insert("port".to_owned(), port.into());
        }
        None => {}
    }
    Some(())
}

/// "10.0.0.1-10.0.0.4:80-90", "[2001:db8::1]:80", ":80"; `None` if it is
/// none of these.
fn address_and_port(text: &str) -> Option<(String, Option<&str>)> {
    if text.starts_with('[') {
        let end = text.rfind(']')?;
        let (head, tail) = text.split_at(end + 1);
        let address = head.replace(['[', ']'], "");
        return Some((address, tail.strip_prefix(':')));
    }
    if text.matches(':').count() > 1 {
        return Some((text.to_owned(), None));
    }
    match text.split_once(':') {
        Some((address, port)) => Some((address.to_owned(), Some(port))),
        None => {
            let numeric = text.starts_with(|c: char| c.is_ascii_digit());
            numeric.then(|| (text.to_owned(), None))
        }
    }
}
