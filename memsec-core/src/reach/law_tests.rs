//! Laws, on random rule sets.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::{
    Packet, Proto, Query, Sources, Verdict, dead_rules, explain, sources,
};
use crate::{Snapshot, host::Host, net::Family, netfilter::Ruleset};

/// A rule as text, and the parts of it that the plain evaluator reads.
#[derive(Clone, Debug)]
struct Line {
    source: Option<(bool, u8, u8)>,
    port: Option<(bool, u16)>,
    unknown: bool,
    target: &'static str,
}

fn line() -> impl Strategy<Value = Line> {
    let targets =
        ["ACCEPT", "DROP", "RETURN", "REJECT", "A", "B", "goto B", "LOG", ""];
    (
        prop::option::of((any::<bool>(), 0..4_u8, 30..=32_u8)),
        prop::option::of((any::<bool>(), 11210..11213_u16)),
        prop::bool::weighted(0.15),
        prop::sample::select(targets.to_vec()),
    )
        .prop_map(|(source, port, unknown, target)| Line {
            source,
            port,
            unknown,
            target,
        })
}

impl Line {
    fn text(&self, chain: &str) -> String {
        let mut text = format!("-A {chain}");
        if let Some((not, host, bits)) = self.source {
            let not = if not { " !" } else { "" };
            text += &format!("{not} -s 10.0.0.{host}/{bits}");
        }
        if let Some((not, port)) = self.port {
            let not = if not { " !" } else { "" };
            text += &format!(" -p tcp -m tcp{not} --dport {port}");
        }
        if self.unknown {
            text += " -m limit --limit 1/sec";
        }
        match self.target {
            "" => {}
            "goto B" => text += " -g B",
            target => text += &format!(" -j {target}"),
        }
        text + "\n"
    }

    /// `None` if it is not known.
    fn holds(&self, host: u8) -> Option<bool> {
        let source = self.source.is_none_or(|(not, base, bits)| {
            let mask = 0xff_u8.checked_shl(u32::from(32 - bits)).unwrap();
            not != (host & mask == base & mask)
        });
        let port = self.port.is_none_or(|(not, p)| not != (p == 11211));
        if source && port && self.unknown {
            return None;
        }
        Some(source && port)
    }
}

/// INPUT, A and B; A calls B only, B none.
#[derive(Clone, Debug)]
struct Dump {
    chains: [Vec<Line>; 3],
    accepts: bool,
}

const NAMES: [&str; 3] = ["INPUT", "A", "B"];

fn dump() -> impl Strategy<Value = Dump> {
    let chain = || prop::collection::vec(line(), 0..7);
    ([chain(), chain(), chain()], any::<bool>()).prop_map(
        |(mut chains, accepts)| {
            let leaf = |target: &str| matches!(target, "A" | "B" | "goto B");
            chains[1].retain(|line| line.target != "A");
            chains[2].retain(|line| !leaf(line.target));
            Dump { chains, accepts }
        },
    )
}

impl Dump {
    fn text(&self) -> String {
        let policy = if self.accepts { "ACCEPT" } else { "DROP" };
        let mut text = format!("*filter\n:INPUT {policy} [0:0]\n");
        text += ":A - [0:0]\n:B - [0:0]\n";
        for (name, chain) in NAMES.iter().zip(&self.chains) {
            for line in chain {
                text += &line.text(name);
            }
        }
        text + "COMMIT\n"
    }

