//! Whole hosts: csf's files, the recorded dumps and what packets did.

use std::fs;

use crate::{
    Answer, Packet, Snapshot, Verdict, explain,
    snapshot::{Content, Process},
    truth::hosts,
};

const ADDRESSES: &str = r#"[
 {"ifname":"lo","link_type":"loopback","addr_info":[
  {"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
 {"ifname":"eth0","addr_info":[{"local":"192.0.2.10","prefixlen":24},
  {"local":"2001:db8:1::10","prefixlen":64}]},
 {"ifname":"eth1","addr_info":[{"local":"10.20.0.10","prefixlen":24},
  {"local":"fd00:20::10","prefixlen":64}]},
 {"ifname":"eth2","addr_info":[{"local":"10.30.0.1","prefixlen":24}]}]"#;

/// Cases whose files do not tell all that decided the recorded dumps: the
/// lists that were fetched are not among them, nor is csf.disable; and csf
/// saw no table nat of IPv6 beside tables of iptables-legacy.
const NOT_IN_FILES: [&str; 6] = [
    "c57-blocklists",
    "c58-blocklists-ipset",
    "c67-cc-allow-ports",
    "c68-cc-deny",
    "c76-disable",
    "f-aetherinox1510-docker",
];

/// Cases where rules that are not csf's decide, or a file is missing.
const OTHER_RULES: [&str; 2] = ["c73-existing-rules-flushed", "c76-disable"];

/// The dumps of a case as they were recorded.
fn recorded(case: &std::path::Path) -> Snapshot {
    let text = |file: &str| fs::read_to_string(case.join(file)).unwrap();
    listening()
        .with_command("iptables-save", &text("iptables-save.txt"))
        .with_command("ip6tables-save", &text("ip6tables-save.txt"))
        .with_command("ipset save", &text("ipset-save.txt"))
}

/// The server of every case, without any rules.
fn listening() -> Snapshot {
    let argv = ["-u", "nobody", "-l", "0.0.0.0,::", "-U", "11211"];
    Snapshot::new().with_command("ip -j address", ADDRESSES).with_process(
        Process {
            exe: "/usr/bin/memcached".to_owned(),
            argv: argv.map(str::to_owned).into(),
            version: Some("1.6.18".to_owned()),
            ..Process::default()
        },
    )
}

/// The files of a case where csf has them.
pub(in super::super) fn files(case: &std::path::Path) -> Snapshot {
    let mut snapshot = Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_file("/etc/services", "ssh 22/tcp\nhttp 80/tcp\n");
    for entry in fs::read_dir(case).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = match name.strip_prefix("varlib-") {
            Some(name) => format!("/var/lib/csf/{name}"),
            None if name == "resolv.conf" => format!("/etc/{name}"),
            None if name.starts_with("csf") || name.ends_with(".inc") => {
                format!("/etc/csf/{name}")
            }
            None => continue,
        };
        let bytes = fs::read(case.join(name)).unwrap();
        snapshot.files.insert(path, Content::from(bytes).into());
    }
    snapshot
}

fn name(case: &std::path::Path) -> &str {
    case.file_name().unwrap().to_str().unwrap()
}

/// The dumps of a load, as the outputs of a snapshot.
fn loaded(snapshot: &Snapshot) -> Snapshot {
    let load = super::load(snapshot).unwrap().unwrap();
    let mut after = listening()
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "");
    for dump in load.dumps.iter().filter(|_| load.enabled) {
        assert_eq!(dump.text.lines().count(), dump.places.len());
        after = after.with_command(dump.command, &dump.text);
    }
    after
}

/// Whether a row of a probe.tsv can be so by the rules; `None` if it can be
/// either way.
fn predicted(snapshot: &Snapshot, row: &str) -> (bool, bool) {
    let cells: Vec<_> = row.split('\t').collect();
    let [from, proto, to, port, state] = cells[..] else { panic!("{row}") };
    let (from, sport) = from.split_once('#').unwrap_or((from, "40000"));
    let json = format!(
        r#"{{"from":"{from}","to":"{to}","proto":"{proto}","port":{port},
             "sport":{sport},"state":"new"}}"#
    );
    let packet = Packet::from_json("row", &json).unwrap();
    let found = explain(snapshot, &packet).unwrap();
    let passed = matches!(
        found.verdict,
        Verdict::Delivered | Verdict::NobodyListens | Verdict::Forwarded
    );
    let open = passed && found.answer != Some(Answer::Dropped);
    let is_open = state == "open";
    (is_open == open || is_open <= open && !found.certain, found.certain)
}

