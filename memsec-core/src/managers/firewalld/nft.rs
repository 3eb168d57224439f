//! A rule set as `nft -j list ruleset` prints it: core/nftables.py.

use serde_json::{Map, Value, json};

use super::{
    chains::{Act, Chain, Rule, Test},
    object::{Named, Set},
    value::Address,
};
use crate::{
    managers::{Dump, Stays},
    net::Family,
    text::Place,
};

/// firewalld goes behind other tables: NFT_HOOK_OFFSET.
const OFFSET: i32 = 10;

/// The hook and the priority of a base chain.
fn base(chain: &Chain) -> (&'static str, i32) {
    let (hook, nat) = match chain.name.as_str() {
        "PREROUTING" => ("prerouting", -100),
        "POSTROUTING" => ("postrouting", 100),
        "INPUT" => ("input", 100),
        "FORWARD" => ("forward", 0),
        _ => ("output", -100),
    };
    let priority = match chain.table {
        "mangle" => -150,
        "nat" => nat,
        _ => 0,
    };
    (hook, priority + OFFSET)
}

/// Puts one object on each line.
struct Lines(Dump);

impl Lines {
    fn push(&mut self, value: &Value, place: Option<&Place>) {
        let comma = if self.0.places.len() > 1 { "," } else { "" };
        self.0.text.push_str(&format!("{comma}{value}\n"));
        self.0.places.push(place.cloned());
    }
}

/// The whole table.
pub(super) fn dump(chains: &[Chain], sets: &Named<Set>) -> Dump {
    let mut lines = Lines(Dump {
        command: "nft -j list ruleset",
        text: "{\"nftables\": [\n".to_owned(),
        places: vec![None],
        stays: Stays::OtherTables("firewalld"),
    });
    lines.push(&json!({"metainfo": {"json_schema_version": 1}}), None);
    let table = json!({"family": "inet", "name": "firewalld"});
    lines.push(&json!({ "table": table }), None);
    for (name, set) in sets {
        lines.push(&json!({"set": set_object(name, set)}), Some(&set.place));
    }
    for chain in chains {
        lines.push(&json!({ "chain": chain_object(chain) }), None);
    }
    for chain in chains {
        for rule in &chain.rules {
            let object = json!({
                "family": "inet",
                "table": "firewalld",
                "chain": full_name(chain.table, &chain.name),
                "expr": expressions(rule, chain.table, sets),
            });
            lines.push(&json!({ "rule": object }), rule.place.as_ref());
        }
    }
    let mut dump = lines.0;
    dump.text.push_str("]}\n");
    dump.places.push(None);
    dump
}

fn full_name(table: &str, chain: &str) -> String {
    format!("{table}_{chain}")
}

fn chain_object(chain: &Chain) -> Value {
    let mut object = json!({
        "family": "inet",
        "table": "firewalld",
        "name": full_name(chain.table, &chain.name),
    });
    if let (true, Some(map)) = (chain.base, object.as_object_mut()) {
        let (hook, priority) = base(chain);
        let nat = chain.table == "nat";
        let kind = if nat { "nat" } else { "filter" };
        map.insert("type".to_owned(), kind.into());
        map.insert("hook".to_owned(), hook.into());
        map.insert("prio".to_owned(), priority.into());
        map.insert("policy".to_owned(), "accept".into());
    }
    object
}

fn is(left: Value, right: Value) -> Value {
    json!({"match": {"op": "==", "left": left, "right": right}})
}

fn payload(protocol: &str, field: &str) -> Value {
    json!({"payload": {"protocol": protocol, "field": field}})
}

fn meta(key: &str) -> Value {
    json!({"meta": {"key": key}})
}

fn expressions(rule: &Rule, table: &str, sets: &Named<Set>) -> Vec<Value> {
    let tests = rule.tests.iter().flat_map(|(test, not)| {
        let mut all = tested(test, sets);
        let last = all.last_mut().and_then(|v| v.pointer_mut("/match/op"));
        if let (true, Some(op)) = (*not, last) {
            *op = "!=".into();
        }
        all
    });
    tests.chain([action(&rule.act, table)]).collect()
}

fn tested(test: &Test, sets: &Named<Set>) -> Vec<Value> {
    let one = match test {
        Test::Family(family) => is(meta("nfproto"), nfproto(*family).into()),
        Test::From(address) => at("saddr", address),
        Test::To(address) => at("daddr", address),
        Test::Set(name, destination) => {
            let left = sets
                .get(name)
                .map_or(Value::Null, |set| asked(set, *destination));
            is(left, format!("@{name}").into())
        }
        Test::Mac(mac) => is(payload("ether", "saddr"), mac.as_str().into()),
        Test::In(name) => is(meta("iifname"), interface(name)),
        Test::Out(name) => is(meta("oifname"), interface(name)),
        Test::Protocol(name) => is(meta("l4proto"), protocol(name)),
        Test::Dport(of, ports) => is(payload(of, "dport"), range(*ports)),
        Test::Sport(of, ports) => is(payload(of, "sport"), range(*ports)),
        Test::State(states) => {
            let left = json!({"ct": {"key": "state"}});
            json!({"match": {"op": "in", "left": left, "right": states}})
        }
        Test::Dnat => {
            let left = json!({"ct": {"key": "status"}});
            json!({"match": {"op": "in", "left": left, "right": "dnat"}})
        }
        Test::AnyIcmp => {
            is(meta("l4proto"), json!({"set": ["icmp", "ipv6-icmp"]}))
        }
        Test::Icmp(family, kind, code) => {
            let of = match family {
                Family::Ipv4 => "icmp",
                Family::Ipv6 => "icmpv6",
            };
            let kind = is(payload(of, "type"), (*kind).into());
            let code = code.map(|code| is(payload(of, "code"), code.into()));
            return std::iter::once(kind).chain(code).collect();
        }
        Test::Rate => json!({"limit": {"rate": 1, "per": "second"}}),
        Test::NoWayBack => {
            let flags = ["saddr", "mark", "iif"];
            let fib = json!({"fib": {"result": "oif", "flags": flags}});
            is(fib, false.into())
        }
    };
    vec![one]
}

