//! What is seen of a daemon, in the place of what its arguments come to.

use super::{Listening, UDP_OFF, expected::both_ports};
use crate::{
    memcached::{Instance, Listener, Running, Socket, Start, name::WILDCARDS},
    snapshot::{Process, StatsSettings},
};

/// Puts what is seen of a process in the place of what its arguments come to.
pub(crate) fn observe(
    runs: &mut Instance,
    process: &Process,
    listening: &Listening,
) {
    let seen = listening.of(process.pid);
    if let Start::Runs(running) = &mut runs.start {
        let settings = process.settings.as_ref();
        match seen {
            Some(seen) => running.listeners = seen.like(&running.listeners),
            None => add_udp(running, settings),
        }
    } else if let Some(seen) = seen {
        // It runs, whatever the model of its arguments says.
        let listeners = seen.like(&[]);
        let running = Running { listeners, ..Running::default() };
        runs.start = Start::Runs(running);
    }
}

/// UDP that a daemon says it has, where its arguments do not tell. A port
/// that `-l` names holds for UDP too.
fn add_udp(running: &mut Running, settings: Option<&StatsSettings>) {
    let port = settings.and_then(|settings| settings.get("udpport"));
    let port = port.and_then(|port| port.parse().ok()).unwrap_or(0_u16);
    let other = |l: &Listener| !matches!(l, Listener::Tcp(_));
    if port == 0 || running.listeners.iter().any(other) {
        return;
    }
    let (tcp, _) = both_ports(running);
    let udp = running.sockets().map(|(_, socket)| {
        let named = i32::from(socket.port) != tcp;
        let port = if named { socket.port } else { port };
        Listener::Udp(Socket { port, ..socket.clone() })
    });
    let mut udp: Vec<_> = udp.collect();
    if udp.is_empty() {
        let every = WILDCARDS.map(|address| {
            Listener::Udp(Socket { address, port, ephemeral: false })
        });
        udp.extend(every);
    }
    running.listeners.extend(udp);
}

/// Up to 1.5.5 UDP is on by default, unless the distribution has turned that
/// off: the same arguments then have opened none.
pub(super) fn forget_backported_udp(file: &mut Instance, runs: &Instance) {
    let Start::Runs(ours) = &runs.start else { return };
    let old = file.version.is_none_or(|version| version < UDP_OFF);
    let Start::Runs(theirs) = &mut file.start else { return };
    let has_udp = |l: &Listener| matches!(l, Listener::Udp(_));
    if old
        && !theirs.options.contains_key(&'U')
        && !ours.listeners.is_empty()
        && !ours.listeners.iter().any(has_udp)
    {
        theirs.listeners.retain(|listener| !has_udp(listener));
    }
}
