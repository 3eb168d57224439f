//! Large and hostile rule sets.

use std::{fmt::Write, net::IpAddr, time::Instant};

use super::{Packet, Proto, Query, Sources, Verdict, sources};
use crate::{Snapshot, host::Host};

fn ask(name: &str, text: &str) -> Sources {
    let start = Instant::now();
    let snapshot = Snapshot::new().with_command("iptables-save", text);
    let host = Host::new(&snapshot).unwrap();
    let read = start.elapsed();
    let to = IpAddr::from([192, 0, 2, 1]);
    let query = Query::new(None, to, Proto::Tcp, 11211);
    let found = sources(&host, &query);
    println!("{name}: read {read:?}, all {:?}", start.elapsed());
    found
}

/// Numbers that look random, the same each time.
fn numbers() -> impl Iterator<Item = u32> {
    let mut state = 1_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        (state >> 33) as u32
    })
}

#[test]
fn a_blocklist_of_a_hundred_thousand_rules() {
    let mut text = "*filter\n:INPUT DROP [0:0]\n".to_owned();
    for number in numbers().take(100_000) {
        let [a, b, c, d] = number.to_be_bytes();
        writeln!(text, "-A INPUT -s {a}.{b}.{c}.{d}/32 -j DROP").unwrap();
    }
    text += "-A INPUT -p tcp --dport 11211 -j ACCEPT\nCOMMIT\n";
    let found = ask("blocklist", &text);
    assert_eq!(found.may, found.must);
    assert!(found.may.numbers().ranges().len() > 90_000);
}

#[test]
fn calls_upon_calls() {
    let mut text = "*filter\n:INPUT DROP [0:0]\n".to_owned();
    let depth = 2000;
    for level in 0..=depth {
        writeln!(text, ":C{level} - [0:0]").unwrap();
    }
    text += "-A INPUT -j C0\n";
    for level in 0..depth {
        for _ in 0..3 {
            writeln!(text, "-A C{level} -j C{}", level + 1).unwrap();
        }
        writeln!(text, "-A C{level} -m limit -j C{}", level + 1).unwrap();
    }
    writeln!(text, "-A C{depth} -s 10.0.0.0/8 -j ACCEPT\nCOMMIT").unwrap();
    let found = ask("calls", &text);
    assert!(found.may.contains(IpAddr::from([10, 0, 0, 1])));
}

#[test]
fn ten_thousand_calls_deep() {
    let mut text = "*filter\n:INPUT DROP [0:0]\n".to_owned();
    let mut rules = "-A INPUT -j C0\n".to_owned();
    for level in 0..10_000 {
        writeln!(text, ":C{level} - [0:0]").unwrap();
        writeln!(rules, "-A C{level} -j C{}", level + 1).unwrap();
    }
    text += ":C10000 - [0:0]\n";
    rules += "-A C10000 -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n";
    text += &rules;
    let found = ask("deep", &text);
    let [inside, outside] = [[10, 0, 0, 1], [192, 0, 2, 7]].map(IpAddr::from);
    assert_eq!(found.may, found.must);
    assert!(found.must.contains(inside) && !found.may.contains(outside));
    let snapshot = Snapshot::new().with_command("iptables-save", &text);
    let host = Host::new(&snapshot).unwrap();
    for (from, verdict) in
        [(inside, Verdict::NobodyListens), (outside, Verdict::Dropped)]
    {
        let to = Some([192, 0, 2, 1].into());
        let end = host.explain(&Packet { to, ..Packet::new(from) }).unwrap();
        assert_eq!((end.verdict, end.certain), (verdict, true));
        assert!(end.path.len() > 10_000);
    }
}

#[test]
fn insertions_at_the_front() {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n".to_owned();
    for number in numbers().take(50_000) {
        let [a, b, c, d] = number.to_be_bytes();
        writeln!(text, "-I INPUT -s {a}.{b}.{c}.{d} -j DROP").unwrap();
    }
    ask("insertions", &(text + "COMMIT\n"));
}

#[test]
fn one_long_line() {
    let list = ["10.0.0.1"; 200_000].join(",");
    ask("line", &format!("*filter\n-A INPUT -s {list} -j DROP\nCOMMIT\n"));
    let words = "-m x ".repeat(500_000);
    ask("words", &format!("*filter\n-A INPUT {words} -j DROP\nCOMMIT\n"));
}

#[test]
fn many_conditions_on_one_large_set() {
    let list: Vec<_> = (0..40_000)
        .map(|n| format!("\"10.{}.{}.1\"", n / 200, n % 200))
        .collect();
    let list = list.join(",");
    let left = r#""left":{"payload":{"protocol":"ip","field":"saddr"}}"#;
    let one = format!(r#"{{"match":{{"op":"!=",{left},"right":"@s"}}}}"#);
    let many = vec![one; 40_000].join(",");
    let of = r#""family":"ip","table":"t""#;
    let text = format!(
        r#"{{"nftables":[{{"table":{{"family":"ip","name":"t"}}}},
        {{"set":{{{of},"name":"s","type":"ipv4_addr","elem":[{list}]}}}},
        {{"chain":{{{of},"name":"c","hook":"input","prio":0,"type":"filter"}}}},
        {{"rule":{{{of},"chain":"c","expr":[{many},{{"drop":null}}]}}}}]}}"#
    );
    let snapshot = Snapshot::new().with_command("nft -j list ruleset", &text);
    let host = Host::new(&snapshot).unwrap();
    let to = IpAddr::from([192, 0, 2, 1]);
    let query = Query::new(None, to, Proto::Tcp, 1);
    let found = sources(&host, &query);
    // Too much to be decided: it says so.
    assert!(found.may.is_all() && found.must.is_empty());
    assert_eq!(found.undecided.len(), 1);
}
