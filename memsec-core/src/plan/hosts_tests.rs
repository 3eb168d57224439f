//! Plans for every host of the truths: each holds, or says exactly what
//! stands in the way.

use std::collections::BTreeMap;

use super::*;
use crate::{
    audit,
    managers::asked_truth::snapshot,
    truth::{self, KINDS, ROUTES},
};

const POLICIES: [(&str, &[&str]); 3] = [
    ("local", &[]),
    ("client", &["192.0.2.20"]),
    ("both", &["10.20.0.0/24", "2001:db8:1::/64"]),
];

const CONF: &str = "-m 64\n-p 11211\n-u memcache\n-l 0.0.0.0\n-U 11211\n";

/// Every host, with a daemon that a file of Debian starts.
pub(super) fn hosts() -> Vec<(String, Snapshot)> {
    let mut all = Vec::new();
    for kind in KINDS {
        for case in truth::hosts(kind) {
            let name = case.file_name().unwrap().to_str().unwrap();
            let mut host = snapshot(&case, kind)
                .with_file("/etc/memcached.conf", CONF)
                .with_file("/etc/passwd", "memcache:x:110:110::/:/bin/false\n")
                .with_command("memcached -V", "memcached 1.6.18\n");
            for (command, routes) in ROUTES {
                host = host.with_command(command, routes);
            }
            host.processes.clear();
            let host = truth::bridged(host, &case);
            all.push((format!("{kind}/{name}"), host));
        }
    }
    all
}

pub(super) fn policies() -> impl Iterator<Item = (&'static str, Policy)> {
    POLICIES.into_iter().map(|(name, nets)| {
        let nets = nets.iter().map(|net| net.parse().unwrap());
        (name, nets.fold(Policy::new(), Policy::allow))
    })
}

/// How the plans of all hosts came out.
#[derive(Default)]
struct Score {
    held: BTreeMap<&'static str, usize>,
    /// Held by the independent checker as well; refuted; not read by it.
    checked: usize,
    refuted: Vec<String>,
    not_read: Vec<String>,
    refused: Vec<String>,
}

impl Score {
    fn add(&mut self, name: &str, called: &'static str, plan: &Plan) {
        let fails = plan.proof.claims.iter().find(|claim| !claim.holds);
        if let Some(claim) = fails {
            let why = claim.witness.as_ref().map(|why| why.message.as_str());
            let why = why.unwrap_or_default();
            let kind = claim.claim;
            self.refused.push(format!("{name} {called}: {kind:?}: {why}"));
            return;
        }
        *self.held.entry(called).or_default() += 1;
        match plan.verify(None) {
            Ok(found) if found.holds => self.checked += 1,
            Ok(found) => {
                let why = found.reason().unwrap_or_default();
                self.refuted.push(format!("{name} {called}: {why}"));
            }
            Err(why) => self.not_read.push(format!("{name} {called}: {why}")),
        }
    }

    fn print(&self, hosts: usize) {
        println!(
            "{hosts} hosts: held {:?}, {} refused; by the checker {} held, \
             {} refuted, {} not read",
            self.held,
            self.refused.len(),
            self.checked,
            self.refuted.len(),
            self.not_read.len()
        );
        for (what, lines) in [
            ("refused", &self.refused),
            ("refuted", &self.refuted),
            ("not read", &self.not_read),
        ] {
            for line in lines {
                println!("  {what} {line:.300}");
            }
        }
    }
}

/// One host of 24, or with `MEMSEC_ALL_HOSTS` every one whose name has it, or
/// all for 1: a build without optimisation takes minutes for those.
#[test]
fn every_host_can_be_hardened_or_says_why_not() {
    let wanted = std::env::var("MEMSEC_ALL_HOSTS").ok();
    let named = wanted.as_deref().filter(|name| *name != "1");
    let mut hosts = hosts();
    hosts.retain(|(name, _)| named.is_none_or(|part| name.contains(part)));
    let some = hosts.iter().step_by(if wanted.is_some() { 1 } else { 24 });
    let mut score = Score::default();
    for (name, host) in some.clone() {
        for (called, policy) in policies() {
            let plan = audit(host, &policy).unwrap().plan();
            score.add(name, called, &plan);
        }
    }
    score.print(some.count());
    // What the proof holds the checker never refutes.
    assert!(score.refuted.is_empty());
    // Nobody but this host can always be had.
    assert!(score.refused.iter().all(|line| !line.contains(" local: ")));
}
