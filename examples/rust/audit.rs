//! Who can reach memcached, and what would make the answer right.
//!
//! `cargo run --example audit` is about the sample host in `examples/host`;
//! with `-- --this-host`, as root, it is about yours. Nothing is changed.

use std::env;

use memsec_core::{Error, Policy, Render, Snapshot, audit, system};

const SNAPSHOT: &str = include_str!("../host/snapshot.json");
const POLICY: &str = include_str!("../host/policy.json");

fn main() -> Result<(), Error> {
    let (snapshot, policy) = match env::args().nth(1).as_deref() {
        Some("--this-host") => (system::collect()?, Policy::new()),
        _ => (
            Snapshot::from_json("snapshot.json", SNAPSHOT)?,
            Policy::from_json("policy.json", POLICY)?,
        ),
    };

    let report = audit(&snapshot, &policy)?;
    println!("{report}");

    let plan = report.plan();
    println!("{}", plan.render(Render::Text)?);
    if plan.proof.holds {
        println!("{}", plan.render(Render::Diff)?);
    }
    Ok(())
}
