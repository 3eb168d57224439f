//! What the real memcached answered, against what is expected of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::expected::KEYS;
use crate::{
    Snapshot,
    memcached::{
        Instance, Start, instances,
        truth::{interfaces, network, rows},
    },
    snapshot::{Process, StatsSettings},
};

#[derive(Debug, Deserialize)]
struct Row {
    version: String,
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    settings: Option<BTreeMap<String, String>>,
    uid: Option<u32>,
}

impl Row {
    fn instance(&self) -> Instance {
        let package = self.version.strip_suffix("debian");
        let process = Process {
            pid: 1,
            argv: self.argv.clone(),
            env: self.env.clone(),
            uid: self.uid,
            version: Some(package.unwrap_or(&self.version).to_owned()),
            ..Process::default()
        };
        let snapshot = network().with_process(process);
        let all = instances(&snapshot, Some(&interfaces(true))).unwrap();
        all.into_iter().next().unwrap()
    }
}

#[test]
fn settings_are_as_they_were() {
    let rows: Vec<Row> = rows("truth/memcached/argv.jsonl");
    let (mut all, mut wrong, mut down) = (0, 0, 0);
    for row in rows.iter().filter(|row| row.settings.is_some()) {
        let instance = row.instance();
        let Start::Runs(running) = &instance.start else {
            down += 1;
            continue;
        };
        all += 1;
        let said = StatsSettings(row.settings.clone().unwrap());
        let differs = KEYS.iter().filter_map(|key| {
            let seen = said.get(key.name)?;
            let expected = key.value(running, instance.version)?;
            (seen != expected)
                .then(|| format!("{} {seen:?} {expected:?}", key.name))
        });
        let differs: Vec<_> = differs.collect();
        if !differs.is_empty() {
            wrong += 1;
            println!("{} {:?} {differs:?}", row.version, row.argv);
        }
    }
    println!("{} of {all} replies; {down} do not start", all - wrong);
    assert_eq!(wrong, 0);
}
