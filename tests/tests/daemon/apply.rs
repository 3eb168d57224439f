//! Plans carried out by memsec itself, confirmed and undone.

use std::{
    thread,
    time::{Duration, Instant},
};

use memsec_core::{
    Policy, Proto,
    system::{Ended, StepStatus},
};
use memsec_tests::{
    client::{ALLOWED, Addresses, OTHER, SERVER},
    firewall::{self, Firewall},
    server::Launch,
};

use super::{EVERYBODY, Host, remote, watch};

/// Listens where it should, so that no plan has to restart it.
const BOUND: &str = "-l 192.0.2.10,2001:db8:1::10";

fn there_and_back(launch: Launch, firewall: &Firewall, policy: &Policy) {
    if let Some(host) = Host::new(launch, EVERYBODY, firewall) {
        goes_there_and_back(&host, policy);
    }
}

/// Applies, plans again, undoes: nothing to do, and then what it was.
pub fn goes_there_and_back(host: &Host, policy: &Policy) {
    let before = host.server.state();
    let plan = host.report(policy).plan().to_json();
    let mut shut_out = vec![OTHER];
    shut_out.extend(policy.allow.is_empty().then_some(ALLOWED));
    let mut name = String::new();
    watch::during(&host.clients, ALLOWED, &shut_out, || {
        let outcome = host.server.memsec(&["apply"], &plan).unwrap();
        assert_eq!(outcome.state, Ended::Confirmed, "{outcome:#?}");
        let done =
            |status| matches!(status, StepStatus::Done | StepStatus::Skipped);
        assert!(outcome.steps.iter().all(|step| done(step.status)));
        name = outcome.name;
    });
    host.expect(OTHER, Proto::Tcp, false, policy);
    let again = host.report(policy).plan();
    assert!(again.empty, "there is more to do:\n{}", again.to_json());
    let stale = host.server.memsec(&["apply"], &plan).unwrap_err();
    assert!(stale.contains("changed since the plan was made"), "{stale}");

    let outcome = host.server.memsec(&["rollback", &name], "").unwrap();
    assert_eq!(outcome.state, Ended::RolledBack, "{outcome:#?}");
    host.becomes(&before);
    assert!(host.server.pending().is_empty());
}

#[test]
fn debian_there_and_back_no_firewall() {
    there_and_back(Launch::Debian, &firewall::NONE, &remote());
}

#[test]
fn debian_there_and_back_rules_that_reject() {
    there_and_back(Launch::Debian, &firewall::REJECT, &remote());
}

#[test]
fn sysconfig_there_and_back_policy_that_drops() {
    there_and_back(Launch::Sysconfig, &firewall::DROP, &remote());
}

#[test]
fn sysconfig_there_and_back_local_only() {
    there_and_back(Launch::Sysconfig, &firewall::OPENED, &Policy::new());
}

/// Nobody gets in for a moment, and the allowed client is never refused,
/// while a plan is carried out, confirmed and undone.
#[test]
fn there_is_no_window() {
    let Some(host) = Host::new(Launch::Debian, BOUND, &firewall::NONE) else {
        return;
    };
    let policy = remote();
    let plan = host.report(&policy).plan().to_json();
    let mut name = String::new();
    let work = || {
        let outcome = host.server.memsec(&["apply", "60"], &plan).unwrap();
        assert_eq!(outcome.state, Ended::Waiting, "{outcome:#?}");
        name = outcome.name;
        let outcome = host.server.memsec(&["confirm", &name], "").unwrap();
        assert_eq!(outcome.state, Ended::Confirmed, "{outcome:#?}");
    };
    let shut = || watch::during(&host.clients, ALLOWED, &[OTHER], work);
    let tries = watch::never_fails(&host.clients, ALLOWED, shut);
    let back = || {
        let outcome = host.server.memsec(&["rollback", &name], "").unwrap();
        assert_eq!(outcome.state, Ended::RolledBack, "{outcome:#?}");
    };
    let undone = watch::never_fails(&host.clients, ALLOWED, back);
    println!("windows: 0; of {} connections 0 lost", tries + undone);
}

/// Where the host's own rules kept a client out, every step does, there and
/// back.
#[test]
fn who_was_kept_out_never_gets_in() {
    never_gets_in(&firewall::REJECT, &remote(), &[OTHER]);
}

#[test]
fn who_was_dropped_never_gets_in() {
    never_gets_in(&firewall::DROP, &remote(), &[OTHER]);
}

#[test]
fn nobody_gets_in_where_nobody_may() {
    never_gets_in(&firewall::DROP, &Policy::new(), &[ALLOWED, OTHER]);
}

