//! Rule sets as nft shows them.

use super::{Proto, Query, sources};
use crate::{Snapshot, host::Host, net::Family, netfilter::Ruleset};

const NFT: &str = "nft -j list ruleset";

/// A table with sets and chains, in the way that nft prints it.
fn document(table: &str, chains: &[&str], rules: &[(&str, &str)]) -> String {
    let (family, name) = table.split_once(' ').unwrap();
    let mut all = vec![format!(
        r#"{{"table":{{"family":"{family}","name":"{name}","handle":1}}}}"#
    )];
    all.extend(SETS.iter().map(|set| {
        format!(r#"{{"set":{{"family":"{family}","table":"{name}",{set}}}}}"#)
    }));
    all.extend(chains.iter().map(|chain| {
        format!(
            r#"{{"chain":{{"family":"{family}","table":"{name}",{chain}}}}}"#
        )
    }));
    all.extend(rules.iter().map(|(chain, rule)| {
        format!(
            r#"{{"rule":{{"family":"{family}","table":"{name}","chain":"{chain}","expr":[{rule}]}}}}"#
        )
    }));
    format!(r#"{{"nftables":[{}]}}"#, all.join(",\n"))
}

const SETS: [&str; 4] = [
    r#""name":"allow4","type":"ipv4_addr","flags":["interval"],
       "elem":["192.0.2.20",{"prefix":{"addr":"198.51.100.0","len":24}}]"#,
    r#""name":"allow6","type":"ipv6_addr","elem":["2001:db8::20"]"#,
    r#""name":"ports","type":"inet_service","elem":[11211]"#,
    r#""name":"brief","type":"ipv4_addr","flags":["timeout"],
       "elem":[{"elem":{"val":{"range":["128.0.0.0","255.255.255.255"]},
       "timeout":60,"expires":9}}]"#,
];

macro_rules! condition {
    ($op:literal $left:literal $right:literal) => {
        concat!(
            r#"{"match":{"op":""#,
            $op,
            r#"","left":{"#,
            $left,
            r#"},"right":"#,
            $right,
            "}}"
        )
    };
}

const SADDR: &str = condition!(
    "==" r#""payload":{"protocol":"ip","field":"saddr"}"# r#""@allow4""#
);
const SADDR6: &str = condition!(
    "==" r#""payload":{"protocol":"ip6","field":"saddr"}"# r#""@allow6""#
);
const TCP_PORTS: &str = condition!(
    "==" r#""payload":{"protocol":"tcp","field":"dport"}"# r#""@ports""#
);
const PORTS: &str = condition!(
    "==" r#""payload":{"protocol":"th","field":"dport"}"# r#""@ports""#
);
const BOTH: &str =
    condition!("==" r#""meta":{"key":"l4proto"}"# r#"{"set":["tcp","udp"]}"#);
const LO: &str = condition!("==" r#""meta":{"key":"iif"}"# r#""lo""#);
const NOT_LOCAL: &str = condition!(
    "!=" r#""fib":{"result":"type","flags":["daddr"]}"# r#""local""#
);
const REPLY: &str = condition!("==" r#""ct":{"key":"direction"}"# r#""reply""#);
const BRIEF: &str = condition!(
    "==" r#""payload":{"protocol":"ip","field":"saddr"}"# r#""@brief""#
);

const NOT_FROM: &str = condition!(
    "!=" r#""payload":{"protocol":"tcp","field":"sport"}"# "1"
);
const NOT_TO: &str = condition!(
    "!=" r#""payload":{"protocol":"tcp","field":"dport"}"# "11211"
);

const INPUT: &str = r#""name":"in","type":"filter","hook":"input","prio":0,
    "policy":"accept""#;
const PREROUTING: &str = r#""name":"pre","type":"filter",
    "hook":"prerouting","prio":-150,"policy":"accept""#;

fn guard() -> String {
    let accept =
        |parts: &[&str]| format!("{},{{\"accept\":null}}", parts.join(","));
    let rules = [
        accept(&[LO]),
        accept(&[NOT_LOCAL]),
        accept(&[REPLY]),
        accept(&[SADDR, TCP_PORTS]),
        accept(&[SADDR6, TCP_PORTS]),
        format!("{BOTH},{PORTS},{{\"counter\":null}},{{\"drop\":null}}"),
    ];
    let rules: Vec<_> = rules.iter().map(|rule| ("pre", &**rule)).collect();
    document("inet memsec", &[PREROUTING], &rules)
}

/// May and must, as text.
fn ask(snapshot: &Snapshot, to: &str, proto: Proto, port: u16) -> String {
    let host = Host::new(snapshot).unwrap();
    let query = Query::new(None, to.parse().unwrap(), proto, port);
    let found = sources(&host, &query);
    let text = |set: &crate::net::IpSet| {
        let all: Vec<_> = set.cidrs().map(|cidr| cidr.to_string()).collect();
        all.join(" ")
    };
    match found.may == found.must {
        true => text(&found.may),
        false => format!("{} / {}", text(&found.may), text(&found.must)),
    }
}

fn of(nft: &str) -> Snapshot {
    Snapshot::new().with_command(NFT, nft)
}

#[test]
fn the_guard_is_decided() {
    let host = of(&guard());
    let ask = |to, proto, port| ask(&host, to, proto, port);
    let allowed = "192.0.2.20 198.51.100.0/24";
    assert_eq!(ask("192.0.2.1", Proto::Tcp, 11211), allowed);
    assert_eq!(ask("192.0.2.1", Proto::Udp, 11211), "");
    assert_eq!(ask("192.0.2.1", Proto::Tcp, 22), "0.0.0.0/0");
    assert_eq!(ask("2001:db8::1", Proto::Tcp, 11211), "2001:db8::20");
    assert_eq!(ask("2001:db8::1", Proto::Udp, 11211), "");
}

macro_rules! nft {
    ($($name:ident: $table:literal, $rule:expr => $expected:literal;)*) => {$(
        #[test]
        fn $name() {
            let rule: String = $rule;
            let chains = [INPUT, r#""name":"c""#];
            let rules = [("in", rule.as_str()), ("c", "{\"drop\":null}")];
            let text = document($table, &chains, &rules);
            let found = ask(&of(&text), "192.0.2.1", Proto::Tcp, 11211);
            assert_eq!(found, $expected);
        }
    )*};
}

nft! {
    a_set_that_expires_is_a_doubt: "inet f",
        format!("{BRIEF},{{\"drop\":null}}") => "0.0.0.0/0 / 0.0.0.0/1";
    an_extension_is_a_doubt: "inet f",
        r#"{"xt":{"type":"match","name":"time"}},{"drop":null}"#.to_owned()
        => "0.0.0.0/0 / ";
    an_unknown_statement_is_a_doubt: "inet f",
        r#"{"later":{}}"#.to_owned() => "0.0.0.0/0 / ";
    a_verdict_map_is_followed: "inet f",
        r#"{"vmap":{"key":{"payload":{"protocol":"tcp","field":"dport"}},
           "data":{"set":[[11211,{"drop":null}],[22,{"accept":null}]]}}}"#
            .to_owned() => "";
    what_is_asked_before_a_mark_is_not_asked_behind_it: "inet f",
        r#"{"match":{"op":"==","left":{"meta":{"key":"mark"}},"right":0}},
           {"mangle":{"key":{"meta":{"key":"mark"}},"value":1}},
           {"drop":null}"#.to_owned() => "0.0.0.0/0 / ";
    ports_that_nft_may_have_joined_are_a_doubt: "inet f",
        format!(
            r#"{NOT_FROM},{NOT_TO},{{"vmap":{{"key":{{"ct":{{"key":"state"}}}},
            "data":{{"set":[["new",{{"drop":null}}]]}}}}}}"#
        ) => "0.0.0.0/0 / ";
    a_jump_is_followed: "inet f",
        r#"{"jump":{"target":"c"}}"#.to_owned() => "";
    notrack_goes_on: "inet f",
        r#"{"notrack":null},{"drop":null}"#.to_owned() => "";
}

