//! The committed JSON Schemas are those of the types. After a change:
//! `MEMSEC_BLESS=1 cargo test -p memsec-tests --test schema`.

use std::{fs, path::PathBuf};

use memsec_core::{
    Difference, Explanation, Packet, Plan, Policy, Report, Snapshot,
    Verification, system::Outcome,
};
use schemars::{Schema, schema_for};

fn check(name: &str, schema: &Schema) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../memsec-core/schema")
        .join(format!("{name}.json"));
    let made = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("MEMSEC_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &made).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(committed, made, "{name}: run this with MEMSEC_BLESS=1");
}

macro_rules! schemas {
    ($($name:ident: $type:ty;)*) => {$(
        #[test]
        fn $name() {
            check(stringify!($name), &schema_for!($type));
        }
    )*};
}

schemas! {
    difference: Difference;
    explanation: Explanation;
    outcome: Outcome;
    packet: Packet;
    plan: Plan;
    policy: Policy;
    report: Report;
    snapshot: Snapshot;
    verification: Verification;
}
