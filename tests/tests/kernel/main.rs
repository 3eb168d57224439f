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
mod shrink;

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use case::Case;
use compare::{Model, Standing};
use fastrand::Rng;
use memsec_core::net::Family;
use memsec_tests::requirements;
use oracle::{Fate, Load, Oracle, SETUPS, Tool};
use packets::Named;

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

/// How many verdicts are compared: of a developer's run, and of CI's.
const AMOUNTS: [u64; 2] = [200_000, 2_000_000];

/// How many packets are sent to each rule set.
const PACKETS: usize = 500;

/// Threads, each with a host: a tool that loads rules mostly waits.
const WORKERS: usize = 8;

/// The smallest share of answers that must be certain, in percent.
const CERTAIN: u64 = 95;

/// Contradictions after which a run ends.
fn enough() -> usize {
    env::var("MEMSEC_KERNEL_ENOUGH")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10)
}

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
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    let amount =
        number("MEMSEC_KERNEL_VERDICTS").unwrap_or(AMOUNTS[usize::from(ci)]);
    let seed =
        number("MEMSEC_KERNEL_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("MEMSEC_KERNEL_SEED={seed} MEMSEC_KERNEL_VERDICTS={amount}");
    let run = Run { seed, amount, ..Run::default() };
    let began = Instant::now();
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let run = &run;
            scope.spawn(move || run.work(worker));
        }
    });
    run.report(began.elapsed().as_secs_f64());
}

/// A run with random rules.
#[derive(Default)]
struct Run {
    seed: u64,
    amount: u64,
    rule_sets: AtomicU64,
    compared: AtomicU64,
    certain: AtomicU64,
    wrong: AtomicU64,
    micros: [AtomicU64; 3],
    fates: Mutex<BTreeMap<&'static str, u64>>,
    unloadable: Mutex<Vec<String>>,
    contradictions: Mutex<Vec<String>>,
}

impl Run {
    fn work(&self, worker: usize) {
        let setup = SETUPS[worker % SETUPS.len()];
        let mut oracle = Oracle::new(setup).expect("a host");
        let mut number = worker as u64;
        while self.compared.load(Relaxed) < self.amount
            && self.contradictions.lock().expect("no panic").len() < enough()
        {
            number += WORKERS as u64;
            self.rule_sets.fetch_add(1, Relaxed);
            let mut rng = Rng::with_seed(self.seed.wrapping_add(number));
            let loads = rules::random(&mut rng);
            let title = format!("seed {} rule set {number}", self.seed);
            let case = Case { shows: title, setup, loads, packets: Vec::new() };
            self.compare(&mut oracle, &mut rng, case);
        }
    }

    fn compare(&self, oracle: &mut Oracle, rng: &mut Rng, case: Case) {
        let began = Instant::now();
        let text = rng.bool();
        let shown = oracle.load(&case.loads);
        let snapshot = match shown.and_then(|()| oracle.snapshot(text)) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                let mut list = self.unloadable.lock().expect("no panic");
                list.push(format!("{error}\n{case}"));
                return;
            }
        };
        let named = Named::new(&case.loads);
        let families = families(&case.loads);
        let packets: Vec<_> =
            (0..PACKETS).map(|_| named.packet(rng, families)).collect();
        let loaded = Instant::now();
        let fates = oracle.ask(&packets);
        let asked = Instant::now();
        let model = match Model::new(snapshot) {
            Ok(model) => model,
            Err(error) => {
                let found = format!("{error}\n{case}");
                self.contradictions.lock().expect("no panic").push(found);
                return;
            }
        };
        let mut certain = 0;
        let mut wrong = Vec::new();
        for (packet, fate) in packets.iter().zip(&fates) {
            match model.standing(packet, *fate) {
                Standing::Certain => certain += 1,
                Standing::Possible => {}
                Standing::Contradiction(_) => wrong.push(packet.clone()),
            }
        }
        let spans = [loaded - began, asked - loaded, asked.elapsed()];
        for (sum, span) in self.micros.iter().zip(spans) {
            sum.fetch_add(span.as_micros() as u64, Relaxed);
        }
        self.compared.fetch_add(packets.len() as u64, Relaxed);
        self.certain.fetch_add(certain, Relaxed);
        self.count(&fates);
        self.wrong.fetch_add(wrong.len() as u64, Relaxed);
        if let Some(small) = shrink::smallest(oracle, &case, wrong, text) {
            let found = small.to_string();
            self.contradictions.lock().expect("no panic").push(found);
        }
    }

    fn count(&self, fates: &[Fate]) {
        let mut counts = self.fates.lock().expect("no panic");
        for fate in fates {
            *counts.entry(case::word(*fate)).or_default() += 1;
        }
    }

    fn report(self, seconds: f64) {
        let [compared, certain, wrong, rule_sets] =
            [self.compared, self.certain, self.wrong, self.rule_sets]
                .map(AtomicU64::into_inner);
        let [load, ask, model] = self.micros.map(AtomicU64::into_inner);
        let fates = self.fates.into_inner().expect("no panic");
        let unloadable = self.unloadable.into_inner().expect("no panic");
        let contradictions =
            self.contradictions.into_inner().expect("no panic");
        println!(
            "{compared} verdicts of {rule_sets} rule sets in {seconds:.1} s \
             ({:.0} a second), {:.2} % certain, {wrong} contradictions, {fates:?}; {} rule sets did \
             not load; a verdict took {:.1} us to load, {:.1} us in the \
             kernel, {:.1} us in the model",
            compared as f64 / seconds,
            certain as f64 * 100.0 / compared as f64,
            unloadable.len(),
            load as f64 / compared as f64,
            ask as f64 / compared as f64,
            model as f64 / compared as f64,
        );
        if let Some(first) = unloadable.first() {
            println!("the first that did not load: {first}");
        }
        for contradiction in &contradictions {
            println!("{contradiction}");
        }
        assert!(contradictions.is_empty(), "the model contradicts the kernel");
        assert!(unloadable.len() as u64 * 50 <= rule_sets, "too few load");
        assert!(certain * 100 >= compared * CERTAIN, "too few are certain");
    }
}

/// The families that rules are about.
fn families(loads: &[Load]) -> &'static [Family] {
    let six = |tool| matches!(tool, Tool::Ip6tables | Tool::Ip6tablesLegacy);
    let mut tools = loads.iter().map(|load| load.tool);
    let v6 = tools.clone().any(six);
    if tools.clone().any(|tool| tool == Tool::Nft) || v6 {
        return match tools
            .any(|t| matches!(t, Tool::Iptables | Tool::IptablesLegacy))
            || !v6
        {
            true => &[Family::Ipv4, Family::Ipv4, Family::Ipv6],
            false => &[Family::Ipv6],
        };
    }
    &[Family::Ipv4]
}