#[test]
fn a_dormant_table_does_nothing() {
    for flag in ["dormant", "f"] {
        let drop = [("in", "{\"drop\":null}")];
        let text = document("ip f", &[INPUT], &drop);
        let flags = format!(r#""name":"f","flags":"{flag}","#);
        let text = text.replacen(r#""name":"f","#, &flags, 1);
        let found = ask(&of(&text), "192.0.2.1", Proto::Udp, 11211);
        assert_eq!(found, "0.0.0.0/0");
    }
}

const SAVE: &str = "# Generated by iptables-save v1.8.9 (nf_tables)\n*filter\n\
    :INPUT DROP [0:0]\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\nCOMMIT\n";

fn filter(rule: &str) -> String {
    let chain = INPUT.replace("\"in\"", "\"INPUT\"");
    document("ip filter", &[&chain], &[("INPUT", rule)])
}

#[test]
fn a_table_of_iptables_counts_once_as_iptables_shows_it() {
    let xt = r#"{"xt":{"type":"match","name":"x"}},{"drop":null}"#;
    // iptables-nft writes `-m limit` as nft has it, and xt for the rest.
    let limit = r#"{"limit":{"rate":5,"burst":5,"per":"second"}},"#;
    // `--tcp-flags SYN,FIN SYN,FIN`.
    let flags = r#"{"match":{"op":"==","left":{"&":[{"payload":
        {"protocol":"tcp","field":"flags"}},["fin","syn"]]},
        "right":["fin","syn"]}},"#;
    let with = |first: &str| format!("{first}{xt}");
    for rule in [with(""), with(limit), with(flags)] {
        let host = of(&filter(&rule)).with_command("iptables-save", SAVE);
        assert_eq!(ask(&host, "10.0.0.1", Proto::Udp, 1), "10.0.0.0/8");
    }
}

