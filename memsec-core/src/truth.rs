//! What real programs and kernels did, as `../shared` has it: for tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Packet, Snapshot};

/// A place in `../shared`; `None`, and a word of it, where that is absent.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/");
    let path = PathBuf::from(root).join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no ../shared");
    None
}

/// The kinds of recorded hosts.
pub(crate) const KINDS: [&str; 6] =
    ["csf", "docker", "firewalld", "nft", "recipe", "ufw"];

/// The recorded hosts of one kind, by name.
pub(crate) fn hosts(kind: &str) -> Vec<PathBuf> {
    let Some(root) = shared(&format!("truth/hosts/{kind}")) else {
        return Vec::new();
    };
    let entries = fs::read_dir(root).unwrap();
    let mut all: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// The interfaces of every recorded host, as its README has them.
pub(crate) const ADDRESSES: &str = r#"[
 {"ifname":"lo","link_type":"loopback","addr_info":[
  {"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
 {"ifname":"eth0","addr_info":[{"local":"192.0.2.10","prefixlen":24},
  {"local":"2001:db8:1::10","prefixlen":64}]},
 {"ifname":"eth1","addr_info":[{"local":"10.20.0.10","prefixlen":24},
  {"local":"fd00:20::10","prefixlen":64}]}]"#;

/// What tells whether the way back is the way that a packet came.
pub(crate) const ROUTES: [(&str, &str); 2] = [
    (
        "ip -j route",
        r#"[{"dst":"default","dev":"eth0"},
 {"dst":"192.0.2.0/24","dev":"eth0"},{"dst":"10.20.0.0/24","dev":"eth1"}]"#,
    ),
    (
        "ip -6 -j route",
        r#"[{"dst":"default","dev":"eth0"},
 {"dst":"2001:db8:1::/64","dev":"eth0"},{"dst":"fd00:20::/64","dev":"eth1"},
 {"dst":"fe80::/64","dev":"eth0"},{"dst":"fe80::/64","dev":"eth1"}]"#,
    ),
];

/// The interface with the network of one of these addresses.
pub(crate) fn interface(own: &str) -> Option<&'static str> {
    match own {
        "192.0.2.10" | "2001:db8:1::10" => Some("eth0"),
        "10.20.0.10" | "fd00:20::10" => Some("eth1"),
        _ => None,
    }
}

const DUMPS: [(&str, &str); 8] = [
    ("ipset-save.txt", "ipset save"),
    ("iptables-save.txt", "iptables-save"),
    ("ip6tables-save.txt", "ip6tables-save"),
    ("iptables-legacy-save.txt", "iptables-legacy-save"),
    ("ip6tables-legacy-save.txt", "ip6tables-legacy-save"),
    ("nft.json", "nft -j list ruleset"),
    ("nft-list-ruleset.txt", "nft list ruleset"),
    ("ss-lntup.txt", "ss -lntupxH"),
];

/// A host with what the commands of a recorded one printed.
pub(crate) fn recorded(mut snapshot: Snapshot, case: &Path) -> Snapshot {
    for (file, command) in DUMPS {
        if let Ok(text) = fs::read_to_string(case.join(file)) {
            snapshot = snapshot.with_command(command, &text);
        }
    }
    snapshot
}

/// The networks of containers, by the routes that a case shows: each with its
/// interface, and the host's own address.
fn bridges(case: &Path) -> Vec<(String, String, String)> {
    let shown = fs::read_to_string(case.join("ip-route.txt"));
    let shown = shown.unwrap_or_default();
    let bridge = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let after = |name: &str| {
            let at = words.iter().position(|word| *word == name)?;
            words.get(at + 1).map(|word| (*word).to_owned())
        };
        let (net, name, own) = (words.first()?, after("dev")?, after("src")?);
        (!name.starts_with("eth")).then_some(((*net).to_owned(), name, own))
    };
    let mut all: Vec<_> = shown.lines().filter_map(bridge).collect();
    all.sort();
    all.dedup();
    all
}

/// A host with the bridges of a recorded one.
pub(crate) fn bridged(host: Snapshot, case: &Path) -> Snapshot {
    let more = |host: Snapshot, command: &str, one: &str| {
        let known = host.output(command).unwrap();
        let all = known.text().trim_end().strip_suffix(']').unwrap();
        host.with_command(command, &format!("{all},{one}]"))
    };
    bridges(case).iter().fold(host, |host, (net, name, own)| {
        let length = net.split('/').nth(1).unwrap_or("32");
        let link = format!(
            r#"{{"ifname":"{name}","addr_info":[
            {{"local":"{own}","prefixlen":{length}}}]}}"#
        );
        let host = more(host, "ip -j address", &link);
        let route = format!(r#"{{"dst":"{net}","dev":"{name}"}}"#);
        more(host, "ip -j route", &route)
    })
}

/// A packet that was sent to a recorded host.
pub(crate) struct Row<'a> {
    pub line: &'a str,
    /// Without the interface.
    pub packet: Packet,
    pub open: bool,
}

/// The rows of a probe.tsv.
pub(crate) fn rows(probes: &str) -> impl Iterator<Item = Row<'_>> {
    let lines = probes.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let cells: Vec<_> = line.split('\t').collect();
        let [from, proto, to, port, state] = cells[..] else {
            panic!("{line}")
        };
        let (from, sport) = from.split_once('#').unwrap_or((from, "40000"));
        let json = format!(
            r#"{{"from":"{from}","to":"{to}","proto":"{proto}",
            "port":{port},"sport":{sport}}}"#
        );
        let packet = Packet::from_json("row", &json).unwrap();
        Row { line, packet, open: state == "open" }
    })
}
