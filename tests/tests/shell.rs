//! A plan's shell script, run for real on files of a temporary directory.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use memsec_core::{Plan, Render};
use serde_json::{Value, json};
use tempfile::TempDir;

fn plan(steps: Value) -> Plan {
    let plan = json!({
        "schema": 1, "empty": false, "steps": steps,
        "proof": { "holds": true, "claims": [] },
    });
    Plan::from_json("plan", &plan.to_string()).unwrap()
}

fn edit(path: &Path, before: Option<&str>, after: &str) -> Value {
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

/// Runs the script; whether it went well.
fn sh(steps: Value) -> bool {
    let script = plan(steps).render(Render::Shell).unwrap();
    let shell = Command::new("sh").arg("-c").arg(script).output().unwrap();
    shell.status.success()
}

fn directory_with(text: &str) -> (TempDir, std::path::PathBuf) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("it's a file.conf");
    fs::write(&file, text).unwrap();
    (directory, file)
}

#[test]
fn a_file_is_written_byte_for_byte() {
    let (_directory, file) = directory_with("old\n");
    let text = "it's $HOME `id` \\n %s \"x\"\r\n\n# no last line feed";
    assert!(sh(json!([edit(&file, Some("old\n"), text)])));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn the_mode_of_a_file_stays() {
    let (_directory, file) = directory_with("old\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(sh(json!([edit(&file, Some("old\n"), "new\n")])));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn a_link_stays_one() {
    let (directory, file) = directory_with("old\n");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(sh(json!([edit(&link, Some("old\n"), "new\n")])));
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "new\n");
}

#[test]
fn a_directory_that_is_missing_is_made() {
    let (directory, _file) = directory_with("");
    let new = directory.path().join("a/b");
    assert!(sh(json!([edit(&new, None, "new\n")])));
    assert_eq!(fs::read_to_string(new).unwrap(), "new\n");
}

#[test]
fn a_file_that_changed_since_stops_it_before_the_first_step() {
    let (directory, file) = directory_with("changed\n");
    let first = directory.path().join("first");
    let steps =
        json!([edit(&first, None, "x"), edit(&file, Some("old\n"), "new\n")]);
    assert!(!sh(steps));
    assert!(!first.exists());
    assert_eq!(fs::read_to_string(&file).unwrap(), "changed\n");
}

#[test]
fn a_step_that_fails_undoes_those_before_it() {
    let (directory, file) = directory_with("old\n");
    let new = directory.path().join("new");
    let steps = json!([
        edit(&file, Some("old\n"), "new\n"),
        edit(&new, None, "x"),
        run(&["false"]),
    ]);
    assert!(!sh(steps));
    assert_eq!(fs::read_to_string(&file).unwrap(), "old\n");
    assert!(!new.exists());
}

#[test]
fn a_rule_that_was_there_stays() {
    let (directory, rule) = directory_with("");
    let other = directory.path().join("other");
    let add = |path: &Path| {
        json!({
            "kind": "manager", "summary": "add", "settles": [],
            "command": ["touch", path], "check": { "command": ["test", "-e", path] },
            "undo": { "command": ["rm", path] },
        })
    };
    assert!(!sh(json!([add(&rule), add(&other), run(&["false"])])));
    assert!(rule.exists() && !other.exists());
}

#[test]
fn a_unit_is_disabled_before_it_is_removed() {
    let (directory, _file) = directory_with("");
    let [unit, link] = ["unit", "link"].map(|n| directory.path().join(n));
    let mut step = edit(&unit, None, "x");
    step["kind"] = json!("persist");
    step["command"] = json!(["ln", "-s", &unit, &link]);
    step["undo"] = json!({ "command": [
        "sh", "-c", "test -e \"$1\" && rm \"$2\"", "sh", &unit, &link,
    ]});
    assert!(!sh(json!([step, run(&["false"])])));
    assert!(!unit.exists() && !link.is_symlink());
}

#[test]
fn a_check_that_fails_is_a_step_that_fails() {
    let (_directory, file) = directory_with("old\n");
    let mut step = edit(&file, Some("old\n"), "new\n");
    step["check"] = json!({ "command": ["false"] });
    assert!(!sh(json!([step])));
    assert_eq!(fs::read_to_string(&file).unwrap(), "old\n");
}

#[test]
fn it_can_be_run_again() {
    let (_directory, file) = directory_with("old\n");
    let steps = json!([edit(&file, Some("old\n"), "new\n"), run(&["true"])]);
    assert!(sh(steps.clone()) && sh(steps));
    assert_eq!(fs::read_to_string(&file).unwrap(), "new\n");
}

#[test]
fn no_other_file_is_left_behind() {
    let (directory, file) = directory_with("old\n");
    assert!(sh(json!([edit(&file, Some("old\n"), "new\n")])));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_plan_that_is_not_proved_has_no_script() {
    let json = json!({
        "schema": 1, "empty": false, "steps": [],
        "proof": { "holds": false, "claims": [{
            "claim": "only-allowed", "holds": false,
            "witness": { "message": "192.0.2.1 could still get in" },
        }]},
    });
    let plan = Plan::from_json("plan", &json.to_string()).unwrap();
    for form in [Render::Diff, Render::Shell, Render::Nft] {
        assert_eq!(
            plan.render(form).unwrap_err().to_string(),
            "the plan is refused: 192.0.2.1 could still get in"
        );
    }
    assert!(plan.render(Render::Text).unwrap().contains("NOT proved"));
}
