//! MEMSEC-CTR-005: a Service of Kubernetes, by what kube-proxy makes of it.

use std::{collections::BTreeSet, net::IpAddr};

use super::{Check, Found};
use crate::{
    Proto,
    audit::{Scope, Severity, subject::Subject},
    net::Family,
    netfilter::{About, Action, Rule, Table, Test, Translated},
    reach::{Query, Taker, sources},
    text::Place,
};

pub(super) const CTR_005: Check = Check {
    id: "MEMSEC-CTR-005",
    title: "A Service of Kubernetes gives memcached to others than the \
            clients",
    severity: Severity::High,
    varies: "high where the internet reaches it, else medium",
    why: "a NodePort or a LoadBalancer opens the cache on every node, before \
          the rules of INPUT, and no NetworkPolicy is there unless somebody \
          wrote one",
    detection: "the rules of kube-proxy in iptables for node ports, external \
                addresses and load balancers that lead to port 11211 of a \
                pod, and who gets through; the manifests, and Services by \
                IPVS, are in no snapshot",
    fix: "make it a ClusterIP, and let only the pods of the application in \
          by a NetworkPolicy",
    references: &[
        "kubernetes.io/docs/concepts/services-networking/network-policies",
    ],
    find: exposed,
};

/// The port of memcached, in the pod.
const PORT: u16 = 11211;

/// Chains by which kube-proxy serves those who are not in the cluster: by
/// releases from 1.24, before it, and with sources of a load balancer.
const OUTSIDE: [&str; 3] = ["KUBE-EXT-", "KUBE-XLB-", "KUBE-FW-"];

fn exposed(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for family in Family::BOTH {
        let tables = subject.host.ruleset.tables.iter();
        for table in tables.filter(|table| table.families.contain(family)) {
            found.extend(of_table(subject, table, family));
        }
    }
    found
}

fn of_table(
    subject: &Subject<'_>,
    table: &Table,
    family: Family,
) -> Vec<Found> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for chain in &table.chains {
        for rule in chain.each_about(About::CALL) {
            let to = destination(rule).map(|to| family.address(to));
            let service = outside(table, &chain.name, rule).zip(port(rule));
            let Some((ends, port)) = service else { continue };
            if seen.insert((to, port)) && leads(table, ends) {
                let place = chain.place(rule);
                found.extend(open(subject, family, to, port, place));
            }
        }
    }
    found
}

/// The chain that a rule for those who are not in the cluster goes on in.
fn outside(table: &Table, chain: &str, rule: &Rule) -> Option<usize> {
    let (Action::Jump(to) | Action::Goto(to)) = *rule.action() else {
        return None;
    };
    let name = table.chains.get(to)?.name.as_str();
    let from_outside = OUTSIDE.iter().any(|prefix| name.starts_with(prefix));
    let listed = chain == "KUBE-SERVICES" && from_outside;
    let node = chain == "KUBE-NODEPORTS" && name.starts_with("KUBE-");
    (listed || node).then_some(to)
}

/// Whether a chain leads to the port of memcached. kube-proxy nests no
/// deeper than this.
fn leads(table: &Table, chain: usize) -> bool {
    const DEPTH: usize = 4;
    let mut chains = BTreeSet::from([chain]);
    for _ in 0..DEPTH {
        let rules = chains.iter().filter_map(|&at| table.chains.get(at));
        let rules: Vec<_> =
            rules.flat_map(|chain| chain.rules.iter()).collect();
        if rules.iter().any(|rule| is_memcached(rule)) {
            return true;
        }
        let next = rules.iter().filter_map(|rule| match rule.action() {
            Action::Jump(to) | Action::Goto(to) => Some(*to),
            _ => None,
        });
        chains = next.collect();
    }
    false
}

fn is_memcached(rule: &Rule) -> bool {
    let Action::Translate(translation) = rule.action() else { return false };
    let elsewhere = matches!(translation.of, Translated::Destination(Some(_)));
    elsewhere && translation.ports.is_some_and(|(first, _)| first == PORT)
}

fn destination(rule: &Rule) -> Option<u128> {
    let mut tests = rule.matches().iter().filter(|one| !one.negated);
    tests.find_map(|one| match &one.test {
        Test::Destination(set) => set.first(),
        _ => None,
    })
}

fn port(rule: &Rule) -> Option<u16> {
    let mut tests = rule.matches().iter().filter(|one| !one.negated);
    tests.find_map(|one| match &one.test {
        Test::DestinationPort(set) => set.first(),
        _ => None,
    })
}

fn open(
    subject: &Subject<'_>,
    family: Family,
    to: Option<IpAddr>,
    port: u16,
    place: Place,
) -> Option<Found> {
    let (interface, wildcard, proto) = (None, true, Proto::Tcp);
    let taker = Taker::default();
    let query = Query { interface, family, to, wildcard, taker, proto, port };
    let may = sources(subject.host, &query).may;
    let beyond = may.difference(&subject.policy.allowed(family));
    let (severity, who) = match Scope::of(&beyond) {
        _ if beyond.is_empty() => return None,
        Scope::Internet => (Severity::High, "anyone on the internet"),
        _ => (Severity::Medium, "others than the clients"),
    };
    let message = format!(
        "{who} may reach tcp port {port} of this node, which leads to \
         memcached in a pod"
    );
    Some(Found::new(severity, place, message))
}
