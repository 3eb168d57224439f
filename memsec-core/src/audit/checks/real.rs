//! What the checks say of hosts that are set up as people set them up: a
//! check that fires on nearly all of them says nothing.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    Policy, Severity, Snapshot, audit,
    snapshot::Process,
    truth::{ADDRESSES, KINDS, hosts, recorded, shared},
};

/// A host of the truths as it was loaded, with a daemon on loopback.
fn host(case: &Path) -> Snapshot {
    let argv = "-u memcache -U 0 -l 127.0.0.1".split(' ');
    let snapshot = Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_process(Process {
            argv: argv.map(str::to_owned).collect(),
            uid: Some(110),
            version: Some("1.6.45".to_owned()),
            ..Process::default()
        });
    recorded(snapshot, case)
}

/// How many hosts each check fires on, by the worst severity.
#[derive(Default)]
struct Counts(BTreeMap<(String, Severity), usize>, usize);

impl Counts {
    fn add(&mut self, snapshot: &Snapshot) {
        let Ok(report) = audit(snapshot, &Policy::new()) else { return };
        let mut worst = BTreeMap::new();
        for finding in report.findings {
            let known = worst.entry(finding.id).or_insert(finding.severity);
            *known = finding.severity.max(*known);
        }
        self.1 += 1;
        worst.into_iter().for_each(|key| *self.0.entry(key).or_default() += 1);
    }

    /// Prints them; those of at least a severity on more than a share of
    /// the hosts, in percent.
    fn loud(&self, what: &str, least: Severity, share: usize) -> Vec<String> {
        println!("{what}: {} hosts", self.1);
        for ((id, severity), count) in &self.0 {
            println!("  {id} {severity} {count}");
        }
        let all = self.0.iter().filter(|((_, severity), count)| {
            *severity >= least && **count * 100 > self.1 * share
        });
        all.map(|((id, _), _)| id.clone()).collect()
    }
}

#[test]
fn firewalls_of_all_kinds_around_a_closed_daemon_are_quiet() {
    let mut counts = Counts::default();
    for case in KINDS.into_iter().flat_map(hosts) {
        counts.add(&host(&case));
    }
    let loud = counts.loud("around loopback", Severity::Low, 20);
    assert!(loud.is_empty(), "{loud:?}");
}

/// Configurations that people published, on hosts whose firewall drops all
/// that is new from outside.
#[test]
fn published_configurations_behind_a_firewall_are_quiet() {
    const DROPS: &str = "*filter\n:INPUT DROP [0:0]\n\
        -A INPUT -i lo -j ACCEPT\n\
        -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n";
    let Some(root) = shared("corpus/memcached") else { return };
    let mut counts = Counts::default();
    for (folder, path) in [
        ("debian", "/etc/memcached.conf"),
        ("sysconfig", "/etc/sysconfig/memcached"),
        ("systemd", "/etc/systemd/system/memcached.service"),
    ] {
        for file in fs::read_dir(root.join(folder)).unwrap().flatten() {
            let Ok(text) = fs::read_to_string(file.path()) else { continue };
            counts.add(
                &Snapshot::new()
                    .with_file(path, &text)
                    .with_command("memcached -V", "memcached 1.6.45\n")
                    .with_command("iptables-save", DROPS)
                    .with_command("ip6tables-save", DROPS),
            );
        }
    }
    let loud = counts.loud("published", Severity::Medium, 20);
    assert!(loud.is_empty(), "{loud:?}");
}
