//! What an edit changes, and what it keeps.

use super::*;
use crate::{
    Proto,
    memcached::{instances, possible::Possible},
};

fn change(
    path: &str,
    text: &str,
    version: Option<&str>,
    wanted: &Wanted,
) -> Result<String, String> {
    let mut snapshot = Snapshot::new().with_file(path, text);
    if let Some(version) = version {
        let stdout = format!("memcached {version}\n");
        snapshot = snapshot.with_command("memcached -V", &stdout);
    }
    let all = instances(&snapshot, None).unwrap();
    let change = edit(&snapshot, &all[0], wanted);
    change.map(|c| c.after.unwrap()).map_err(|e| e.to_string())
}

fn local() -> Wanted {
    let listen = vec!["127.0.0.1".parse().unwrap()];
    Wanted { listen, udp: false, ..Wanted::default() }
}

const CONF: &str = "/etc/memcached.conf";
const SYSCONFIG: &str = "/etc/sysconfig/memcached";
const REST: &str =
    "PORT=\"11211\"\nUSER=\"m\"\nMAXCONN=\"1024\"\nCACHESIZE=\"64\"\n";

const OPENRC: &str = "/etc/conf.d/memcached";
const RC: &str = "PORT=\"11211\"\nUDPPORT=\"0\"\nMEMUSAGE=\"64\"\n\
    MAXCONN=\"1024\"\nMEMCACHED_RUNAS=\"m\"\nPIDBASE=\"/run/m\"\n";
const UNIT: &str = "/etc/systemd/system/memcached.service";
const VENDOR: &str = "/usr/lib/systemd/system/memcached.service";

#[test]
fn flags_go_or_stand_once() {
    let flags =
        Wanted { removed: vec!['A', 'r'], single: vec!['v'], ..local() };
    let table = [
        ("-l 127.0.0.1 -u m\n-A\n-vvv\n-r\n", "-l 127.0.0.1 -u m\n-v\n"),
        ("-l 127.0.0.1 -u m -Ad -rv -v\n", "-l 127.0.0.1 -u m -d -v\n"),
        (
            "-l 127.0.0.1 -u m\n--enable-shutdown\n-v\n--verbose\n",
            "-l 127.0.0.1 -u m\n-v\n",
        ),
        (
            "-l 127.0.0.1 -u m\n-AvrX\n-v # c\n",
            "-l 127.0.0.1 -u m\n-vX\n # c\n",
        ),
    ];
    for (before, after) in table {
        let changed = change(CONF, before, Some("1.6.18"), &flags);
        assert_eq!(changed.as_deref(), Ok(after), "{before:?}");
    }
    let joined =
        change(CONF, "-l 127.0.0.1 -u m\n-vvp11211\n", Some("1.6.18"), &flags);
    assert!(joined.unwrap_err().contains("in one word with others"));
}

#[test]
fn a_conf_changes_where_it_must() {
    let table = [
        ("-l 0.0.0.0\n-u m\n", "-l 127.0.0.1\n-u m\n"),
        (
            "-u m\r\n-m 64\r\n# end\r\n",
            "-u m\r\n-m 64\r\n-l 127.0.0.1\r\n# end\r\n",
        ),
        ("-u m", "-u m\n-l 127.0.0.1"),
        ("-l 127.0.0.1\n-u m\n", "-l 127.0.0.1\n-u m\n"),
        ("-u m\n-l a\n -l b # c\n-l  d\n", "-u m\n-l 127.0.0.1\n # c\n"),
        ("-l '0.0.0.0' # x\n-u m\n", "-l '127.0.0.1' # x\n-u m\n"),
        ("-u m -l 127.0.0.1 -U 5000\n", "-u m -l 127.0.0.1 -U 0\n-p 5000\n"),
        ("-u m -l -U 0\n", "-u m -l 127.0.0.1 0\n"),
        ("-u m -l127.1,::1\n", "-u m -l127.0.0.1\n"),
        ("-u m -l 10.0.0.1:5000\n", "-u m -l 127.0.0.1\n-p 5000\n"),
        ("", "-l 127.0.0.1\n-u root\n"),
        ("-u m -s /run/a/b\n", "-u m -s /run/a/b\n"),
    ];
    for (before, after) in table {
        let seen = change(CONF, before, Some("1.6.18"), &local());
        assert_eq!(seen.as_deref(), Ok(after), "{before:?}");
    }
}

#[test]
fn options_change_where_they_must() {
    let table = [
        ("OPTIONS=\"\"\n", "OPTIONS=\"-l 127.0.0.1\"\n"),
        ("OPTIONS=\n", "OPTIONS=\"-l 127.0.0.1\"\n"),
        ("OPTIONS='-v'", "OPTIONS='-v -l 127.0.0.1'"),
        ("", "OPTIONS=\"-l 127.0.0.1\"\n"),
        ("OPTIONS=-v -l ::\n", "OPTIONS=-v -l 127.0.0.1\n"),
        ("OPTIONS=\"-l ::\"\n#x", "OPTIONS=\"-l 127.0.0.1\"\n#x"),
    ];
    for (before, after) in table {
        let (before, after) =
            (REST.to_owned() + before, REST.to_owned() + after);
        let seen = change(SYSCONFIG, &before, Some("1.6.18"), &local());
        assert_eq!(seen, Ok(after), "{before:?}");
    }
}

