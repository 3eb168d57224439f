//! Rules that differ in the source are read as each would be alone.

use super::tests::{json, shown, text};

/// Rules that are read as others of their kind are those that are read
/// alone, which another blank makes them.
#[test]
fn rules_that_differ_in_the_source_are_read_as_alone() {
    let tails = [
        "drop",
        "tcp dport { 1, 2 } accept",
        "tcp dport vmap { 1 : accept, 2 : drop }",
        "iifname \"e}\" meta mark set 1 counter jump c",
        "ip saddr 10.0.0.0/8 accept",
        "limit rate 1/second accept",
    ];
    let sources = ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.9"];
    let rules = |begin: &str| -> String {
        let each = tails.iter().flat_map(|tail| {
            let each = sources.iter();
            each.map(move |one| format!("{begin} {one} {tail}\n"))
        });
        each.collect()
    };
    for family in ["ip", "inet"] {
        let table = |rules: String| {
            let hook = "type filter hook input priority 0\n";
            let chains =
                format!("chain c {{\n}}\nchain i {{\n{hook}{rules}}}\n");
            shown(&text(&format!("table {family} f {{\n{chains}}}\n")))
        };
        assert_eq!(table(rules("ip saddr")), table(rules("ip  saddr")));
    }
}

#[test]
fn the_same_in_json() {
    let rule = |source: &str| {
        format!(
            r#"{{"rule": {{"family": "ip", "table": "f", "chain": "i", "expr": [{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "ip", "field": "saddr"}}}}, "right": {source}}}}}, {{"drop": null}}]}}}}"#
        )
    };
    let sources = [
        r#""10.0.0.1""#,
        r#""10.0.0.2""#,
        r#"{"prefix": {"addr": "10.1.0.0", "len": 16}}"#,
        r#"{"prefix": {"addr": "0.0.0.0", "len": 0}}"#,
        r#"{"set": ["10.0.0.1", "10.0.0.3"]}"#,
    ];
    let rules = sources.map(rule).join(", ");
    let spaced = format!(
        r#"{{"nftables": [{{"table": {{"family": "ip", "name": "f"}}}},
        {{"chain": {{"family": "ip", "table": "f", "name": "i"}}}}, {rules}]}}"#
    );
    let close = spaced.replace("\": ", "\":");
    assert_eq!(shown(&json(&spaced)), shown(&json(&close)));
}
