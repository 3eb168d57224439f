//! Policies on every host: the recorded hosts of ../shared, and some of our
//! own, are rebuilt in namespaces, hardened for real, asked with packets and
//! undone.

mod case;
mod container;
mod figures;
mod trial;
mod world;

use std::{
    env,
    sync::Mutex,
    thread,
    time::{Instant, SystemTime},
};

use case::Case;
use figures::Figures;
use memsec_tests::requirements;
use world::World;

/// In the environment: a number of recorded hosts to try, or `all`, or a part
/// of their names.
const HOSTS: &str = "MEMSEC_HOSTS";
/// How many recorded hosts are tried without it.
const SAMPLE: usize = 24;
/// Worlds at a time: most of the time is spent waiting for silence.
const WORLDS: usize = 6;

const PROGRAMS: [&str; 11] = [
    "unshare",
    "nsenter",
    "memcached",
    "/usr/share/memcached/scripts/systemd-memcached-wrapper",
    "ip",
    "ipset",
    "iptables-restore",
    "ip6tables-restore",
    "nft",
    "conntrack",
    "/usr/bin/python3",
];

#[test]
fn every_host_obeys() {
    if !requirements::met(&PROGRAMS) {
        return;
    }
    let start = Instant::now();
    let mut cases = chosen(case::recorded());
    cases.extend(case::own());
    let number = cases.len();
    let left = Mutex::new(cases);
    let figures = Mutex::new(Figures::default());
    thread::scope(|scope| {
        for _ in 0..WORLDS {
            scope.spawn(|| {
                let own = work(&left);
                figures.lock().unwrap().add(own);
            });
        }
    });
    println!("{number} hosts in {} s", start.elapsed().as_secs());
    figures.into_inner().unwrap().judge();
}

fn work(left: &Mutex<Vec<Case>>) -> Figures {
    let mut figures = Figures::default();
    let mut world = None;
    while let Some(case) = { left.lock().unwrap().pop() } {
        if let Some(container) = &case.container {
            let place = World::of(container);
            trial::spoils(&place, &case, &mut figures);
            continue;
        }
        let place = world.get_or_insert_with(|| World::new(EVERYBODY));
        if trial::spoils(place, &case, &mut figures) {
            world = None;
        }
    }
    figures
}

/// The options of a memcached that is open to everybody.
const EVERYBODY: &str = "-l 0.0.0.0,:: -U 11211";

/// All, those with a word in their name, or some by a seed that is printed.
fn chosen(all: Vec<Case>) -> Vec<Case> {
    let asked = env::var(HOSTS).unwrap_or_default();
    let number = match asked.as_str() {
        "all" => return all,
        "" => SAMPLE,
        text => match text.parse() {
            Ok(number) => number,
            Err(_) => {
                let named = |case: &Case| case.name.contains(text);
                return all.into_iter().filter(named).collect();
            }
        },
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = since.map(|since| since.subsec_nanos()).unwrap_or_default();
    println!("seed {seed}");
    let step = all.len().div_ceil(number.max(1)).max(1);
    let skip = usize::try_from(seed).unwrap_or_default() % step;
    all.into_iter().skip(skip).step_by(step).collect()
}
