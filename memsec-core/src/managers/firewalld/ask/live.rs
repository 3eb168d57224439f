//! firewalld's rules as they are in the kernel.

use std::ops::Range;

use serde_json::{Value, json};

use super::Wanted;
use crate::{
    Error, Proto, Snapshot,
    managers::{change::Splice, restore::save, saved},
    net::Family,
    netfilter::listing_objects,
};

const NFT: &str = "nft -j list ruleset";

/// What the back end has loaded.
pub(super) enum Live {
    /// The text that nft prints, and the objects in it.
    Nft(String, Vec<Object>),
    /// What iptables-save prints of each family.
    Iptables([String; 2]),
}

fn missing(what: &str) -> Error {
    Error::unsupported(format!("firewalld's rules are not in {what}"))
}

impl Live {
    pub(super) fn new(
        snapshot: &Snapshot,
        nftables: bool,
    ) -> Result<Self, Error> {
        let text = |command| {
            let source = snapshot.output(command);
            let source = source.ok_or_else(|| missing(command))?;
            Ok::<_, Error>(source.text().to_owned())
        };
        if !nftables {
            let [four, six] = Family::BOTH.map(|family| text(save(family)));
            return Ok(Self::Iptables([four?, six?]));
        }
        let text = text(NFT)?;
        let objects = objects(&text)?;
        Ok(Self::Nft(text, objects))
    }

    /// Whether the rule is there.
    pub(super) fn allows(&self, wanted: &Wanted<'_>) -> Result<bool, Error> {
        match self {
            Self::Nft(_, objects) => {
                let chain = nft_chain(wanted);
                let expected = expressions(wanted);
                let mut rules = rules(objects, &chain);
                let is = |rule: &Value| {
                    let said = rule.get("expr").and_then(Value::as_array);
                    said.is_some_and(|said| essence(said) == expected)
                };
                Ok(rules.any(|(_, rule)| is(rule)))
            }
            Self::Iptables(_) => {
                let chain = wanted.of.chain(wanted.part());
                let line = plain(&iptables_rule(wanted));
                let there = |family: &Family| {
                    let text = self.saved(*family);
                    let ranges = saved::rules(text, &chain);
                    let mut lines = ranges.into_iter().map(|r| text.get(r));
                    lines.any(|l| l.is_some_and(|l| plain(l) == line))
                };
                Ok(wanted.families().iter().all(there))
            }
        }
    }

    fn saved(&self, family: Family) -> &str {
        match (self, family) {
            (Self::Nft(..), _) => "",
            (Self::Iptables([four, _]), Family::Ipv4) => four,
            (Self::Iptables([_, six]), Family::Ipv6) => six,
        }
    }

