//! The model beside the kernel: random rules are loaded into network
//! namespaces, random packets are put on their wires, and what becomes of
//! each must be what the model says.
//!
//! `MEMSEC_KERNEL_VERDICTS` says how many verdicts are compared,
//! `MEMSEC_KERNEL_SEED` with which seed.

mod case;
mod compare;
mod oracle;
mod packets;
mod rules;
mod run;
mod shrink;

use std::{env, fs, path::Path, thread};

use case::Case;
use compare::{Model, Standing};
use memsec_tests::requirements;
use oracle::Oracle;
use run::Run;

const PROGRAMS: [&str; 9] = [
    "unshare",
    "ip",
    "nft",
    "ipset",
    "sysctl",
    "iptables-nft-restore",
    "iptables-nft-save",
    "iptables-legacy-restore",
    "iptables-legacy-save",
];

/// How many verdicts are compared if nothing else is said; CI says more
/// (tests/run).
const VERDICTS: u64 = 200_000;

fn ready() -> bool {
    requirements::met(&PROGRAMS) && requirements::met_device("/dev/net/tun")
}

#[test]
fn cases_come_out_as_they_are_written() {
    if !ready() {
        return;
    }
    let cases =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel/cases");
    let mut complaints = Vec::new();
    for entry in fs::read_dir(cases).expect("the cases are there") {
        let path = entry.expect("it is readable").path();
        let text = fs::read_to_string(&path).expect("a case is text");
        // A host takes its thread with it into its network.
        let found = thread::scope(|scope| {
            scope.spawn(|| replay(&text)).join().expect("no panic")
        });
        let found = found.unwrap_or_else(|error| vec![error]);
        let name = path.display();
        complaints.extend(found.iter().map(|what| format!("{name}: {what}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// What is not as a case says, of the kernel or of the model, which reads
/// the rules of nft as JSON and as text.
fn replay(text: &str) -> Result<Vec<String>, String> {
    let case = Case::read(text)?;
    let mut oracle = Oracle::new(case.setup)?;
    oracle.load(&case.loads)?;
    let models = [
        Model::new(oracle.snapshot(false)?)?,
        Model::new(oracle.snapshot(true)?)?,
    ];
    let mut complaints = Vec::new();
    for (expected, packet) in &case.packets {
        let fate = oracle.ask(std::slice::from_ref(packet))[0];
        if case::word(fate) != expected {
            complaints.push(format!("the kernel: {fate:?}: {packet:?}"));
        }
        for model in &models {
            match model.standing(packet, fate) {
                Standing::Certain => {}
                other => complaints.push(format!("{other:?}: {packet:?}")),
            }
        }
    }
    Ok(complaints)
}

#[test]
fn the_model_agrees_with_the_kernel() {
    if !ready() {
        return;
    }
    let number = |name| env::var(name).ok()?.parse().ok();
    let amount = number("MEMSEC_KERNEL_VERDICTS").unwrap_or(VERDICTS);
    let seed =
        number("MEMSEC_KERNEL_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("MEMSEC_KERNEL_SEED={seed} MEMSEC_KERNEL_VERDICTS={amount}");
    Run::new(seed, amount).finish();
}
