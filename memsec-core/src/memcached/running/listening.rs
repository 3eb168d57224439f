//! The sockets that memcached really has open, by `ss`.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    Proto, Snapshot,
    memcached::{Listener, Socket},
    net::{BoundSocket, InetSocket, Local, sockets},
};

/// What is listened on, on this host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listening(Vec<BoundSocket>);

/// What one process has open.
#[derive(Clone, Debug)]
pub(super) struct Seen(Vec<Listener>);

impl Listening {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let output = snapshot.output("ss -lntupxH");
        Self(output.map(|output| sockets(&output)).unwrap_or_default())
    }

    /// What a process has open; `None` where that was not seen.
    pub(super) fn of(&self, pid: u32) -> Option<Seen> {
        let own = |socket: &&BoundSocket| {
            socket.owners.iter().any(|owner| owner.pid == pid)
        };
        let mut all = Vec::new();
        for listener in self.0.iter().filter(own).flat_map(listeners) {
            if !all.contains(&listener) {
                all.push(listener);
            }
        }
        (!all.is_empty()).then_some(Seen(all))
    }
}

impl Seen {
    /// In the order of a list that it was expected to be, and with what only
    /// that tells: the mode of a unix socket.
    pub(super) fn like(&self, expected: &[Listener]) -> Vec<Listener> {
        let at = |one: &Listener| {
            expected.iter().position(|other| alike(other, one))
        };
        let mut all: Vec<_> = self.0.iter().map(|l| (at(l), l)).collect();
        all.sort_by_key(|(at, _)| at.unwrap_or(usize::MAX));
        let known = |at: Option<usize>| expected.get(at?);
        all.into_iter()
            .map(|(at, seen)| match known(at) {
                Some(unix @ Listener::Unix { .. }) => unix.clone(),
                _ => seen.clone(),
            })
            .collect()
    }
}

fn listeners(socket: &BoundSocket) -> Vec<Listener> {
    match &socket.local {
        Local::Unix(path) => {
            vec![Listener::Unix { path: path.clone(), mode: None }]
        }
        Local::Inet(socket) => addresses(socket)
            .map(|address| {
                let (port, ephemeral) = (socket.port, false);
                let to = Socket { address, port, ephemeral };
                match socket.proto {
                    Proto::Tcp => Listener::Tcp(to),
                    Proto::Udp => Listener::Udp(to),
                }
            })
            .collect(),
    }
}

fn addresses(socket: &InetSocket) -> impl Iterator<Item = IpAddr> {
    let both = socket.dual.then_some(Ipv4Addr::UNSPECIFIED.into());
    both.into_iter().chain([socket.address])
}

/// Whether they are the same, or can be where the kernel chooses the port.
pub(super) fn alike(one: &Listener, other: &Listener) -> bool {
    match (one, other) {
        (Listener::Unix { path: a, .. }, Listener::Unix { path: b, .. }) => {
            a == b
        }
        (Listener::Tcp(a), Listener::Tcp(b))
        | (Listener::Udp(a), Listener::Udp(b)) => {
            let chosen = a.ephemeral || b.ephemeral;
            a.address == b.address && (chosen || a.port == b.port)
        }
        _ => false,
    }
}

/// "tcp 0.0.0.0:11211"
pub(super) fn name(listener: &Listener) -> String {
    match listener.socket() {
        Some((proto, Socket { address, port, .. })) => {
            let socket = std::net::SocketAddr::new(*address, *port);
            format!("{} {socket}", proto.name())
        }
        None => match listener {
            Listener::Unix { path, .. } => format!("unix {path}"),
            _ => String::new(),
        },
    }
}