    /// Everything that may become of a packet: each unknown match is tried
    /// both ways. True for accepted.
    fn ends(&self, host: u8) -> Vec<bool> {
        let mut ends = Vec::new();
        // A stack of calls: chain and next rule.
        let mut ways = vec![vec![(0_usize, 0_usize)]];
        while let Some(mut way) = ways.pop() {
            let Some((chain, next)) = way.pop() else {
                ends.push(self.accepts);
                continue;
            };
            let Some(line) = self.chains[chain].get(next) else {
                ways.push(way);
                continue;
            };
            let mut onward = way.clone();
            onward.push((chain, next + 1));
            let holds = line.holds(host);
            if holds != Some(true) {
                ways.push(onward.clone());
            }
            if holds == Some(false) {
                continue;
            }
            match line.target {
                "ACCEPT" => ends.push(true),
                "DROP" | "REJECT" => ends.push(false),
                "RETURN" => ways.push(way),
                "A" | "B" => {
                    let callee = if line.target == "A" { 1 } else { 2 };
                    onward.push((callee, 0));
                    ways.push(onward);
                }
                "goto B" => {
                    way.push((2, 0));
                    ways.push(way);
                }
                _ => ways.push(onward),
            }
        }
        ends
    }
}

fn snapshot(text: &str) -> Snapshot {
    Snapshot::new().with_command("iptables-save", text)
}

fn ask(text: &str) -> Sources {
    let host = Host::new(&snapshot(text)).unwrap();
    let to = IpAddr::from([10, 0, 0, 100]);
    let query = Query::new(Some("eth0"), to, Proto::Tcp, 11211);
    sources(&host, &query)
}

#[test]
fn what_may_have_gone_to_a_chain_returns_only_if_that_lets_it() {
    let text = |target: &str| {
        format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:B - [0:0]\n\
             -A INPUT -m limit --limit 1/sec -g B\n-A INPUT -j REJECT\n\
             -A B -j {target}\nCOMMIT\n"
        )
    };
    let verdict = |target: &str| {
        let mut packet = Packet::new([10, 0, 0, 1].into());
        packet.to = Some(Ipv4Addr::new(10, 0, 0, 100).into());
        packet.interface = Some("eth0".to_owned());
        explain(&snapshot(&text(target)), &packet).unwrap().verdict
    };
    assert_ne!(verdict("DROP"), Verdict::NobodyListens);
    assert_eq!(verdict("RETURN"), Verdict::NobodyListens);
    assert_eq!(verdict("LOG"), Verdict::NobodyListens);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sources_agree_with_a_plain_evaluator(dump in dump()) {
        let found = ask(&dump.text());
        for host in 0..6 {
            let from = IpAddr::from([10, 0, 0, host]);
            let ends = dump.ends(host);
            let (may, must) =
                (ends.contains(&true), !ends.contains(&false));
            prop_assert_eq!(found.may.contains(from), may, "{}", from);
            prop_assert_eq!(found.must.contains(from), must, "{}", from);
        }
    }

    #[test]
    fn explain_agrees_with_sources(dump in dump(), host in 0..6_u8) {
        let found = ask(&dump.text());
        let from = IpAddr::from([10, 0, 0, host]);
        let mut packet = Packet::new(from);
        packet.to = Some(Ipv4Addr::new(10, 0, 0, 100).into());
        packet.interface = Some("eth0".to_owned());
        let end = explain(&snapshot(&dump.text()), &packet).unwrap();
        let alive = end.verdict == Verdict::NobodyListens;
        prop_assert_eq!(alive, found.may.contains(from));
        let sure = alive && end.certain;
        prop_assert_eq!(sure, found.must.contains(from));
    }

    #[test]
    fn an_accept_before_all_never_narrows(dump in dump(), host in 0..6_u8) {
        let before = ask(&dump.text());
        let head = format!("-I INPUT -s 10.0.0.{host} -j ACCEPT\nCOMMIT");
        let after = ask(&dump.text().replace("COMMIT", &head));
        prop_assert!(before.may.is_subset(&after.may));
        prop_assert!(before.must.is_subset(&after.must));
        prop_assert!(after.must.contains(IpAddr::from([10, 0, 0, host])));
    }

    #[test]
    fn any_text_gives_a_value_or_a_place(text in "\\PC*") {
        for command in ["iptables-save", "nft -j list ruleset"] {
            let snapshot = Snapshot::new().with_command(command, &text);
            if let Err(error) = Ruleset::new(&snapshot) {
                prop_assert_eq!(error.source_name(), command);
            }
        }
    }

    #[test]
    fn any_words_give_a_value_or_a_place(
        words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..12)
    ) {
        let text =
            format!("*filter\n:A - [0:0]\n-A INPUT {}\nCOMMIT\n", words.join(" "));
        match Ruleset::new(&snapshot(&text)) {
            Ok(_) => drop(ask(&text)),
            Err(error) => prop_assert_eq!(error.line(), 3),
        }
    }
}

