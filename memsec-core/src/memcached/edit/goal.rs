//! What is to come of an edit, and whether it does.

use std::{cell::Cell, collections::BTreeSet, net::IpAddr};

use super::{Wanted, options};
use crate::{
    Proto,
    memcached::{
        Instance, Listener, Socket, Start,
        number::atoi,
        ports::port_settings,
        version::{OLDEST, Release},
    },
};

/// What is to come of an edit.
#[derive(Debug)]
pub(super) struct Goal<'a> {
    pub wanted: &'a Wanted,
    /// The TCP port; `None` where TCP is off.
    pub port: Option<u16>,
}

impl<'a> Goal<'a> {
    pub(super) fn new(instance: &Instance, wanted: &'a Wanted) -> Self {
        let (given, _) = options(instance);
        let number = |letter| {
            let mut of = given.iter().filter(|g| g.option.letter == letter);
            of.next_back().map(|given| atoi(&given.word.text))
        };
        let bound = tcp(&instance.start).and_then(|tcp| {
            let ports: BTreeSet<u16> = tcp.iter().map(|&(_, p)| p).collect();
            ports.first().copied().filter(|&p| p != 0 && ports.len() == 1)
        });
        let tcp_off = number('p').is_some_and(|port| port == 0);
        let next = Cell::new(OLDEST);
        let newest = Release::new(instance.possible.newest(), &next);
        let (p, u) = (number('p'), number('U'));
        let (stated, _) = port_settings(newest, p, u, false);
        let port = bound.or_else(|| {
            let stated = u16::try_from(stated).ok().filter(|&port| port != 0);
            (!tcp_off).then_some(stated.unwrap_or(11211))
        });
        Self { wanted, port }
    }

    fn tcp(&self) -> BTreeSet<(IpAddr, u16)> {
        let all = self.wanted.listen.iter();
        all.filter_map(|&address| Some((address, self.port?))).collect()
    }

    /// Whether a daemon that starts so is as it should be, or why not.
    pub(super) fn reached(&self, start: &Start) -> Result<(), String> {
        let running = match start {
            Start::Runs(running) => running,
            Start::Exits(exit) => {
                return Err(format!("it would not start: {}", exit.message));
            }
        };
        if let Some(what) = running.unresolved.first() {
            return Err(format!("what it listens on depends on {what}"));
        }
        if self.wanted.socket.is_some() {
            let listens = Wanted {
                socket: self.wanted.socket.clone(),
                ..Wanted::default()
            };
            return match listens.is_right(running) {
                true => Ok(()),
                false => Err("it would not listen on the socket".to_owned()),
            };
        }
        let unix = |listener| matches!(listener, &Listener::Unix { .. });
        if running.listeners.iter().any(unix) {
            return Ok(());
        }
        if tcp(start) != Some(self.tcp()) {
            return Err("it would listen on other addresses: they are set \
                        in another place as well"
                .to_owned());
        }
        // UDP on loopback that is only perhaps on does no harm.
        let mut udp = running.listeners.iter().filter_map(|listener| {
            let (proto, socket) = listener.socket()?;
            let local = socket.address.is_loopback();
            let counts = !local || running.is_sure(listener);
            (proto == Proto::Udp && counts).then_some(socket.address)
        });
        if udp.any(|a| !self.wanted.udp || !self.wanted.listen.contains(&a)) {
            return Err("UDP would stay on, or may".to_owned());
        }
        Ok(())
    }

    /// Whether the addresses are right, whatever the ports of UDP.
    pub(super) fn listens(&self, start: &Start) -> bool {
        let Start::Runs(running) = start else { return false };
        let mut all = running.sockets();
        let udp = |(proto, socket): (Proto, &Socket)| {
            proto == Proto::Tcp
                || !self.wanted.udp
                || self.wanted.listen.contains(&socket.address)
        };
        tcp(start) == Some(self.tcp()) && all.all(udp)
    }
}

fn tcp(start: &Start) -> Option<BTreeSet<(IpAddr, u16)>> {
    let Start::Runs(running) = start else { return None };
    let all = running.sockets();
    let tcp = all.filter(|(proto, _)| *proto == Proto::Tcp);
    Some(tcp.map(|(_, socket)| (socket.address, socket.port)).collect())
}
