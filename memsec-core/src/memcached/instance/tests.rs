use super::*;

fn process(argv: &str) -> Process {
    Process {
        pid: 7,
        argv: argv.split(' ').map(str::to_owned).collect(),
        uid: Some(110),
        version: Some("1.4.39".to_owned()),
        ..Process::default()
    }
}

fn ids(snapshot: &Snapshot) -> Vec<String> {
    let all = instances(snapshot, None).unwrap();
    all.into_iter().map(|instance| instance.id).collect()
}

const TEXT: &str = "-l 127.0.0.1\n-p 11211\n-u m\n-vv\n";

#[test]
fn a_process_is_that_of_its_file() {
    let same = "-P /run/m.pid -u m -l 127.1 -p 11211";
    let snapshot =
        Snapshot::new().with_file(CONF, TEXT).with_process(process(same));
    let all = instances(&snapshot, None).unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].version, Some(Version(1, 4, 39)));
    let other = snapshot.with_process(process("-u m -l 10.0.0.1"));
    assert_eq!(ids(&other), ["memcached", "process 7"]);
}

#[test]
fn each_file_is_an_instance() {
    let both = Snapshot::new()
        .with_file(CONF, TEXT)
        .with_file(SYSCONFIG, "OPTIONS=\"\"\n");
    assert_eq!(ids(&both), ["memcached", "memcached-sysconfig"]);
    let fedora = both.with_file("/etc/os-release", "ID=fedora\n");
    let all = instances(&fedora, None).unwrap();
    assert_eq!(all[0].source, SYSCONFIG);
    assert_eq!(all.len(), 1);
}

#[test]
fn the_version_is_that_of_the_program() {
    let snapshot = Snapshot::new()
        .with_file(CONF, TEXT)
        .with_command("memcached -V", "memcached 1.6.18\n");
    let all = instances(&snapshot, None).unwrap();
    assert_eq!(all[0].version, Some(Version(1, 6, 18)));
}

#[test]
fn bytes_in_a_file_are_an_error() {
    let mut snapshot = Snapshot::new();
    let bytes = crate::snapshot::Content::Bytes(vec![b'-', 0xff]);
    snapshot.files.insert(CONF.to_owned(), bytes.into());
    let error = instances(&snapshot, None).unwrap_err().to_string();
    assert_eq!(error, "/etc/memcached.conf:1:2: byte 0xff is not UTF-8");
}

/// Section 2 of the semantics: what a naive model gets wrong.
#[test]
fn traps() {
    let table = [
        ("-u m -U 11212", "T0.0.0.0:11212 T:::11212 U0.0.0.0:11212 U:::11212"),
        ("-u m -l ,", ""),
        ("-u m -s /run/m/s -l 0.0.0.0 -U 5", "/run/m/s"),
        ("-u m -l 192.0.2.10 -l 192.0.2.1", "T192.0.2.10:11211"),
        ("-u m -l 127.0.0.1,127.0.0.1", "exit 71"),
        ("-u m -l 127.0.0.1,localhost", "T127.0.0.1:11211 T::1:11211"),
        ("-u m -l localhost,127.0.0.1", "exit 71"),
        ("-u m -l ::1:11212", "exit 71"),
        ("-u m -l [::1]11212", "T::1:11211"),
        ("-u m -l 0", "T0.0.0.0:11211"),
        ("-u m -l 010.0.0.1", "T8.0.0.1:11211"),
        ("-u m -l 192.0.2.0/24", "exit 71"),
        ("-u m -l=127.0.0.1", "exit 71"),
        ("-u m -p=11212", ""),
        ("-u m 127.0.0.1", "T0.0.0.0:11211 T:::11211"),
        ("-u m -- -l 127.0.0.1", "T0.0.0.0:11211 T:::11211"),
        ("-u m -l notls:127.0.0.1", "exit 71"),
        ("-u m -Z -p 0 -s /run/m/s", "exit 64"),
        ("-u m -S -U 11211", "exit 64"),
        ("-u m -l -U 0", "exit 71"),
        ("-u m -l 127.0.0.1, ::1", "T127.0.0.1:11211"),
        ("-u m -o no_such", "exit 1"),
        ("-u m -p 0 -l 127.0.0.1:11212", ""),
        ("-u m -l 127.0.0.1:76747", "T127.0.0.1:11211"),
    ];
    for (argv, expected) in table {
        let mut process = process(argv);
        process.version = Some("1.6.45".to_owned());
        process.uid = Some(0);
        let snapshot = Snapshot::new().with_process(process);
        let all = instances(&snapshot, None).unwrap();
        assert_eq!(summary(&all[0].start), expected, "{argv}");
    }
}

fn summary(start: &Start) -> String {
    let running = match start {
        Start::Runs(running) => running,
        Start::Exits(exit) => {
            return format!("exit {}", exit.status);
        }
    };
    let all = running.listeners.iter().map(|listener| match listener {
        Listener::Tcp(to) => format!("T{}:{}", to.address, to.port),
        Listener::Udp(to) => format!("U{}:{}", to.address, to.port),
        Listener::Unix { path, .. } => path.clone(),
    });
    all.collect::<Vec<_>>().join(" ")
}
