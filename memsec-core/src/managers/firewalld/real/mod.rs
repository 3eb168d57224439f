//! Random configurations, against what the real firewalld loads from them
//! in network and mount namespaces of its own.

mod configuration;

use std::{fs, path::Path, process::Command};

use configuration::configuration;

use crate::{
    Cidr, Host, Packet, Proto, Snapshot,
    managers::{
        change::Ask,
        firewalld,
        random::{Random, seeds},
    },
    truth::ADDRESSES,
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
    let mut snapshot = bare();
    for (command, text) in DUMPS.iter().zip(parts) {
        snapshot = snapshot.with_command(command, text);
    }
    output.status.success().then_some(snapshot)
}

/// Who sends to whom, and by which interface it comes in: to the host, and
/// to another behind it.
const PAIRS: [(&str, &str, &str); 9] = [
    ("192.0.2.20", "192.0.2.10", "eth0"),
    ("192.0.2.21", "192.0.2.10", "eth0"),
    ("198.51.100.7", "192.0.2.10", "eth0"),
    ("203.0.113.9", "192.0.2.10", "eth0"),
    ("10.20.0.20", "10.20.0.10", "eth1"),
    ("2001:db8:1::20", "2001:db8:1::10", "eth0"),
    ("2001:db8:1::21", "2001:db8:1::10", "eth0"),
    ("192.0.2.20", "10.30.0.2", "eth0"),
    ("203.0.113.9", "10.30.0.2", "eth0"),
];

const TO: [(&str, u16); 5] =
    [("tcp", 11211), ("udp", 11211), ("tcp", 22), ("tcp", 11212), ("udp", 53)];

fn verdicts(snapshot: &Snapshot) -> Vec<String> {
    let host = Host::new(snapshot).unwrap();
    let mut all = Vec::new();
    for (from, to, name) in PAIRS {
        for (proto, port) in TO {
            let packet = format!(
                r#"{{"from":"{from}","to":"{to}","proto":"{proto}",
                "port":{port},"in":"{name}"}}"#
            );
            let packet = Packet::from_json("packet", &packet).unwrap();
            let found = host.explain(&packet).unwrap();
            let (verdict, certain) = (found.verdict, found.certain);
            all.push(format!(
                "{from} {to} {proto} {port}: {verdict:?} {certain}"
            ));
        }
    }
    all
}

fn bare() -> Snapshot {
    Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_command("ip -j route", ROUTES)
}

const ROUTES: &str = r#"[{"dst":"default","dev":"eth0"},
 {"dst":"192.0.2.0/24","dev":"eth0"},{"dst":"10.20.0.0/24","dev":"eth1"},
 {"dst":"10.30.0.0/24","dev":"eth2"}]"#;

/// firewalld's files on a disk, as a snapshot.
fn found(root: &Path) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            open.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(root).unwrap().display();
        let text = fs::read_to_string(&path).unwrap();
        snapshot = snapshot.with_file(&format!("/etc/firewalld/{name}"), &text);
    }
    snapshot
}

/// The host that has loaded its files.
fn ours(files: &Snapshot) -> Snapshot {
    let load = firewalld::load(files).unwrap().unwrap();
    let mut ours = bare()
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "");
    ours.files.clone_from(&files.files);
    let dumps = load.dumps.iter();
    dumps.fold(ours, |all, dump| all.with_command(dump.command, &dump.text))
}

/// Where one says other than the real one.
fn differences(ours: &Snapshot, real: &Snapshot) -> Vec<String> {
    let (ours, real) = (verdicts(ours), verdicts(real));
    let pairs = ours.iter().zip(&real).filter(|(a, b)| a != b);
    pairs.map(|(a, b)| format!("{a}, really {b}")).collect()
}

/// Puts the files of a snapshot on a disk.
fn write(root: &Path, snapshot: &Snapshot) {
    for path in snapshot.files.keys() {
        let text = snapshot.text(path).unwrap().unwrap();
        let path = root.join(path.strip_prefix("/etc/firewalld/").unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.text()).unwrap();
    }
}

/// firewalld itself takes what it is asked for, and its files then say what
/// was thought; `None` where it is not asked.
fn asks(root: &Path, now: &Snapshot) -> Option<Vec<String>> {
    let clients: Vec<Cidr> = ["192.0.2.20", "2001:db8:1::20"]
        .map(|text| text.parse().unwrap())
        .into();
    let wanted = Ask { port: 11211, protos: &[Proto::Tcp], clients: &clients };
    let changes = firewalld::ask(now, &wanted).ok()?;
    let mut thought = now.clone();
    let mut wrong = Vec::new();
    for change in &changes {
        change.apply(&mut thought);
        let [_, how, words @ ..] = change.command.as_slice() else { continue };
        if how != "--permanent" {
            continue;
        }
        // Its offline command takes no port out of a range.
        if words.iter().any(|word| word.starts_with("--remove-port")) {
            write(root, &thought);
            continue;
        }
        let words = words.iter().map(|word| {
            word.replace("--remove-service=", "--remove-service-from-zone=")
        });
        let words: Vec<_> = words.collect();
        let script = format!(
            "mount --bind {} /etc/firewalld && \
             exec firewall-offline-cmd \"$@\" 2>&1",
            root.display()
        );
        let output = Command::new("unshare")
            .args(["-n", "-m", "sh", "-c", &script, "sh"])
            .args(&words)
            .output()
            .unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            wrong.push(format!("{words:?}: {said}"));
        }
    }
    let after = loaded(root)?;
    wrong.extend(differences(&thought, &after));
    let mut again = ours(&found(root));
    again.commands.clone_from(&after.commands);
    match firewalld::ask(&again, &wanted) {
        Ok(changes) if changes.is_empty() => {}
        more => wrong.push(format!("again: {more:?}")),
    }
    Some(wrong)
}

#[test]
fn random_configurations() {
    let there = Path::new("/usr/sbin/firewalld").exists()
        && Path::new("/etc/firewalld").exists();
    if !there {
        return println!("skipped: no firewalld");
    }
    let directory = tempfile::tempdir().unwrap();
    let (mut held, mut fell, mut asked) = (0, 0, 0);
    let mut failed = Vec::new();
    for seed in seeds(3) {
        let files = configuration(&mut Random::new(seed));
        let root = directory.path().join(seed.to_string());
        let snapshot =
            files.iter().fold(Snapshot::new(), |all, (name, text)| {
                all.with_file(&format!("/etc/firewalld/{name}"), text)
            });
        write(&root, &snapshot);
        let Some(real) = loaded(&root) else {
            return println!("skipped: no namespaces");
        };
        let load = firewalld::load(&snapshot).unwrap().unwrap();
        fell += usize::from(
            load.unknown.iter().any(|(what, _)| what.contains("falls back")),
        );
        let now = ours(&snapshot);
        let mut wrong = differences(&now, &real);
        if seed % 6 == 0 && wrong.is_empty() {
            let more = asks(&root, &now);
            asked += usize::from(more.is_some());
            wrong.extend(more.unwrap_or_default());
        }
        if !wrong.is_empty() {
            let files: String =
                files.iter().map(|(p, t)| format!("== {p}\n{t}\n")).collect();
            let wrong = wrong.join("\n");
            let unknown = &load.unknown;
            failed.push(format!("seed {seed}: {wrong}\n{unknown:?}\n{files}"));
        }
        held += 1;
    }
    println!(
        "firewalld: {held} configurations, {fell} fell back, {asked} asked"
    );
    assert!(
        failed.is_empty(),
        "{} failed: {}",
        failed.len(),
        failed.join("\n")
    );
}
