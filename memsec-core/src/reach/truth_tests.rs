//! The model against what real kernels did.

use std::{fs, net::IpAddr, path::PathBuf};

use serde_json::Value;

use super::{
    Answer, Packet, Proto, Query, Verdict, atoms,
    cell::Interface,
    journey::{Batch, Batches},
    sources::{Question, sources},
};
use crate::{
    Snapshot,
    host::Host,
    net::{Family, RangeSet},
    snapshot::Process,
};

pub(super) fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/");
    let path = PathBuf::from(root).join(path);
    if !path.exists() {
        println!("skipped: no ../shared");
        return None;
    }
    Some(path)
}

const DUMPS: [(&str, &str); 7] = [
    ("ipset-save.txt", "ipset save"),
    ("nft-list-ruleset.txt", "nft list ruleset"),
    ("iptables-save.txt", "iptables-save"),
    ("ip6tables-save.txt", "ip6tables-save"),
    ("iptables-legacy-save.txt", "iptables-legacy-save"),
    ("ip6tables-legacy-save.txt", "ip6tables-legacy-save"),
    ("nft.json", "nft -j list ruleset"),
];

/// The interfaces of every case of truth/hosts, as its README has them.
const TOPOLOGY: &str = r#"[
 {"ifname":"lo","link_type":"loopback","addr_info":[
  {"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
 {"ifname":"eth0","addr_info":[{"local":"192.0.2.10","prefixlen":24},
  {"local":"2001:db8:1::10","prefixlen":64}]},
 {"ifname":"eth1","addr_info":[{"local":"10.20.0.10","prefixlen":24},
  {"local":"fd00:20::10","prefixlen":64}]}]"#;

/// Its routes, for networks that the cases do not list.
const ROUTES: &str = r#"[{"dst":"default","dev":"eth0"},
 {"dst":"192.0.2.0/24","dev":"eth0"},{"dst":"10.20.0.0/24","dev":"eth1"}"#;
const ROUTES6: &str = r#"[{"dst":"default","dev":"eth0"},
 {"dst":"2001:db8:1::/64","dev":"eth0"},{"dst":"fd00:20::/64","dev":"eth1"},
 {"dst":"fe80::/64","dev":"eth0"},{"dst":"fe80::/64","dev":"eth1"}]"#;

/// The routes of a case, and those that `ip route` shows there.
fn routes(path: &std::path::Path) -> String {
    let shown = fs::read_to_string(path.join("ip-route.txt"));
    let shown = shown.unwrap_or_default();
    let more = shown.lines().filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let dev = words.iter().position(|word| *word == "dev")?;
        let (to, dev) = (words.first()?, words.get(dev + 1)?);
        let new = !ROUTES.contains(to);
        new.then(|| format!(r#",{{"dst":"{to}","dev":"{dev}"}}"#))
    });
    format!("{ROUTES}{}]", more.collect::<String>())
}

fn host(path: &std::path::Path) -> Snapshot {
    let listens = ["-l", "0.0.0.0,::", "-U", "11211"];
    let mut snapshot = Snapshot::new()
        .with_process(Process {
            pid: 1,
            exe: "/usr/bin/memcached".to_owned(),
            argv: listens.map(str::to_owned).to_vec(),
            version: Some("1.6.18".to_owned()),
            uid: Some(110),
            ..Process::default()
        })
        .with_command("ip -j address", TOPOLOGY)
        .with_command("ip -j route", &routes(path))
        .with_command("ip -6 -j route", ROUTES6);
    for (file, command) in DUMPS {
        if let Ok(text) = fs::read_to_string(path.join(file)) {
            snapshot = snapshot.with_command(command, &text);
        }
    }
    snapshot
}

/// One row of a probe.tsv, if it is about memcached's port.
struct Row {
    from: IpAddr,
    sport: Option<u16>,
    query: (&'static str, IpAddr, Proto),
    open: bool,
}

fn row(line: &str) -> Option<Row> {
    let mut cells = line.split('\t');
    let mut source = cells.next()?.split('#');
    let from = source.next()?.parse().ok()?;
    let sport = source.next().and_then(|port| port.parse().ok());
    let proto = match cells.next()? {
        "tcp" => Proto::Tcp,
        _ => Proto::Udp,
    };
    let to = cells.next()?;
    let name = match to {
        "192.0.2.10" | "2001:db8:1::10" => "eth0",
        "10.20.0.10" | "fd00:20::10" => "eth1",
        _ => return None,
    };
    (cells.next()? == "11211").then_some(())?;
    let open = cells.next()? == "open";
    Some(Row { from, sport, query: (name, to.parse().ok()?, proto), open })
}

#[test]
fn hosts() {
    let Some(root) = shared("truth/hosts") else { return };
    let (mut rows, mut exact, mut wrong) = (0, 0, Vec::new());
    for kind in ["recipe", "nft", "ufw", "csf", "firewalld", "docker"] {
        let mut cases: Vec<_> = fs::read_dir(root.join(kind))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        cases.sort();
        for case in cases {
            let Ok(probes) = fs::read_to_string(case.join("probe.tsv")) else {
                continue;
            };
            let name = case.strip_prefix(&root).unwrap().display().to_string();
            let host = match Host::new(&host(&case)) {
                Ok(host) => host,
                Err(error) => {
                    wrong.push(format!("{name}: {error}"));
                    continue;
                }
            };
            for line in probes.lines().filter(|line| !line.starts_with('#')) {
                let Some(row) = row(line) else { continue };
                let (interface, to, proto) = row.query;
                let interface = Some(interface);
                let query = Query {
                    interface,
                    family: Family::of(to),
                    to: Some(to),
                    wildcard: true,
                    taker: Default::default(),
                    proto,
                    port: 11211,
                };
                let found = sources(&host, &query);
                let (may, must) = (
                    found.may.contains(row.from),
                    found.must.contains(row.from),
                );
                rows += 1;
                exact += usize::from(may == must);
                let packet = Packet {
                    to: Some(to),
                    proto: proto.into(),
                    interface: interface.map(str::to_owned),
                    sport: row.sport.unwrap_or(40000),
                    ..Packet::new(row.from)
                };
                let one = host.explain(&packet).unwrap();
                let through = !matches!(
                    one.verdict,
                    Verdict::Dropped | Verdict::Rejected
                );
                let sure = through
                    && one.certain
                    && (proto == Proto::Udp
                        || one.answer != Some(Answer::Dropped));
                let refused = kind == "docker" && line.ends_with("refused");
                let untrue = match row.open {
                    true => !through,
                    false => sure && !refused,
                };
                // A set is of all the ports that a client may have, and of
                // those that lead to this one.
                if untrue || through && !may || must && !sure {
                    let verdict = one.verdict;
                    wrong.push(format!(
                        "{name}: {line}: explained as {verdict:?} \
                         {sure}, and may {may} must {must}"
                    ));
                }
                // A container may listen there, and the host itself not.
                let refused = kind == "docker" && line.ends_with("refused");
                if row.open && !may || !row.open && must && !refused {
                    wrong.push(format!(
                        "{name}: {line}: may {may} must {must} {:?}",
                        found.because
                    ));
                }
            }
        }
    }
    println!("hosts: {rows} rows, {exact} decided, {} wrong", wrong.len());
    for line in &wrong {
        println!("  {line}");
    }
    assert!(wrong.is_empty());
}

fn save(value: &Value) -> Option<(&'static str, &str)> {
    let text = value["text"].as_str()?;
    let command = match value["tool"].as_str()? {
        "ipset" => "ipset save",
        "iptables-nft" => "iptables-save",
        "iptables-legacy" => "iptables-legacy-save",
        "ip6tables-nft" => "ip6tables-save",
        "ip6tables-legacy" => "ip6tables-legacy-save",
        _ => return None,
    };
    Some((command, text))
}

/// The snapshot of a case of truth/kernel, if only saved rules are loaded.
pub(super) fn kernel_snapshot(case: &Value) -> Option<Snapshot> {
    let mut snapshot = Snapshot::new()
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "");
    for load in case["load"].as_array()? {
        let (command, text) = save(load)?;
        if snapshot.commands.get(command).is_some_and(|o| !o.stdout.is_empty())
        {
            return None;
        }
        snapshot = snapshot.with_command(command, text);
    }
    Some(snapshot)
}

#[test]
fn kernel() {
    let Some(path) = shared("truth/kernel/cases.jsonl") else { return };
    let (mut cases, mut decided, mut wrong) = (0, 0, Vec::new());
    for line in fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let Some(snapshot) = kernel_snapshot(&case) else { continue };
        let probe = &case["probe"];
        let plain = ["state", "flags", "frag", "icmp", "ext", "badsum", "dmac"]
            .iter()
            .all(|key| probe.get(*key).is_none());
        let verdict = case["verdict"].as_str().unwrap();
        if !plain || probe["if"] == "local" || verdict.contains("restore:") {
            continue;
        }
        let (Ok(from), Ok(to)) = (
            probe["src"].as_str().unwrap().parse::<IpAddr>(),
            probe["dst"].as_str().unwrap().parse::<IpAddr>(),
        ) else {
            continue;
        };
        let proto = match probe["proto"].as_str() {
            Some("tcp") => Proto::Tcp,
            Some("udp") => Proto::Udp,
            _ => continue,
        };
        let name = case["name"].as_str().unwrap();
        let host = match Host::new(&snapshot) {
            Ok(host) => host,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let query = Query {
            interface: probe["if"].as_str(),
            family: Family::of(to),
            to: Some(to),
            wildcard: true,
            taker: Default::default(),
            proto,
            port: probe["dport"].as_u64().unwrap() as u16,
        };
        let found = sources(&host, &query);
        let delivered = verdict.starts_with('L');
        let routed =
            case["detail"]["stages"].as_array().is_some_and(|stages| {
                stages.iter().any(|stage| stage == "input-start")
            });
        if !routed && !delivered {
            continue;
        }
        cases += 1;
        let (may, must) = (found.may.contains(from), found.must.contains(from));
        decided += usize::from(may == must);
        if delivered && !may || !delivered && must {
            wrong.push(format!("{name}: {verdict}: may {may} must {must}"));
        }
    }
    println!("kernel: {cases} cases, {decided} decided");
    for line in &wrong {
        println!("  {line}");
    }
    assert!(wrong.is_empty());
}

type Pairs = Vec<(RangeSet<u128>, RangeSet<u128>)>;

/// A relation of verified.jsonl: sources and the destinations they reach.
fn relation(accept: &Value) -> Pairs {
    let set = |value: &Value| {
        let ranges = value.as_array().unwrap().iter().map(|range| {
            let end = |i: usize| range[i].as_str().unwrap().parse().unwrap();
            (end(0), end(1))
        });
        RangeSet::<u128>::from_ranges(ranges)
    };
    let pairs = accept.as_array().unwrap().iter();
    pairs.map(|pair| (set(&pair[0]), set(&pair[1]))).collect()
}

fn reaching(pairs: &Pairs, to: u128) -> RangeSet<u128> {
    let mut all = RangeSet::empty();
    for (from, _) in pairs.iter().filter(|(_, all)| all.contains(to)) {
        all = all.union(from);
    }
    all
}

/// Destinations between which the relations tell, at most some.
fn destinations(pairs: &[&Pairs]) -> Vec<u128> {
    let sets = pairs.iter().flat_map(|pairs| pairs.iter().map(|p| &p.1));
    let ranges = sets.flat_map(|set| set.ranges());
    let mut all: Vec<u128> =
        ranges.flat_map(|(first, last)| [first, last]).collect();
    all.extend([0, 0x0a00_0001]);
    all.sort_unstable();
    all.dedup();
    let step = all.len() / 12 + 1;
    all.into_iter().step_by(step).collect()
}

/// The bounds of a chain alone, for a new packet from port 10000.
fn bounds(
    host: &Host,
    chain: &str,
    proto: Proto,
    port: u16,
    (family, to): (Family, u128),
    assigned: &[(String, RangeSet<u128>)],
) -> Option<(RangeSet<u128>, RangeSet<u128>)> {
    let table = host.ruleset.tables.first()?;
    let index = table.chains.iter().position(|c| c.name == chain)?;
    let base = table.chains[index].base.as_ref()?;
    let to_address = family.address(to);
    let query = Query {
        interface: None,
        family: Family::of(to_address),
        to: Some(to_address),
        wildcard: true,
        taker: Default::default(),
        proto,
        port,
    };
    let question = Question::new(host, &query);
    let mut names = atoms::of(&question).interfaces;
    names.extend(assigned.iter().map(|(name, _)| Interface::Named(name)));
    let (mut may, mut must) = (RangeSet::empty(), RangeSet::all());
    for interface in names {
        let own = assigned
            .iter()
            .find(|(name, _)| interface == Interface::Named(name));
        let journey = question.journey(interface, Some(10000));
        let addresses = RangeSet::range(0, family.last());
        let start = Batches::of(Batch { parcel: journey.parcel(), addresses });
        let passed = journey.sweep(&[base.hook], start).ok()?;
        let alive = passed.alive();
        let within = own.map_or(RangeSet::all(), |(_, set)| set.clone());
        may = may.union(&alive.intersection(&within));
        let sure = alive.difference(&passed.stopped);
        must = must.intersection(&sure.union(&within.complement()));
    }
    let all = RangeSet::range(0, family.last());
    let must = must.difference(&loopback(family));
    Some((may.intersection(&all), must.intersection(&all)))
}

/// What the proof takes the interfaces to have, lo always: lines like
/// "eth0 = [10.0.0.0/8]", or "= all_but_those_ips [...]".
fn assigned(
    path: &std::path::Path,
    family: Family,
) -> Vec<(String, RangeSet<u128>)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.split(']').filter_map(|line| {
        let (name, list) = line.trim().split_once(" = ")?;
        let (kind, list) = list.split_once('[')?;
        let parts = list.split(',').map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        let parts = parts.flat_map(|part| match part.split_once('-') {
            Some((first, last)) => {
                let number = |text: &str| Family::number(text.parse().unwrap());
                vec![(number(first), number(last))]
            }
            None => {
                let (address, prefix) = part.split_once('/').unwrap();
                let address = address.parse().unwrap();
                let prefix = prefix.parse().unwrap();
                vec![crate::Cidr::truncated(address, prefix).unwrap().bounds()]
            }
        });
        let set = RangeSet::from_ranges(parts);
        let but = kind.contains("all_but");
        Some((name.to_owned(), if but { set.complement() } else { set }))
    });
    let lo = ("lo".to_owned(), loopback(family));
    let others: Vec<_> = lines.filter(|(name, _)| name != "lo").collect();
    std::iter::once(lo).chain(others).collect()
}