    /// What adding the rule does.
    pub(super) fn adding(
        &self,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Splice>, Error> {
        let Self::Nft(text, objects) = self else {
            let each = wanted.families().iter();
            return each.map(|&of| self.adding_saved(wanted, of)).collect();
        };
        let chain = nft_chain(wanted);
        let is = |(_, object): &Object| {
            object.pointer("/chain/name") == Some(&json!(chain))
        };
        let at = text.rfind(']').filter(|_| objects.iter().any(is));
        let at = at.ok_or_else(|| missing(NFT))?;
        let rule = json!({"rule": {
            "family": "inet", "table": "firewalld", "chain": chain,
            "expr": expressions(wanted),
        }});
        Ok(vec![Splice::output(NFT, at..at, format!(",{rule}"))])
    }

    fn adding_saved(
        &self,
        wanted: &Wanted<'_>,
        family: Family,
    ) -> Result<Splice, Error> {
        let text = self.saved(family);
        let chain = format!(":{} ", wanted.of.chain(wanted.part()));
        let known = text.lines().any(|line| line.starts_with(&chain));
        let at = saved::end(text).filter(|_| known);
        let at = at.ok_or_else(|| missing(save(family)))?;
        let line = format!("{}\n", iptables_rule(wanted));
        Ok(Splice::output(save(family), at..at, line))
    }

    /// What it does to take a port from those that a zone opens to all;
    /// nothing if it does not open it.
    pub(super) fn closing(
        &self,
        zone: &str,
        port: u16,
        protos: &[Proto],
    ) -> Vec<Splice> {
        match self {
            Self::Nft(_, objects) => {
                let chain = format!("filter_IN_{zone}_allow");
                let rules = rules(objects, &chain);
                let all = rules.filter_map(|(range, rule)| {
                    let rest = parts(rule, port, protos)?;
                    Some(Splice::output(NFT, range.clone(), rest))
                });
                all.collect::<Vec<_>>().into_iter().rev().collect()
            }
            Self::Iptables(texts) => {
                let each = Family::BOTH.into_iter().zip(texts);
                let all = each.flat_map(|(family, text)| {
                    close_saved(family, text, zone, (port, protos))
                });
                all.collect()
            }
        }
    }
}

/// The lines of the chain that accept the port from all, the last first.
fn close_saved(
    family: Family,
    text: &str,
    zone: &str,
    (port, protos): (u16, &[Proto]),
) -> Vec<Splice> {
    let chain = format!("IN_{zone}_allow");
    let mut all = Vec::new();
    for range in saved::rules(text, &chain).into_iter().rev() {
        let line = plain(text.get(range.clone()).unwrap_or_default());
        for proto in protos.iter().map(|proto| proto.name()) {
            let head = format!("-A {chain} -p {proto} --dport ");
            let ports = line.strip_prefix(&head);
            let ports = ports.and_then(|rest| rest.strip_suffix(" -j ACCEPT"));
            let Some(rest) = ports.and_then(|ports| outside(ports, port))
            else {
                continue;
            };
            let rest = rest.iter().map(|(first, last)| {
                let ports = shown(*first, *last);
                format!("{head}{ports} -j ACCEPT\n")
            });
            all.push(Splice::output(
                save(family),
                range.clone(),
                rest.collect(),
            ));
        }
    }
    all
}

/// A rule without what does not have to be said.
fn plain(rule: &str) -> String {
    let words = ["-m tcp ", "-m udp ", "/32", "/128"];
    let rule = rule.trim_end().to_owned();
    words.iter().fold(rule, |rule, word| rule.replace(word, ""))
}

fn shown(first: u16, last: u16) -> String {
    if first == last { first.to_string() } else { format!("{first}:{last}") }
}

/// "FIRST:LAST" without a port; `None` if it is not in it.
fn outside(ports: &str, port: u16) -> Option<Vec<(u16, u16)>> {
    let (first, last) = ports.split_once(':').unwrap_or((ports, ports));
    around((first.parse().ok()?, last.parse().ok()?), port)
}

/// What is left of a range without a port; `None` if it is not in it.
pub(super) fn around(
    (first, last): (u16, u16),
    port: u16,
) -> Option<Vec<(u16, u16)>> {
    let below = (first < port).then(|| (first, port - 1));
    let above = (port < last).then(|| (port + 1, last));
    let holds = (first..=last).contains(&port);
    holds.then(|| below.into_iter().chain(above).collect())
}

/// An object of a listing, and where it stands.
type Object = (Range<usize>, Value);

/// The chains and the rules of firewalld's table.
fn objects(text: &str) -> Result<Vec<Object>, Error> {
    let wrong = |error| Error::json(NFT, &error);
    let mut all = Vec::new();
    for (start, raw) in listing_objects(text).map_err(wrong)? {
        if !raw.contains("\"firewalld\"") {
            continue;
        }
        let object = serde_json::from_str(raw).map_err(wrong)?;
        all.push((start..start + raw.len(), object));
    }
    Ok(all)
}

/// The rules of a chain of firewalld's.
fn rules<'v>(
    objects: &'v [Object],
    chain: &str,
) -> impl Iterator<Item = (&'v Range<usize>, &'v Value)> {
    let chain = json!(chain);
    objects.iter().filter_map(move |(range, object)| {
        let rule = object.get("rule")?;
        let own = rule.get("table") == Some(&json!("firewalld"));
        let here = own && rule.get("chain") == Some(&chain);
        here.then_some((range, rule))
    })
}

