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

/// How many verdicts are compared if nothing else is said; CI says more.
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
    for entry in fs::read_dir(cases).expect("the cases are there") {
        let path = entry.expect("it is readable").path();
        let text = fs::read_to_string(&path).expect("a case is text");
        let name = path.display().to_string();
        // A host takes its thread with it into its network.
        thread::scope(|scope| {
            scope.spawn(|| replay(&name, &text)).join().expect("no panic");
        });
    }
}

fn replay(name: &str, text: &str) {
    let case = Case::read(text).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut oracle = Oracle::new(case.setup).expect("a host");
    oracle.load(&case.loads).unwrap_or_else(|e| panic!("{name}: {e}"));
    let models = [false, true].map(|text| {
        Model::new(oracle.snapshot(text).expect("the tools show rules"))
            .unwrap_or_else(|e| panic!("{name}: {e}"))
    });
    for (expected, packet) in &case.packets {
        let fate = oracle.ask(std::slice::from_ref(packet))[0];
        assert_eq!(case::word(fate), expected, "{name}: the kernel");
        for model in &models {
            let standing = model.standing(packet, fate);
            assert_eq!(standing, Standing::Certain, "{name}: {packet:?}");
        }
    }
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