/// What the proof takes lo to have.
fn loopback(family: Family) -> RangeSet<u128> {
    match family {
        Family::Ipv4 => RangeSet::range(0x7f00_0000, 0x7fff_ffff),
        Family::Ipv6 => RangeSet::one(1),
    }
}

fn filter_only(text: &str) -> String {
    let start = text.find("*filter").unwrap_or(0);
    let rest = &text[start..];
    let end = rest.find("\nCOMMIT").map_or(rest.len(), |end| end + 8);
    rest[..end].to_owned()
}

#[test]
fn verified() {
    let Some(path) = shared("truth/reach/verified.jsonl") else { return };
    let root = path.parent().unwrap().to_owned();
    let (mut answers, mut exact, mut equal) = (0, 0, 0);
    let (mut wrong, mut unread) = (Vec::new(), Vec::new());
    let mut tighter: Vec<String> = Vec::new();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let id = entry["id"].as_str().unwrap();
        let file = root.join(entry["file"].as_str().unwrap());
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let v6 = id.contains("ip6tables") || id.contains("ipv6_server");
        let (family, command) = match v6 {
            true => (Family::Ipv6, "ip6tables-save"),
            false => (Family::Ipv4, "iptables-save"),
        };
        let assignment = entry["ipassmt"].as_str().unwrap();
        let assigned = assigned(&root.join("ipassmt").join(assignment), family);
        let snapshot =
            Snapshot::new().with_command(command, &filter_only(&text));
        let host = match Host::new(&snapshot) {
            Ok(host) => host,
            Err(error) => {
                unread.push(format!("{id}: {error}"));
                continue;
            }
        };
        for (service, found) in entry["services"].as_object().unwrap() {
            let mut parts = service.split(':');
            let proto = match parts.next() {
                Some("tcp") => Proto::Tcp,
                Some("udp") => Proto::Udp,
                _ => continue,
            };
            let port = parts.nth(1).unwrap().parse().unwrap();
            let upper = relation(&found["upper"]["accept"]);
            let lower = relation(&found["lower"]["accept"]);
            for to in destinations(&[&upper, &lower]) {
                let chain = entry["chain"].as_str().unwrap();
                let way = (family, to);
                let Some((may, must)) =
                    bounds(&host, chain, proto, port, way, &assigned)
                else {
                    unread.push(format!("{id}: no {chain}"));
                    continue;
                };
                let loopback = loopback(family);
                let up = reaching(&upper, to);
                let low = reaching(&lower, to).difference(&loopback);
                answers += 1;
                if found["exact"] == true {
                    exact += 1;
                    let same = may.difference(&loopback)
                        == up.difference(&loopback)
                        && must == low;
                    equal += usize::from(same);
                    if !same {
                        tighter.push(format!(
                            "{id} {service} may-{:?} must+{:?}",
                            up.difference(&may),
                            must.difference(&low)
                        ));
                    }
                }
                if !may.is_subset(&up) || !low.is_subset(&must) {
                    let (over, under) =
                        (may.difference(&up), low.difference(&must));
                    wrong.push(format!(
                        "{id} {service} to {}: may over {over:?}, \
                         must under {under:?}",
                        family.address(to)
                    ));
                }
            }
        }
    }
    println!(
        "verified: {answers} answers, {} wrong; {equal} of {exact} exact \
         ones are equal; {} unread",
        wrong.len(),
        unread.len()
    );
    for line in wrong.iter().chain(&unread).chain(&tighter) {
        println!("  {:.300}", line);
    }
    assert!(wrong.is_empty() && tighter.is_empty());
}
