//! The guard as nft reads it, and as it lists it.

use serde_json::{Value, json};

use super::{FILE, Guard, Inside};
use crate::{Cidr, net::Family, text::Source};

/// A rule or a part of one, as nft reads it and as `nft -j` prints it.
struct Part {
    text: String,
    json: Value,
}

impl Part {
    fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json }
    }

    fn equal(text: impl Into<String>, left: Value, right: Value) -> Self {
        let json = json!({
            "match": { "op": "==", "left": left, "right": right },
        });
        Self::new(text, json)
    }
}

fn rule(parts: impl IntoIterator<Item = Part>) -> Part {
    let (texts, json): (Vec<_>, Vec<_>) =
        parts.into_iter().map(|part| (part.text, part.json)).unzip();
    Part::new(texts.join(" "), Value::Array(json))
}

fn field(protocol: &str, field: &str) -> Value {
    json!({"payload": {"protocol": protocol, "field": field}})
}

fn from_lo() -> Part {
    Part::equal("iif \"lo\"", json!({"meta": {"key": "iif"}}), json!("lo"))
}

/// Not `!= local`: a broadcast is not local, and is delivered.
fn to_another_host() -> Part {
    let kind = json!({"fib": {"result": "type", "flags": ["daddr"]}});
    Part::equal("fib daddr type unicast", kind, json!("unicast"))
}

fn answer() -> Part {
    let direction = json!({"ct": {"key": "direction"}});
    Part::equal("ct direction reply", direction, json!("reply"))
}

fn client(protocol: &str, set: &str) -> Part {
    let set = format!("@{set}");
    let text = format!("{protocol} saddr {set}");
    Part::equal(text, field(protocol, "saddr"), json!(set))
}

fn tcp_port() -> Part {
    Part::equal("tcp dport @ports", field("tcp", "dport"), json!("@ports"))
}

/// Drops what is sent to the addresses of containers, past what is
/// published, unless it is from a client.
fn past(inside: &Inside, proto: &str, clients: bool) -> Part {
    let Inside { interface, network, ports } = inside;
    let family = match network.family() {
        Family::Ipv4 => ("ip", "@allow4"),
        Family::Ipv6 => ("ip6", "@allow6"),
    };
    let (protocol, set) = family;
    let differ = |text: String, left: Value, right: Value| {
        let parts = json!({"op": "!=", "left": left, "right": right});
        Part::new(text, json!({ "match": parts }))
    };
    let name = json!({"meta": {"key": "iifname"}});
    let prefix = json!({"prefix": {
        "addr": network.address().to_string(), "len": network.prefix(),
    }});
    let mut parts = vec![
        differ(format!("iifname != \"{interface}\""), name, json!(interface)),
        Part::equal(
            format!("{protocol} daddr {network}"),
            field(protocol, "daddr"),
            prefix,
        ),
    ];
    if clients {
        let text = format!("{protocol} saddr != {set}");
        parts.push(differ(text, field(protocol, "saddr"), json!(set)));
    }
    let list: Vec<_> = ports.iter().map(u16::to_string).collect();
    parts.push(Part::equal(
        format!("{proto} dport {{ {} }}", list.join(", ")),
        field(proto, "dport"),
        json!({ "set": ports }),
    ));
    parts.extend([
        Part::new("counter", json!({"counter": null})),
        Part::new("drop", json!({"drop": null})),
    ]);
    rule(parts)
}

/// Of TCP or UDP.
fn any_port() -> Vec<Part> {
    let both = json!({"set": ["tcp", "udp"]});
    let protocol = json!({"meta": {"key": "l4proto"}});
    vec![
        Part::equal("meta l4proto { tcp, udp }", protocol, both),
        Part::equal("th dport @ports", field("th", "dport"), json!("@ports")),
    ]
}

