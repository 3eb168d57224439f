//! The text and the JSON of the same rules are the same model.

use std::{fs, process::Command};

use proptest::{prelude::*, strategy::ValueTree as _};

use super::{Native, listed, tables};
use crate::{
    netfilter::calls,
    text::Source,
    truth::{KINDS, hosts},
};

/// A rule set, a line for each chain and each rule.
pub(super) fn shown<'a>(
    natives: impl IntoIterator<Item = &'a Native>,
) -> Vec<String> {
    let mut out = Vec::new();
    for native in natives {
        let (family, name, dormant) =
            (&native.family, &native.name, native.dormant);
        let chains = &native.table.chains;
        for chain in chains {
            let base = chain
                .base
                .as_ref()
                .map(|base| (base.hook, base.priority, base.accepts, base.nat));
            let own = format!("{family} {name} {dormant} {}", chain.name);
            out.push(format!("{own} {base:?}"));
            out.extend(chain.rules.iter().map(|rule| {
                let action = match calls::target(rule.action()) {
                    Some(at) => format!("calls {}", chains[at].name),
                    None => format!("{:?}", rule.action()),
                };
                let (origin, matches) = (&rule.origin, rule.matches());
                format!("{own}: {origin:?} {matches:?} {action}")
            }));
        }
    }
    // Neither listing keeps the order of tables and chains.
    out.sort_by(|a, b| a.split(": ").next().cmp(&b.split(": ").next()));
    out
}

pub(super) fn json(text: &str) -> Vec<Native> {
    tables(&Source::new("nft -j list ruleset", text)).unwrap()
}

pub(super) fn text(text: &str) -> Vec<Native> {
    listed(&Source::new("nft list ruleset", text)).unwrap()
}

/// Compares the tables of which the JSON shows everything, and gives how
/// many lines they have.
fn compare(name: &str, json: &[Native], text: &[Native]) -> usize {
    let open = |native: &&Native| {
        let same = json.iter().find(|other| other.key() == native.key());
        !native.is_below() && same.is_none_or(|other| !other.hidden)
    };
    let a = shown(json.iter().filter(|n| !n.hidden && !n.is_below()));
    let b = shown(text.iter().filter(open));
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a, b, "{name}: the JSON, and the text");
    }
    assert_eq!(a.len(), b.len(), "{name}");
    a.len()
}

#[test]
fn a_listing_of_everything() {
    let a = json(include_str!("tests/listing.json"));
    let b = text(include_str!("tests/listing.nft"));
    assert_eq!(compare("listing", &a, &b), 140);
    // The JSON of nft 1.0.6 does not name devices.
    let hidden: Vec<_> = a.iter().filter(|native| native.hidden).collect();
    assert_eq!(hidden.len(), 2);
    assert!(b.iter().all(|native| !native.hidden));
}

/// The first rule of a chain, as text.
fn rule(statements: &str) -> String {
    let all = text(&format!(
        "table inet t {{\n\tchain c {{\n\t\t{statements}\n\t}}\n}}\n"
    ));
    let rules = &all[0].table.chains[0].rules;
    let line = rules.iter().map(|rule| {
        let tests = rule.matches().iter().map(|one| {
            let not = if one.negated { "not " } else { "" };
            format!("{not}{:?}", one.test)
        });
        let tests: Vec<_> = tests.collect();
        format!("{} {:?}", tests.join(" "), rule.action())
    });
    line.collect::<Vec<_>>().join("; ").trim_start().to_owned()
}

macro_rules! reads {
    ($($name:ident: $text:literal => $want:literal;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(rule($text), $want);
        }
    )*};
}

