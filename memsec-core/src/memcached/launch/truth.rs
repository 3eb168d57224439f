//! The launchers against what Debian's wrapper and systemd did.

use serde::Deserialize;

use super::{
    super::truth::{rows, shared},
    debian, systemd,
};
use crate::{Snapshot, text::Source};

#[derive(Deserialize)]
struct Wrapped {
    case: String,
    wrapper: String,
    text: Option<String>,
    argv: Option<Vec<String>>,
}

fn check(what: &str, counts: (usize, usize), most: usize) {
    let (all, wrong) = counts;
    println!("{what}: {} of {all}", all - wrong);
    assert!(wrong <= most, "{wrong} of {all} are wrong, not {most}");
}

#[test]
fn debian_conf_is_as_the_wrapper_reads_it() {
    let mut counts = (0, 0);
    for row in rows::<Wrapped>("truth/memcached/wrapper_truth.jsonl") {
        if !row.wrapper.starts_with("systemd") {
            continue;
        }
        let text = row.text.or_else(|| {
            let (_, name) = row.case.split_once(':')?;
            let path = shared(&format!("corpus/memcached/debian/{name}"))?;
            std::fs::read_to_string(path).ok()
        });
        let Some(text) = text else {
            println!("no text: {}", row.case);
            continue;
        };
        let launch = debian::launch(&Source::new("conf", text));
        let argv = launch.argv.into_iter().map(|word| word.text);
        let known = launch.stopped.is_none() && launch.undecided.is_none();
        let argv = known.then(|| argv.collect());
        counts.0 += 1;
        if argv != row.argv {
            counts.1 += 1;
            println!("{}: {:?}, not {argv:?}", row.case, row.argv);
        }
    }
    // A variable and a command: root's shell has the last word.
    check("wrapper", counts, 2);
}

#[derive(Deserialize)]
struct Service {
    case: String,
    envfile_text: Option<String>,
    envfile_optional: bool,
    exec: String,
    dropin: Option<String>,
    extra: String,
    pre: String,
    argv: Option<Vec<String>>,
}

#[test]
fn units_are_as_systemd_runs_them() {
    let mut counts = (0, 0);
    for row in rows::<Service>("truth/memcached/systemd_truth.jsonl") {
        let optional = if row.envfile_optional { "-" } else { "" };
        let mut unit = format!(
            "[Service]\n{}\nEnvironmentFile={optional}/etc/sysconfig/memcached\
             \n{}\n{}\n",
            row.pre, row.exec, row.extra
        );
        if row.extra == "TEMPLATE" {
            unit = unit.replace("%i", "11311");
        }
        let directory = "/etc/systemd/system/memcached.service";
        let second = "OPTIONS=\"-l 127.0.0.9\"\n";
        let mut snapshot = Snapshot::new()
            .with_file(directory, &unit)
            .with_file("/etc/cases/second.env", second);
        if let Some(text) = &row.envfile_text {
            snapshot = snapshot.with_file("/etc/sysconfig/memcached", text);
        }
        if let Some(text) = &row.dropin {
            let path = format!("{directory}.d/a.conf");
            snapshot = snapshot.with_file(&path, text);
        }
        let started = systemd::started(&snapshot).unwrap();
        let argv = started.launch.argv.into_iter().map(|word| word.text);
        let argv = (started.launch.stopped.is_none()).then(|| argv.collect());
        counts.0 += 1;
        if argv != row.argv {
            counts.1 += 1;
            println!("{}: {:?}, not {argv:?}", row.case, row.argv);
        }
    }
    // A unit that starts a shell is not one that memsec reads.
    check("systemd", counts, 1);
}

#[derive(Deserialize)]
struct Kept {
    file: String,
    launcher: String,
    argv: Option<Vec<String>>,
}

#[test]
fn sysconfig_files_are_as_systemd_reads_them() {
    let mut counts = (0, 0);
    for row in rows::<Kept>("truth/memcached/systemd_truth_corpus.jsonl") {
        let path = shared(&format!("corpus/memcached/{}", row.file));
        let el7 = "ID=centos\nVERSION_ID=\"7\"\n";
        let release = match row.launcher.as_str() {
            "el8" => "ID=fedora\n",
            "el7" => el7,
            _ => continue,
        };
        let text = path.and_then(|path| std::fs::read_to_string(path).ok());
        let Some(text) = text else { continue };
        let snapshot = Snapshot::new()
            .with_file("/etc/sysconfig/memcached", &text)
            .with_file("/etc/os-release", release);
        let started = systemd::started(&snapshot).unwrap();
        let argv = started.launch.argv.into_iter().map(|word| word.text);
        let argv: Option<Vec<_>> = Some(argv.collect());
        counts.0 += 1;
        if argv != row.argv {
            counts.1 += 1;
            println!("{}: {:?}, not {argv:?}", row.file, row.argv);
        }
    }
    check("sysconfig", counts, 0);
}
