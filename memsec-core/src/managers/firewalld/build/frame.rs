//! The chains that are always there: build_default_rules().

use crate::{
    managers::firewalld::{
        chains::{Act, Chains, Rule, Test},
        config::Conf,
        value::Address,
    },
    net::Family,
};

/// Where the built-in chains of each table are.
const BASES: [(&str, &str); 8] = [
    ("filter", "PREROUTING"),
    ("mangle", "PREROUTING"),
    ("nat", "PREROUTING"),
    ("nat", "POSTROUTING"),
    ("nat", "OUTPUT"),
    ("filter", "INPUT"),
    ("filter", "FORWARD"),
    ("filter", "OUTPUT"),
];

/// IPv6 addresses that are IPv4 ones in disguise, and must not leave.
const RFC_3964: [&str; 9] = [
    "::/96",
    "::ffff:0.0.0.0/96",
    "2002::/24",
    "2002:a00::/24",
    "2002:7f00::/24",
    "2002:ac10::/28",
    "2002:c0a8::/32",
    "2002:a9fe::/32",
    "2002:e000::/19",
];

pub(super) fn add(chains: &mut Chains, conf: &Conf) {
    for (table, hook) in BASES {
        if hook == "PREROUTING" && table == "filter" {
            reverse_path(chains, conf);
            continue;
        }
        chains.make(table, hook, true);
        for part in ["POLICIES_pre", "ZONES", "POLICIES_post"] {
            if hook != "OUTPUT" || part != "ZONES" {
                chains.make(table, &format!("{hook}_{part}"), false);
            }
        }
        let rules = match (table, hook) {
            ("filter", "OUTPUT") => output(conf),
            ("filter", _) => filter(conf, hook),
            (_, "OUTPUT") => policies(),
            _ => vec![jump(format!("{hook}_ZONES"))],
        };
        chains.extend(table, hook, rules);
    }
}

fn jump(to: String) -> Rule {
    Rule::new(Vec::new(), Act::Jump(to))
}

fn policies() -> Vec<Rule> {
    let parts = ["OUTPUT_POLICIES_pre", "OUTPUT_POLICIES_post"];
    parts.map(|to| jump(to.to_owned())).into()
}

const KNOWN: Test = Test::State(&["established", "related"]);

fn filter(conf: &Conf, hook: &str) -> Vec<Rule> {
    let one = |test, act| Rule::new(vec![test], act);
    let mut rules = vec![
        one(KNOWN, Act::Accept),
        one(Test::Dnat, Act::Accept),
        one(Test::In("lo".to_owned()), Act::Accept),
        one(Test::State(&["invalid"]), Act::Drop),
    ];
    rules.extend(direct(conf, hook));
    if hook == "FORWARD" {
        rules.extend(disguised(conf));
    }
    rules.push(jump(format!("{hook}_ZONES")));
    rules.push(Rule::new(Vec::new(), Act::Reject));
    rules
}

fn output(conf: &Conf) -> Vec<Rule> {
    let one = |test, act| Rule::new(vec![test], act);
    let mut rules = vec![
        one(KNOWN, Act::Accept),
        one(Test::Out("lo".to_owned()), Act::Accept),
    ];
    rules.extend(direct(conf, "OUTPUT"));
    rules.extend(disguised(conf));
    rules.extend(policies());
    rules
}

/// Only the iptables back end has chains for direct rules.
fn direct(conf: &Conf, hook: &str) -> Option<Rule> {
    (!conf.nftables).then(|| jump(format!("{hook}_direct")))
}

fn disguised(conf: &Conf) -> Vec<Rule> {
    let all = RFC_3964.iter().filter(|_| conf.rfc3964);
    let networks = all.filter_map(|text| Address::new(text));
    let rule = |to| Rule::new(vec![Test::To(to)], Act::Reject);
    networks.map(rule).collect()
}

/// build_rpfilter_rules(): the iptables back end has them in another table.
fn reverse_path(chains: &mut Chains, conf: &Conf) {
    let table = if conf.nftables { "filter" } else { "mangle" };
    if !conf.rpfilter {
        if conf.nftables {
            chains.make(table, "PREROUTING", true);
        }
        return;
    }
    let exempt = [134, 135].map(|kind| {
        let test = Test::Icmp(Family::Ipv6, kind, None);
        Rule::new(vec![test], Act::Accept)
    });
    let tests = vec![Test::Family(Family::Ipv6), Test::NoWayBack];
    let rules = exempt.into_iter().chain([Rule::new(tests, Act::Drop)]);
    chains.make(table, "PREROUTING", true);
    chains.extend(table, "PREROUTING", rules);
}
