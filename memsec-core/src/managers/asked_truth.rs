//! What the managers are asked for, on the hosts of the truths: by the rules
//! of now and by those of the next start only the clients get in, and nothing
//! else changes.

use std::{collections::BTreeMap, path::Path};

use super::{
    Manager, ask,
    change::Ask,
    loads,
    truth::{after, files},
};
use crate::{
    Cidr, Host, Met, Packet, Proto, Snapshot, Verdict,
    truth::{hosts, recorded},
};

const CLIENTS: [&str; 2] = ["192.0.2.20", "2001:db8:1::20"];

/// The host of a case, with its manager's files.
pub(crate) fn snapshot(case: &Path, kind: &str) -> Snapshot {
    let files = match kind {
        "csf" => super::csf::case_files(case),
        _ => files(case, &format!("etc_{kind}"), &format!("/etc/{kind}")),
    };
    let mut host = recorded(after(Vec::new()), case);
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
type Seen = BTreeMap<(String, String, u16), Fate>;

/// Whether it gets in, whether that is certain, and what decides it.
#[derive(Clone, Debug)]
struct Fate {
    open: bool,
    certain: bool,
    because: String,
}

/// The last rule, or policy, that a packet meets.
fn decided_by(met: &[Met]) -> String {
    met.last().map_or_else(String::new, |met| {
        let rule = met.rule.as_ref();
        let rule = rule.and_then(|rule| rule.text.clone());
        let rule = rule.unwrap_or_else(|| "the policy".to_owned());
        format!("{} {}: {rule}", met.hook, met.chain)
    })
}

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
            let because = decided_by(&found.path);
            let fate = Fate { open, certain: found.certain, because };
            all.insert((from.to_owned(), proto.to_owned(), port), fate);
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
    /// Why, for each of the last two.
    why: Vec<String>,
    refused: Vec<String>,
    wrong: Vec<String>,
}

/// The first client that does not get in, the first of the others that does,
/// and what must not be.
fn judge(
    before: &Seen,
    after: &Seen,
) -> (Option<String>, Option<String>, Vec<String>) {
    let (mut out, mut others, mut wrong) = (None, None, Vec::new());
    for (key, now) in after {
        let (from, proto, port) = key;
        let was = &before[key];
        let client = CLIENTS.contains(&from.as_str()) && proto == "tcp";
        let said = || {
            let sure = if now.certain { "" } else { "perhaps " };
            Some(format!("{sure}{from} {proto}: {}", now.because))
        };
        match *port {
            11211 if client && !now.open => out = out.or_else(said),
            11211 if client => {}
            11211 => {
                if now.open {
                    others = others.or_else(said);
                }
                if now.open && !was.open {
                    wrong.push(format!("{key:?} is open now"));
                }
            }
            _ if now.open != was.open => wrong.push(format!("{key:?} differs")),
            _ => {}
        }
    }
    (out, others, wrong)
}

fn hold(kind: &str, manager: Manager) {
    let mut score = Score::default();
    for case in hosts(kind) {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let host = snapshot(&case, kind);
        let clients = CLIENTS.map(|text| text.parse::<Cidr>().unwrap());
        let wanted =
            Ask { port: 11211, protos: &[Proto::Tcp], clients: &clients };
        let changes = match ask(manager, &host, &wanted).unwrap() {
            Ok(changes) => changes,
            Err(why) => {
                score.refused.push(format!("{name}: {why}"));
                continue;
            }
        };
        let mut done = host.clone();
        changes.iter().for_each(|change| change.apply(&mut done));
        let again = ask(manager, &done, &wanted).unwrap().unwrap();
        let pairs = [
            ("now", seen(&host), seen(&done)),
            ("next", seen(&next(&host, manager)), seen(&next(&done, manager))),
        ];
        let (mut out, mut others) = (None, None);
        for (when, before, after) in &pairs {
            // csf starts with what its files say, whatever is live.
            let before = match (manager, *when) {
                (Manager::Csf, "now") => &pairs[1].1,
                _ => before,
            };
            let (shut, open, wrong) = judge(before, after);
            let at = |why: String| format!("{name} {when}: {why}");
            out = out.or(shut.map(at));
            others = others.or(open.map(at));
            score.wrong.extend(wrong.into_iter().map(at));
        }
        let twice = again.iter().map(|c| format!("{name} again: {c:?}"));
        score.wrong.extend(twice);
        match (out, others) {
            (Some(why), _) => {
                score.clients_not += 1;
                score.why.push(format!("client {why}"));
            }
            (None, Some(why)) => {
                score.others_still += 1;
                score.why.push(format!("other {why}"));
            }
            (None, None) => score.only_clients += 1,
        }
    }
    println!(
        "{kind} asked: {} let only the clients in, {} others too, {} not all \
         clients, {} refused, {} wrong",
        score.only_clients,
        score.others_still,
        score.clients_not,
        score.refused.len(),
        score.wrong.len()
    );
    for line in score.refused.iter().chain(&score.why) {
        println!("  {line}");
    }
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