#[test]
fn the_variables_of_openrc_change() {
    let table = [
        (
            "LISTENON=\"0.0.0.0\"\nMISC_OPTS=\"\"\n",
            "LISTENON=\"127.0.0.1\"\nMISC_OPTS=\"\"\n",
        ),
        ("MISC_OPTS=\"\"\n", "MISC_OPTS=\"-l 127.0.0.1\"\n"),
        ("MISC_OPTS=-v\n", "MISC_OPTS=-v\" -l 127.0.0.1\"\n"),
        ("", "MISC_OPTS=\"-l 127.0.0.1\"\n"),
    ];
    for (before, after) in table {
        let (before, after) = (RC.to_owned() + before, RC.to_owned() + after);
        let seen = change(OPENRC, &before, Some("1.6.18"), &local());
        assert_eq!(seen, Ok(after), "{before:?}");
    }
}

#[test]
fn a_unit_changes_in_its_command_line() {
    let service = |exec: &str| format!("[Service]\nUser=m\n{exec}\n");
    let table = [
        ("ExecStart=/usr/bin/memcached", " -l 127.0.0.1"),
        ("ExecStart=/usr/bin/memcached -l ::", "#"),
        ("ExecStart=/usr/bin/memcached \\\n  -v", " -l 127.0.0.1"),
    ];
    for (exec, end) in table {
        let after = match end {
            "#" => exec.replace("::", "127.0.0.1"),
            end => format!("{exec}{end}"),
        };
        let before = service(exec);
        let seen = change(UNIT, &before, Some("1.6.18"), &local());
        assert_eq!(seen, Ok(service(&after)), "{exec:?}");
        let seen = change(VENDOR, &before, Some("1.6.18"), &local());
        let expected = format!("[Service]\nExecStart=\n{after}\n");
        assert_eq!(seen, Ok(expected), "{exec:?}");
    }
}

#[test]
fn a_unit_of_a_package_gets_a_drop_in() {
    let text = "[Service]\nEnvironment=\"OPTIONS=-l ::\"\nUser=m\n\
        ExecStart=/usr/bin/memcached $OPTIONS\n";
    let error = change(VENDOR, text, Some("1.6.18"), &local()).unwrap_err();
    assert!(error.contains("belongs to a package"), "{error}");
    let text = "[Service]\nUser=m\nExecStart=/usr/bin/memcached\n";
    let snapshot = Snapshot::new().with_file(VENDOR, text);
    let all = instances(&snapshot, None).unwrap();
    let change = edit(&snapshot, &all[0], &local()).unwrap();
    let path = "/etc/systemd/system/memcached.service.d/zz-memsec.conf";
    assert_eq!((change.path.as_str(), change.before), (path, None));
}

#[test]
fn an_old_or_unknown_version_says_its_ports() {
    let before = "-u m\n-l 0.0.0.0\n";
    let after = "-u m\n-l 127.0.0.1\n-U 0\n-p 11211\n";
    for version in [None, Some("1.4.15")] {
        let seen = change(CONF, before, version, &local());
        assert_eq!(seen.as_deref(), Ok(after), "{version:?}");
    }
    let seen = change(CONF, before, Some("1.5.5"), &local()).unwrap();
    assert_eq!(seen, "-u m\n-l 127.0.0.1\n-U 0\n");
}

