//! A rule on one line, as who writes rules would write it.

use serde_json::Value;

use super::one_line;

/// The text of a rule for a person. `nft -j` prints a rule as an object, of
/// which hardly anybody reads the rule out: it is said as nft(8) has it. Any
/// other text, and an object that is not known whole, stays as it is.
pub(crate) fn rule_line(text: &str) -> String {
    let text = text.trim();
    let said = text.starts_with("{\"rule\"").then(|| listed(text)).flatten();
    one_line(said.as_deref().unwrap_or(text))
}

/// "inet filter input: tcp dport 11211 accept"
fn listed(text: &str) -> Option<String> {
    let object: Value = serde_json::from_str(text).ok()?;
    let rule = object.get("rule")?;
    let name = |key: &str| rule.get(key)?.as_str();
    let place = [name("family")?, name("table")?, name("chain")?].join(" ");
    let parts = rule.get("expr")?.as_array()?.iter().map(statement);
    let parts = parts.collect::<Option<Vec<_>>>()?;
    Some(format!("{place}: {}", parts.join(" ")))
}

/// The one member of an object, by its name.
fn only(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object()?;
    let (name, inner) = object.iter().next()?;
    (object.len() == 1).then_some((name.as_str(), inner))
}

fn statement(value: &Value) -> Option<String> {
    let (name, inner) = only(value)?;
    Some(match name {
        "match" => comparison(inner)?,
        "accept" | "drop" | "continue" | "return" | "counter" | "log"
        | "notrack" | "masquerade" => name.to_owned(),
        "jump" | "goto" => {
            format!("{name} {}", inner.get("target")?.as_str()?)
        }
        "reject" => match inner.get("expr").and_then(Value::as_str) {
            Some(with) => format!("reject with {with}"),
            None => name.to_owned(),
        },
        "limit" => {
            let per = inner.get("per")?.as_str()?;
            format!("limit rate {}/{per}", operand(inner.get("rate")?)?)
        }
        "dnat" | "snat" | "redirect" => translation(name, inner)?,
        "mangle" => {
            let key = operand(inner.get("key")?)?;
            format!("{key} set {}", operand(inner.get("value")?)?)
        }
        _ => return None,
    })
}

fn comparison(inner: &Value) -> Option<String> {
    let left = operand(inner.get("left")?)?;
    let right = operand(inner.get("right")?)?;
    Some(match inner.get("op")?.as_str()? {
        "==" | "in" => format!("{left} {right}"),
        op => format!("{left} {op} {right}"),
    })
}

fn translation(name: &str, inner: &Value) -> Option<String> {
    let part = |key: &str| inner.get(key).map(operand);
    let addr = part("addr").unwrap_or(Some(String::new()))?;
    let port = match part("port") {
        Some(port) => format!(":{}", port?),
        None => String::new(),
    };
    Some(format!("{name} to {addr}{port}"))
}

/// What is compared, or with what.
fn operand(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => return Some(text.clone()),
        Value::Number(number) => return Some(number.to_string()),
        Value::Array(all) => return joined(all, ","),
        _ => {}
    }
    let (name, inner) = only(value)?;
    let key = |key: &str| inner.get(key)?.as_str();
    Some(match name {
        "payload" => format!("{} {}", key("protocol")?, key("field")?),
        "meta" => match key("key")? {
            bare @ ("iif" | "oif" | "iifname" | "oifname" | "mark") => {
                bare.to_owned()
            }
            other => format!("meta {other}"),
        },
        "ct" => match key("dir") {
            Some(direction) => format!("ct {direction} {}", key("key")?),
            None => format!("ct {}", key("key")?),
        },
        "fib" => {
            let flags = joined(inner.get("flags")?.as_array()?, " . ")?;
            format!("fib {flags} {}", key("result")?)
        }
        "set" => format!("{{ {} }}", joined(inner.as_array()?, ", ")?),
        "concat" => joined(inner.as_array()?, " . ")?,
        "range" => joined(inner.as_array()?, "-")?,
        "prefix" => {
            format!("{}/{}", key("addr")?, operand(inner.get("len")?)?)
        }
        _ => return None,
    })
}

fn joined(all: &[Value], between: &str) -> Option<String> {
    let all = all.iter().map(operand).collect::<Option<Vec<_>>>()?;
    Some(all.join(between))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expr: &str) -> String {
        rule_line(&format!(
            r#"{{"rule": {{"family": "inet", "table": "t", "chain": "c",
                 "handle": 2, "expr": [{expr}]}}}}"#
        ))
    }

    macro_rules! said {
        ($($name:ident: $expr:expr => $said:expr;)*) => {$(
            #[test]
            fn $name() {
                assert_eq!(of($expr), format!("inet t c: {}", $said));
            }
        )*};
    }

    said! {
        a_network_and_a_port: r#"{"match": {"op": "==", "left": {"payload":
            {"protocol": "ip", "field": "saddr"}}, "right": {"prefix":
            {"addr": "192.0.2.0", "len": 24}}}}, {"match": {"op": "==",
            "left": {"payload": {"protocol": "tcp", "field": "dport"}},
            "right": 11211}}, {"drop": null}"#
            => "ip saddr 192.0.2.0/24 tcp dport 11211 drop";
        states: r#"{"match": {"op": "in", "left": {"ct": {"key": "state"}},
            "right": ["established", "related"]}}, {"accept": null}"#
            => "ct state established,related accept";
        what_is_not: r#"{"match": {"op": "!=", "left": {"meta":
            {"key": "iifname"}}, "right": "lo"}}, {"jump": {"target": "x"}}"#
            => "iifname != lo jump x";
        a_set: r#"{"match": {"op": "==", "left": {"meta":
            {"key": "l4proto"}}, "right": {"set": ["tcp", "udp"]}}},
            {"counter": {"packets": 1, "bytes": 9}},
            {"reject": {"type": "icmpx", "expr": "admin-prohibited"}}"#
            => "meta l4proto { tcp, udp } counter reject with admin-prohibited";
        a_translation: r#"{"dnat": {"addr": "172.17.0.2", "port": 11211}}"#
            => "dnat to 172.17.0.2:11211";
    }

    #[test]
    fn what_is_not_known_whole_stays_as_it_is() {
        for text in [
            r#"{"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [{"xt": null}]}}"#,
            "-A INPUT -j DROP",
            r#"{"rule":"#,
            r#"{"rule": {"expr": [[]]}}"#,
        ] {
            assert_eq!(rule_line(text), text);
        }
    }
}