fn never_gets_in(firewall: &Firewall, policy: &Policy, out: &[Addresses]) {
    let host = Host::new(Launch::Debian, EVERYBODY, firewall);
    let Some(host) = host else { return };
    let plan = host.report(policy).plan().to_json();
    let work = || {
        let outcome = host.server.memsec(&["apply", "60"], &plan).unwrap();
        assert_eq!(outcome.state, Ended::Waiting, "{outcome:#?}");
        let name = outcome.name;
        let outcome = host.server.memsec(&["confirm", &name], "").unwrap();
        assert_eq!(outcome.state, Ended::Confirmed, "{outcome:#?}");
        let outcome = host.server.memsec(&["rollback", &name], "").unwrap();
        assert_eq!(outcome.state, Ended::RolledBack, "{outcome:#?}");
        thread::sleep(Duration::from_millis(300));
    };
    let shut = || watch::during(&host.clients, ALLOWED, out, work);
    let tries = watch::nobody_gets_in(&host.clients, out, shut);
    println!("windows: 0 in {tries} tries to get in");
}

#[test]
fn what_is_not_confirmed_in_time_is_undone() {
    let Some(host) = Host::new(Launch::Debian, BOUND, &firewall::NONE) else {
        return;
    };
    let before = host.server.state();
    let plan = host.report(&remote()).plan().to_json();
    let outcome = host.server.memsec(&["apply", "10"], &plan).unwrap();
    assert_eq!(outcome.state, Ended::Waiting, "{outcome:#?}");
    let busy = host.server.memsec(&["apply"], &plan).unwrap_err();
    assert!(busy.contains("Busy"), "{busy}");
    assert_eq!(host.server.pending(), [outcome.name.as_str()]);
    host.becomes(&before);
    host.is_finished();
    let late = host.server.memsec(&["confirm", &outcome.name], "");
    assert!(late.unwrap_err().contains("not waiting"));
    host.await_daemon(SERVER);
}

#[test]
fn what_is_confirmed_stays() {
    let Some(host) = Host::new(Launch::Debian, BOUND, &firewall::NONE) else {
        return;
    };
    let plan = host.report(&remote()).plan().to_json();
    let outcome = host.server.memsec(&["apply", "1"], &plan).unwrap();
    let outcome = host.server.memsec(&["confirm", &outcome.name], "").unwrap();
    assert_eq!(outcome.state, Ended::Confirmed, "{outcome:#?}");
    let after = host.server.state();
    assert!(!after.contains("/.memsec-"), "{after}");
    assert!(!after.contains("-boot.service"), "{after}");
    thread::sleep(Duration::from_millis(2500));
    host.becomes(&after);
}

/// That a connection lives which was open before proves nothing: neither the
/// one that applied, nor another.
#[test]
fn only_a_new_connection_can_confirm() {
    let Some(host) = Host::new(Launch::Debian, BOUND, &firewall::NONE) else {
        return;
    };
    host.server.write("/tmp/plan", &host.report(&remote()).plan().to_json());
    let refused = host.server.shell(
        "cp /bin/sh /tmp/sshd
        mkfifo /tmp/go /tmp/said
        /tmp/sshd -c 'read go </tmp/go
            /run/run confirm $(/run/run pending) >/tmp/said 2>&1
            true' </dev/null >/dev/null 2>&1 &
        /tmp/sshd -c '
            /run/run apply 60 </tmp/plan >/tmp/outcome
            /run/run confirm $(/run/run pending) 2>&1 || true'
        echo >/tmp/go
        cat /tmp/said",
    );
    let times = refused.matches("from a new connection").count();
    assert_eq!(times, 2, "{refused}");
    let confirmed = host.server.shell(
        "/tmp/sshd -c '/run/run confirm $(/run/run pending) 2>&1 || true'",
    );
    assert!(confirmed.contains("\"confirmed\""), "{confirmed}");
}

/// Without the process and its watcher, as after a power cut: the unit that
/// systemd would start at boot undoes what was begun.
#[test]
fn a_boot_undoes_what_was_cut_off() {
    let Some(host) = Host::new(Launch::Debian, BOUND, &firewall::NONE) else {
        return;
    };
    let before = host.server.state();
    let plan = host.report(&remote()).plan().to_json();
    let outcome = host.server.memsec(&["apply", "2"], &plan).unwrap();
    assert_eq!(outcome.state, Ended::Waiting, "{outcome:#?}");
    let name = &outcome.name;
    host.server.shell(&format!("kill -9 $(cat /var/lib/memsec/{name}/armed)"));
    let unit = format!("memsec-{name}-boot.service");
    host.server.shell(&format!(
        "test -L /etc/systemd/system/multi-user.target.wants/{unit} && \
         systemctl start {unit}"
    ));
    host.is_finished();
    host.becomes(&before);
}

impl Host {
    /// Waits until all that a plan can change is as it says.
    pub fn becomes(&self, state: &str) {
        self.server.becomes(state).unwrap_or_else(|what| panic!("{what}"));
    }

    /// Waits until no run is pending.
    pub fn is_finished(&self) {
        let start = Instant::now();
        while !self.server.pending().is_empty() {
            assert!(start.elapsed() < Duration::from_secs(30));
            thread::sleep(Duration::from_millis(20));
        }
    }
}
