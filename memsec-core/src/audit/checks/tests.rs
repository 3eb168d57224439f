//! What the checks say of daemons that run, and of their versions.

use crate::{Policy, Report, Severity, Snapshot, audit, snapshot::Process};

const ADDRESSES: &str = r#"[
  {"ifname": "lo", "link_type": "loopback", "addr_info": [
    {"local": "127.0.0.1", "prefixlen": 8}]},
  {"ifname": "eth0", "link_type": "ether", "addr_info": [
    {"local": "192.0.2.10", "prefixlen": 24}]}]"#;

fn process(version: &str, argv: &str) -> Process {
    Process {
        pid: 812,
        exe: "/usr/bin/memcached".to_owned(),
        argv: argv.split(' ').map(str::to_owned).collect(),
        uid: Some(110),
        version: (!version.is_empty()).then(|| version.to_owned()),
        ..Process::default()
    }
}

fn host() -> Snapshot {
    Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "")
        .with_command("nft -j list ruleset", r#"{"nftables": []}"#)
}

fn report(snapshot: &Snapshot) -> Report {
    audit(snapshot, &Policy::new()).unwrap()
}

fn found(report: &Report, id: &str) -> Vec<(Severity, String)> {
    let of = report.findings.iter().filter(|finding| finding.id == id);
    of.map(|found| (found.severity, found.message.clone())).collect()
}

/// The file has been put right, and the daemon has not been restarted.
fn drifted() -> Snapshot {
    let text = "-u m\n-l 127.0.0.1\n-U 0\n";
    let runs = process("1.6.45", "-u m -l 192.0.2.10 -p 11299 -U 11211");
    host().with_file("/etc/memcached.conf", text).with_process(runs)
}

#[test]
fn a_daemon_that_drifted_is_one_instance_open_both_ways() {
    let report = report(&drifted());
    assert_eq!(report.instances.len(), 1);
    let open = |port, to: &str| {
        let to = to.parse().unwrap();
        let mut all = report.exposures.iter();
        all.any(|e| e.port == port && e.destinations.contains(&to))
    };
    assert!(open(11299, "192.0.2.10") && open(11211, "127.0.0.1"));
    let ids = report.exposures.iter().map(|e| e.instance.as_deref());
    assert!(ids.into_iter().all(|id| id == Some("memcached")));
    let file = report.exposures.iter().find(|e| {
        e.interface.as_deref() == Some("lo")
            && e.port == 11211
            && e.proto == crate::Proto::Tcp
    });
    assert!(file.unwrap().must.is_empty(), "nobody listens there yet");
}

#[test]
fn drift_is_said_at_the_word_that_does_not_hold() {
    let report = report(&drifted());
    let drift = found(&report, "MEMSEC-DRIFT-001");
    let messages: Vec<_> =
        drift.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(
        messages,
        [
            "memcached (process 812): tcpport is 11299, the file says 11211",
            "memcached (process 812): udpport is 11211, the file says 0",
            "memcached (process 812): inter is 192.0.2.10, the file says \
             127.0.0.1",
        ]
    );
    let udp = report.findings.iter().find(|f| f.message.contains("udpport"));
    assert_eq!(udp.unwrap().place.line, Some(3));
    let still = found(&report, "MEMSEC-UDP-003");
    assert_eq!(still.len(), 1);
    assert_eq!(still[0].0, Severity::Critical);
}

#[test]
fn a_restart_is_the_plan_of_a_daemon_that_drifted() {
    // Its own sockets are free again after the restart.
    let users = "users:((\"memcached\",pid=812,fd=27))";
    let ss = format!(
        "tcp LISTEN 0 9 192.0.2.10:11299 0.0.0.0:* {users}\n\
         udp UNCONN 0 0 192.0.2.10:11211 0.0.0.0:* {users}\n\
         tcp LISTEN 0 9 127.0.0.1:11211 0.0.0.0:* {users}\n"
    );
    let seen = drifted().with_command("ss -lntupxH", &ss);
    for snapshot in [drifted(), seen] {
        let plan = report(&snapshot).plan();
        assert!(plan.proof.holds, "{}", plan.to_json());
        let mut words = plan.steps.iter().flat_map(|step| &step.command);
        assert!(words.any(|word| word == "restart"), "{}", plan.to_json());
    }
}

