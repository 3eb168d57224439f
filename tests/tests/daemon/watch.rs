//! What must hold at every moment while a plan is carried out.

use std::{
    io::{self, ErrorKind},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use memsec_core::Proto;
use memsec_tests::{
    client::{Addresses, GLANCE, Link, MEMCACHED, PATIENCE, SERVER},
    namespace::Namespace,
    probe::{self, Row, Seen},
};

const INTERVAL: Duration = Duration::from_millis(50);

/// Does `work` while the clients try on: ssh answers all the time, and
/// memcached, once it is shut to one of `shut_out`, stays shut.
///
/// # Panics
///
/// If one of the two does not hold.
pub fn during(
    clients: &Namespace,
    ssh: Addresses,
    shut_out: &[Addresses],
    work: impl FnOnce(),
) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ssh = Link::each(ssh, SERVER).map(|link| {
            let done = &done;
            scope.spawn(move || clients.within(|| answers(link, done)))
        });
        let probers: Vec<_> = shut_out
            .iter()
            .flat_map(|&from| Link::each(from, SERVER))
            .flat_map(|link| Proto::BOTH.map(|proto| (link, proto)))
            .map(|(link, proto)| {
                let done = &done;
                let look = move || stays_shut(link, proto, done);
                scope.spawn(move || clients.within(look))
            })
            .collect();
        // Ends the threads also if `work` panics.
        let stop = Stop(&done);
        work();
        drop(stop);
        for watch in ssh {
            let tries = watch.join().unwrap().expect("ssh answers all along");
            assert!(tries > 0, "nobody watched");
        }
        for prober in probers {
            prober.join().unwrap();
        }
    });
}

/// Does `work` while some try to get in without a pause, a new connection or
/// datagram every millisecond; gives how many.
///
/// # Panics
///
/// If one gets in.
pub fn nobody_gets_in(
    clients: &Namespace,
    from: &[Addresses],
    work: impl FnOnce(),
) -> usize {
    let done = AtomicBool::new(false);
    let links = from.iter().flat_map(|&from| Link::each(from, SERVER));
    let rows = links.flat_map(|Link { from, to }| {
        let port = MEMCACHED;
        Proto::BOTH.map(|proto| Row { from, sport: 0, proto, to, port })
    });
    thread::scope(|scope| {
        let hammers: Vec<_> = rows
            .map(|row| {
                let done = &done;
                let tries = move || probe::hammer(&row, done);
                (row, scope.spawn(move || clients.within(tries)))
            })
            .collect();
        let stop = Stop(&done);
        work();
        drop(stop);
        let tries = hammers.into_iter().map(|(row, hammer)| {
            let (seen, number) = hammer.join().unwrap();
            let open = seen.iter().filter(|s| **s == Seen::Memcached).count();
            assert_eq!(open, 0, "{row:?} got in");
            number
        });
        tries.sum()
    })
}

/// Does `work` while a client uses memcached over TCP without a pause; gives
/// how often.
///
/// # Panics
///
/// If it is ever refused.
pub fn never_fails(
    clients: &Namespace,
    from: Addresses,
    work: impl FnOnce(),
) -> u32 {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let hammers = Link::each(from, SERVER).map(|link| {
            let done = &done;
            let uses = move || uses(link, done);
            scope.spawn(move || clients.within(uses))
        });
        let stop = Stop(&done);
        work();
        drop(stop);
        let tries = hammers.map(|hammer| hammer.join().unwrap());
        tries.map(|tries| tries.expect("never refused")).iter().sum()
    })
}

fn uses(link: Link, done: &AtomicBool) -> io::Result<u32> {
    let mut tries = 0;
    while !done.load(Relaxed) {
        link.memcached(Proto::Tcp, PATIENCE)?;
        tries += 1;
        // Each connection that is closed keeps its port for a minute.
        thread::sleep(Duration::from_millis(2));
    }
    Ok(tries)
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn answers(link: Link, done: &AtomicBool) -> io::Result<u32> {
    let mut tries = 0;
    while !done.load(Relaxed) {
        link.echoes(22, PATIENCE)?;
        tries += 1;
        thread::sleep(INTERVAL);
    }
    Ok(tries)
}

/// While memcached restarts, its port is not shut but unused; so what counts
/// is a client that could not reach it before, or whose packets are dropped.
fn stays_shut(link: Link, proto: Proto, done: &AtomicBool) {
    let mut shut = link.memcached(proto, PATIENCE).is_err();
    while !done.load(Relaxed) {
        match link.memcached(proto, GLANCE) {
            Ok(()) => assert!(!shut, "{proto:?} of {link:?} is open again"),
            Err(error) => shut |= error.kind() == ErrorKind::TimedOut,
        }
    }
}