reads! {
    a_name_of_an_extension_is_a_doubt: "xt match \"recent\" drop"
        => "Unknown Drop";
    a_comment_may_hide_a_condition: "tcp dport 22 # xt_recent drop"
        => "Protocol({(6, 6)}) DestinationPort({(22, 22)}) Unknown \
            Unknown(\"?\")";
    a_comment_behind_a_verdict_says_nothing: "drop # of no use" => "Drop";
    a_handle_says_nothing: "counter # handle 7" => "Continue";
    what_is_not_known_is_a_doubt: "accept; frob { 1, 2 } drop"
        => "Accept; Unknown Unknown(\"?\")";
    a_queue_with_bypass: "queue flags bypass,fanout to 1-3"
        => "Queue { bypass: true }";
    a_queue_of_old: "queue num 3 bypass" => "Queue { bypass: true }";
    a_queue: "queue to 4" => "Queue { bypass: false }";
    a_translation_to_a_range: "dnat ip to 10.0.0.1-10.0.0.4:80-90 random"
        => "Family(Ipv4) Translate(Translation { of: \
            Destination(Some((167772161, 167772164))), \
            ports: Some((80, 90)) })";
    a_translation_of_ipv6: "dnat ip6 to [::1]:80"
        => "Family(Ipv6) Translate(Translation { of: \
            Destination(Some((1, 1))), ports: Some((80, 80)) })";
    a_map_of_ports: "redirect to :tcp dport map { 80 : 8080 }"
        => "Protocol({(6, 6)}) DestinationPort({(80, 80)}) \
            Translate(Translation { of: Redirect, ports: Some((8080, 8080)) })";
    a_port_of_the_connection: "ct original proto-dst 11211 drop"
        => "Connection { of: OriginalPort({(11211, 11211)}), without: false } \
            Drop";
    what_goes_on_meets_the_rest:
        "tcp dport vmap { 22 : drop, 23 : continue } udp sport 5 accept"
        => "Protocol({(6, 6)}) DestinationPort({(22, 22)}) Drop; \
            Protocol({(6, 6)}) DestinationPort({(23, 23)}) \
            Protocol({(17, 17)}) SourcePort({(5, 5)}) Accept";
    the_header_is_missing: "exthdr hbh missing drop" => "Undecided Drop";
    flags_under_a_mask: "tcp flags != syn / fin,syn drop"
        => "Protocol({(6, 6)}) not Flags { mask: 3, value: 2 } Drop";
    a_set_over_several_lines: "tcp dport { 22,\n 23 } drop"
        => "Protocol({(6, 6)}) DestinationPort({(22, 23)}) Drop";
    a_text_between_quotes: "log prefix \"a } # b\" accept" => "Accept";
}

macro_rules! fails {
    ($($name:ident: $text:literal => $want:literal;)*) => {$(
        #[test]
        fn $name() {
            let source = Source::new("nft", $text);
            assert_eq!(listed(&source).unwrap_err().to_string(), $want);
        }
    )*};
}

fails! {
    a_listing_that_is_cut_off: "table ip f {\n\tchain c {\n"
        => "nft:3:1: cut off: a block is not closed";
    other_text: "eth0: <UP>\n" => "nft:1:1: nft list ruleset does not print \"eth0:\"";
    a_jump_to_nowhere: "table ip f {\n chain c {\n jump d\n }\n}\n"
        => "nft:3:2: there is no chain d";
}

#[test]
fn listings_of_hosts() {
    let (mut pairs, mut lines) = (0, 0);
    for case in KINDS.into_iter().flat_map(hosts) {
        let read = |name| fs::read_to_string(case.join(name));
        let Ok(b) = read("nft-list-ruleset.txt") else { continue };
        let b = text(&b);
        if let Ok(a) = read("nft.json") {
            let name = case.display().to_string();
            lines += compare(&name, &json(&a), &b);
            pairs += 1;
        }
    }
    println!("{pairs} pairs, {lines} lines");
}

/// Loads rules in a network namespace of their own, and gives both listings
/// of them; `None` where that cannot be done.
fn loaded(rules: &str) -> Option<(String, String)> {
    let dir = std::env::temp_dir();
    let path = dir.join(format!("memsec-nft-{}.nft", std::process::id()));
    fs::write(&path, rules).ok()?;
    let script = "ip link set lo up 2>/dev/null; nft -f \"$0\" && \
        nft list ruleset && echo '---' && nft -j list ruleset";
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .arg(&path)
        .output();
    let _ = fs::remove_file(&path);
    let output = output.ok()?;
    let out = String::from_utf8(output.stdout).ok()?;
    let both =
        out.split_once("---\n").map(|(a, b)| (a.to_owned(), b.to_owned()));
    if both.is_none() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        println!("skipped: nft loads nothing here: {said}");
    }
    both
}