#[test]
fn a_second_daemon_is_accounted_for_by_no_file() {
    let file = "-u m\n-l 127.0.0.1\n";
    let own = process("1.6.45", "-u m -l 127.0.0.1");
    let other = Process { pid: 9, ..process("1.6.45", "-u m -p 11299") };
    let one = host().with_file("/etc/memcached.conf", file).with_process(own);
    assert!(found(&report(&one), "MEMSEC-INST-001").is_empty());
    let both = report(&one.with_process(other.clone()));
    let second = found(&both, "MEMSEC-INST-001");
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].0, Severity::High);
    // Alone it is what the snapshot is about.
    let alone = report(&host().with_process(other));
    assert!(found(&alone, "MEMSEC-INST-001").is_empty());
}

#[test]
fn flaws_are_said_in_one_finding_the_worst_first() {
    let of = |version: &str, argv: &str| {
        let host = host().with_process(process(version, argv));
        found(&report(&host), "MEMSEC-VER-001")
    };
    let severities = |version, argv| {
        let all = of(version, argv);
        all.into_iter().map(|(severity, _)| severity).collect::<Vec<_>>()
    };
    use Severity::{Critical, Low, Medium};
    assert_eq!(severities("1.6.45", "-u m"), []);
    assert_eq!(severities("1.6.44", "-u m"), [Medium]);
    assert_eq!(severities("1.4.15", "-u m"), [Critical]);
    assert_eq!(severities("1.6.18", "-u m -l 127.0.0.1"), [Low]);
    assert_eq!(severities("", "-u m"), [Low]);
    let old = of("1.4.15", "-u m -U 0 -p 11211");
    assert!(old[0].1.contains("CVE-2016-8704 (a binary append"));
}

#[test]
fn a_package_may_have_the_fixes() {
    let package = Some("1.6.18-1+deb12u1".to_owned());
    let one = Process { package, ..process("1.6.18", "-u m") };
    let message = |snapshot: &Snapshot| {
        let all = found(&report(snapshot), "MEMSEC-VER-001");
        all.into_iter().map(|(_, message)| message).collect::<String>()
    };
    let said = message(&host().with_process(one.clone()));
    assert!(said.contains("the package 1.6.18-1+deb12u1 may have"), "{said}");
    let bare = Process { package: None, ..one };
    assert!(!message(&host().with_process(bare.clone())).contains("may have"));
    let release =
        |id: &str| host().with_file("/etc/os-release", &format!("ID={id}\n"));
    let debian = release("debian").with_process(bare.clone());
    assert!(message(&debian).contains("the package of debian may have"));
    let arch = release("arch").with_process(bare.clone());
    assert!(!message(&arch).contains("may have"));
    let exe = "/usr/local/bin/memcached".to_owned();
    let own = release("debian").with_process(Process { exe, ..bare });
    assert!(!message(&own).contains("may have"));
}

#[test]
fn a_program_that_was_replaced_is_outdated() {
    let of = |version: &str, exe: &str, installed: &str| {
        let exe = exe.to_owned();
        let snapshot = host()
            .with_process(Process { exe, ..process(version, "-u m") })
            .with_command("memcached -V", installed);
        found(&report(&snapshot), "MEMSEC-VER-002").len()
    };
    let there = "memcached 1.6.45\n";
    let own = "/usr/bin/memcached";
    assert_eq!(of("1.6.44", own, there), 1);
    assert_eq!(of("1.6.45", own, there), 0);
    assert_eq!(of("1.6.46", own, there), 0);
    assert_eq!(of("1.6.45", "/usr/bin/memcached (deleted)", there), 1);
    assert_eq!(of("1.6.44", "/opt/m/memcached", there), 0);
    assert_eq!(of("", own, there), 0);
}

#[test]
fn a_way_around_the_authentication_is_found() {
    let argv = "-u m -S -l proto[ascii]:192.0.2.10";
    let host = host().with_process(process("1.6.45", argv));
    let bypass = found(&report(&host), "MEMSEC-AUTH-002");
    assert_eq!(bypass.len(), 1);
    assert_eq!(bypass[0].0, Severity::Critical);
    assert!(found(&report(&host), "MEMSEC-AUTH-007").is_empty());
}

#[test]
fn a_file_of_sasl_passwords_is_found() {
    let mut one = process("1.6.41", "-u m -S");
    one.env.insert("MEMCACHED_SASL_PWDB".to_owned(), "/p".to_owned());
    let host = host().with_process(one);
    assert_eq!(found(&report(&host), "MEMSEC-AUTH-007").len(), 1);
}