#[test]
fn a_table_that_iptables_cannot_show_counts_as_nft_shows_it() {
    let rule = format!("{SADDR},{{\"drop\":null}}");
    let host = of(&filter(&rule)).with_command("iptables-save", SAVE);
    let found = ask(&host, "10.0.0.1", Proto::Udp, 1);
    assert!(found.starts_with("0.0.0.0/1"), "{found}");
}

#[test]
fn both_back_ends_apply() {
    let legacy = SAVE.replace(" (nf_tables)", "").replace("10.0.", "10.9.");
    let host = Snapshot::new()
        .with_command("iptables-save", &SAVE.replace("/8", "/15"))
        .with_command("iptables-legacy-save", &legacy.replace("/8", "/16"));
    assert_eq!(ask(&host, "10.0.0.1", Proto::Udp, 1), "");
}

#[test]
fn an_error_has_a_place() {
    let error = |text: &str| Ruleset::new(&of(text)).unwrap_err().to_string();
    let jump = [("in", r#"{"jump":{"target":"no"}}"#)];
    let text = document("ip f", &[INPUT], &jump);
    assert!(error(&text).ends_with("there is no chain no"));
    assert!(error("{").starts_with("nft -j list ruleset:1:1:"));
    assert!(!Ruleset::new(&of("")).unwrap().missing(Family::Ipv6));
}

#[test]
fn a_target_that_is_not_known_may_translate() {
    let nat = "*nat\n:PREROUTING ACCEPT [0:0]\n\
        -A PREROUTING -p tcp -m tcp --dport 80 -j ACCOUNT\nCOMMIT\n";
    let filter = "*filter\n:INPUT DROP [0:0]\n\
        -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";
    let host = Snapshot::new()
        .with_command("iptables-save", &format!("{nat}{filter}"));
    let ask = |port| ask(&host, "192.0.2.1", Proto::Tcp, port);
    assert_eq!([ask(80), ask(81)], ["0.0.0.0/0 / ", ""]);
}
