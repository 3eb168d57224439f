//! Every packet of truth/kernel through `explain`, as the snapshot of a user
//! and a packet of the interchange format.

use std::{fmt::Write, fs};

use serde_json::{Value, json};

use super::{Explanation, Packet, Verdict};
use crate::{Snapshot, host::Host, snapshot::Process, truth::shared};

/// What shows the rules that a tool loads.
const COMMANDS: [(&str, &str); 6] = [
    ("ipset", "ipset save"),
    ("iptables-nft", "iptables-save"),
    ("iptables-legacy", "iptables-legacy-save"),
    ("ip6tables-nft", "ip6tables-save"),
    ("ip6tables-legacy", "ip6tables-legacy-save"),
    ("nft", "nft list ruleset"),
];

/// The members of a probe that a packet has, each under its name there.
const MEMBERS: [(&str, &str); 11] = [
    ("src", "from"),
    ("dst", "to"),
    ("proto", "proto"),
    ("if", "in"),
    ("sport", "sport"),
    ("dport", "port"),
    ("icmp", "icmp"),
    ("ctdir", "direction"),
    ("ctmark", "connection_mark"),
    ("ext", "extension"),
    ("dmac", "frame"),
];

/// What a packet cannot say: what is in it, and that it comes in parts.
fn is_beyond(probe: &Value) -> bool {
    let inner = probe.get("len").or(probe.get("payload"));
    inner.is_some() || probe["frag"] == "split"
}

fn packet(probe: &Value) -> Packet {
    let mut json = json!({});
    for (theirs, ours) in MEMBERS {
        if let Some(value) = probe.get(theirs) {
            json[ours] = value.clone();
        }
    }
    let state = probe["state"].as_str().unwrap_or("NEW").to_lowercase();
    let damaged = probe.get("badsum").is_some();
    let tcp = probe["proto"] == "tcp";
    let usual = match state.as_str() {
        "established" => "A",
        // The oracle makes such a segment invalid by its flags.
        "invalid" => "SA",
        _ => "S",
    };
    let flags = probe["flags"].as_str().unwrap_or(usual);
    json["flags"] = if flags == "none" { "" } else { flags }.into();
    json["state"] = match state.as_str() {
        "invalid" if tcp => "new".into(),
        _ if damaged => "invalid".into(),
        state => state.into(),
    };
    if let Some(fragment) = probe.get("frag") {
        json["fragment"] = fragment.clone();
    }
    Packet::from_json("packet", &json.to_string()).unwrap()
}

type Interfaces = Vec<(String, Vec<String>)>;

fn interfaces(case: &Value) -> Interfaces {
    let usual = json!([
        {"name": "eth0", "addrs": ["192.0.2.1/24", "2001:db8:0:1::1/64",
            "fe80::ff:fe00:101/64"]},
        {"name": "eth1", "addrs": ["10.0.0.1/24", "2001:db8:0:2::1/64"]},
        {"name": "docker0", "addrs": ["172.17.0.1/16"]}]);
    let all = case["host"].get("ifaces").unwrap_or(&usual);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = all.as_array().unwrap().iter().map(|one| {
        let addresses = one["addrs"].as_array().unwrap().iter().map(text);
        (text(&one["name"]), addresses.collect())
    });
    let lo = ["127.0.0.1/8", "::1/128"].map(str::to_owned).to_vec();
    std::iter::once(("lo".to_owned(), lo)).chain(all).collect()
}

/// `ip -j address`.
fn addresses(all: &Interfaces) -> String {
    let entry = |text: &String| {
        let (address, prefix) = text.split_once('/').unwrap();
        let prefix: u8 = prefix.parse().unwrap();
        json!({"local": address, "prefixlen": prefix})
    };
    let all = all.iter().map(|(name, addresses)| {
        let addresses: Vec<_> = addresses.iter().map(entry).collect();
        json!({"ifname": name, "addr_info": addresses})
    });
    Value::Array(all.collect()).to_string()
}

/// `ip -j route` and `ip -6 -j route`.
fn routes(case: &Value, all: &Interfaces) -> [String; 2] {
    let mut routes = [Vec::new(), Vec::new()];
    for (name, addresses) in all.iter().filter(|(name, _)| name != "lo") {
        for address in addresses {
            let (address, prefix) = address.split_once('/').unwrap();
            let net = crate::Cidr::truncated(
                address.parse().unwrap(),
                prefix.parse().unwrap(),
            );
            let dst = net.unwrap().to_string();
            routes[usize::from(address.contains(':'))]
                .push(json!({"dst": dst, "dev": name}));
        }
        routes[1].push(json!({"dst": "fe80::/64", "dev": name}));
    }
    let usual = json!([
        "default via 192.0.2.254 dev eth0",
        "-6 default via 2001:db8:0:1::fe dev eth0"
    ]);
    let more = case["host"].get("routes").unwrap_or(&usual);
    for route in more.as_array().unwrap() {
        let text = route.as_str().unwrap();
        let six = text.strip_prefix("-6 ");
        let words: Vec<_> = six.unwrap_or(text).split_whitespace().collect();
        let list = &mut routes[usize::from(six.is_some())];
        list.push(match words.as_slice() {
            ["blackhole", net] => json!({"type": "blackhole", "dst": net}),
            [net, .., dev] => json!({"dst": net, "dev": dev}),
            _ => panic!("{text}"),
        });
    }
    routes.map(|all| Value::Array(all).to_string())
}

