//! The managers' files alone, against what real packets did.

use std::{
    collections::BTreeSet,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use super::{Load, Manager, loads};
use crate::{
    Host, Packet, Snapshot, Verdict,
    snapshot::{Content, File, Process},
};

pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/");
    let path = PathBuf::from(root).join(path);
    if !path.exists() {
        println!("skipped: no ../shared");
        return None;
    }
    Some(path)
}

pub(super) const ADDRESSES: &str = r#"[
 {"ifname":"lo","link_type":"loopback","addr_info":[
  {"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
 {"ifname":"eth0","addr_info":[{"local":"192.0.2.10","prefixlen":24},
  {"local":"2001:db8:1::10","prefixlen":64}]},
 {"ifname":"eth1","addr_info":[{"local":"10.20.0.10","prefixlen":24},
  {"local":"fd00:20::10","prefixlen":64}]}]"#;

/// What tells whether the way back is the way that a packet came.
const ROUTES: [(&str, &str); 2] = [
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

/// The files of a case under the paths that they had.
pub(super) fn files(case: &Path, folder: &str, root: &str) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let mut open = vec![case.join(folder)];
    open.retain(|path| path.exists());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(case.join(folder)).unwrap();
        let name = match name.to_str().unwrap() {
            "default-ufw" => "/etc/default/ufw".to_owned(),
            name => format!("{root}/{name}"),
        };
        let file: File = Content::from(fs::read(&path).unwrap()).into();
        snapshot.files.insert(name, file);
    }
    snapshot
}

/// The snapshot of the host after it has loaded what is enabled.
pub(super) fn after(all: Vec<Load>) -> Snapshot {
    let mut snapshot = Snapshot::new()
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "")
        .with_command("ip -j address", ADDRESSES)
        .with_process(Process {
            argv: ["-u", "nobody", "-U", "11211"].map(String::from).into(),
            version: Some("1.6.18".to_owned()),
            ..Process::default()
        });
    for (command, routes) in ROUTES {
        snapshot = snapshot.with_command(command, routes);
    }
    for load in all.into_iter().filter(|load| load.enabled) {
        for dump in load.dumps {
            assert_eq!(dump.places.len(), dump.text.lines().count());
            snapshot = snapshot.with_command(dump.command, &dump.text);
        }
    }
    snapshot
}

#[derive(Default)]
struct Score {
    cases: usize,
    right: BTreeSet<String>,
    rows: usize,
    certain: usize,
    /// Rows that the live rules, as they are read, do not explain.
    misread: usize,
    wrong: Vec<String>,
}

fn hold(
    kind: &str,
    folder: &str,
    root: &str,
    manager: Manager,
    differ: &[&str],
) -> Option<Score> {
    let base = shared("truth/hosts")?.join(kind);
    let mut score = Score::default();
    for entry in fs::read_dir(base).unwrap() {
        let case = entry.unwrap().path();
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let number = name.split('-').next().unwrap();
        let Ok(probes) = fs::read_to_string(case.join("probe.tsv")) else {
            continue;
        };
        if differ.contains(&number) {
            continue;
        }
        score.cases += 1;
        let all = loads(&files(&case, folder, root)).unwrap();
        assert!(all.iter().all(|load| load.manager == manager));
        let snapshot = after(all);
        let recorded = recorded(&snapshot, &case);
        let hosts = [&snapshot, &recorded].map(|s| Host::new(s).unwrap());
        let before = score.wrong.len();
        for row in probes.lines().filter(|line| !line.starts_with('#')) {
            if !row.ends_with("refused") {
                judge(&hosts, &name, row, &mut score);
            }
        }
        if score.wrong.len() == before {
            score.right.insert(name);
        }
    }
    println!(
        "{kind} by files: {} of {} cases, {} rows, {} certain, \
         {} not as the live rules are read",
        score.right.len(),
        score.cases,
        score.rows,
        score.certain,
        score.misread
    );
    for line in &score.wrong {
        println!("  {line}");
    }
    Some(score)
}

/// The same host with the rules that were live.
pub(super) fn recorded(snapshot: &Snapshot, case: &Path) -> Snapshot {
    let mut recorded = snapshot.clone();
    for (file, command) in [
        ("iptables-save.txt", "iptables-save"),
        ("ip6tables-save.txt", "ip6tables-save"),
        ("iptables-legacy-save.txt", "iptables-legacy-save"),
        ("ip6tables-legacy-save.txt", "ip6tables-legacy-save"),
        ("ipset-save.txt", "ipset save"),
        ("nft-list-ruleset.txt", "nft list ruleset"),
        ("nft.json", "nft -j list ruleset"),
    ] {
        if let Ok(text) = fs::read_to_string(case.join(file)) {
            recorded = recorded.with_command(command, &text);
        }
    }
    recorded
}

/// A row must come out as it did, and as the live rules say; where even those
/// are read otherwise, only that.
fn judge([files, live]: &[Host; 2], name: &str, row: &str, score: &mut Score) {
    let cells: Vec<_> = row.split('\t').collect();
    let [from, proto, to, port, state] = cells[..] else { return };
    let (from, sport) = from.split_once('#').unwrap_or((from, "40000"));
    let to: IpAddr = to.parse().unwrap();
    let interface = match to.to_string().as_str() {
        "192.0.2.10" | "2001:db8:1::10" => "eth0",
        "10.20.0.10" | "fd00:20::10" => "eth1",
        _ => return,
    };
    let json = format!(
        r#"{{"from":"{from}","to":"{to}","proto":"{proto}","port":{port},
        "in":"{interface}","sport":{sport}}}"#
    );
    let packet = Packet::from_json("packet", &json).unwrap();
    let told = |host: &Host| {
        let found = host.explain(&packet).unwrap();
        (found.verdict, found.certain)
    };
    let (found, live) = (told(files), told(live));
    let right = |(verdict, certain): (Verdict, bool)| {
        let open =
            matches!(verdict, Verdict::Delivered | Verdict::NobodyListens);
        open == (state == "open") || !certain && open
    };
    score.rows += 1;
    score.certain += usize::from(found.1);
    score.misread += usize::from(!right(live));
    if found != live || !right(found) && right(live) {
        score.wrong.push(format!("{name}: {row}: {found:?}, live {live:?}"));
    }
}

/// Where live rules and files differ: u32 has rules that are not ufw's; a
/// later command of ufw wrote the files of u33 and u34 anew from the tuples;
/// the reload that fails in u44 leaves ENABLED=no.
#[test]
fn ufw() {
    let differ = ["u32", "u33", "u34", "u44"];
    let held = hold("ufw", "etc_ufw", "/etc/ufw", Manager::Ufw, &differ);
    let Some(score) = held else { return };
    assert!(score.wrong.is_empty());
}

/// Where live rules and files differ: panic mode of d28 is not in any file,
/// no daemon runs in d42, and d48 has rules that are not firewalld's.
#[test]
fn firewalld() {
    let differ = ["d28", "d42", "d48"];
    let held = hold(
        "firewalld",
        "etc_firewalld",
        "/etc/firewalld",
        Manager::Firewalld,
        &differ,
    );
    let Some(score) = held else { return };
    assert!(score.wrong.is_empty());
}
