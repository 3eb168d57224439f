//! What the real memcached answered and opened, against what is expected of
//! it; and what is said where they differ.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::{Beside, Listening, expected::KEYS, observe};
use crate::{
    Snapshot,
    memcached::{
        Instance, Running, Start, instances,
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
    sockets: Vec<Value>,
    uid: Option<u32>,
    fixture: Option<String>,
    #[serde(default)]
    hold: Value,
}

impl Row {
    fn all() -> Vec<Self> {
        let rows: Vec<Self> = rows("truth/memcached/argv.jsonl");
        rows.into_iter().filter(|row| row.settings.is_some()).collect()
    }

    fn process(&self, more: &[&str]) -> Process {
        let package = self.version.strip_suffix("debian");
        let more = more.iter().map(|&word| word.to_owned());
        Process {
            pid: 1,
            argv: self.argv.iter().cloned().chain(more).collect(),
            env: self.env.clone(),
            uid: self.uid,
            version: Some(package.unwrap_or(&self.version).to_owned()),
            settings: self.settings.clone().map(StatsSettings),
            ..Process::default()
        }
    }

    /// By the arguments alone.
    fn instance(&self, more: &[&str]) -> Instance {
        let mut process = self.process(more);
        process.settings = None;
        let snapshot = network().with_process(process);
        let interfaces = interfaces(self.fixture.is_none());
        let all = instances(&snapshot, Some(&interfaces)).unwrap();
        all.into_iter().next().unwrap()
    }

    /// The sockets as ss shows them.
    fn listening(&self) -> Listening {
        let lines: String = self.sockets.iter().map(line).collect();
        let snapshot = Snapshot::new().with_command("ss -lntupxH", &lines);
        Listening::new(&snapshot)
    }

    /// The differences from a file with these arguments and more.
    fn drift(&self, more: &[&str]) -> Option<Vec<String>> {
        let mut file = self.instance(more);
        let runs = self.instance(&[]);
        let process = self.process(&[]);
        let listening = self.listening();
        let drift = Beside {
            file: &mut file,
            runs,
            process: &process,
            listening: &listening,
        }
        .drift()?;
        Some(drift.differences.iter().map(ToString::to_string).collect())
    }
}

fn line(socket: &Value) -> String {
    let text = |key: &str| socket[key].as_str().unwrap_or_default().to_owned();
    let (proto, address) = (text("proto"), text("addr"));
    let (address, scope) = match address.split_once('%') {
        Some((address, scope)) => (address.to_owned(), format!("%{scope}")),
        None => (address, String::new()),
    };
    let users = "users:((\"memcached\",pid=1,fd=26))";
    if proto == "unix" {
        return format!("u_str LISTEN 0 1024 {address} 77 * 0 {users}\n");
    }
    let address = match address.contains(':') {
        true => format!("[{address}]{scope}"),
        false => address,
    };
    let port = &socket["port"];
    let state = if proto == "tcp" { "LISTEN" } else { "UNCONN" };
    format!("{proto} {state} 0 0 {address}:{port} 0.0.0.0:* {users}\n")
}

#[test]
fn settings_are_as_they_were() {
    let (mut all, mut wrong, mut down) = (0, 0, 0);
    for row in Row::all() {
        let instance = row.instance(&[]);
        let Start::Runs(running) = &instance.start else {
            down += 1;
            continue;
        };
        all += 1;
        let said = StatsSettings(row.settings.clone().unwrap());
        let differs = KEYS.iter().filter_map(|key| {
            let seen = said.get(key.name)?;
            let expected = key.value(running, instance.version)?;
            let differs = seen != expected;
            differs.then(|| format!("{} {seen:?} {expected:?}", key.name))
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

#[test]
fn what_runs_as_its_file_says_has_no_difference() {
    let (mut all, mut wrong, mut changed) = (0, 0, 0);
    for row in Row::all().iter().filter(|row| row.hold.is_null()) {
        let start = row.instance(&[]).start;
        let Start::Runs(running) = &start else { continue };
        all += 1;
        if let Some(differences) = row.drift(&[]) {
            wrong += 1;
            println!("{} {:?} {differences:?}", row.version, row.argv);
        }
        let more = row.instance(&["-c", "77"]).start;
        let Start::Runs(more) = more else { continue };
        let given = |r: &Running| r.options.get(&'c').map(|w| w.text.clone());
        if given(&more) != given(running) {
            changed += 1;
            let differences = row.drift(&["-c", "77"]).unwrap_or_default();
            let said = differences.iter().any(|what| {
                what.starts_with("maxconns is ")
                    && what.ends_with(", the file says 77")
            });
            assert!(said, "{} {:?} {differences:?}", row.version, row.argv);
        }
    }
    println!("{} of {all} without, {changed} with a difference", all - wrong);
    assert_eq!(wrong, 0);
}

const CONF: &str = "/etc/memcached.conf";

fn process(argv: &str) -> Process {
    Process {
        pid: 7,
        argv: argv.split(' ').map(str::to_owned).collect(),
        uid: Some(110),
        version: Some("1.6.18".to_owned()),
        ..Process::default()
    }
}

fn host(file: &str, process: Process) -> Snapshot {
    Snapshot::new().with_file(CONF, file).with_process(process)
}

/// The instances, each with its differences.
fn said(snapshot: &Snapshot) -> Vec<(String, Vec<String>)> {
    let all = instances(snapshot, None).unwrap();
    let said = all.into_iter().map(|instance| {
        let differences = instance.differences.iter();
        (instance.id, differences.map(ToString::to_string).collect())
    });
    said.collect()
}

/// The differences of the only daemon from the only file.
#[track_caller]
fn differences(snapshot: &Snapshot) -> Vec<String> {
    let all = said(snapshot);
    assert!(all.iter().all(|(id, _)| id == "memcached"), "{all:?}");
    all.into_iter().flat_map(|(_, differences)| differences).collect()
}

#[test]
fn what_differs_is_said_in_a_line_each() {
    let table: [(&str, &str, &[&str]); 9] = [
        ("-u m\n-l ::1\n", "-u m -l ::1", &[]),
        (
            "-u m\n-l ::1\n-U 0\n",
            "-u m -l ::1 -U 11211",
            &["udpport is 11211, the file says 0"],
        ),
        ("-u m\n-l ::1\n", "-u m -l ::", &["inter is ::, the file says ::1"]),
        ("-u m\n", "-u m -l ::1", &["inter is ::1, the file says NULL"]),
        ("-u m\n", "-u m -A", &["shutdown_command is yes, the file says no"]),
        ("-u m\n-W\n", "-u m", &["it runs without -W, which the file has"]),
        ("-u m\n", "-u root", &["-u is root, the file says m"]),
        (
            "-u m\n-o idle_timeout=5\n",
            "-u m",
            &["-o idle_timeout is not given, the file says 5"],
        ),
        ("-u m\n-vv\n", "-u m -P /run/p", &[]),
    ];
    for (file, argv, expected) in table {
        let seen = differences(&host(file, process(argv)));
        assert_eq!(seen, expected, "{file:?} {argv}");
    }
}

#[test]
fn a_difference_knows_its_word() {
    let snapshot = host("-u m\n-U 0\n", process("-u m -U 11211"));
    let all = instances(&snapshot, None).unwrap();
    let word = all[1].differences[0].word.clone().unwrap();
    assert_eq!(word.span.unwrap().line(), 2);
}

#[test]
fn what_a_daemon_says_goes_before_its_command_line() {
    let mut one = process("-u m -l ::1 -U 0");
    let reply = "STAT udpport 11211\r\nSTAT inter ::1\r\nEND\r\n";
    one.settings = Some(StatsSettings::parse(reply));
    let snapshot = host("-u m\n-l ::1\n-U 0\n", one);
    let seen = differences(&snapshot);
    assert_eq!(seen, ["udpport is 11211, the file says 0"]);
    let all = instances(&snapshot, None).unwrap();
    let Start::Runs(running) = &all[1].start else { panic!() };
    let udp = running.sockets().find(|(p, _)| *p == crate::Proto::Udp);
    assert_eq!(udp.unwrap().1.address.to_string(), "::1");
}

#[test]
fn a_file_that_would_not_start_is_a_difference() {
    let snapshot = host("-u m\n-l -U 0\n", process("-u m -l ::1"));
    let seen = differences(&snapshot);
    assert_eq!(seen.len(), 1);
    assert!(seen[0].contains("exits with 71"), "{seen:?}");
}

const SS: &str = "tcp LISTEN 0 9 [::]:11211 [::]:* \
                  users:((\"memcached\",pid=7,fd=27))\n";

#[test]
fn a_socket_that_is_missing_is_seen() {
    let snapshot =
        host("-u m\n", process("-u m")).with_command("ss -lntupxH", SS);
    let expected = "it does not listen on tcp 0.0.0.0:11211, as the file says";
    assert_eq!(differences(&snapshot), [expected]);
}

#[test]
fn a_distribution_that_turned_udp_off_makes_no_difference() {
    let mut old = process("-u m -l ::");
    old.version = Some("1.4.39".to_owned());
    let mut snapshot =
        host("-u m\n-l ::\n", old).with_command("ss -lntupxH", SS);
    assert_eq!(differences(&snapshot), [""; 0]);
    let all = instances(&snapshot, None).unwrap();
    let Start::Runs(running) = &all[0].start else { panic!() };
    assert_eq!(running.listeners.len(), 1);
    let reply = "STAT udpport 0\r\nSTAT tcpport 11211\r\n";
    snapshot.processes[0].settings = Some(StatsSettings::parse(reply));
    assert_eq!(differences(&snapshot), [""; 0]);
}

#[test]
fn whose_a_daemon_is() {
    let file = "-u m\n-l ::1\n-P /run/m.pid\n";
    let ids = |processes: &[&str]| {
        let mut snapshot = Snapshot::new().with_file(CONF, file);
        for (pid, argv) in (1..).zip(processes) {
            let one = Process { pid, ..process(argv) };
            snapshot = snapshot.with_process(one);
        }
        let all = said(&snapshot);
        let all = all.into_iter().map(|(id, differences)| {
            let drift = if differences.is_empty() { "" } else { "*" };
            format!("{id}{drift}")
        });
        all.collect::<Vec<_>>().join(" ")
    };
    let table: [(&[&str], &str); 7] = [
        (&[], "memcached"),
        (&["-u m -l ::1"], "memcached"),
        (&["-u m -l ::"], "memcached memcached*"),
        (&["-u m -l ::1", "-u m -l ::"], "memcached process 2"),
        (
            &["-u x -l :: -P /run/x.pid", "-u m -l :: -P /run/m.pid"],
            "memcached memcached* process 1",
        ),
        (&["-u m -l ::", "-u m -l ::"], "memcached process 1 process 2"),
        (&["-u other -p 11299"], "memcached process 1"),
    ];
    for (processes, expected) in table {
        assert_eq!(ids(processes), expected, "{processes:?}");
    }
}

#[test]
fn a_daemon_in_another_network_is_not_here() {
    let netns = Some("net:[7]".to_owned());
    let other = Process { netns, ..process("-u m -l ::") };
    assert_eq!(differences(&host("-u m\n-l ::1\n", other)), [""; 0]);
}

proptest! {
    #[test]
    fn any_reply_and_any_sockets_give_a_value(
        reply in "(?s)(STAT (udpport|tcpport|inter|umask) |[0-9]{0,20}|\r\n|.){0,30}",
        ss in "(tcp|udp|LISTEN|UNCONN|u_str| |0|\\*:1|users:\\(\\(\"m\",pid=7,|fd=1\\)\\)|\n){0,30}",
    ) {
        let settings = Some(StatsSettings::parse(&reply));
        let one = Process { settings, ..process("-u m -l ::1") };
        let snapshot = host("-u m\n", one).with_command("ss -lntupxH", &ss);
        prop_assert!(instances(&snapshot, None).is_ok());
    }
}

#[test]
fn a_process_without_a_file_has_what_is_seen() {
    let snapshot = Snapshot::new()
        .with_process(process("-u m -o no_such"))
        .with_command("ss -lntupxH", SS);
    let all = instances(&snapshot, None).unwrap();
    let Start::Runs(running) = &all[0].start else { panic!() };
    assert_eq!(running.listeners.len(), 1);
    let mut alone = all[0].clone();
    observe(&mut alone, &snapshot.processes[0], &Listening::default());
    assert!(matches!(alone.start, Start::Runs(_)));
}