#[test]
fn the_files_alone_predict_every_probe() {
    let (mut rows, mut certain, mut right, mut all) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    for case in hosts("csf") {
        let snapshot = loaded(&files(&case));
        let probes = fs::read_to_string(case.join("probe.tsv")).unwrap();
        let before = wrong.len();
        for row in probes.lines().filter(|row| !row.starts_with('#')) {
            let (fits, sure) = predicted(&snapshot, row);
            rows += 1;
            certain += usize::from(sure);
            // What the recorded dumps predict no better is not csf's matter.
            let ours = fits || !predicted(&recorded(&case), row).0;
            if !ours && !OTHER_RULES.contains(&name(&case)) {
                wrong.push(format!("{}: {row}", name(&case)));
            }
        }
        all += 1;
        right += usize::from(wrong.len() == before);
    }
    println!("csf: {right} of {all} cases, {rows} rows, {certain} certain");
    for row in &wrong {
        println!("  {row}");
    }
    assert!(wrong.is_empty());
}

/// Tables by name, without counters and comments.
fn tables_of(text: &str) -> std::collections::BTreeMap<&str, Vec<&str>> {
    let mut tables = std::collections::BTreeMap::new();
    let mut table = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        }
        let end = if line.starts_with(':') { line.find(" [") } else { None };
        let line = &line[..end.unwrap_or(line.len())];
        tables.entry(table).or_insert_with(Vec::new).push(line);
    }
    tables
}

/// Lines without what the kernel chooses.
fn sets_of(text: &str) -> Vec<&str> {
    let lines = text.lines();
    let mut lines: Vec<_> = lines
        .map(|line| line.split(" bucketsize").next().unwrap_or(line))
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn the_dumps_are_those_that_were_recorded() {
    let (mut equal, mut all, mut wrong) = (0, 0, Vec::new());
    for case in hosts("csf") {
        if NOT_IN_FILES.contains(&name(&case)) {
            continue;
        }
        let snapshot = loaded(&files(&case));
        let before = wrong.len();
        for (file, command) in [
            ("iptables-save.txt", "iptables-save"),
            ("ip6tables-save.txt", "ip6tables-save"),
        ] {
            let recorded = fs::read_to_string(case.join(file)).unwrap();
            let ours = snapshot.output(command).unwrap();
            let (ours, theirs) = (tables_of(ours.text()), tables_of(&recorded));
            for (table, lines) in &theirs {
                let ours = ours.get(table).cloned().unwrap_or_default();
                let differs =
                    |lines: &[&str], others: &[&str]| -> Vec<String> {
                        let new =
                            lines.iter().filter(|line| !others.contains(line));
                        new.map(|line| (*line).to_owned()).collect()
                    };
                if *lines != ours {
                    wrong.push(format!(
                        "{} {command} {table}: only ours {:?}, only theirs \
                         {:?}",
                        name(&case),
                        differs(&ours, lines),
                        differs(lines, &ours)
                    ));
                }
            }
        }
        let recorded = fs::read_to_string(case.join("ipset-save.txt"));
        let recorded = recorded.unwrap_or_default();
        let ours = snapshot.output("ipset save");
        let ours = ours.as_ref().map(|text| text.text()).unwrap_or_default();
        if sets_of(&recorded) != sets_of(ours) {
            wrong.push(format!("{} ipset: {ours}", name(&case)));
        }
        all += 1;
        equal += usize::from(wrong.len() == before);
    }
    println!("csf dumps: {equal} of {all} equal");
    for row in &wrong {
        println!("  {row}");
    }
    assert!(wrong.is_empty());
}