#[test]
fn what_stands_in_the_way_is_said() {
    let table = [
        ("-u m\n-l `ip`\n", "a command prints"),
        ("-u m -- x\n", "other addresses"),
        ("-l 0.0.0.0\n", "must add '-u root'"),
    ];
    for (text, why) in table {
        let error = change(CONF, text, Some("1.6.18"), &local());
        let error = error.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

use proptest::{prelude::*, sample::select};

const LINES: &[&str] = &[
    "# -l 10.0.0.1",
    "",
    "-m 64",
    "  -v",
    "-p 11300",
    "-U 11300",
    "-U 0",
    "-U 0 # off",
    "-l 0.0.0.0",
    "-l 10.0.0.1,::1",
    "-l '10.0.0.1'",
    "-l10.0.0.2",
    "-l ::",
    "--listen=10.0.0.1",
    "-vl 10.0.0.1",
    "-P /run/m.pid -l 127.0.0.1",
    "-l *",
    "-u root",
    "nonsense here",
    "-d",
    "-p 0",
];

fn wanted() -> impl Strategy<Value = Wanted> {
    let addresses = select(&["127.0.0.1", "::1", "10.0.0.1"][..]);
    let addresses = prop::collection::btree_set(addresses, 1..3);
    (addresses, any::<bool>()).prop_map(|(addresses, udp)| {
        let parse = |address: &str| address.parse().unwrap();
        Wanted {
            listen: addresses.into_iter().map(parse).collect(),
            udp,
            ..Wanted::default()
        }
    })
}

fn version() -> impl Strategy<Value = Option<&'static str>> {
    let known = select(&["1.4.39", "1.5.3", "1.5.5", "1.5.6", "1.6.45"][..]);
    prop::option::of(known)
}

fn conf() -> impl Strategy<Value = (&'static str, String)> {
    let lines = prop::collection::vec(select(LINES), 0..6);
    let path = select(&[CONF, SYSCONFIG, OPENRC, UNIT][..]);
    (lines, any::<bool>(), any::<bool>(), path).prop_map(
        |(lines, crlf, open, path)| {
            let value = lines.join(" ").replace(['#', '\''], "");
            match path {
                SYSCONFIG => {
                    return (path, format!("{REST}OPTIONS=\"{value}\"\n"));
                }
                OPENRC => {
                    return (path, format!("{RC}MISC_OPTS=\"{value}\"\n"));
                }
                UNIT => {
                    let start = "[Service]\nUser=m\nExecStart=";
                    let start = format!("{start}/usr/bin/memcached {value}\n");
                    return (path, start);
                }
                _ => {}
            }
            let newline = if crlf { "\r\n" } else { "\n" };
            let mut text = lines.join(newline) + newline + "-u root";
            if !open {
                text += newline;
            }
            (CONF, text)
        },
    )
}

fn start(path: &str, text: &str, version: Option<&str>) -> Start {
    let snapshot = Snapshot::new().with_file(path, text);
    let version = version.map(|version| version.parse().unwrap());
    let all = instances(&snapshot, None).unwrap();
    let possible = Possible::new(version, None, &snapshot);
    let like = all.into_iter().find(|one| one.source == path).unwrap();
    let like = Instance { version, possible, ..like };
    of_service(&snapshot, None, &like).unwrap().unwrap().start
}

fn check_laws(
    path: &str,
    before: &str,
    version: Option<&str>,
    wanted: &Wanted,
) -> bool {
    let Ok(after) = change(path, before, version, wanted) else {
        return false;
    };
    let Start::Runs(running) = start(path, &after, version) else {
        panic!("{before:?} became {after:?}, which does not start");
    };
    for listener in &running.listeners {
        let Some((proto, socket)) = listener.socket() else { continue };
        // UDP that is only perhaps on, for this host alone.
        let perhaps = proto == Proto::Udp && !running.is_sure(listener);
        if perhaps && socket.address.is_loopback() {
            continue;
        }
        assert!(proto == Proto::Tcp || wanted.udp, "{after:?}");
        assert!(wanted.listen.contains(&socket.address), "{after:?}");
    }
    let again = change(path, &after, version, wanted);
    assert_eq!(again.as_ref(), Ok(&after), "{before:?}");
    true
}

fn check_lines(path: &str, before: &str, version: Option<&str>) {
    let Ok(after) = change(path, before, version, &local()) else {
        return;
    };
    let whole = |line: &&str| {
        let options = ["-l", "-U", "-p", "--l", "OPT", "-vl", "Exec"];
        !options.iter().any(|option| line.contains(option))
    };
    // What is left alone is still there, in its order.
    let mut left = after.lines();
    for line in before.lines().filter(whole) {
        assert!(left.any(|l| l == line), "{before:?} became {after:?}");
    }
}

proptest! {
    #[test]
    fn any_text_has_a_model(
        text in "[-lUps:0-9a#'\"\\\\$*;>=, \n\r\u{e9}]{0,60}",
    ) {
        for path in [CONF, SYSCONFIG] {
            let options = format!("{REST}OPTIONS={text}");
            let text = if path == CONF { &text } else { &options };
            let _ = check_laws(path, text, None, &local());
        }
    }

    #[test]
    fn an_edit_does_what_it_says(
        (path, text) in conf(),
        wanted in wanted(),
        version in version(),
    ) {
        check_laws(path, &text, version, &wanted);
        check_lines(path, &text, version);
    }
}

#[test]
fn the_files_of_others_can_be_edited() {
    let mut counts = (0, 0);
    for (directory, path) in [("debian", CONF), ("sysconfig", SYSCONFIG)] {
        let directory = format!("corpus/memcached/{directory}");
        let Some(files) = crate::truth::shared(&directory) else {
            return;
        };
        for file in std::fs::read_dir(files).unwrap() {
            let file = file.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            counts.0 += 1;
            for version in [None, Some("1.6.18"), Some("1.4.15")] {
                check_lines(path, &text, version);
                if check_laws(path, &text, version, &local()) {
                    continue;
                }
                let why = change(path, &text, version, &local());
                println!("{version:?} {}: {why:?}", file.display());
                counts.1 += 1;
            }
        }
    }
    println!("{} files, {} refusals", counts.0, counts.1);
}
