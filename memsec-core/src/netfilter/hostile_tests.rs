//! Texts that are made to take long.

use std::fmt::Write;

use super::Ruleset;
use crate::Snapshot;

fn read(command: &str, text: &str) -> Result<Ruleset, String> {
    let snapshot = Snapshot::new().with_command(command, text);
    Ruleset::new(&snapshot).map_err(|error| error.to_string())
}

#[test]
fn chains_may_be_nested_deeply() {
    let mut chains = String::new();
    let mut rules = "-A INPUT -j c0\n".to_owned();
    let mut blocks = String::new();
    for n in 0..10_000 {
        let _ = writeln!(chains, ":c{n} - [0:0]");
        let _ = writeln!(rules, "-A c{n} -j c{}", n + 1);
        let _ = writeln!(blocks, "chain c{n} {{\njump c{}\n}}", n + 1);
    }
    let text = format!("*filter\n{chains}:c10000 - [0:0]\n{rules}COMMIT\n");
    let ruleset = read("iptables-save", &text).unwrap();
    assert_eq!(ruleset.tables[0].chains.len(), 10_002);
    let text = format!("table ip f {{\n{blocks}chain c10000 {{\n}}\n}}\n");
    let ruleset = read("nft list ruleset", &text).unwrap();
    assert_eq!(ruleset.tables[0].chains.len(), 10_001);
    // The way back is found too.
    let text = text.replace("chain c10000 {\n", "chain c10000 {\njump c0\n");
    assert!(read("nft list ruleset", &text).is_ok());
    let entered = text.replace(
        "chain c0 {\n",
        "chain c0 {\ntype filter hook input priority 0\n",
    );
    let error = read("nft list ruleset", &entered).unwrap_err();
    assert!(
        error.ends_with("chain c0, left at line 4, is jumped to again"),
        "{error}"
    );
}

#[test]
fn a_chain_may_be_long() {
    let rule =
        "-A INPUT -p tcp -m comment --comment \"a SET b SET \" -j DROP\n";
    let text = format!("*filter\n{}COMMIT\n", rule.repeat(1_000_000));
    let ruleset = read("iptables-save", &text).unwrap();
    let chain = &ruleset.tables[0].chains[0];
    assert_eq!(chain.rules.len(), 1_000_000);
    // The place of each is found at once, too.
    let lines = chain.rules.iter().map(|rule| chain.span(rule).line());
    assert!(lines.eq(2..1_000_002));
}

#[test]
fn a_line_may_be_long() {
    let words = "-j SET ".repeat(200_000);
    let set = "create s hash:ip\nadd s 10.0.0.1\n";
    let text = format!("*filter\n-A INPUT {words}\nCOMMIT\n");
    let snapshot = Snapshot::new()
        .with_command("iptables-save", &text)
        .with_command("ipset save", set);
    assert!(Ruleset::new(&snapshot).is_ok());
    let commas = "10.0.0.1,".repeat(200_000);
    let text =
        format!("*filter\n-A INPUT -s {commas}10.0.0.1 -j DROP\nCOMMIT\n");
    assert!(read("iptables-save", &text).is_ok());
}

#[test]
fn json_may_be_nested_deeply_and_in_one_line() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = |expr: &str| {
        format!(
            r#"{{"nftables": [{{"table": {{"family": "ip", "name": "t"}}}},
        {{"chain": {{"family": "ip", "table": "t", "name": "c"}}}},
        {{"rule": {{"family": "ip", "table": "t", "chain": "c",
            "expr": {expr}}}}}]}}"#
        )
    };
    // A value with a doubt, or an error with its place.
    match read("nft -j list ruleset", &text(&deep)) {
        Ok(ruleset) => assert_eq!(ruleset.tables.len(), 1),
        Err(error) => assert!(error.starts_with("nft -j list ruleset:")),
    }
    let newer = text(r#"[{"new statement": {"a": 1}}, {"accept": null}]"#);
    assert_eq!(read("nft -j list ruleset", &newer).unwrap().tables.len(), 1);
}

#[test]
fn tables_may_be_many() {
    let mut text = String::new();
    let mut json = r#"{"nftables": ["#.to_owned();
    for n in 0..20_000 {
        let _ = writeln!(text, "table ip t{n} {{\n}}");
        let _ = write!(
            json,
            r#"{{"table":{{"family":"ip","name":"t{n}"}}}},
            {{"chain":{{"family":"ip","table":"t{n}","name":"c"}}}},
            {{"rule":{{"family":"ip","table":"t{n}","chain":"c",
            "expr":[{{"xt":{{"type":"match","name":"u32"}}}}]}}}},"#
        );
    }
    json += r#"{"metainfo": {}}]}"#;
    let snapshot = Snapshot::new()
        .with_command("nft list ruleset", &text)
        .with_command("nft -j list ruleset", &json);
    assert_eq!(Ruleset::new(&snapshot).unwrap().tables.len(), 20_000);
}