/// What may stand in a rule of an inet table.
fn condition() -> impl Strategy<Value = String> {
    let address = || {
        (any::<u32>(), 8..=32_u8).prop_map(|(bits, len)| {
            let masked = bits & (u32::MAX << (32 - u32::from(len)));
            format!("{}/{len}", std::net::Ipv4Addr::from_bits(masked))
        })
    };
    let port = 1..=u16::MAX;
    let header = prop_oneof![Just("tcp"), Just("udp"), Just("th")];
    let not = || prop_oneof![Just(""), Just("!= ")];
    prop_oneof![
        (not(), address()).prop_map(|(op, a)| format!("ip saddr {op}{a}")),
        (not(), prop::collection::btree_set(address(), 1..5)).prop_map(
            |(op, all)| {
                let all: Vec<_> = all.into_iter().collect();
                format!("ip daddr {op}{{ {} }}", all.join(", "))
            }
        ),
        (header, not(), port.clone())
            .prop_map(|(h, op, port)| format!("{h} dport {op}{port}")),
        (port.clone(), port.clone()).prop_map(|(a, b)| {
            format!("udp sport {}-{}", a.min(b), a.max(b).max(a.min(b) + 1))
        }),
        (not(), port.clone(), port)
            .prop_map(|(op, a, b)| format!("tcp dport {op}{{ {a}, {b} }}")),
        Just(
            "ip saddr . tcp dport { 10.0.0.0/8 . 1-9, 10.0.0.1 . 22 }"
                .to_owned()
        ),
        (not(), any::<u32>(), any::<u32>()).prop_map(|(op, mask, value)| {
            let op = if op.is_empty() { "==" } else { op };
            format!("meta mark & {} {op} {}", mask | 1, value & (mask | 1))
        }),
        Just("ct state new,established".to_owned()),
        Just("ct state != invalid".to_owned()),
        Just("ct status dnat".to_owned()),
        Just("ct direction reply".to_owned()),
        Just("iifname { \"lo\", \"eth*\" }".to_owned()),
        Just("iifname != \"docker0\"".to_owned()),
        Just("fib daddr type { local, broadcast }".to_owned()),
        Just("fib saddr . iif oif missing".to_owned()),
        Just("tcp flags & (fin | syn | ack) == syn".to_owned()),
        Just("icmpv6 type { nd-neighbor-solicit, echo-request }".to_owned()),
        Just("limit rate 10/second burst 3 packets".to_owned()),
        Just("meta l4proto { tcp, udp }".to_owned()),
        Just("ip saddr @named".to_owned()),
        Just("meta pkttype broadcast".to_owned()),
        Just("meta nfproto ipv6".to_owned()),
    ]
}

fn action() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("accept"),
        Just("drop"),
        Just("return"),
        Just("jump other"),
        Just("goto other"),
        Just("reject with icmpx type admin-prohibited"),
        Just("counter"),
        Just("meta mark set meta mark | 0x10"),
        Just("ct mark set meta mark"),
        Just("notrack"),
        Just("log prefix \"x: \" accept"),
        Just("tcp dport vmap { 22 : accept, 23-25 : jump other }"),
    ]
}

#[test]
fn what_nft_lists_of_random_rules() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let rule = (prop::collection::vec(condition(), 0..3), action());
    let rules = prop::collection::vec(rule, 200..300);
    let mut lines = 0;
    for _ in 0..4 {
        let tree = rules.new_tree(&mut runner).unwrap();
        let head = "add table inet t\nadd chain inet t other\n\
            add set inet t named { type ipv4_addr; flags interval, timeout; \
            elements = { 10.0.0.0/8, 192.0.2.1 timeout 1h } ; }\n\
            add chain inet t c { type filter hook input priority filter + 5; \
            policy drop; }\n";
        // One by one: nft refuses conditions that contradict each other.
        let each = tree.current().into_iter().map(|(conditions, action)| {
            format!("add rule inet t c {} {action}\n", conditions.join(" "))
        });
        let mut kept = head.to_owned();
        for rule in each {
            let families = rule.contains("ip ") && rule.contains("v6");
            let headers = ["tcp", "udp", "icmpv6"];
            let several =
                headers.iter().filter(|h| rule.contains(*h)).count() > 1;
            if !families && !several {
                kept += &rule;
            }
        }
        let Some((a, b)) = loaded(&kept) else { return };
        lines += compare("random rules", &json(&b), &text(&a));
    }
    println!("{lines} lines");
    assert!(lines > 300);
}
