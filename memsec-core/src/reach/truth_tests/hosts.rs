//! The sets of sources of every recorded host, against each packet.

use std::{fs, path::Path};

use super::none_is;
use crate::{
    Answer, Host, Packet, Proto, Snapshot, Verdict,
    reach::{Query, sources},
    snapshot::Process,
    truth::{ADDRESSES, KINDS, ROUTES, Row, hosts, interface, recorded, rows},
};

/// The routes of a case, and those that `ip route` shows there.
fn routes(case: &Path) -> String {
    let (_, known) = ROUTES[0];
    let shown = fs::read_to_string(case.join("ip-route.txt"));
    let shown = shown.unwrap_or_default();
    let more = shown.lines().filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let dev = words.iter().position(|word| *word == "dev")?;
        let (to, dev) = (words.first()?, words.get(dev + 1)?);
        let new = !known.contains(to);
        new.then(|| format!(r#",{{"dst":"{to}","dev":"{dev}"}}"#))
    });
    format!("{}{}]", &known[..known.len() - 1], more.collect::<String>())
}

fn host(case: &Path) -> Snapshot {
    let listens = ["-l", "0.0.0.0,::", "-U", "11211"];
    let snapshot = Snapshot::new()
        .with_process(Process {
            pid: 1,
            exe: "/usr/bin/memcached".to_owned(),
            argv: listens.map(str::to_owned).to_vec(),
            version: Some("1.6.18".to_owned()),
            uid: Some(110),
            ..Process::default()
        })
        .with_command("ip -j address", ADDRESSES)
        .with_command("ip -j route", &routes(case))
        .with_command(ROUTES[1].0, ROUTES[1].1);
    recorded(snapshot, case)
}

/// The row, if it is about memcached's port on an address of an interface.
fn asked(row: Row<'_>) -> Option<Row<'_>> {
    let own = row.packet.to?.to_string();
    let interface = Some(interface(&own)?.to_owned());
    let packet = Packet { interface, ..row.packet };
    (packet.port == 11211).then_some(Row { packet, ..row })
}

#[derive(Default)]
struct Score {
    rows: usize,
    decided: usize,
    wrong: Vec<String>,
}

/// A row must come out as it did, by its packet and by the sets. A set is of
/// all the ports that a client may have, and of those that lead to this one.
fn hold(name: &str, host: &Host, row: &Row<'_>, score: &mut Score) {
    let Row { line, packet, open } = row;
    let proto = packet.proto.spoken().unwrap();
    let to = packet.to.unwrap();
    let name_of = packet.interface.as_deref();
    let query = Query::new(name_of, to, proto, packet.port);
    let found = sources(host, &query);
    let may = found.may.contains(packet.from);
    let must = found.must.contains(packet.from);
    score.rows += 1;
    score.decided += usize::from(may == must);
    let one = host.explain(packet).unwrap();
    let through = !matches!(one.verdict, Verdict::Dropped | Verdict::Rejected);
    let answered = proto == Proto::Udp || one.answer != Some(Answer::Dropped);
    let sure = through && one.certain && answered;
    // A container may listen there, and the host itself not.
    let silent = name.starts_with("docker") && line.ends_with("refused");
    let untrue = match open {
        true => !through || !may,
        false => (sure || must) && !silent,
    };
    if untrue || through && !may || must && !sure {
        score.wrong.push(format!(
            "{name}: {line}: explained as {:?} {sure}, and may {may} must \
             {must} {:?}",
            one.verdict, found.because
        ));
    }
}

#[test]
fn every_row_of_the_port() {
    let mut score = Score::default();
    for (kind, case) in KINDS
        .into_iter()
        .flat_map(|kind| hosts(kind).into_iter().map(move |case| (kind, case)))
    {
        let Ok(probes) = fs::read_to_string(case.join("probe.tsv")) else {
            continue;
        };
        let name = case.file_name().unwrap().to_str().unwrap();
        let host = Host::new(&host(&case)).unwrap();
        for row in rows(&probes).filter_map(asked) {
            hold(&format!("{kind}/{name}"), &host, &row, &mut score);
        }
    }
    let Score { rows, decided, wrong } = score;
    println!("hosts: {rows} rows, {decided} decided, {} wrong", wrong.len());
    none_is(&wrong);
}