fn nfproto(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

fn protocol(name: &str) -> Value {
    name.parse::<u8>().map_or_else(|_| name.into(), Value::from)
}

/// "eth+" is "eth*" there.
fn interface(name: &str) -> Value {
    match name.strip_suffix('+') {
        Some(prefix) => format!("{prefix}*").into(),
        None => name.into(),
    }
}

fn at(field: &str, address: &Address) -> Value {
    let of = name(address.family());
    is(payload(of, field), network(address))
}

fn network(address: &Address) -> Value {
    let text = address.address.to_string();
    match address.prefix {
        Some(len) => json!({"prefix": {"addr": text, "len": len}}),
        None => text.into(),
    }
}

fn range((first, last): (u16, u16)) -> Value {
    if first == last { first.into() } else { json!({"range": [first, last]}) }
}

fn action(act: &Act, table: &str) -> Value {
    let target = |name: &str| json!({"target": full_name(table, name)});
    match act {
        Act::Accept => json!({"accept": null}),
        Act::Drop => json!({"drop": null}),
        Act::Reject => {
            json!({"reject": {"type": "icmpx", "expr": "admin-prohibited"}})
        }
        Act::Jump(name) => json!({"jump": target(name)}),
        Act::Goto(name) => json!({"goto": target(name)}),
        Act::Masquerade => json!({"masquerade": null}),
        Act::Mark => {
            json!({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 0}})
        }
        Act::Translate(None, ports) => {
            json!({"redirect": {"port": ports.map(range)}})
        }
        Act::Translate(Some(to), ports) => {
            let mut dnat = Map::new();
            dnat.insert("addr".into(), to.address.to_string().into());
            dnat.insert("family".into(), name(to.family()).into());
            dnat.extend(ports.map(|ports| ("port".into(), range(ports))));
            json!({ "dnat": dnat })
        }
    }
}

/// What nft calls a family.
fn name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    }
}

/// The parts of a set's elements.
fn parts(set: &Set) -> impl Iterator<Item = &str> {
    set.kind.trim_start_matches("hash:").split(',')
}

/// _set_match_fragment()
fn asked(set: &Set, destination: bool) -> Value {
    let of = match set.family() {
        Some(Family::Ipv4) => "ip",
        Some(Family::Ipv6) => "ip6",
        None => "ether",
    };
    let (addr, port) = match destination {
        true => ("daddr", "dport"),
        false => ("saddr", "sport"),
    };
    let all = parts(set).flat_map(|part| match part {
        "port" => vec![meta("l4proto"), payload("th", port)],
        "iface" => vec![meta("iifname")],
        "mark" => vec![meta("mark")],
        _ => vec![payload(of, addr)],
    });
    let mut all: Vec<_> = all.collect();
    match all.len() {
        1 => all.swap_remove(0),
        _ => json!({ "concat": all }),
    }
}

fn set_object(name: &str, set: &Set) -> Value {
    let address = match set.family() {
        Some(Family::Ipv4) => "ipv4_addr",
        Some(Family::Ipv6) => "ipv6_addr",
        None => "ether_addr",
    };
    let kinds = parts(set).flat_map(|part| match part {
        "port" => vec!["inet_proto", "inet_service"],
        "iface" => vec!["ifname"],
        "mark" => vec!["mark"],
        _ => vec![address],
    });
    let mut kinds: Vec<Value> = kinds.map(Value::from).collect();
    let kind = match kinds.len() {
        1 => kinds.swap_remove(0),
        _ => kinds.into(),
    };
    let elements: Vec<_> =
        set.entries.iter().map(|(entry, _)| element(set, entry)).collect();
    let mut object = json!({
        "family": "inet", "table": "firewalld", "name": name, "type": kind,
        "flags": ["interval"], "elem": elements,
    });
    if let (Some(timeout), Some(map)) = (&set.timeout, object.as_object_mut()) {
        map.insert("timeout".to_owned(), timeout.as_str().into());
    }
    object
}

/// _set_entry_fragment()
fn element(set: &Set, entry: &str) -> Value {
    let all =
        parts(set).zip(entry.split(',')).flat_map(|(part, text)| match part {
            "port" => {
                let (of, port) = text.split_once(':').unwrap_or(("tcp", text));
                let ports = super::value::ports(port);
                vec![of.into(), ports.map_or(port.into(), range)]
            }
            "ip" | "net" => {
                let address = Address::new(text);
                vec![address.map_or(text.into(), |address| network(&address))]
            }
            _ => vec![text.into()],
        });
    let mut all: Vec<Value> = all.collect();
    match all.len() {
        1 => all.swap_remove(0),
        _ => json!({ "concat": all }),
    }
}
