//! A run with random rules.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use memsec_core::{Packet, Snapshot, net::Family};

use crate::{
    case::{Case, word},
    compare::{Model, Standing},
    oracle::{Fate, Load, Oracle, SETUPS, Tool},
    packets::Named,
    rules, shrink,
};

/// How many packets are sent to each rule set.
const PACKETS: usize = 2000;

/// Threads, each with a host: a tool that loads rules mostly waits.
const WORKERS: usize = 8;

/// The smallest share of answers that must be certain, in percent.
const CERTAIN: u64 = 95;

/// Contradictions after which a run ends.
const ENOUGH: usize = 10;

/// How many rule sets may not load: one in so many.
const UNLOADABLE: u64 = 20;

/// A run.
pub struct Run {
    seed: u64,
    amount: u64,
    enough: AtomicBool,
    found: Mutex<Found>,
}

/// What a run finds.
#[derive(Default)]
struct Found {
    rule_sets: u64,
    compared: u64,
    certain: u64,
    wrong: u64,
    /// The time in tools, in the kernel and in the model, of all threads.
    spans: [Duration; 3],
    fates: BTreeMap<&'static str, u64>,
    unloadable: Vec<String>,
    contradictions: Vec<String>,
}

impl Run {
    /// A run that compares so many verdicts.
    pub fn new(seed: u64, amount: u64) -> Self {
        let (enough, found) = Default::default();
        Self { seed, amount, enough, found }
    }

    /// Runs, tells what it found, and fails if that is not good.
    pub fn finish(self) {
        let began = Instant::now();
        thread::scope(|scope| {
            for worker in 0..WORKERS {
                let run = &self;
                scope.spawn(move || run.work(worker));
            }
        });
        let seconds = began.elapsed().as_secs_f64();
        self.found.into_inner().expect("no panic").judge(seconds);
    }

    fn work(&self, worker: usize) {
        let setup = SETUPS[worker % SETUPS.len()];
        let mut oracle = Oracle::new(setup).expect("a host");
        let numbers = (worker as u64..).step_by(WORKERS);
        for number in numbers.take_while(|_| !self.enough.load(Relaxed)) {
            let mut rng = Rng::with_seed(self.seed.wrapping_add(number));
            let loads = rules::random(&mut rng);
            let shows = format!("seed {} rule set {number}", self.seed);
            let packets = Vec::new();
            let case = Case { shows, setup, loads, packets };
            self.rule_set(&mut oracle, &mut rng, &case);
        }
    }

    fn rule_set(&self, oracle: &mut Oracle, rng: &mut Rng, case: &Case) {
        let began = Instant::now();
        let text = rng.bool();
        let loaded = oracle.load(&case.loads);
        match loaded.and_then(|()| oracle.snapshot(text)) {
            Ok(snapshot) => {
                self.add(|found| found.spans[0] += began.elapsed());
                let wrong = self.compare(oracle, rng, case, snapshot);
                self.contradict(shrink::smallest(oracle, case, wrong, text));
            }
            Err(error) => self.add(|found| {
                found.unloadable.push(format!("{error}\n{case}"));
            }),
        }
    }

    /// Compares the verdicts on random packets, and gives the packets on
    /// which the model is wrong.
    fn compare(
        &self,
        oracle: &mut Oracle,
        rng: &mut Rng,
        case: &Case,
        snapshot: Snapshot,
    ) -> Vec<Packet> {
        let named = Named::new(&case.loads);
        let families = families(&case.loads);
        let packets: Vec<_> =
            (0..PACKETS).map(|_| named.packet(rng, families)).collect();
        let began = Instant::now();
        let fates = oracle.ask(&packets);
        let asked = Instant::now();
        let model = match Model::new(snapshot) {
            Ok(model) => model,
            Err(error) => {
                self.contradict(Some(format!("{error}\n{case}")));
                return Vec::new();
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
        let spans = [asked - began, asked.elapsed()];
        self.add(|found| found.count(&fates, certain, wrong.len(), spans));
        wrong
    }

    fn contradict(&self, case: Option<impl ToString>) {
        let case = case.map(|case| case.to_string());
        self.add(|found| found.contradictions.extend(case));
    }

    fn add(&self, what: impl FnOnce(&mut Found)) {
        let mut found: MutexGuard<'_, Found> =
            self.found.lock().expect("no panic");
        what(&mut found);
        let enough = found.compared >= self.amount
            || found.contradictions.len() >= ENOUGH;
        self.enough.fetch_or(enough, Relaxed);
    }
}

impl Found {
    fn count(
        &mut self,
        fates: &[Fate],
        certain: u64,
        wrong: usize,
        [kernel, model]: [Duration; 2],
    ) {
        self.rule_sets += 1;
        self.compared += fates.len() as u64;
        self.certain += certain;
        self.wrong += wrong as u64;
        self.spans[1] += kernel;
        self.spans[2] += model;
        for fate in fates {
            *self.fates.entry(word(*fate)).or_default() += 1;
        }
    }

    fn judge(&self, seconds: f64) {
        self.tell(seconds);
        assert!(
            self.contradictions.is_empty(),
            "the model contradicts the kernel"
        );
        let unloadable = self.unloadable.len() as u64;
        assert!(
            unloadable * UNLOADABLE <= self.rule_sets,
            "too few rule sets load"
        );
        assert!(
            self.certain * 100 >= self.compared * CERTAIN,
            "too few answers are certain"
        );
    }

    fn tell(&self, seconds: f64) {
        let compared = self.compared as f64;
        let [load, ask, model] =
            self.spans.map(|span| span.as_micros() as f64 / compared);
        println!(
            "{compared} verdicts of {} rule sets in {seconds:.1} s ({:.0} a \
             second), {:.2} % certain, {} contradictions, {:?}; {} rule sets \
             did not load; a verdict waited {load:.1} us for tools, \
             {ask:.1} us for the kernel, {model:.1} us for the model",
            self.rule_sets,
            compared / seconds,
            self.certain as f64 * 100.0 / compared,
            self.wrong,
            self.fates,
            self.unloadable.len(),
        );
        let first = self.unloadable.first();
        for text in self.contradictions.iter().chain(first) {
            println!("{text}");
        }
    }
}

/// The families that rules are about.
fn families(loads: &[Load]) -> &'static [Family] {
    let any =
        |tools: [Tool; 3]| loads.iter().any(|load| tools.contains(&load.tool));
    let ipv4 = any([Tool::Iptables, Tool::IptablesLegacy, Tool::Nft]);
    let ipv6 = any([Tool::Ip6tables, Tool::Ip6tablesLegacy, Tool::Nft]);
    match (ipv4, ipv6) {
        (true, true) => &[Family::Ipv4, Family::Ipv4, Family::Ipv6],
        (false, true) => &[Family::Ipv6],
        _ => &[Family::Ipv4],
    }
}
