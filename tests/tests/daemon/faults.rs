//! What can go wrong while a plan is carried out: the host is then as it was.

use memsec_core::{
    Policy,
    system::{Ended, Outcome},
};
use memsec_tests::{firewall, server::Launch};
use serde_json::{Value, json};

use super::{EVERYBODY, Host};

/// A plan of these steps for this host as it is.
fn plan(host: &Host, steps: Value) -> String {
    let policy: Value = serde_json::from_str(&Policy::new().to_json()).unwrap();
    json!({
        "schema": 1, "empty": false, "steps": steps,
        "proof": { "holds": true, "claims": [] },
        "made_from": {
            "policy": policy,
            "fingerprint": host.server.snapshot().fingerprint(),
        },
    })
    .to_string()
}

fn edit(path: &str, before: Option<&str>, after: &str) -> Value {
    json!({
        "kind": "edit", "summary": "edit", "settles": [],
        "file": { "path": path, "before": before, "after": after },
    })
}

fn run(words: &[&str]) -> Value {
    json!({
        "kind": "service", "summary": "run", "settles": [], "command": words,
    })
}

fn host() -> Option<Host> {
    let host = Host::new(Launch::Debian, EVERYBODY, &firewall::NONE)?;
    host.server.write("/etc/one", "old\n");
    Some(host)
}

/// Carries steps out, of which one fails; gives the outcome.
fn undone(host: &Host, steps: Value) -> Outcome {
    let before = host.server.state();
    let plan = plan(host, steps);
    let outcome = host.server.memsec(&["apply", "0", "1"], &plan).unwrap();
    assert_eq!(outcome.state, Ended::RolledBack, "{outcome:#?}");
    host.becomes(&before);
    outcome
}

/// Steps that are refused before the first.
fn refused(host: &Host, steps: Value) -> String {
    let before = host.server.state();
    let error = host.server.memsec(&["apply"], &plan(host, steps));
    host.becomes(&before);
    host.is_finished();
    error.unwrap_err()
}

#[test]
fn a_step_that_fails_undoes_all() {
    let Some(host) = host() else { return };
    let one = edit("/etc/one", Some("old\n"), "new\n");
    let two = edit("/etc/one", Some("new\n"), "newer\n");
    let new = edit("/etc/a/b/two", None, "new\n");
    let fails = run(&["sh", "-c", "echo why; exit 3"]);
    let outcome = undone(&host, json!([one, two, new, fails]));
    let last = outcome.steps.last().unwrap();
    assert_eq!((last.exit, last.output.as_str()), (Some(3), "why\n"));
    assert_eq!(outcome.message.unwrap(), "sh: exit status: 3");
}

#[test]
fn a_command_that_hangs_is_ended() {
    let Some(host) = host() else { return };
    let one = edit("/etc/one", Some("old\n"), "new\n");
    let outcome = undone(&host, json!([one, run(&["sleep", "600"])]));
    assert_eq!(outcome.message.unwrap(), "sleep: no end after 1 s");
    let left = host.server.shell("pgrep -x sleep || true");
    assert_eq!(left, "");
}

#[test]
fn a_host_that_does_not_obey_is_undone() {
    let Some(host) = host() else { return };
    let one = edit("/etc/one", Some("old\n"), "new\n");
    let outcome = undone(&host, json!([one]));
    let message = outcome.message.unwrap();
    assert!(message.contains("still reaches"), "{message}");
}

#[test]
fn a_file_that_changed_since_is_refused() {
    let Some(host) = host() else { return };
    let one = edit("/etc/one", Some("other\n"), "new\n");
    assert!(refused(&host, json!([one])).contains("not as the plan knows"));
}

/// Somebody else's change stays, and is said.
#[test]
fn a_file_that_changes_meanwhile_is_left_and_said() {
    let Some(host) = host() else { return };
    let one = edit("/etc/one", Some("old\n"), "new\n");
    let change = run(&["sh", "-c", "echo mine >/etc/one; exit 1"]);
    let plan = plan(&host, json!([one, change]));
    let outcome = host.server.memsec(&["apply"], &plan).unwrap();
    assert_eq!(outcome.state, Ended::RollbackFailed);
    let left = &outcome.left[0];
    assert!(left.starts_with("/etc/one was changed since"), "{left}");
    assert_eq!(host.server.shell("cat /etc/one"), "mine\n");
    assert_eq!(host.server.pending(), [outcome.name.as_str()]);
    // Once it is put right by hand, the run can be finished.
    host.server.write("/etc/one", "old\n");
    let outcome = host.server.memsec(&["rollback", &outcome.name], "");
    assert_eq!(outcome.unwrap().state, Ended::RolledBack);
}

