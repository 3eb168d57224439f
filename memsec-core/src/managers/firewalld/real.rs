//! Random configurations, against what the real firewalld loads from them
//! in network and mount namespaces of its own.

use std::{fs, path::Path, process::Command};

use crate::{
    Packet, Snapshot, Verdict, explain,
    managers::{firewalld, truth::ADDRESSES},
};

/// The daemon's own start, without D-Bus.
const START: &str = "import sys\n\
    sys.argv = ['firewalld']\n\
    from firewall.core.fw import Firewall\n\
    try:\n    Firewall().start()\n\
    except BaseException:\n    print('fell back', file=sys.stderr)\n";

/// Where firewalld's own Python is.
const PYTHON: &str = "/usr/bin/python3";

const DUMPS: [&str; 4] =
    ["nft -j list ruleset", "iptables-save", "ip6tables-save", "ipset save"];

/// A generator of numbers that is the same on each run (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn some(
        &mut self,
        most: usize,
        mut one: impl FnMut(&mut Self) -> String,
    ) -> String {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }
}

const SOURCES: &[&str] = &[
    "192.0.2.20",
    "192.0.2.0/24",
    "192.0.2.21/255.255.255.254",
    "198.51.100.0/24",
    "2001:db8:1::20",
    "2001:db8:1::/64",
    "0.0.0.0/0",
];

fn port(r: &mut Random) -> String {
    let port = r.of(&["11211", "11200-11300", "22", "11212", "53"]);
    format!("port=\"{port}\" protocol=\"{}\"", r.of(&["tcp", "udp"]))
}

fn rich(r: &mut Random) -> String {
    let source = r.of(SOURCES);
    let six = source.contains(':');
    let family = if six { "ipv6" } else { "ipv4" };
    let priority =
        r.of(&["", "", "priority=\"-5\"", "priority=\"-1\"", "priority=\"7\""]);
    let invert = r.of(&["", "", "", "invert=\"True\""]);
    let (family, source) = match r.below(5) {
        0 => (String::new(), String::new()),
        1 if !six => (
            format!("family=\"{family}\""),
            format!("<source ipset=\"some\" {invert}/>"),
        ),
        _ => (
            format!("family=\"{family}\""),
            format!("<source address=\"{source}\" {invert}/>"),
        ),
    };
    let element = match r.below(7) {
        0 => "<service name=\"memcache\"/>".to_owned(),
        1 => "<protocol value=\"udp\"/>".to_owned(),
        2 if source.is_empty() => {
            "<icmp-block name=\"echo-request\"/>".to_owned()
        }
        2 => String::new(),
        3 => format!("<source-port {}/>", port(r)),
        _ => format!("<port {}/>", port(r)),
    };
    let action = r.of(&[
        "<accept/>",
        "<accept/>",
        "<drop/>",
        "<reject/>",
        "<log prefix=\"x\"><limit value=\"1/m\"/></log><accept/>",
        "<accept/><drop/>",
        "<reject type=\"tcp-reset\"/>",
        "",
    ]);
    let action = if element.contains("icmp-block") { "" } else { action };
    format!("<rule {family} {priority}>{source}{element}{action}</rule>\n")
}

fn settings(r: &mut Random) -> String {
    let mut text = r.some(2, |r| format!("<port {}/>\n", port(r)));
    text += &r.some(1, |r| format!("<source-port {}/>\n", port(r)));
    let services = ["ssh", "memcache", "dns", "samba-client", "http"];
    text +=
        &r.some(2, |r| format!("<service name=\"{}\"/>\n", r.of(&services)));
    text += &r.some(3, rich);
    text += r.of(&["", "", "", "<protocol value=\"tcp\"/>\n"]);
    text
}

fn zone(r: &mut Random, name: &str) -> String {
    let target = r.of(&[
        "",
        "",
        "",
        "target=\"ACCEPT\"",
        "target=\"DROP\"",
        "target=\"%%REJECT%%\"",
    ]);
    let mut text = format!("<zone {target}>\n");
    // An interface or a source is bound to one zone.
    match name {
        "work" => text += r.of(&["", "<interface name=\"eth1\"/>\n"]),
        "public" => {
            text += r.of(&[
                "",
                "<interface name=\"eth0\"/>\n",
                "<interface name=\"eth+\"/>\n",
            ])
        }
        "aaa" => {
            text += &format!("<source address=\"{}\"/>\n", SOURCES[r.below(3)])
        }
        _ => {
            text +=
                &format!("<source address=\"{}\"/>\n", SOURCES[3 + r.below(3)])
        }
    }
    text += &settings(r);
    let port = port(r);
    text += &match r.below(6) {
        0 => format!("<forward-port {port} to-port=\"11211\"/>\n"),
        1 => format!("<forward-port {port} to-addr=\"10.30.0.2\"/>\n"),
        2 => "<masquerade/>\n".to_owned(),
        3 => "<icmp-block-inversion/>\n<icmp-block name=\"echo-request\"/>\n"
            .to_owned(),
        _ => String::new(),
    };
    text += r.of(&["<forward/>\n", ""]);
    text + r.of(&[
        "</zone>",
        "</zone>",
        "</zone>",
        "</zone>",
        "<port port=\"1x\" protocol=\"tcp\"/></zone>",
    ])
}

fn policy(r: &mut Random) -> String {
    let target = r.of(&["CONTINUE", "ACCEPT", "DROP", "REJECT"]);
    let from = r.of(&["ANY", "public", "work", "aaa"]);
    let priority = r.of(&["-5", "-1", "10"]);
    format!(
        "<policy target=\"{target}\" priority=\"{priority}\">\
         <ingress-zone name=\"{from}\"/><egress-zone name=\"HOST\"/>\n{}\
         </policy>",
        settings(r)
    )
}

