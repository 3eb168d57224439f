//! memsec's own firewall table: the second wall.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Cidr, Policy,
    net::{Family, IpSet},
    text::Source,
};

/// The guard's file, which its unit loads at boot.
pub(super) const FILE: &str = "/etc/memsec/guard.nft";

/// The table `inet memsec`: it drops what is for a memcached port of this
/// host unless the source is allowed. It has one base chain, at prerouting
/// with the priority of mangle: before DNAT, so that it sees the port that
/// the client sees, also of a published container. It says nothing about
/// other ports, and accepting there decides nothing for other tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Guard {
    /// The ports that it guards, of TCP and UDP.
    pub ports: Vec<u16>,
    /// The clients: networks that do not overlap.
    pub allow: Vec<Cidr>,
    /// Whether the clients may come in over UDP as well.
    pub udp: bool,
}

impl Guard {
    /// The guard of some ports by a policy.
    pub(super) fn new(policy: &Policy, mut ports: Vec<u16>) -> Self {
        ports.sort_unstable();
        ports.dedup();
        let of = |family| policy.allowed(family);
        let sets: [IpSet; 2] = Family::BOTH.map(of);
        let allow = sets.iter().flat_map(IpSet::cidrs).collect();
        Self { ports, allow, udp: policy.udp }
    }

    /// Input for `nft -f`. It is one transaction and can be loaded again.
    pub(super) fn to_nft(&self) -> String {
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
    pub(super) fn to_listing(&self) -> Source {
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

    /// The same as lines for `iptables-restore --noflush`: what begins with
    /// -4 or -6 is for that family only.
    pub(super) fn to_iptables(&self) -> String {
        let mut text = String::from("*mangle\n:MEMSEC - [0:0]\n");
        let mut line = |rest: &str| text += &format!("-A MEMSEC {rest}\n");
        line("-i lo -j RETURN");
        line("-m addrtype --dst-type UNICAST -j RETURN");
        line("-m conntrack --ctdir REPLY -j RETURN");
        let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
        let ports = ports.join(",");
        for proto in if self.udp { &["tcp", "udp"][..] } else { &["tcp"] } {
            for net in &self.allow {
                let family = net.family();
                text += match family {
                    Family::Ipv4 => "-4 ",
                    Family::Ipv6 => "-6 ",
                };
                text += &format!(
                    "-A MEMSEC -s {net} -p {proto} -m multiport --dports \
                     {ports} -j RETURN\n"
                );
            }
        }
        for proto in ["tcp", "udp"] {
            text += &format!(
                "-A MEMSEC -p {proto} -m multiport --dports {ports} -j DROP\n"
            );
        }
        text + "-I PREROUTING -j MEMSEC\nCOMMIT\n"
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
