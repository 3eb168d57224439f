//! The guard as nft reads it, and as it lists it.

use serde_json::{Value, json};

use super::{FILE, Guard};
use crate::{Cidr, net::Family, text::Source};

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
        text += "\tchain prerouting {\n\t\ttype filter hook prerouting \
                 priority mangle; policy accept;\n";
        for (rule, _) in self.rules() {
            text += &format!("\t\t{rule}\n");
        }
        text + "\t}\n}\n"
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

    /// Each rule as nft reads it, and as `nft -j` prints it.
    fn rules(&self) -> Vec<(String, Value)> {
        let equals = |left: Value, right: Value| json!({"match": {"op": "==", "left": left, "right": right}});
        let field = |protocol: &str, field: &str| json!({"payload": {"protocol": protocol, "field": field}});
        let accept = json!({"accept": null});
        let both = equals(
            json!({"meta": {"key": "l4proto"}}),
            json!({"set": ["tcp", "udp"]}),
        );
        let any = equals(field("th", "dport"), json!("@ports"));
        let mut rules = vec![
            (
                "iif \"lo\" accept".to_owned(),
                json!([
                    equals(json!({"meta": {"key": "iif"}}), json!("lo")),
                    accept
                ]),
            ),
            // Not `!= local`: a broadcast is not local, and is delivered.
            (
                "fib daddr type unicast accept".to_owned(),
                json!([
                    equals(
                        json!({"fib": {"result": "type", "flags": ["daddr"]}}),
                        json!("unicast"),
                    ),
                    accept
                ]),
            ),
            (
                "ct direction reply accept".to_owned(),
                json!([
                    equals(json!({"ct": {"key": "direction"}}), json!("reply")),
                    accept
                ]),
            ),
        ];
        for (protocol, set) in [("ip", "allow4"), ("ip6", "allow6")] {
            let from =
                equals(field(protocol, "saddr"), json!(format!("@{set}")));
            let (to, ports) = if self.udp {
                ("meta l4proto { tcp, udp } th", json!([both, any]))
            } else {
                let tcp = equals(field("tcp", "dport"), json!("@ports"));
                ("tcp", json!([tcp]))
            };
            let mut expr = vec![from];
            expr.extend(ports.as_array().cloned().unwrap_or_default());
            expr.push(accept.clone());
            rules.push((
                format!("{protocol} saddr @{set} {to} dport @ports accept"),
                Value::Array(expr),
            ));
        }
        rules.push((
            "meta l4proto { tcp, udp } th dport @ports counter drop".to_owned(),
            json!([both, any, {"counter": null}, {"drop": null}]),
        ));
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
        objects.push(json!({"chain": {
            "family": "inet", "table": "memsec", "name": "prerouting",
            "type": "filter", "hook": "prerouting", "prio": -150,
            "policy": "accept",
        }}));
        objects.extend(self.rules().into_iter().map(|(_, expr)| {
            json!({"rule": {
                "family": "inet", "table": "memsec", "chain": "prerouting",
                "expr": expr,
            }})
        }));
        Source::new(FILE, json!({ "nftables": objects }).to_string())
    }
}

/// An element of a set as `nft -j` prints it.
fn element(text: &str) -> Value {
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