/// The files of a configuration, by their paths below /etc/firewalld.
fn configuration(r: &mut Random) -> Vec<(String, String)> {
    let default = r.of(&["public", "public", "drop", "work", "nowhere"]);
    let backend = r.of(&["nftables", "nftables", "iptables"]);
    let conf = format!("DefaultZone={default}\nFirewallBackend={backend}\n");
    let mut all = vec![("firewalld.conf".to_owned(), conf)];
    for name in ["public", "work", "aaa", "zzz"] {
        if r.below(3) > 0 {
            all.push((format!("zones/{name}.xml"), zone(r, name)));
        }
    }
    if !all.iter().any(|(path, _)| path.ends_with("aaa.xml")) {
        all.push(("zones/aaa.xml".to_owned(), "<zone/>".to_owned()));
    }
    if r.below(2) == 0 {
        all.push(("policies/guard.xml".to_owned(), policy(r)));
    }
    let set = "<ipset type=\"hash:net\"><entry>192.0.2.20</entry>\
               <entry>198.51.100.0/24</entry></ipset>";
    all.push(("ipsets/some.xml".to_owned(), set.to_owned()));
    if r.below(4) == 0 {
        let rule = "<direct><rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" \
            priority=\"1\">-p tcp --dport 11211 -j DROP</rule><rule ipv=\"ipv4\" \
            table=\"filter\" chain=\"INPUT\" priority=\"0\">-p tcp --dport 11211 \
            -s 192.0.2.20 -j ACCEPT</rule></direct>";
        all.push(("direct.xml".to_owned(), rule.to_owned()));
    }
    all
}

/// What the real one loads; `None` where that cannot be tried.
fn loaded(directory: &Path) -> Option<Snapshot> {
    let script = format!(
        "mount --bind {} /etc/firewalld && ip link set lo up && \
         {PYTHON} -c \"$1\" >/dev/null; {}",
        directory.display(),
        DUMPS.map(|dump| format!("{dump} 2>/dev/null; echo ====")).join("; ")
    );
    let output = Command::new("unshare")
        .args(["-n", "-m", "sh", "-c", &script, "sh", START])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let parts: Vec<_> = text.split("====\n").collect();
    let mut snapshot = Snapshot::new().with_command("ip -j address", ADDRESSES);
    for (command, text) in DUMPS.iter().zip(parts) {
        snapshot = snapshot.with_command(command, text);
    }
    output.status.success().then_some(snapshot)
}

fn verdicts(snapshot: &Snapshot) -> Vec<String> {
    let mut all = Vec::new();
    let pairs = [
        ("192.0.2.20", "192.0.2.10", "eth0"),
        ("192.0.2.21", "192.0.2.10", "eth0"),
        ("198.51.100.7", "192.0.2.10", "eth0"),
        ("203.0.113.9", "192.0.2.10", "eth0"),
        ("10.20.0.20", "10.20.0.10", "eth1"),
        ("2001:db8:1::20", "2001:db8:1::10", "eth0"),
        ("2001:db8:1::21", "2001:db8:1::10", "eth0"),
    ];
    for (from, to, name) in pairs {
        for (proto, port) in [
            ("tcp", 11211),
            ("udp", 11211),
            ("tcp", 22),
            ("tcp", 11212),
            ("udp", 53),
        ] {
            let packet = format!(
                r#"{{"from":"{from}","to":"{to}","proto":"{proto}","port":{port},"in":"{name}"}}"#
            );
            let packet = Packet::from_json("packet", &packet).unwrap();
            let found = explain(snapshot, &packet).unwrap();
            let open = found.verdict == Verdict::NobodyListens;
            all.push(format!(
                "{from} {proto} {port}: {open} {}",
                found.certain
            ));
        }
    }
    all
}

#[test]
fn random_configurations() {
    let there = Path::new("/usr/sbin/firewalld").exists()
        && Path::new("/etc/firewalld").exists();
    if !there {
        return println!("skipped: no firewalld");
    }
    let directory = tempfile::tempdir().unwrap();
    let (mut held, mut fell, mut failed) = (0, 0, Vec::new());
    for seed in 1..=24 {
        let mut random = Random(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let files = configuration(&mut random);
        let root = directory.path().join(seed.to_string());
        let mut snapshot = Snapshot::new();
        for (path, text) in &files {
            let place = root.join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
            snapshot =
                snapshot.with_file(&format!("/etc/firewalld/{path}"), text);
        }
        let Some(real) = loaded(&root) else {
            return println!("skipped: no namespaces");
        };
        let load = firewalld::load(&snapshot).unwrap().unwrap();
        fell += usize::from(
            load.unknown.iter().any(|(what, _)| what.contains("falls back")),
        );
        let mut ours = Snapshot::new()
            .with_command("ip -j address", ADDRESSES)
            .with_command("iptables-save", "")
            .with_command("ip6tables-save", "");
        for dump in &load.dumps {
            ours = ours.with_command(dump.command, &dump.text);
        }
        let (ours, real) = (verdicts(&ours), verdicts(&real));
        let wrong: Vec<_> = ours
            .iter()
            .zip(&real)
            .filter(|(a, b)| a != b)
            .map(|(a, b)| format!("{a}, really {b}"))
            .collect();
        if !wrong.is_empty() {
            failed.push(format!("seed {seed}: {wrong:#?}\n{files:#?}"));
        }
        held += 1;
    }
    println!("firewalld: {held} configurations, {fell} fell back");
    assert!(
        failed.is_empty(),
        "{} failed: {}",
        failed.len(),
        failed.join("\n")
    );
}
