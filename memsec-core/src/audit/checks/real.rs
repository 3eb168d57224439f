//! What the checks say of hosts that are set up as people set them up: a
//! check that fires on nearly all of them says nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{Policy, Severity, Snapshot, audit, snapshot::Process};

fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/");
    let path = PathBuf::from(root).join(path);
    if !path.exists() {
        println!("skipped: no ../shared");
        return None;
    }
    Some(path)
}

const ADDRESSES: &str = r#"[
 {"ifname":"lo","link_type":"loopback","addr_info":[
  {"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
 {"ifname":"eth0","addr_info":[{"local":"192.0.2.10","prefixlen":24},
  {"local":"2001:db8:1::10","prefixlen":64}]},
 {"ifname":"eth1","addr_info":[{"local":"10.20.0.10","prefixlen":24},
  {"local":"fd00:20::10","prefixlen":64}]}]"#;

/// A host of the truths as it was loaded, with a daemon on loopback.
fn host(case: &Path) -> Snapshot {
    let argv = "-u memcache -U 0 -l 127.0.0.1".split(' ');
    let mut snapshot = Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_process(Process {
            argv: argv.map(str::to_owned).collect(),
            uid: Some(110),
            version: Some("1.6.45".to_owned()),
            ..Process::default()
        });
    for (file, command) in [
        ("iptables-save.txt", "iptables-save"),
        ("ip6tables-save.txt", "ip6tables-save"),
        ("ipset-save.txt", "ipset save"),
        ("nft.json", "nft -j list ruleset"),
    ] {
        if let Ok(text) = fs::read_to_string(case.join(file)) {
            snapshot = snapshot.with_command(command, &text);
        }
    }
    snapshot
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
    let Some(root) = shared("truth/hosts") else { return };
    let mut counts = Counts::default();
    for kind in fs::read_dir(root).unwrap().flatten() {
        let cases = fs::read_dir(kind.path()).into_iter().flatten();
        for case in cases.flatten().map(|case| case.path()) {
            counts.add(&host(&case));
        }
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
