//! Plans that the independent checker can tell about: translated packets,
//! containers, and answers.

use serde_json::{Value, json};

use super::{
    ClaimKind, Plan,
    container_tests::{PROXIES, docker, host, on_loopback, published},
    tests::{OPEN_CONF, allow, debian, routed},
};
use crate::{Policy, Snapshot, StepKind, audit};

fn plan(host: &Snapshot, policy: &Policy) -> Plan {
    let plan = audit(host, policy).unwrap().plan();
    assert!(plan.proof.holds, "{:#?}", plan.proof.claims);
    plan
}

/// Whether plans for nobody and for a client hold.
fn holds(host: &Snapshot) {
    for policy in [Policy::new(), allow(&["192.0.2.20"])] {
        let found = plan(host, &policy).verify(None).unwrap();
        assert!(found.holds, "{}", found.to_text());
    }
}

/// A host with rules of nft in a chain at input that drops the rest.
fn native(rules: &[Value]) -> Snapshot {
    let chain = |table: &str, kind: &str, hook: &str, prio: i32| {
        json!({ "chain": { "family": "ip", "table": table, "name": hook,
            "type": kind, "hook": hook, "prio": prio, "policy": "drop" } })
    };
    let mut nat = chain("nat", "nat", "prerouting", -100);
    nat["chain"]["policy"] = json!("accept");
    let mut all = vec![
        json!({ "table": { "family": "ip", "name": "nat" } }),
        json!({ "table": { "family": "ip", "name": "own" } }),
        json!({ "set": { "family": "ip", "table": "own", "name": "seen",
            "type": "ipv4_addr", "size": 1000, "flags": ["dynamic"] } }),
        nat,
        chain("own", "filter", "input", 0),
        json!({ "rule": { "family": "ip", "table": "nat",
            "chain": "prerouting", "expr": [
                equal(json!({ "payload": {
                    "protocol": "tcp", "field": "dport" } }), json!(8080)),
                { "redirect": { "port": 11211 } },
            ] } }),
    ];
    all.extend(rules.iter().map(|expr| {
        json!({ "rule": { "family": "ip", "table": "own", "chain": "input",
            "expr": expr } })
    }));
    let listing = json!({ "nftables": all }).to_string();
    debian(OPEN_CONF, "").with_command("nft -j list ruleset", &listing)
}

fn equal(left: Value, right: Value) -> Value {
    json!({ "match": { "op": "==", "left": left, "right": right } })
}

#[test]
fn a_packet_that_was_turned_is_one_of_dnat() {
    let status = json!({ "ct": { "key": "status" } });
    holds(&native(&[json!([
        { "match": { "op": "in", "left": status, "right": "dnat" } },
        { "accept": null },
    ])]));
}

#[test]
fn the_address_that_a_connection_is_from_stays() {
    let from = json!({ "ct": { "key": "ip saddr", "dir": "original" } });
    holds(&native(&[json!([
        equal(from, json!("192.0.2.20")),
        { "accept": null },
    ])]));
}

#[test]
fn a_limit_of_an_element_may_end_a_rule() {
    let limited = json!({ "set": { "op": "add", "set": "@seen",
        "elem": { "payload": { "protocol": "ip", "field": "saddr" } },
        "stmt": [{ "limit": { "rate": 5, "per": "minute", "inv": true } }] } });
    holds(&native(&[
        json!([limited, { "drop": null }]),
        json!([{ "accept": null }]),
    ]));
}

#[test]
fn an_answer_leaves_by_the_network_of_its_client() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n\
                 :OUTPUT DROP [0:0]\n-A OUTPUT -o lo -j ACCEPT\n\
                 -A OUTPUT -o eth0 -j ACCEPT\nCOMMIT\n";
    holds(&routed(debian(OPEN_CONF, rules)));
}