#[test]
fn a_file_system_that_cannot_be_written_is_refused() {
    let Some(host) = host() else { return };
    let one = edit("/etc/one", Some("old\n"), "new\n");
    let two = edit("/usr/lib/none", None, "new\n");
    let error = refused(&host, json!([one, two]));
    assert!(
        error.contains("Read-only") || error.contains("ReadOnly"),
        "{error}"
    );
}

#[test]
fn a_full_disk_is_refused() {
    let Some(host) = host() else { return };
    host.server.shell(
        "mkdir /etc/full && mount -t tmpfs -o size=64k full /etc/full && \
         echo old >/etc/full/two && \
         { dd if=/dev/zero of=/etc/full/fill 2>/dev/null || true; }",
    );
    let one = edit("/etc/one", Some("old\n"), "new\n");
    let two = edit("/etc/full/two", Some("old\n"), &"new\n".repeat(9000));
    let error = refused(&host, json!([one, two]));
    assert!(error.contains("No space"), "{error}");
}

/// The disk fills up while the plan is carried out, journal and all.
#[test]
fn a_disk_that_fills_up_meanwhile_does_not_bar_the_way_back() {
    let Some(host) = host() else { return };
    host.server.shell(
        "mkdir /etc/full && mount -t tmpfs -o size=256k full /etc/full && \
         echo old >/etc/full/two",
    );
    host.server.shell(
        "mkdir -p /var/lib/memsec && \
         mount -t tmpfs -o size=256k,mode=700 full /var/lib/memsec",
    );
    let two = edit("/etc/full/two", Some("old\n"), "new\n");
    let fill = "dd if=/dev/zero of=/var/lib/memsec/fill; \
                dd if=/dev/zero of=/etc/full/fill; rm -f /etc/full/fill; \
                dd if=/dev/zero of=/etc/full/fill bs=1k count=1; exit 1";
    let steps = json!([two, run(&["sh", "-c", fill])]);
    let plan = plan(&host, steps);
    let outcome = host.server.memsec(&["apply"], &plan).unwrap();
    assert_eq!(outcome.state, Ended::RolledBack, "{outcome:#?}");
    assert_eq!(host.server.shell("cat /etc/full/two"), "old\n");
}

#[test]
fn links_are_refused() {
    let Some(host) = host() else { return };
    host.server.shell("ln -s one /etc/link; ln /etc/one /etc/hard");
    let link = edit("/etc/link", Some("old\n"), "new\n");
    assert!(refused(&host, json!([link])).contains("symbolic link"));
    let hard = edit("/etc/hard", Some("old\n"), "new\n");
    assert!(refused(&host, json!([hard])).contains("hard link"));
}

/// What cannot be undone is said, with what is left to do, and the rest is
/// undone.
#[test]
fn an_undo_that_fails_is_said_and_can_be_tried_again() {
    let Some(host) = host() else { return };
    let one = edit("/etc/one", Some("old\n"), "new\n");
    let mut step = run(&["true"]);
    step["undo"] = json!({ "command": ["test", "-e", "/etc/it works"] });
    let plan = plan(&host, json!([one, step, run(&["false"])]));
    let outcome = host.server.memsec(&["apply"], &plan).unwrap();
    assert_eq!(outcome.state, Ended::RollbackFailed);
    assert_eq!(outcome.left[0], "run: test -e /etc/it works");
    assert!(outcome.left[1].starts_with("run: sh /var/lib/memsec/"));
    assert_eq!(host.server.shell("cat /etc/one"), "old\n");
    host.server.write("/etc/it works", "");
    let outcome = host.server.memsec(&["rollback", &outcome.name], "");
    assert_eq!(outcome.unwrap().state, Ended::RolledBack);
}

/// A command that outlives memsec ends before anything is undone.
#[test]
fn a_command_does_not_outlive_the_way_back() {
    let Some(host) = host() else { return };
    let before = host.server.state();
    let one = edit("/etc/one", Some("old\n"), "new\n");
    let script = "kill -9 $PPID; sleep 3; echo late >/etc/one; sleep 600";
    let plan = plan(&host, json!([one, run(&["sh", "-c", script])]));
    let killed = host.server.memsec(&["apply", "0", "1"], &plan);
    killed.unwrap_err();
    assert_eq!(host.server.pending().len(), 1);
    host.is_finished();
    host.becomes(&before);
    assert_eq!(host.server.shell("pgrep -x sleep || true"), "");
}
