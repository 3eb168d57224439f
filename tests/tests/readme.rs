//! What the README shows is what the sample host gives.

use memsec_core::{Policy, Snapshot, audit, checks};

const README: &str = include_str!("../../README.md");
const SNAPSHOT: &str = include_str!("../../examples/host/snapshot.json");
const POLICY: &str = include_str!("../../examples/host/policy.json");

#[test]
fn its_screen_is_the_report_of_the_sample_host() {
    let snapshot = Snapshot::from_json("snapshot.json", SNAPSHOT).unwrap();
    let policy = Policy::from_json("policy.json", POLICY).unwrap();
    let report = audit(&snapshot, &policy).unwrap();
    let plan = report.plan().render(memsec_core::Render::Text).unwrap();
    let screen = format!("```text\n{report}\n{plan}```\n");
    assert!(README.contains(&screen), "put this there:\n{screen}");
}

#[test]
fn its_table_names_every_check() {
    for check in checks() {
        let row = format!("| {} | {} |", check.id, check.title);
        assert!(README.contains(&row), "put this there:\n{row}");
    }
    let rows = README.matches("| MEMSEC-").count();
    assert_eq!(rows, checks().len());
}