/// `sysctl -a`.
fn settings(case: &Value, all: &Interfaces) -> String {
    let mut text = "net.ipv4.ip_forward = 1\n\
                    net.ipv6.conf.all.forwarding = 1\n"
        .to_owned();
    let names = all.iter().map(|(name, _)| name.as_str());
    for name in names.chain(["all", "default"]) {
        let forwards = case["sysctl"].get("net.ipv4.ip_forward").is_none();
        let _ = write!(
            text,
            "net.ipv4.conf.{name}.rp_filter = 0\n\
             net.ipv4.conf.{name}.accept_local = 0\n\
             net.ipv4.conf.{name}.route_localnet = 0\n\
             net.ipv4.conf.{name}.forwarding = {}\n",
            u8::from(forwards)
        );
    }
    for (key, value) in case["sysctl"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap();
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

fn rules(case: &Value) -> Snapshot {
    let mut snapshot = Snapshot::new()
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "");
    for load in case["load"].as_array().unwrap() {
        let tool = load["tool"].as_str().unwrap();
        let (_, command) =
            COMMANDS.iter().find(|(name, _)| *name == tool).unwrap();
        let before = snapshot.commands.get(*command);
        let before = before.map_or("", |output| &*output.stdout).to_owned();
        let text = before + load["text"].as_str().unwrap();
        snapshot = snapshot.with_command(command, &text);
    }
    snapshot
}

/// With routes and settings, or with addresses alone, and a memcached that
/// listens everywhere.
fn snapshot(case: &Value, whole: bool) -> Snapshot {
    let all = interfaces(case);
    let listens = ["-l", "0.0.0.0,::", "-U", "11211"];
    let snapshot = rules(case)
        .with_command("ip -j address", &addresses(&all))
        .with_process(Process {
            pid: 1,
            exe: "/usr/bin/memcached".to_owned(),
            argv: listens.map(str::to_owned).to_vec(),
            uid: Some(110),
            version: Some("1.6.18".to_owned()),
            ..Process::default()
        });
    if !whole {
        return snapshot;
    }
    let [four, six] = routes(case, &all);
    snapshot
        .with_command("ip -j route", &four)
        .with_command("ip -6 -j route", &six)
        .with_command("sysctl -a", &settings(case, &all))
}

/// What a verdict of the truth is here.
fn expected(verdict: &str, packet: &Packet) -> Verdict {
    let memcacheds = verdict.ends_with(":11211") || packet.icmp.is_some();
    match verdict.as_bytes()[0] {
        b'L' if memcacheds || !verdict.contains(':') => Verdict::Delivered,
        b'L' if verdict.matches(':').count() > 1 && !verdict.contains(']') => {
            Verdict::Delivered
        }
        b'L' => Verdict::NobodyListens,
        b'F' => Verdict::Forwarded,
        b'R' => Verdict::Rejected,
        _ => Verdict::Dropped,
    }
}

/// Whether an answer that is not certain leaves room for the truth.
fn leaves_room(found: &Explanation, truth: Verdict) -> bool {
    let rank = |verdict| match verdict {
        Verdict::Dropped => 0,
        Verdict::Rejected => 1,
        _ => 2,
    };
    rank(found.verdict) >= rank(truth)
}

fn wrong(case: &Value, whole: bool) -> Option<String> {
    let name = case["name"].as_str().unwrap();
    let verdict = case["verdict"].as_str().unwrap();
    let packet = packet(&case["probe"]);
    let found = Host::new(&snapshot(case, whole))
        .and_then(|host| host.explain(&packet));
    let found = match found {
        Ok(found) => found,
        Err(error) => return Some(format!("{name}: {error}")),
    };
    let truth = expected(verdict, &packet);
    let right = match found.certain {
        true => found.verdict == truth,
        false => leaves_room(&found, truth),
    };
    let decided = found.certain
        || !whole
        || case.get("nondet").is_some()
        || UNDECIDED.contains(&name);
    (!right || !decided).then(|| {
        let (v, c) = (found.verdict, found.certain);
        format!("{name}: {verdict} is not {v:?} {c}: {:?}", found.path)
    })
}

/// What neither a packet nor a snapshot tells, and rules ask: a hardware
/// address, a socket, bytes of the packet, the zone of a connection, the
/// order in which two back ends came.
const UNDECIDED: [&str; 9] = [
    "mac",
    "u32-dport",
    "socket-nomatch",
    "s-ct-zone",
    "s-two-nat-engines",
    "s-frag-forward-noct",
    "s-frag-not-dport-forward-nft",
    "s-frag-multiport-nft",
    "s-udp-output-owner",
];

#[test]
fn every_case_comes_out_as_in_the_kernel() {
    let Some(path) = shared("truth/kernel/cases.jsonl") else { return };
    let (mut cases, mut beyond, mut refused) = (0, 0, 0);
    let mut complaints = Vec::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let verdict = case["verdict"].as_str().unwrap();
        if verdict.contains("restore:") {
            // The kernel takes no such rules: nothing may be sure of them.
            refused += 1;
            continue;
        }
        if is_beyond(&case["probe"]) {
            beyond += 1;
            continue;
        }
        cases += 1;
        complaints.extend(wrong(&case, true));
        if case.get("sysctl").is_none() && case.get("host").is_none() {
            complaints.extend(wrong(&case, false));
        }
    }
    println!(
        "kernel: {cases} cases, {beyond} that a packet cannot say, {refused} \
         that do not load, {} wrong",
        complaints.len()
    );
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
