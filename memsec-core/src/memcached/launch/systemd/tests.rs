use super::*;

const PATH: &str = "/etc/systemd/system/memcached.service";

fn start(unit: &str, snapshot: &Snapshot) -> (Launch, String) {
    let file = Source::new(PATH, format!("[Service]\n{unit}\n"));
    let started = started(snapshot, "memcached.service", &[file]).unwrap();
    let (launch, other) = match started.starts {
        Starts::Memcached(launch) => (launch, None),
        Starts::Other(program, _, launch) => (launch, Some(program)),
    };
    let argv: Vec<_> = launch.argv.iter().map(|w| w.text.as_str()).collect();
    let said = match (&launch.stopped, &launch.undecided, other) {
        (Some(_), ..) => "refused".to_owned(),
        (_, Some(_), _) => argv.join("|") + "?",
        (_, _, Some(program)) => format!("other {program}"),
        _ => argv.join("|"),
    };
    (launch, said)
}

fn argv(unit: &str) -> String {
    let snapshot = Snapshot::new()
        .with_file("/etc/e1", "A=\"-l 1\"\nB='x y'\n")
        .with_file("/etc/e2", "A=-v\n")
        .with_file("/etc/passwd", "m:x:1:1::/home/m:/bin/sh\n");
    start(unit, &snapshot).1
}

#[test]
fn exec_start_is_as_systemd_has_it() {
    let file = "EnvironmentFile=/etc/e1\n";
    for (unit, expected) in [
        ("ExecStart=/usr/bin/memcached -l 1", "-l|1"),
        ("ExecStart=-@/usr/bin/memcached name -v", "-v"),
        ("ExecStart=:/usr/bin/memcached $A ${A}", "$A|${A}"),
        (
            "ExecStart=/bin/memcached -a\\x20b\\tc %% %n",
            "-a b\tc|%|memcached.service",
        ),
        ("ExecStart=/bin/memcached -v\nExecStart=/bin/memcached", "refused"),
        ("Type=oneshot\nExecStart=/bin/a ; /bin/memcached -v", "-v"),
        ("ExecStart=/bin/memcached -v ; /bin/b", "refused"),
        ("ExecStart=/bin/memcached \\; -v", ";|-v"),
        ("ExecStart=/bin/memcached 'a", "refused"),
        ("ExecStart=-/bin/memcached 'a\nExecStart=/bin/memcached", ""),
        ("User=m", "refused"),
        ("ExecStart=/bin/memcached %m -v", "?"),
        ("ExecStart=/bin/memcached -v %m", "-v?"),
        ("EnvironmentFile=/none\nExecStart=/bin/memcached", "refused"),
        ("EnvironmentFile=-/none\nExecStart=/bin/memcached $A", ""),
        ("EnvironmentFile=/etc/e*\nExecStart=/bin/memcached $A", "-v"),
        ("EnvironmentFile=/etc/f*\nExecStart=/bin/memcached $A", "refused"),
        ("User=m\nExecStart=/bin/memcached ${USER} $HOME", "m|/home/m"),
        ("ExecStart=/usr/bin/env X=1 memcached -v", "-v"),
        ("ExecStart=/bin/sh -c 'ulimit -n 9; exec memcached $A -v'", "-v"),
        ("ExecStart=/bin/sh -c 'memcached `b`'", "?"),
        ("ExecStart=/opt/run.sh -v", "other /opt/run.sh"),
        ("ExecStart=/opt/a@b/memcached -v", "-v"),
    ] {
        assert_eq!(argv(unit), expected, "{unit:?}");
    }
    let line = "ExecStart=/bin/memcached $A ${A} x${B}y $$A $C ${C}";
    assert_eq!(argv(&format!("{file}{line}")), "-l|1|-l 1|xx yy|$A|");
    let shell = "ExecStart=/bin/sh -c 'exec memcached $A \"$B\" $C'";
    assert_eq!(argv(&format!("{file}{shell}")), "-l|1|x y");
}

#[test]
fn words_have_places_in_the_unit_and_in_files() {
    let snapshot = Snapshot::new().with_file("/etc/e", "A=\"-l 1\"\n");
    let unit = "EnvironmentFile=/etc/e\nExecStart=/bin/memcached -v $A";
    let (launch, _) = start(unit, &snapshot);
    let places: Vec<_> = launch
        .argv
        .iter()
        .map(|word| format!("{:?}", word.span.as_ref().unwrap()))
        .collect();
    let expected = [
        &format!("{PATH}:3:26 \"-v\""),
        "/etc/e:1:4 \"-l\"",
        "/etc/e:1:7 \"1\"",
    ];
    assert_eq!(places, expected);
    let Room::Variable(name, Some(written)) = launch.room else { panic!() };
    assert_eq!(
        (name.as_str(), written.range, written.quote),
        ("A", 2..8, Some('"'))
    );
}

#[test]
fn stars_match_as_fnmatch_has_it() {
    for (pattern, name, expected) in [
        ("/etc/m*", "/etc/memcached", true),
        ("/etc/m*", "/etc/m/a", false),
        ("/etc/*", "/etc/.a", false),
        ("/e?c/*a*b", "/etc/xaxxb", true),
        ("/etc/*a", "/etc/ab", false),
    ] {
        assert_eq!(glob(pattern, name), expected, "{pattern} {name}");
    }
}
