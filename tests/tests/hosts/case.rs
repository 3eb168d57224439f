//! The hosts that are hardened: their rules, and who is asked what.

use std::{
    fs,
    path::{Path, PathBuf},
};

use memsec_core::Proto;
use memsec_tests::{client::MEMCACHED, firewall, probe::Row};

use crate::{
    container::Container,
    world::{self, address},
};

/// A host by its rules.
pub struct Case {
    pub name: String,
    /// What loads them, in order: a command and its input.
    pub loads: Vec<(&'static [&'static str], String)>,
    pub rows: Vec<Row>,
    /// Of the first rows, whether a real host let them in.
    pub recorded: Vec<bool>,
    /// Where memcached is, if not on the host itself.
    pub container: Option<Container>,
}

const IPSET: &[&str] = &["ipset", "restore"];
const NFT: &[&str] = &["nft", "-f", "-"];
/// The files of a case, and what loads them.
const DUMPS: [(&str, &[&str]); 5] = [
    ("ipset-save.txt", IPSET),
    ("iptables-save.txt", &["iptables-restore"]),
    ("ip6tables-save.txt", &["ip6tables-restore"]),
    ("iptables-legacy-save.txt", &["iptables-legacy-restore"]),
    ("ip6tables-legacy-save.txt", &["ip6tables-legacy-restore"]),
];
const KINDS: [&str; 6] = ["recipe", "nft", "ufw", "csf", "firewalld", "docker"];

/// The hosts of ../shared/truth/hosts; none where there is none.
pub fn recorded() -> Vec<Case> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/truth/hosts");
    let root = PathBuf::from(root);
    if !root.is_dir() {
        println!("skipped: no ../shared");
        return Vec::new();
    }
    let mut paths: Vec<PathBuf> = KINDS
        .iter()
        .flat_map(|kind| fs::read_dir(root.join(kind)).expect("it is there"))
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.join("probe.tsv").is_file())
        .collect();
    paths.sort();
    paths.iter().map(|path| case(&root, path)).collect()
}

fn case(root: &Path, path: &Path) -> Case {
    let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let probes = fs::read_to_string(path.join("probe.tsv")).expect("a table");
    let lines = probes.lines().filter(|line| !line.starts_with('#'));
    let routes = fs::read_to_string(path.join("ip-route.txt"));
    let container = Container::behind(&routes.unwrap_or_default());
    // The proxies of Docker are not there, nor is what else was not.
    let own = |row: &Row| row.port == MEMCACHED && row.to.is_ipv4();
    let (mut rows, recorded): (Vec<_>, Vec<_>) = lines
        .map(row)
        .filter(|(row, _)| container.is_none() || own(row))
        .unzip();
    let more = world::rows();
    rows.extend(
        more.into_iter().filter(|row| !rows.contains(row)).collect::<Vec<_>>(),
    );
    Case { name, loads: loads(path), rows, recorded, container }
}

fn row(line: &str) -> (Row, bool) {
    let cells: Vec<&str> = line.split('\t').collect();
    let [from, proto, to, port, state] = cells[..] else {
        panic!("not a row: {line:?}")
    };
    let (from, sport) = from.split_once('#').unwrap_or((from, "0"));
    let row = Row {
        from: address(from),
        sport: sport.parse().expect("a port"),
        proto: if proto == "tcp" { Proto::Tcp } else { Proto::Udp },
        to: address(to),
        port: port.parse().expect("a port"),
    };
    (row, state == "open")
}

fn loads(path: &Path) -> Vec<(&'static [&'static str], String)> {
    let read =
        |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
    let mut loads: Vec<_> =
        DUMPS.map(|(file, command)| (command, read(file))).into();
    let xtables = loads.iter().any(|(command, text)| {
        *command != IPSET && text.lines().any(|line| line.starts_with('*'))
    });
    let listing = read("nft-list-ruleset.txt");
    loads.push((NFT, if xtables { native(&listing) } else { listing }));
    loads.retain(|(_, text)| !text.trim().is_empty());
    loads
}

/// The tables of a listing that iptables does not show.
fn native(listing: &str) -> String {
    let mut own = true;
    let lines = listing.lines().filter(|line| {
        if let Some(table) = line.strip_prefix("table ") {
            own = !is_xtables(table);
        }
        own
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn is_xtables(table: &str) -> bool {
    let mut words = table.split_whitespace();
    let family = words.next().unwrap_or_default();
    let name = words.next().unwrap_or_default();
    let tables = ["filter", "mangle", "nat", "raw", "security"];
    ["ip", "ip6"].contains(&family) && tables.contains(&name)
}

/// Hosts of this project's own.
pub fn own() -> Vec<Case> {
    let four = [
        ("no rules", &firewall::NONE),
        ("rules that reject", &firewall::REJECT),
        ("a policy that drops", &firewall::DROP),
        ("rules that open", &firewall::OPENED),
    ];
    let of = |name: &str, loads| Case {
        name: format!("own/{name}"),
        loads,
        rows: world::rows(),
        recorded: Vec::new(),
        container: None,
    };
    let xtables = four.into_iter().map(|(name, firewall)| {
        let [four, six] = firewall.rules.map(str::to_owned);
        let commands: [&'static [&'static str]; 2] =
            [&["iptables-restore"], &["ip6tables-restore"]];
        of(name, commands.into_iter().zip([four, six]).collect())
    });
    let native = NATIVE.map(|(name, text)| of(name, vec![(NFT, text.into())]));
    xtables.chain(native).collect()
}

const NATIVE: [(&str, &str); 4] = [
    (
        "a guard by hand",
        "table inet memsec {
            set allow4 {
                type ipv4_addr; flags interval
                elements = { 192.0.2.20, 198.51.100.0/24 }
            }
            chain prerouting {
                type filter hook prerouting priority mangle;
                iif lo accept
                tcp dport 11211 ip saddr != @allow4 drop
                udp dport 11211 drop
            }
        }",
    ),
    (
        "nft that drops",
        "table inet filter {
            chain input {
                type filter hook input priority filter; policy drop;
                ct state established,related accept
                iif lo accept
                meta l4proto ipv6-icmp accept
                tcp dport 22 accept
            }
        }",
    ),
    (
        "nft with another way in",
        "table inet nat {
            chain prerouting {
                type nat hook prerouting priority dstnat;
                tcp dport 11213 redirect to :11211
                ip saddr 192.0.2.21 tcp dport 80 redirect to :11211
            }
        }",
    ),
    (
        "nft with a list of clients",
        "table inet filter {
            set clients {
                type ipv4_addr; flags interval
                elements = { 192.0.2.20-192.0.2.21, 10.20.0.0/24 }
            }
            chain input {
                type filter hook input priority filter;
                tcp dport 11211 ip saddr @clients accept
                tcp dport 11211 reject with tcp reset
                udp dport 11211 drop
            }
        }",
    ),
];
