//! What the managers are asked for, on the hosts of the truths: by the rules
//! of now and by those of the next start only the clients get in, and nothing
//! else changes.

use std::{collections::BTreeMap, fs, path::Path};

use super::{
    Manager, ask,
    change::Ask,
    loads,
    truth::{after, files, recorded, shared},
};
use crate::{Cidr, Host, Packet, Proto, Snapshot, Verdict};

const CLIENTS: [&str; 2] = ["192.0.2.20", "2001:db8:1::20"];

/// The host of a case, with its manager's files.
pub(crate) fn snapshot(case: &Path, kind: &str) -> Snapshot {
    let files = match kind {
        "csf" => super::csf::case_files(case),
        _ => files(case, &format!("etc_{kind}"), &format!("/etc/{kind}")),
    };
    let mut host = recorded(&after(Vec::new()), case);
    host.files = files.files;
    host
}

/// The host after its manager has started again.
fn next(host: &Snapshot, manager: Manager) -> Snapshot {
    let mut next = host.clone();
    for load in loads(host).unwrap() {
        for dump in load.dumps {
            assert_eq!(load.manager, manager);
            next = next.with_command(dump.command, &dump.text);
        }
    }
    next
}

/// What becomes of packets to memcached's port, and of packets to others.
type Seen = BTreeMap<(String, String, u16), (bool, bool)>;

fn seen(host: &Snapshot) -> Seen {
    let host = Host::new(host).unwrap();
    let froms = [
        "192.0.2.20",
        "192.0.2.21",
        "198.51.100.7",
        "2001:db8:1::20",
        "2001:db8:1::21",
        "2001:db8:2::7",
    ];
    let mut all = BTreeMap::new();
    for from in froms {
        let six = from.contains(':');
        let to = if six { "2001:db8:1::10" } else { "192.0.2.10" };
        for (proto, port) in
            [("tcp", 22), ("tcp", 80), ("tcp", 11211), ("udp", 11211)]
        {
            let json = format!(
                r#"{{"from":"{from}","to":"{to}","proto":"{proto}",
                "port":{port},"in":"eth0"}}"#
            );
            let packet = Packet::from_json("packet", &json).unwrap();
            let found = host.explain(&packet).unwrap();
            let open = matches!(
                found.verdict,
                Verdict::Delivered | Verdict::NobodyListens
            );
            let key = (from.to_owned(), proto.to_owned(), port);
            all.insert(key, (open, found.certain));
        }
    }
    all
}

/// What came of it: nobody else gets in, others still do by rules that a
/// manager is not asked to change, or clients still do not.
#[derive(Debug, Default)]
struct Score {
    only_clients: usize,
    others_still: usize,
    clients_not: usize,
    refused: usize,
    wrong: Vec<String>,
}

/// Whether clients do not get in, whether others do, and what must not be.
fn judge(before: &Seen, after: &Seen) -> (bool, bool, Vec<String>) {
    let (mut out, mut others, mut wrong) = (false, false, Vec::new());
    for (key, &now) in after {
        let (from, proto, port) = key;
        let was = before[key];
        let client = CLIENTS.contains(&from.as_str()) && proto == "tcp";
        match *port {
            11211 if client => out |= !now.0,
            11211 => {
                others |= now.0;
                if now.0 && !was.0 {
                    wrong.push(format!("{key:?} is open now"));
                }
            }
            _ if now.0 != was.0 => wrong.push(format!("{key:?} differs")),
            _ => {}
        }
    }
    (out, others, wrong)
}

fn hold(kind: &str, manager: Manager) {
    let Some(root) = shared(&format!("truth/hosts/{kind}")) else { return };
    let mut score = Score::default();
    for case in fs::read_dir(root).unwrap() {
        let case = case.unwrap().path();
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let host = snapshot(&case, kind);
        let clients = CLIENTS.map(|text| text.parse::<Cidr>().unwrap());
        let wanted =
            Ask { port: 11211, protos: &[Proto::Tcp], clients: &clients };
        let Ok(changes) = ask(manager, &host, &wanted).unwrap() else {
            score.refused += 1;
            continue;
        };
        let mut done = host.clone();
        changes.iter().for_each(|change| change.apply(&mut done));
        let again = ask(manager, &done, &wanted).unwrap().unwrap();
        let pairs = [
            ("now", seen(&host), seen(&done)),
            ("next", seen(&next(&host, manager)), seen(&next(&done, manager))),
        ];
        let (mut out, mut others) = (false, false);
        for (when, before, after) in &pairs {
            // csf starts with what its files say, whatever is live.
            let before = match (manager, *when) {
                (Manager::Csf, "now") => &pairs[1].1,
                _ => before,
            };
            let (shut, open, wrong) = judge(before, after);
            out |= shut;
            others |= open;
            let wrong = wrong.iter().map(|w| format!("{name} {when}: {w}"));
            score.wrong.extend(wrong);
        }
        let twice = again.iter().map(|c| format!("{name} again: {c:?}"));
        score.wrong.extend(twice);
        match (out, others) {
            (true, _) => score.clients_not += 1,
            (_, true) => score.others_still += 1,
            _ => score.only_clients += 1,
        }
    }
    println!(
        "{kind} asked: {} let only the clients in, {} others too, {} not all \
         clients, {} refused, {} wrong",
        score.only_clients,
        score.others_still,
        score.clients_not,
        score.refused,
        score.wrong.len()
    );
    for line in &score.wrong {
        println!("  {line:.200}");
    }
    assert!(score.wrong.is_empty());
}

#[test]
fn ufw() {
    hold("ufw", Manager::Ufw);
}

#[test]
fn firewalld() {
    hold("firewalld", Manager::Firewalld);
}

#[test]
fn csf() {
    hold("csf", Manager::Csf);
}
