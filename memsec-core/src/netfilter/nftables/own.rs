//! Which tables iptables-nft made itself.

use serde_json::Value;

/// Whether iptables-nft itself makes such matches.
pub(super) fn expressible(op: &str, left: &Value, right: &Value) -> bool {
    let scalar = !matches!(right, Value::Array(_))
        && right.get("set").is_none()
        && !right.as_str().is_some_and(|text| text.starts_with('@'));
    let payload = left.pointer("/payload/protocol").and_then(Value::as_str);
    let meta = left.pointer("/meta/key").and_then(Value::as_str);
    let known = match (payload, meta) {
        (Some(protocol), _) => protocol != "th",
        (_, Some(key)) => {
            matches!(key, "iifname" | "oifname" | "l4proto" | "mark")
        }
        _ => left.get("&").is_some(),
    };
    let flags = |at| left.pointer(at).and_then(Value::as_str) == Some("flags");
    // "tcp flags ! fin,syn" is how none of several flags is shown, and that
    // all of several are, of some, has them in a list.
    let none = flags("/payload/field") && op == "!";
    let all = flags("/&/0/payload/field") && right.is_array();
    // "--dport 0:1023" is a comparison, too.
    let compared = matches!(op, "==" | "!=" | "<=" | ">=" | "<" | ">");
    (scalar || all) && known && compared || none
}

/// Whether a rule in the text of a listing can be what libxtables makes of
/// one of iptables: those count, and hold sets only of what multiport and
/// its like list.
pub(super) fn is_translated(statements: &[Value]) -> bool {
    let counts = statements.iter().any(|one| one.get("counter").is_some());
    counts && statements.iter().all(may_be_translated)
}

fn may_be_translated(statement: &Value) -> bool {
    let Some(condition) = statement.get("match") else {
        return statement.get("vmap").is_none();
    };
    let field = condition.pointer("/left/payload/field");
    let listed = match field.and_then(Value::as_str) {
        Some(field) => !matches!(field, "saddr" | "daddr"),
        None => condition.pointer("/left/meta").is_none(),
    };
    let right = condition.get("right").unwrap_or(&Value::Null);
    let named = right.as_str().is_some_and(|text| text.starts_with('@'));
    !named && (listed || right.get("set").is_none())
}
