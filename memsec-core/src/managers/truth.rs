//! The managers' files alone, against what real packets did.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Load, Manager, loads};
use crate::{
    Host, Packet, Snapshot, Verdict,
    snapshot::{Content, File, Process},
    truth::{ADDRESSES, ROUTES, Row, hosts, interface, recorded, rows},
};

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
) -> Score {
    let mut score = Score::default();
    for case in hosts(kind) {
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
        let recorded = recorded(snapshot.clone(), &case);
        let both = [&snapshot, &recorded].map(|s| Host::new(s).unwrap());
        let before = score.wrong.len();
        for row in rows(&probes).filter(|row| !row.line.ends_with("refused")) {
            judge(&both, &name, row, &mut score);
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
    score
}

/// A row must come out as it did, and as the live rules say; where even those
/// are read otherwise, only that.
fn judge(
    [files, live]: &[Host; 2],
    name: &str,
    row: Row<'_>,
    score: &mut Score,
) {
    let Row { line, packet, open } = row;
    let own = packet.to.unwrap().to_string();
    let Some(interface) = interface(&own) else { return };
    let packet = Packet { interface: Some(interface.to_owned()), ..packet };
    let told = |host: &Host| {
        let found = host.explain(&packet).unwrap();
        (found.verdict, found.certain)
    };
    let (found, live) = (told(files), told(live));
    let right = |(verdict, certain): (Verdict, bool)| {
        let through =
            matches!(verdict, Verdict::Delivered | Verdict::NobodyListens);
        through == open || !certain && through
    };
    score.rows += 1;
    score.certain += usize::from(found.1);
    score.misread += usize::from(!right(live));
    if found != live || !right(found) && right(live) {
        score.wrong.push(format!("{name}: {line}: {found:?}, live {live:?}"));
    }
}

/// Where live rules and files differ: u32 has rules that are not ufw's; a
/// later command of ufw wrote the files of u33 and u34 anew from the tuples;
/// the reload that fails in u44 leaves ENABLED=no.
#[test]
fn ufw() {
    let differ = ["u32", "u33", "u34", "u44"];
    let score = hold("ufw", "etc_ufw", "/etc/ufw", Manager::Ufw, &differ);
    assert!(score.wrong.is_empty());
}

/// Where live rules and files differ: panic mode of d28 is not in any file,
/// no daemon runs in d42, and d48 has rules that are not firewalld's.
#[test]
fn firewalld() {
    let differ = ["d28", "d42", "d48"];
    let score = hold(
        "firewalld",
        "etc_firewalld",
        "/etc/firewalld",
        Manager::Firewalld,
        &differ,
    );
    assert!(score.wrong.is_empty());
}
