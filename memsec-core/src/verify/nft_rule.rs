//! One rule of nft in words, as the list that `nft -j` has for it.

use serde_json::{Value, json};

use super::words::destination;

/// What ends a rule.
const VERDICTS: [&str; 15] = [
    "accept",
    "continue",
    "dnat",
    "drop",
    "fwd",
    "goto",
    "jump",
    "masquerade",
    "notrack",
    "queue",
    "redirect",
    "reject",
    "return",
    "snat",
    "synproxy",
];

/// Fields of packets that are named without the word "meta".
const META: [&str; 5] = ["iif", "iifname", "oif", "oifname", "mark"];

/// What makes an expression of a value.
const FIELDS: [&str; 4] = ["ct", "meta", "mark", "numgen"];
const OPERATORS: [&str; 8] = ["&", "|", "^", "<<", ">>", "and", "or", "xor"];

/// The words of a rule that are still to be read.
struct Rest<'a>(&'a [String]);

impl<'a> Rest<'a> {
    fn peek(&self) -> &'a str {
        self.0.first().map_or("", String::as_str)
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.peek() == word;
        if is {
            self.next();
        }
        is
    }

    /// The words up to one, which is passed over.
    fn until(&mut self, end: &str) -> &'a [String] {
        let at = self.0.iter().position(|word| word == end);
        let at = at.unwrap_or(self.0.len());
        let (before, after) = self.0.split_at(at);
        self.0 = after.get(1..).unwrap_or_default();
        before
    }
}

/// The statements of a rule. From a condition that is not read on only what
/// becomes of the packet is looked for.
pub(super) fn expression(words: &[String]) -> Vec<Value> {
    let mut rest = Rest(words);
    let mut all = Vec::new();
    while !rest.0.is_empty() {
        if VERDICTS.contains(&rest.peek()) {
            all.extend(verdict(&mut rest));
            return all;
        }
        match statement(&mut rest) {
            Some(read) => all.extend(read),
            None => {
                all.push(json!({ "unread": null }));
                let is_verdict =
                    |word: &String| VERDICTS.contains(&word.as_str());
                let at = rest.0.iter().rposition(is_verdict);
                rest.0 = at.and_then(|at| rest.0.get(at..)).unwrap_or_default();
            }
        }
    }
    all
}

/// A condition, or something that only takes note; `None` for what is not
/// read.
fn statement(rest: &mut Rest<'_>) -> Option<Option<Value>> {
    match rest.peek() {
        "counter" => {
            rest.next();
            for word in ["packets", "bytes"] {
                if rest.take(word) {
                    rest.next();
                }
            }
            Some(None)
        }
        "comment" => {
            rest.next();
            rest.next().map(|_| None)
        }
        "log" => {
            rest.next();
            while ["prefix", "level", "group", "flags"].contains(&rest.peek()) {
                rest.next();
                rest.next();
            }
            Some(None)
        }
        "add" | "update"
            if rest.0.get(1).is_some_and(|w| w.starts_with('@')) =>
        {
            rest.next();
            let set = rest.next()?;
            rest.until("}");
            Some(Some(json!({ "set": { "set": set } })))
        }
        _ => condition(rest).map(Some),
    }
}

fn condition(rest: &mut Rest<'_>) -> Option<Value> {
    let left = left(rest)?;
    if rest.take("vmap") {
        rest.0 = &[];
        return Some(json!({ "vmap": null }));
    }
    if rest.take("set") {
        let word = rest.next()?;
        let value = element(&[word]);
        // The end of an expression is not looked for.
        let more = FIELDS.contains(&word) || OPERATORS.contains(&rest.peek());
        let mangle = json!({ "mangle": { "key": left, "value": value } });
        return (!more).then_some(mangle);
    }
    let op = match rest.peek() {
        sign @ ("!=" | "==") => {
            rest.next();
            sign
        }
        "." | "&" | "|" | "<" | ">" | "<=" | ">=" => return None,
        _ => "==",
    };
    let right = right(rest)?;
    Some(json!({ "match": { "op": op, "left": left, "right": right } }))
}

