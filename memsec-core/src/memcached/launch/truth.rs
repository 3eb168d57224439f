//! The launchers against what Debian's scripts, systemd, bash and OpenRC
//! did.

use serde::Deserialize;

use super::{
    super::{truth::rows, word::Sources},
    Launch, choice, debian, openrc, systemd, sysv,
};
use crate::{Snapshot, text::Source, truth::shared};

const SYSCONFIG: &str = "/etc/sysconfig/memcached";

/// How many rows agree, and which are not decided.
#[derive(Default)]
struct Counts {
    agree: usize,
    undecided: Vec<String>,
    wrong: usize,
    no_text: usize,
}

impl Counts {
    fn add(
        &mut self,
        case: &str,
        launch: &Launch,
        expected: Option<&Vec<String>>,
    ) {
        let argv = launch.argv.iter().map(|word| word.text.clone());
        let argv: Vec<_> = argv.collect();
        let argv = launch.stopped.is_none().then_some(argv);
        if launch.undecided.is_some() {
            self.undecided.push(case.to_owned());
        } else if argv.as_ref() == expected {
            self.agree += 1;
        } else {
            self.wrong += 1;
            println!("{case}: {expected:?}, not {argv:?}");
        }
        for span in launch.argv.iter().filter_map(|word| word.span.as_ref()) {
            assert!(span.source().text().get(span.range()).is_some());
        }
    }

    #[track_caller]
    fn check(mut self, what: &str, undecided: &[&str]) {
        self.undecided.sort();
        println!(
            "{what}: {} agree, {} undecided {:?}, {} wrong, {} without text",
            self.agree,
            self.undecided.len(),
            self.undecided,
            self.wrong,
            self.no_text
        );
        assert_eq!(self.wrong, 0, "{what}");
        let known = |case: &String| undecided.contains(&case.as_str());
        assert!(self.undecided.iter().all(known), "{:?}", self.undecided);
    }
}