impl Guard {
    /// Input for `nft -f`. It is one transaction and can be loaded again.
    pub(in crate::plan) fn to_nft(&self) -> String {
        let mut text = String::from(
            "# memsec: only the allowed clients reach memcached.\n\
             # Load it with: nft -f /etc/memsec/guard.nft\n\
             table inet memsec\n\
             delete table inet memsec\n\
             table inet memsec {\n",
        );
        for (name, kind, elements) in self.sets() {
            text += &format!("\tset {name} {{\n\t\ttype {kind}\n");
            text += "\t\tflags interval\n";
            if !elements.is_empty() {
                let elements = elements.join(", ");
                text += &format!("\t\telements = {{ {elements} }}\n");
            }
            text += "\t}\n";
        }
        for (hook, rules) in self.chains() {
            text += &format!(
                "\tchain {hook} {{\n\t\ttype filter hook {hook} priority \
                 mangle; policy accept;\n"
            );
            for rule in rules {
                text += &format!("\t\t{}\n", rule.text);
            }
            text += "\t}\n";
        }
        text + "}\n"
    }

    fn sets(&self) -> [(&'static str, &'static str, Vec<String>); 3] {
        let of = |family| {
            let nets = self.allow.iter().filter(|n| n.family() == family);
            nets.map(Cidr::to_string).collect()
        };
        let ports = self.ports.iter().map(u16::to_string).collect();
        [
            ("allow4", "ipv4_addr", of(Family::Ipv4)),
            ("allow6", "ipv6_addr", of(Family::Ipv6)),
            ("ports", "inet_service", ports),
        ]
    }

    /// The chains, by their hooks.
    fn chains(&self) -> Vec<(&'static str, Vec<Part>)> {
        let accept = || Part::new("accept", json!({"accept": null}));
        let first =
            || vec![rule([from_lo(), accept()]), rule([answer(), accept()])];
        let mut rules = first();
        for inside in &self.inside {
            rules.push(past(inside, "tcp", true));
            rules.push(past(inside, "udp", self.udp));
        }
        rules.push(rule([to_another_host(), accept()]));
        rules.extend(self.last());
        let mut chains = vec![("prerouting", rules)];
        if self.redirected {
            let mut rules = first();
            rules.extend(self.last());
            chains.push(("input", rules));
        }
        chains
    }

    /// The clients, and nobody else.
    fn last(&self) -> Vec<Part> {
        let mut rules = Vec::new();
        for (protocol, set) in [("ip", "allow4"), ("ip6", "allow6")] {
            let mut parts = vec![client(protocol, set)];
            parts.extend(match self.udp {
                true => any_port(),
                false => vec![tcp_port()],
            });
            parts.push(Part::new("accept", json!({"accept": null})));
            rules.push(rule(parts));
        }
        let mut parts = any_port();
        parts.push(Part::new("counter", json!({"counter": null})));
        parts.push(Part::new("drop", json!({"drop": null})));
        rules.push(rule(parts));
        rules
    }

    /// What `nft -j list ruleset` prints of it, for the model.
    pub(in crate::plan) fn to_listing(&self) -> Source {
        let mut objects =
            vec![json!({"table": {"family": "inet", "name": "memsec"}})];
        for (name, kind, elements) in self.sets() {
            let element = |text: &String| element(text);
            let elements: Vec<_> = elements.iter().map(element).collect();
            objects.push(json!({"set": {
                "family": "inet", "table": "memsec", "name": name,
                "type": kind, "flags": ["interval"], "elem": elements,
            }}));
        }
        for (hook, rules) in self.chains() {
            objects.push(json!({"chain": {
                "family": "inet", "table": "memsec", "name": hook,
                "type": "filter", "hook": hook, "prio": -150,
                "policy": "accept",
            }}));
            objects.extend(rules.into_iter().map(|rule| {
                json!({"rule": {
                    "family": "inet", "table": "memsec", "chain": hook,
                    "expr": rule.json,
                }})
            }));
        }
        Source::new(FILE, json!({ "nftables": objects }).to_string())
    }
}

/// An element of a set, or a network, as `nft -j` prints it.
pub(in crate::plan) fn element(text: &str) -> Value {
    if let Ok(port) = text.parse::<u16>() {
        return json!(port);
    }
    match text.split_once('/') {
        Some((address, prefix)) => {
            let prefix: u8 = prefix.parse().unwrap_or_default();
            json!({"prefix": {"addr": address, "len": prefix}})
        }
        None => json!(text),
    }
}