fn left(rest: &mut Rest<'_>) -> Option<Value> {
    let word = rest.next()?;
    Some(match word {
        "ip" | "ip6" | "tcp" | "udp" | "th" | "icmp" | "icmpv6" => {
            let field = rest.next()?;
            json!({ "payload": { "protocol": word, "field": field } })
        }
        "meta" => json!({ "meta": { "key": rest.next()? } }),
        "ct" => {
            let ways = ["original", "reply"];
            let dir = ways.into_iter().find(|way| rest.take(way));
            let key = match rest.next()? {
                family @ ("ip" | "ip6") => format!("{family} {}", rest.next()?),
                key => key.to_owned(),
            };
            match dir {
                Some(dir) => json!({ "ct": { "key": key, "dir": dir } }),
                None => json!({ "ct": { "key": key } }),
            }
        }
        "fib" => {
            let mut flags = vec![rest.next()?];
            while rest.take(".") {
                flags.push(rest.next()?);
            }
            json!({ "fib": { "flags": flags, "result": rest.next()? } })
        }
        name if META.contains(&name) => json!({ "meta": { "key": name } }),
        _ => return None,
    })
}

/// A value, several of them, or a set.
fn right(rest: &mut Rest<'_>) -> Option<Value> {
    if rest.take("{") {
        let all: Vec<_> = rest.until("}").iter().map(String::as_str).collect();
        let all = all.split(|word| *word == ",").map(element);
        return Some(json!({ "set": all.collect::<Vec<_>>() }));
    }
    let mut all = vec![element(&[rest.next()?])];
    while rest.take(",") {
        all.push(element(&[rest.next()?]));
    }
    match all.len() {
        1 => all.pop(),
        _ => Some(json!({ "set": all })),
    }
}

/// An element of a set, or a value.
pub(super) fn element(words: &[&str]) -> Value {
    let [word] = words else { return json!(words.join(" ")) };
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    let ports = word.split_once('-');
    let ports = ports.and_then(|(a, b)| Some([number(a)?, number(b)?]));
    match (*word, number(word), ports) {
        ("missing", ..) => json!(false),
        ("exists", ..) => json!(true),
        (_, Some(number), _) => json!(number),
        (_, _, Some(range)) => json!({ "range": range }),
        (text, ..) => json!(text),
    }
}

/// What becomes of the packet: the last word but for its arguments.
fn verdict(rest: &mut Rest<'_>) -> Option<Value> {
    let word = rest.next()?;
    Some(match word {
        "jump" | "goto" => json!({ word: { "target": rest.next()? } }),
        "redirect" | "dnat" => {
            // "to :11211", "ip to 192.0.2.1:11211".
            let to = rest.0.iter().skip_while(|word| *word != "to").nth(1);
            let (address, port) = destination(to.map_or("", String::as_str));
            let port = port.and_then(|port| port.parse::<u16>().ok());
            json!({ word: { "addr": address, "port": port } })
        }
        _ => json!({ word: null }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::words::words;

    fn read(rule: &str) -> Value {
        let spaced = rule.replace('{', " { ").replace('}', " } ");
        expression(&words(&spaced.replace(',', " , "))).into()
    }

    #[test]
    fn a_rule_is_what_nft_prints_of_it() {
        let port =
            json!({ "payload": { "protocol": "tcp", "field": "dport" } });
        assert_eq!(
            read("tcp dport { 22, 80-90 } counter packets 1 bytes 2 accept"),
            json!([
                { "match": { "op": "==", "left": port,
                    "right": { "set": [22, { "range": [80, 90] }] } } },
                { "accept": null },
            ])
        );
        assert_eq!(
            read("fib saddr . mark . iif oif missing drop"),
            json!([
                { "match": { "op": "==", "right": false, "left": { "fib": {
                    "flags": ["saddr", "mark", "iif"], "result": "oif" } } } },
                { "drop": null },
            ])
        );
    }

    #[test]
    fn a_mark_is_a_number() {
        let mark = json!({ "meta": { "key": "mark" } });
        assert_eq!(
            read("meta mark 0x00000010 meta mark set 0x00011211 accept"),
            json!([
                { "match": { "op": "==", "left": mark, "right": 16 } },
                { "mangle": { "key": mark, "value": 70161 } },
                { "accept": null },
            ])
        );
    }

    #[test]
    fn what_is_not_read_leaves_the_verdict() {
        let all = json!([{ "unread": null }, { "accept": null }]);
        assert_eq!(read("limit rate 5/second tcp dport 22 accept"), all);
        assert_eq!(read("ip saddr . tcp dport @pairs accept"), all);
        for mark in ["ct mark", "meta mark | 0x1", "0x1 | 0x2"] {
            assert_eq!(read(&format!("meta mark set {mark} accept")), all);
        }
    }
}
