//! The rule that lets clients in, as nft reads it and as it lists it.

use serde_json::{Value, json};

use super::listing::Chain;
use crate::{
    Cidr,
    audit::ShutOut,
    net::Family,
    plan::{daemon::words, guard::element},
};

/// The rule that lets clients in.
pub(super) struct Accept {
    pub clients: Cidr,
    pub proto: &'static str,
    pub port: u16,
}

impl Accept {
    pub(super) fn of(shut: &ShutOut) -> Self {
        let ShutOut { clients, proto, port, .. } = *shut;
        Self { clients, proto: proto.name(), port }
    }

    pub(super) fn protocol(&self) -> &'static str {
        match self.clients.family() {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
        }
    }

    pub(super) fn comment(&self) -> String {
        let Self { clients, proto, port } = self;
        format!("memsec {proto} {port} from {clients}")
    }

    pub(super) fn words(&self) -> Vec<String> {
        let (clients, port) = (self.clients.to_string(), self.port.to_string());
        let comment = format!("\"{}\"", self.comment());
        words(&[
            self.protocol(),
            "saddr",
            &clients,
            self.proto,
            "dport",
            &port,
            "accept",
            "comment",
            &comment,
        ])
    }

    pub(super) fn json(&self, chain: &Chain) -> String {
        let equal = |protocol: &str, field: &str, right: Value| {
            let left = json!({ "protocol": protocol, "field": field });
            let left = json!({ "payload": left });
            json!({"match": { "op": "==", "left": left, "right": right }})
        };
        let rule = json!({ "rule": {
            "family": chain.family, "table": chain.table, "chain": chain.name,
            "comment": self.comment(),
            "expr": [
                equal(
                    self.protocol(),
                    "saddr",
                    element(&self.clients.to_string()),
                ),
                equal(self.proto, "dport", json!(self.port)),
                { "accept": null },
            ],
        }});
        rule.to_string()
    }
}