const WORDS: [&str; 24] = [
    "!",
    "-s",
    "-d",
    "10.0.0.0/8",
    "-p",
    "tcp",
    "--dport",
    "1:",
    ":9",
    "80",
    "-m",
    "multiport",
    "conntrack",
    "--ctstate",
    "NEW",
    "-j",
    "A",
    "ACCEPT",
    "-i",
    "eth+",
    "\"a b\"",
    "--to-ports",
    "CT",
    "--notrack",
];

#[test]
fn what_is_not_there_is_not_known() {
    let host = Host::new(&Snapshot::new()).unwrap();
    let missing = |&family: &Family| host.ruleset.missing(family);
    assert!(Family::BOTH.iter().all(missing));
    let to = IpAddr::from([10, 0, 0, 1]);
    let query = Query::new(None, to, Proto::Udp, 1);
    let found = sources(&host, &query);
    assert!(found.may.is_all() && found.must.is_empty());
}

macro_rules! dead {
    ($($name:ident: $($rule:literal)* => $expected:expr;)*) => {$(
        #[test]
        fn $name() {
            let rules = [$($rule),*].join("\n");
            let text = format!(
                "*filter\n:INPUT DROP [0:0]\n:U - [0:0]\n{rules}\nCOMMIT\n"
            );
            let host = Host::new(&snapshot(&text)).unwrap();
            let found = dead_rules(&host, Proto::Tcp, 11211);
            let found: Vec<_> = found
                .iter()
                .map(|dead| {
                    let by = dead.shadowed_by.as_ref().and_then(|p| p.line);
                    let line = dead.rule.line.unwrap();
                    (line, dead.accepts, dead.contradicted, by)
                })
                .collect();
            assert_eq!(found, $expected);
        }
    )*};
}

dead! {
    a_rule_that_works_is_alive:
        "-A INPUT -p tcp --dport 11211 -s 10.0.0.1 -j ACCEPT" => Vec::<(usize, bool, bool, Option<usize>)>::new();
    an_accept_behind_a_drop_is_dead:
        "-A INPUT -p tcp -j DROP"
        "-A INPUT -p tcp --dport 11211 -s 10.0.0.1 -j ACCEPT"
        => [(5, true, true, Some(4))];
    a_drop_behind_an_accept_is_dead:
        "-A INPUT -p tcp --dport 11000:12000 -j ACCEPT"
        "-A INPUT -p tcp --dport 11211 -j DROP"
        => [(5, false, true, Some(4))];
    a_drop_behind_a_drop_harms_nobody:
        "-A INPUT -p tcp -j DROP"
        "-A INPUT -p tcp --dport 11211 -j DROP"
        => [(5, false, false, Some(4))];
    a_chain_that_nothing_leads_to_is_dead:
        "-A U -p tcp --dport 11211 -j ACCEPT"
        => [(4, true, true, None)];
    an_interface_may_be_left:
        "-A INPUT -i eth0 -j DROP"
        "-A INPUT -p tcp --dport 11211 -j ACCEPT" => Vec::<(usize, bool, bool, Option<usize>)>::new();
    a_doubt_keeps_alive:
        "-A INPUT -m limit --limit 1/s -j RETURN"
        "-A INPUT -p tcp --dport 11211 -j ACCEPT" => Vec::<(usize, bool, bool, Option<usize>)>::new();
    another_protocol_is_not_asked_for:
        "-A INPUT -j DROP"
        "-A INPUT -p udp --dport 11211 -j ACCEPT" => Vec::<(usize, bool, bool, Option<usize>)>::new();
}
