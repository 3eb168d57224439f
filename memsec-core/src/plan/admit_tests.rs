//! Clients that the host's own rules keep out: what lets them in, and when.

use serde_json::json;

use super::{
    Plan, StepKind,
    tests::{OPEN_CONF, allow, debian, proved, routed},
};
use crate::Snapshot;

fn held(host: &Snapshot, clients: &[&str]) -> Plan {
    let plan = proved(host, &allow(clients));
    let found = plan.verify(None).unwrap();
    assert!(found.holds, "{}", found.to_text());
    plan
}

fn commands(plan: &Plan, kind: StepKind) -> Vec<String> {
    let steps = plan.steps.iter().filter(|step| step.kind == kind);
    steps.map(|step| step.command.join(" ")).collect()
}

/// Only one of the host's addresses is open.
fn open_elsewhere() -> Snapshot {
    let to = |field: &str, value: serde_json::Value, protocol: &str| {
        json!({ "match": { "op": "==", "right": value, "left": {
            "payload": { "protocol": protocol, "field": field } } } })
    };
    let rule = |expr: Vec<serde_json::Value>| {
        json!({ "rule": { "family": "inet", "table": "own", "chain": "in",
            "expr": expr } })
    };
    let port = || to("dport", json!(11211), "tcp");
    let listing = json!({ "nftables": [
        { "table": { "family": "inet", "name": "own" } },
        { "chain": { "family": "inet", "table": "own", "name": "in",
            "type": "filter", "hook": "input", "prio": 0,
            "policy": "accept" } },
        rule(vec![
            to("daddr", json!("10.20.0.10"), "ip"),
            port(),
            json!({ "accept": null }),
        ]),
        rule(vec![port(), json!({ "drop": null })]),
    ] });
    debian(OPEN_CONF, "")
        .with_command("nft -j list ruleset", &listing.to_string())
}

#[test]
fn memcached_moves_to_an_address_once_its_clients_get_in_there() {
    let plan = held(&open_elsewhere(), &["192.0.2.20"]);
    let kinds: Vec<_> = plan.steps.iter().map(|step| step.kind).collect();
    let at = |kind| kinds.iter().position(|one| *one == kind).unwrap();
    assert!(at(StepKind::Guard) < at(StepKind::Manager));
    assert!(at(StepKind::Manager) < at(StepKind::Edit));
}

/// What the host sends by eth1 is dropped, and what comes in by it where
/// `closed`.
fn closed_way_out(closed: bool) -> Snapshot {
    let policy = if closed { "DROP" } else { "ACCEPT" };
    let rules = format!(
        "*filter\n:INPUT {policy} [0:0]\n:FORWARD DROP [0:0]\n\
         :OUTPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n\
         -A INPUT -i eth0 -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT\n\
         -A OUTPUT -o eth0 -j ACCEPT\n-A OUTPUT -o eth1 -j REJECT\nCOMMIT\n"
    );
    routed(debian(OPEN_CONF, &rules))
}

const ANSWER: &str = "-d 10.20.0.0/24 -p tcp -m tcp --sport 11211 -m \
    conntrack --ctdir REPLY -m comment --comment memsec -j ACCEPT";

#[test]
fn an_answer_gets_out_before_the_rule_that_stops_it() {
    let plan = held(&closed_way_out(false), &["10.20.0.0/24"]);
    let expected = format!("iptables -w -I OUTPUT 3 {ANSWER}");
    assert_eq!(commands(&plan, StepKind::Manager), [expected]);
}

#[test]
fn it_does_before_a_client_gets_in() {
    let plan = held(&closed_way_out(true), &["10.20.0.0/24"]);
    let expected = [
        format!("iptables -w -I OUTPUT 3 {ANSWER}"),
        "iptables -w -A INPUT -s 10.20.0.0/24 -p tcp -m tcp --dport 11211 -m \
         comment --comment memsec -j ACCEPT"
            .to_owned(),
    ];
    assert_eq!(commands(&plan, StepKind::Manager), expected);
}

#[test]
fn a_table_that_only_a_text_shows_gets_an_accept() {
    let text = "table inet own {\n\tchain in {\n\t\ttype filter hook input \
                priority filter + 5; policy accept;\n\t\ttcp dport 11211 \
                drop\n\t}\n}\n";
    let host = debian(OPEN_CONF, "").with_command("nft list ruleset", text);
    let plan = held(&host, &["192.0.2.20", "2001:db8:1::/64"]);
    let expected = [
        "nft insert rule inet own in ip saddr 192.0.2.20 tcp dport 11211 \
         accept comment \"memsec tcp 11211 from 192.0.2.20\"",
        "nft insert rule inet own in ip6 saddr 2001:db8:1::/64 tcp dport \
         11211 accept comment \"memsec tcp 11211 from 2001:db8:1::/64\"",
    ];
    assert_eq!(commands(&plan, StepKind::Manager), expected);
}