/// The expressions without those that say nothing more.
fn essence(expressions: &[Value]) -> Vec<Value> {
    let key = |one: &Value| one.pointer("/match/left/meta/key").cloned();
    let says = |one: &&Value| {
        one.get("counter").is_none() && key(one) != Some(json!("nfproto"))
    };
    expressions.iter().filter(says).cloned().collect()
}

fn is(protocol: &str, field: &str, right: Value) -> Value {
    let payload = json!({"protocol": protocol, "field": field});
    json!({"match": {
        "op": "==", "left": {"payload": payload}, "right": right,
    }})
}

fn nft_chain(wanted: &Wanted<'_>) -> String {
    format!("filter_{}", wanted.of.chain(wanted.part()))
}

fn expressions(wanted: &Wanted<'_>) -> Vec<Value> {
    let port = is(wanted.proto.name(), "dport", json!(wanted.port));
    let Some(client) = wanted.client else {
        return vec![port, json!({"drop": null})];
    };
    let (width, protocol) = match client.family() {
        Family::Ipv4 => (32, "ip"),
        Family::Ipv6 => (128, "ip6"),
    };
    let address = client.address().to_string();
    let source = match client.prefix() {
        prefix if prefix == width => json!(address),
        prefix => json!({"prefix": {"addr": address, "len": prefix}}),
    };
    vec![is(protocol, "saddr", source), port, json!({"accept": null})]
}

fn iptables_rule(wanted: &Wanted<'_>) -> String {
    let (source, target) = match wanted.client {
        Some(client) => {
            let (address, prefix) = (client.address(), client.prefix());
            (format!("-s {address}/{prefix} "), "ACCEPT")
        }
        None => (String::new(), "DROP"),
    };
    format!(
        "-A {} {source}-p {proto} -m {proto} --dport {} -j {target}",
        wanted.of.chain(wanted.part()),
        wanted.port,
        proto = wanted.proto.name(),
    )
}

impl Wanted<'_> {
    /// The sort of chain that the rule is in.
    fn part(&self) -> &'static str {
        if self.client.is_some() { "pre" } else { "deny" }
    }
}

/// A rule for the ports below and one for those above, or an empty object
/// for none; `None` for a rule that is not about the port.
fn parts(rule: &Value, port: u16, protos: &[Proto]) -> Option<String> {
    let expressions = rule.get("expr")?.as_array()?;
    let [condition, verdict] = essence(expressions).try_into().ok()?;
    verdict.get("accept")?;
    let right = condition.pointer("/match/right")?;
    let proto = protos
        .iter()
        .find(|proto| condition == is(proto.name(), "dport", right.clone()))?;
    let number = |value: &Value| u16::try_from(value.as_u64()?).ok();
    let ends = right.get("range").and_then(Value::as_array);
    let ends = match ends.map(Vec::as_slice) {
        Some([first, last]) => (number(first)?, number(last)?),
        _ => (number(right)?, number(right)?),
    };
    let rest = around(ends, port)?.into_iter().map(|(first, last)| {
        let right = match first == last {
            true => json!(first),
            false => json!({"range": [first, last]}),
        };
        let mut rule = rule.clone();
        if let Some(expr) = rule.get_mut("expr") {
            let condition = is(proto.name(), "dport", right);
            *expr = json!([condition, {"accept": null}]);
        }
        json!({ "rule": rule }).to_string()
    });
    let rest: Vec<_> = rest.collect();
    Some(if rest.is_empty() { "{}".to_owned() } else { rest.join(",") })
}
