//! What is said of all sources at once is what is said of each by itself.

use std::net::IpAddr;

use proptest::prelude::*;

use super::{Packet, Proto, Query, Verdict, sources};
use crate::{Snapshot, host::Host};

const INTERFACES: &str = r#"[
 {"ifname":"lo","link_type":"loopback","addr_info":[
  {"local":"127.0.0.1","prefixlen":8}]},
 {"ifname":"eth0","addr_info":[{"local":"192.0.2.1","prefixlen":24}]},
 {"ifname":"eth1","addr_info":[{"local":"10.9.9.1","prefixlen":24}]}]"#;
const ROUTES: &str = r#"[{"dst":"default","dev":"eth0"},
 {"dst":"192.0.2.0/24","dev":"eth0"},{"dst":"10.9.9.0/24","dev":"eth1"}]"#;

const MATCHES: [&str; 24] = [
    "",
    "",
    " -s 10.0.0.0/30",
    " ! -s 10.0.0.1/32",
    " -s 10.9.9.0/24",
    " -d 192.0.2.1/32",
    " -d 10.9.9.9/32",
    " -i eth0",
    " ! -i eth0",
    " -p udp -m udp --dport 11211",
    " -p tcp",
    " -m mark --mark 0x1",
    " -m mark ! --mark 0x1",
    " -m connmark --mark 0x2",
    " -m conntrack --ctstate NEW",
    " -m conntrack --ctstate DNAT",
    " -m conntrack ! --ctstate DNAT",
    " -m conntrack --ctstate INVALID,UNTRACKED",
    " -m conntrack --ctorigsrc 10.0.0.2/31",
    " -m conntrack ! --ctorigsrc 10.0.0.3/32",
    " -m conntrack --ctorigdst 192.0.2.1/32",
    " -m addrtype --dst-type LOCAL",
    " -m rpfilter --invert",
    " -m limit --limit 1/sec",
];

const ENDS: [&str; 4] = [" -j ACCEPT", " -j DROP", " -j RETURN", ""];

/// Tables with their base chains, and what the rules there do.
const TABLES: [(&str, &[&str], &[&str]); 4] = [
    ("raw", &["PREROUTING"], &[" -j CT --notrack"]),
    (
        "mangle",
        &["PREROUTING", "INPUT", "FORWARD"],
        &[
            " -j MARK --set-xmark 0x1/0xffffffff",
            " -j MARK --set-xmark 0x0/0xffffffff",
            " -j CONNMARK --set-xmark 0x2/0xffffffff",
            " -m unheard -j ACCEPT",
        ],
    ),
    (
        "nat",
        &["PREROUTING"],
        &[" -j DNAT --to-destination 10.9.9.9", " -j REDIRECT"],
    ),
    ("filter", &["INPUT", "FORWARD"], &[" -j REJECT"]),
];

/// The rules of a chain: a second one, `U`, is called or gone to.
fn chain(
    name: &'static str,
    does: &'static [&'static str],
) -> impl Strategy<Value = String> {
    let calls = if name == "U" { &[][..] } else { &[" -j U", " -g U"][..] };
    let targets = [&ENDS, does, does, calls].concat();
    let matches = prop::sample::select(MATCHES.to_vec());
    let more = prop::sample::select(MATCHES.to_vec());
    let rule = (matches, more, prop::sample::select(targets)).prop_map(
        move |(one, other, target)| format!("-A {name}{one}{other}{target}\n"),
    );
    prop::collection::vec(rule, 0..5).prop_map(|rules| rules.concat())
}

fn table(at: usize) -> impl Strategy<Value = String> {
    let (name, bases, does) = TABLES[at];
    let chains: Vec<_> = bases.iter().map(|base| chain(base, does)).collect();
    let policies = prop::sample::select(vec!["ACCEPT", "ACCEPT", "DROP"]);
    (chains, chain("U", does), policies).prop_map(
        move |(chains, called, policy)| {
            let policy = if name == "filter" { policy } else { "ACCEPT" };
            let bases = bases.iter();
            let heads: String =
                bases.map(|base| format!(":{base} {policy} [0:0]\n")).collect();
            let rules = chains.concat();
            format!("*{name}\n{heads}:U - [0:0]\n{rules}{called}COMMIT\n")
        },
    )
}

/// Rules of every table, at random.
pub(crate) fn rules() -> impl Strategy<Value = String> {
    (table(0), table(1), table(2), table(3))
        .prop_map(|(raw, mangle, nat, filter)| raw + &mangle + &nat + &filter)
}

/// A host with two networks and some rules of iptables.
pub(crate) fn host(rules: &str) -> Host {
    let snapshot = Snapshot::new()
        .with_command("ip -j address", INTERFACES)
        .with_command("ip -j route", ROUTES)
        .with_command("iptables-save", rules);
    Host::new(&snapshot).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn all_sources_at_once_are_each_by_itself(text in rules()) {
        let host = host(&text);
        let to = IpAddr::from([192, 0, 2, 1]);
        let query = Query::new(Some("eth0"), to, Proto::Udp, 11211);
        let found = sources(&host, &query);
        let near = (0..5).map(|last| IpAddr::from([10, 0, 0, last]));
        for from in near.chain([IpAddr::from([10, 9, 9, 2])]) {
            let mut packet = Packet::new(from);
            packet.to = Some(to);
            packet.proto = Proto::Udp.into();
            packet.interface = Some("eth0".to_owned());
            let one = host.explain(&packet).unwrap();
            let gets_in =
                !matches!(one.verdict, Verdict::Dropped | Verdict::Rejected);
            let (may, must) =
                (found.may.contains(from), found.must.contains(from));
            prop_assert_eq!(may, gets_in, "{}: {:?}", from, one);
            // It may get in here or there, and be sure of either.
            let stops = one.path.iter().any(|met| {
                met.outcome.ends_with("drop") || met.outcome.ends_with("reject")
            });
            let sure = gets_in && (one.certain || !stops);
            prop_assert_eq!(must, sure, "{}: {:?}", from, one);
        }
    }
}