/// Who comes in by another interface than the way back leads is let in, and
/// gets no answer.
#[test]
fn an_answer_leaves_by_the_closest_route() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n\
                 :OUTPUT DROP [0:0]\n-A INPUT -i eth1 -j ACCEPT\n\
                 -A OUTPUT -o lo -j ACCEPT\n-A OUTPUT -o eth1 -j ACCEPT\n\
                 COMMIT\n";
    holds(&routed(debian(OPEN_CONF, rules)));
}

#[test]
fn a_mark_that_a_rule_gave_lets_a_packet_in() {
    let rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n\
                 -A PREROUTING -p tcp -m tcp --dport 11211 -j MARK \
                 --set-xmark 0x1/0xffffffff\nCOMMIT\n\
                 *filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n\
                 :OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n\
                 -A INPUT -m mark --mark 0x8000/0x8000 -j DROP\n\
                 -A INPUT -m mark --mark 0x1 -j ACCEPT\nCOMMIT\n";
    let host = debian(OPEN_CONF, rules);
    holds(&host);
    let open = plan(&host, &allow(&["192.0.2.20"]));
    assert!(open.steps.iter().all(|step| step.kind != StepKind::Manager));
}

#[test]
fn a_container_on_loopback_is_reached_by_a_rule_alone() {
    let found = plan(&on_loopback(), &Policy::new()).verify(None).unwrap();
    assert!(found.holds, "{}", found.to_text());
}

/// The plan for a client of a container, with something else in the file of
/// the guard.
fn tampered(from: &str, to: &str) -> (bool, Option<ClaimKind>) {
    let mut plan = plan(&docker(), &allow(&["192.0.2.20"]));
    let mut steps = plan.steps.iter_mut();
    let guard = steps.find(|step| step.kind == StepKind::Guard).unwrap();
    let file = guard.file.as_mut().unwrap();
    let text = file.after.as_ref().unwrap().replace(from, to);
    file.after = Some(text);
    let found = plan.verify(None).unwrap();
    let failed = found.claims.iter().find(|claim| !claim.holds);
    (found.holds, failed.map(|claim| claim.claim))
}

#[test]
fn the_way_to_a_container_is_followed() {
    assert_eq!(tampered("", ""), (true, None));
    let wider = tampered("ip saddr @allow4 tcp", "tcp");
    assert_eq!(wider, (false, Some(ClaimKind::OnlyAllowed)));
    let narrower = tampered("{ 192.0.2.20 }", "{ 192.0.2.21 }");
    assert!(!narrower.0);
    let past = tampered("tcp dport { 11211 } counter drop", "counter");
    assert_eq!(past, (false, Some(ClaimKind::OnlyAllowed)));
}

#[test]
fn no_client_is_owed_what_a_proxy_alone_shows() {
    let drops = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n\
                 :OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";
    let sockets = PROXIES.replace("8080", "11211");
    let host = host(drops).with_command("ss -lntupxH", &sockets);
    let found = plan(&host, &allow(&["192.0.2.20"])).verify(None).unwrap();
    assert!(found.holds, "{}", found.to_text());
}

/// Docker has one for containers that come to their own published port.
#[test]
fn a_client_that_is_given_another_address_is_not_sure() {
    let masks = "-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m \
                 tcp --dport 11211 -j MASQUERADE\n-A DOCKER -i docker0 ";
    let known = docker();
    let live = known.output("iptables-save").unwrap();
    let live = live.text().replacen("-A DOCKER -i docker0 ", masks, 1);
    holds(&known.with_command("iptables-save", &live));
}

/// What a rule does not lead to the container comes to the host's own.
#[test]
fn daemons_may_share_an_address() {
    let open = published(11211).replace("INPUT DROP", "INPUT ACCEPT");
    let host = host(&open)
        .with_command("ss -lntupxH", "")
        .with_command("memcached -V", "memcached 1.6.18\n")
        .with_file("/etc/memcached.conf", OPEN_CONF);
    holds(&host);
}
