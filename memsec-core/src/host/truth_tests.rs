//! Every host of the truths by the road that everybody takes: a snapshot as
//! JSON, and each packet; of some hosts, or of all where MEMSEC_ALL_HOSTS is
//! set, also the sets of sources of each port.

use std::{fs, net::IpAddr, path::Path};

use crate::{
    Answer, Host, Packet, Policy, Port, Report, Snapshot, Verdict, audit,
    net::CidrSet,
    snapshot::Process,
    truth::{Row, bridged, hosts, recorded, rows},
};

const LO: &str = r#"{"ifname":"lo","link_type":"loopback","addr_info":[
  {"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]}"#;

const OUTER: &str = r#"{"ifname":"eth0","addr_info":[
  {"local":"192.0.2.10","prefixlen":24},
  {"local":"2001:db8:1::10","prefixlen":64}]},
 {"ifname":"eth1","addr_info":[{"local":"10.20.0.10","prefixlen":24},
  {"local":"fd00:20::10","prefixlen":64}]},
 {"ifname":"eth2","addr_info":[{"local":"10.30.0.1","prefixlen":24}]}"#;

/// The listeners of every case that has none of its own: memcached, and what
/// stands in for others.
const LISTENING: &str = "\
tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=3))
tcp LISTEN 0 128 [::]:22 [::]:* users:((\"sshd\",pid=1,fd=4))
tcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:* users:((\"nginx\",pid=2,fd=3))
tcp LISTEN 0 128 [::]:80 [::]:* users:((\"nginx\",pid=2,fd=4))
tcp LISTEN 0 128 0.0.0.0:11212 0.0.0.0:* users:((\"python3\",pid=3,fd=3))
tcp LISTEN 0 128 [::]:11212 [::]:* users:((\"python3\",pid=3,fd=4))
tcp LISTEN 0 128 0.0.0.0:11211 0.0.0.0:* users:((\"memcached\",pid=4,fd=3))
tcp LISTEN 0 128 [::]:11211 [::]:* users:((\"memcached\",pid=4,fd=4))
udp UNCONN 0 0 0.0.0.0:11212 0.0.0.0:* users:((\"python3\",pid=3,fd=5))
udp UNCONN 0 0 [::]:11212 [::]:* users:((\"python3\",pid=3,fd=6))
udp UNCONN 0 0 0.0.0.0:11211 0.0.0.0:* users:((\"memcached\",pid=4,fd=5))
udp UNCONN 0 0 [::]:11211 [::]:* users:((\"memcached\",pid=4,fd=6))
";

fn topology() -> [(&'static str, String); 3] {
    [
        ("ip -j address", format!("[{LO},{OUTER}]")),
        (
            "ip -j route",
            r#"[{"dst":"default","dev":"eth0"},
            {"dst":"192.0.2.0/24","dev":"eth0"},
            {"dst":"10.30.0.0/24","dev":"eth2"},
            {"dst":"10.20.0.0/24","dev":"eth1"}]"#
                .to_owned(),
        ),
        (
            "ip -6 -j route",
            r#"[{"dst":"default","dev":"eth0"},
            {"dst":"2001:db8:1::/64","dev":"eth0"},
            {"dst":"fd00:20::/64","dev":"eth1"}]"#
                .to_owned(),
        ),
    ]
}

fn snapshot(case: &Path, containers: bool) -> Snapshot {
    let mut snapshot = Snapshot::new();
    for (command, text) in topology() {
        snapshot = snapshot.with_command(command, &text);
    }
    snapshot = bridged(snapshot, case);
    if !containers {
        let argv = ["-u", "nobody", "-l", "0.0.0.0,::", "-U", "11211"];
        snapshot = snapshot
            .with_command("ss -lntupxH", LISTENING)
            .with_process(Process {
                pid: 4,
                exe: "/usr/bin/memcached".to_owned(),
                argv: argv.map(str::to_owned).into(),
                version: Some("1.6.18".to_owned()),
                ..Process::default()
            });
    }
    let recorded = recorded(snapshot, case);
    Snapshot::from_json("case", &recorded.to_json()).unwrap()
}

/// The ports of all rows, to be answered for.
fn policy(probes: &str) -> Policy {
    let mut policy = Policy::new();
    for Row { packet, .. } in rows(probes) {
        let proto = packet.proto.spoken().unwrap();
        let port = Port { proto, port: packet.port };
        if !policy.ports.contains(&port) {
            policy.ports.push(port);
        }
    }
    policy
}

#[derive(Default)]
struct Score {
    cases: usize,
    rows: usize,
    decided: usize,
    wrong: Vec<String>,
    open: Vec<String>,
}

impl Score {
    /// A row for which the bounds are known.
    fn count(&mut self, row: &str, open: bool, may: bool, must: bool) {
        self.rows += 1;
        self.decided += usize::from(may == must);
        if may != must {
            self.open.push(row.to_owned());
        }
        if open && !may || !open && must {
            self.wrong.push(format!("{row}: may {may}, must {must}"));
        }
    }

    fn told(&self, kind: &str) {
        println!(
            "{kind}: {} cases, {} rows, {} decided, {} wrong",
            self.cases,
            self.rows,
            self.decided,
            self.wrong.len()
        );
        for row in &self.wrong {
            println!("  wrong: {row}");
        }
        for row in &self.open {
            println!("  undecided: {row}");
        }
    }
}

/// Whether a packet may be delivered and answered, and whether it must. What
/// goes on to another host may find nobody there.
fn explained(host: &Host, packet: &Packet) -> (bool, bool) {
    let found = host.explain(packet).unwrap();
    let answered = found.answer != Some(Answer::Dropped);
    match found.verdict {
        Verdict::Delivered => (answered, answered && found.certain),
        verdict => (verdict == Verdict::Forwarded, false),
    }
}

fn held(report: &Report, packet: &Packet) -> Option<(bool, bool)> {
    let to = packet.to.unwrap();
    let has = |nets: &CidrSet| nets.iter().any(|net| net.contains(packet.from));
    let near = |ip: IpAddr| match ip.to_string() {
        ip if ip.starts_with("10.20.") || ip.starts_with("fd00:20:") => "eth1",
        _ => "eth0",
    };
    let own = report.exposures.iter().filter(|one| {
        packet.proto == one.proto
            && one.port == packet.port
            && one.interface.as_deref() == Some(near(packet.from))
            && one.destinations.contains(&to)
    });
    let all =
        own.map(|one| (has(&one.may) && !has(&one.except), has(&one.must)));
    all.reduce(|one, other| (one.0 || other.0, one.1 || other.1))
}

/// What the rows of a case say, by packets and by sets.
fn rows_hold(case: &Path, kind: &str, sets_too: bool, scores: &mut [Score; 2]) {
    let Ok(probes) = fs::read_to_string(case.join("probe.tsv")) else {
        return;
    };
    let name = case.file_name().unwrap().to_str().unwrap();
    let snapshot = snapshot(case, kind == "docker");
    let host = Host::new(&snapshot).unwrap();
    let report = sets_too.then(|| audit(&snapshot, &policy(&probes)).unwrap());
    let [packets, sets] = scores;
    packets.cases += 1;
    sets.cases += usize::from(report.is_some());
    for Row { line, packet, open } in rows(&probes) {
        let line = format!("{name} {}", line.replace('\t', " "));
        let (may, must) = explained(&host, &packet);
        packets.count(&line, open, may, must);
        let known = UNDECIDED.contains(&name.split('-').next().unwrap());
        if may != must && !known {
            packets.wrong.push(format!("{line}: not decided"));
        }
        // Whether anybody listens the rules do not say.
        let report = report.as_ref().filter(|_| !line.ends_with("refused"));
        if let Some((may, must)) = report.and_then(|r| held(r, &packet)) {
            sets.count(&line, open, may, must);
        }
    }
}

/// The cases in which something else than the packet decides: a limit, a
/// list of recent sources, a MAC address, an element that will expire; or
/// whether there is a host at an address beyond this one.
const UNDECIDED: [&str; 13] = [
    "c21", "c23", "c64", "c77", "d20", "d47", "d60", "k05", "n17", "n28",
    "p01", "p02", "u07",
];

#[test]
fn every_row() {
    let all = std::env::var_os("MEMSEC_ALL_HOSTS").is_some();
    let mut failed = false;
    for kind in ["csf", "ufw", "firewalld", "docker", "nft", "recipe"] {
        let mut scores = [Score::default(), Score::default()];
        for (at, case) in hosts(kind).iter().enumerate() {
            rows_hold(case, kind, all || at % 6 == 0, &mut scores);
        }
        for (score, by) in scores.iter().zip(["packets", "sets"]) {
            score.told(&format!("{kind}, {by}"));
            failed |= !score.wrong.is_empty();
        }
    }
    assert!(!failed);
}