fn text_of(path: &str) -> Option<String> {
    let path = shared(&format!("corpus/memcached/{path}"))?;
    std::fs::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

#[derive(Deserialize)]
struct Wrapped {
    case: String,
    wrapper: String,
    text: Option<String>,
    argv: Option<Vec<String>>,
}

#[test]
fn debian_conf_is_as_the_scripts_read_it() {
    let mut counts = Counts::default();
    for row in rows::<Wrapped>("truth/memcached/wrapper_truth.jsonl") {
        let script = debian::Script {
            directives: row.wrapper.starts_with("start"),
            plain_comments: row.wrapper.contains("1.4.15"),
        };
        let name = row.case.split_once(':').map_or("", |(_, name)| name);
        let kept = || text_of(&format!("debian/{name}"));
        let Some(text) = row.text.or_else(kept) else {
            counts.no_text += 1;
            continue;
        };
        let launch = debian::launch(&Source::new("conf", text), script);
        counts.add(&row.case, &launch, row.argv.as_ref());
    }
    // What a command prints.
    counts.check("wrapper", &["hand:subshell"]);
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

fn launch_of(snapshot: &Snapshot) -> Launch {
    let all = choice::services(snapshot, None).unwrap();
    assert_eq!(all.len(), 1);
    all[0].launch.clone()
}

#[test]
fn units_are_as_systemd_runs_them() {
    let mut counts = Counts::default();
    for row in rows::<Service>("truth/memcached/systemd_truth.jsonl") {
        let optional = if row.envfile_optional { "-" } else { "" };
        // The units of the rows are oneshot, if they do not say otherwise.
        let mut unit = format!(
            "[Service]\nType=oneshot\n{}\nEnvironmentFile={optional}{SYSCONFIG}\
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
            snapshot = snapshot.with_file(SYSCONFIG, text);
        }
        if let Some(text) = &row.dropin {
            let path = format!("{directory}.d/a.conf");
            snapshot = snapshot.with_file(&path, text);
        }
        counts.add(&row.case, &launch_of(&snapshot), row.argv.as_ref());
    }
    counts.check("systemd", &[]);
}

#[derive(Deserialize)]
struct Kept {
    file: String,
    launcher: String,
    argv: Option<Vec<String>>,
}

#[test]
fn sysconfig_files_are_as_systemd_reads_them() {
    let mut counts = Counts::default();
    for row in rows::<Kept>("truth/memcached/systemd_truth_corpus.jsonl") {
        let release = match row.launcher.as_str() {
            "el7" => "ID=centos\nVERSION_ID=\"7\"\n",
            "suse" => "ID=sles\nVERSION_ID=15.4\n",
            _ => "ID=fedora\n",
        };
        let Some(text) = text_of(&row.file) else {
            counts.no_text += 1;
            continue;
        };
        let snapshot = Snapshot::new()
            .with_file(SYSCONFIG, &text)
            .with_file("/etc/os-release", release);
        counts.add(&row.file, &launch_of(&snapshot), row.argv.as_ref());
    }
    counts.check("sysconfig", &[]);
}

#[derive(Deserialize)]
struct Script {
    case: String,
    launcher: String,
    text: Option<String>,
    argv: Option<Vec<String>>,
}

#[test]
fn files_are_as_the_scripts_of_sysv_and_openrc_read_them() {
    let mut counts = Counts::default();
    for row in rows::<Script>("truth/memcached/sysv_truth.jsonl") {
        let source = row.text.as_ref().map(|text| Source::new("f", text));
        let files: Vec<_> = source.iter().cloned().collect();
        let launch = match row.launcher.as_str() {
            "openrc-alpine" => openrc::launch(&files, openrc::Script::Alpine),
            "el6-sysv" => sysv::launch(source.as_ref()),
            _ => openrc::launch(&files, openrc::Script::Gentoo),
        };
        // The recorder had the file elsewhere.
        let pid = "/var/run/memcached/memcached.pid";
        let argv = row.argv.map(|argv| {
            let other = |w: String| match w.as_str() {
                "sysv/var/memcached.pid" => pid.to_owned(),
                _ => w,
            };
            argv.into_iter().map(other).collect()
        });
        counts.add(&row.case, &launch, argv.as_ref());
    }
    // What a command prints, file names, and a process identifier.
    counts.check("sysv", &["backtick", "star", "dollar-double"]);
}

/// Every real file, as each launcher reads it.
#[test]
fn real_files_are_read_without_an_error() {
    let Some(root) = shared("corpus/memcached") else { return };
    let mut count = 0;
    for directory in std::fs::read_dir(root).unwrap().flatten() {
        let files = std::fs::read_dir(directory.path());
        for file in files.into_iter().flatten().flatten() {
            let Ok(text) = std::fs::read_to_string(file.path()) else {
                continue;
            };
            for path in [
                "/etc/memcached.conf",
                SYSCONFIG,
                "/etc/conf.d/memcached",
                "/etc/systemd/system/memcached.service",
            ] {
                let snapshot = Snapshot::new().with_file(path, &text);
                choice::services(&snapshot, None).unwrap();
            }
            sysv::launch(Some(&Source::new("f", &text)));
            count += 1;
        }
    }
    println!("{count} files");
}

mod any_text {
    use super::*;
    use proptest::prelude::*;

    /// A part of the texts that launchers read.
    const TEXT: &str = "([A-Z]{1,2}=|OPTIONS=|-l |ExecStart=|if |then |fi|\
        case |esac|[ \t\n'\"`{}();&|<>#*?~%!:$]|\\\\|[a-z0-9./@-]{1,3}|é\
        |\\[Service\\]\n){0,40}";

    proptest! {
        #[test]
        fn has_an_answer_whose_words_are_in_it(text in TEXT) {
            let source = Source::new("f", &text);
            let script =
                debian::Script { directives: true, plain_comments: false };
            let file = [source.clone()];
            let unit = systemd::started(&Snapshot::new(), "a@b.service", &file);
            let (systemd::Starts::Memcached(unit)
            | systemd::Starts::Other(_, _, unit)) = unit.unwrap().starts;
            for launch in [
                debian::launch(&source, script),
                debian::launch(&source, debian::Script::default()),
                sysv::launch(Some(&source)),
                openrc::launch(&file, openrc::Script::Gentoo),
                unit,
            ] {
                for word in &launch.argv {
                    let Some(span) = &word.span else { continue };
                    prop_assert_eq!(span.text(), &word.text);
                }
            }
        }

        #[test]
        fn of_comments_is_no_text(lines in "(# ?[a-zA-Z =\"'`$;-]{0,20}\n){0,5}") {
            let source = Source::new("f", &lines);
            let words = |launch: Launch| -> Vec<String> {
                launch.argv.into_iter().map(|word| word.text).collect()
            };
            let conf = debian::launch(&source, debian::Script::default());
            prop_assert_eq!(words(conf), words(debian::no_conf()));
            let file = words(sysv::launch(Some(&source)));
            prop_assert_eq!(file, words(sysv::launch(None)));
            let mut all = Sources::default();
            all.add(&source);
            let assignments = super::super::env_file::assignments(&lines, 0);
            prop_assert!(assignments.is_empty());
        }
    }
}
