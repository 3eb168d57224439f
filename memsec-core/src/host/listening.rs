//! Which programs take what comes to a port of the host.

use std::net::IpAddr;

use super::Host;
use crate::{
    Proto,
    net::{BoundSocket, InetSocket, Local},
};

/// Those that take connections and lead them into a container.
const PROXIES: [&str; 10] = [
    "docker-proxy",
    "exe",
    "gvproxy",
    "pasta",
    "pasta.avx2",
    "passt",
    "passt.avx2",
    "rootlesskit",
    "rootlessport",
    "slirp4netns",
];

/// Those that hold a port, so that no other takes it, and answer nobody.
const HOLDERS: [&str; 4] = ["conmon", "containerd-shim", "dockerd", "podman"];

/// Who has a port of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Nobody,
    Proxy,
    /// One that is not known, by its rights.
    Somebody,
}

impl Host {
    /// The name of the program that gets what is sent to an address and a
    /// port of the host: "" where that is not shown; `None` if there is
    /// none, or nothing is known.
    pub(crate) fn taken_by(
        &self,
        proto: Proto,
        to: IpAddr,
        port: u16,
    ) -> Option<&str> {
        let all = self.bound(proto, to, port);
        let name = |socket: &'_ BoundSocket| {
            let owner = socket.owners.iter().find(|o| !is_holder(&o.name));
            match owner {
                Some(owner) => Some(owner.name.clone()),
                None => socket.owners.is_empty().then(String::new),
            }
        };
        all.filter(|socket| name(socket).is_some()).find_map(|socket| {
            let owners = socket.owners.iter().map(|o| o.name.as_str());
            owners.chain([""]).find(|name| !is_holder(name))
        })
    }

    /// Who holds what is published; `None` where nothing is known.
    pub(super) fn holder(
        &self,
        proto: Proto,
        to: IpAddr,
        port: u16,
    ) -> Option<Holder> {
        self.sockets.as_ref()?;
        let mut held = Holder::Nobody;
        for socket in self.bound(proto, to, port) {
            if socket.owners.iter().any(|owner| is_proxy(&owner.name)) {
                return Some(Holder::Proxy);
            }
            if socket.owners.is_empty() {
                held = Holder::Somebody;
            }
        }
        Some(held)
    }

    /// The sockets of proxies: what they are bound to.
    pub(super) fn proxies(
        &self,
    ) -> impl Iterator<Item = (&InetSocket, &BoundSocket)> {
        let all = self.sockets.iter().flatten();
        all.filter_map(|socket| match &socket.local {
            Local::Inet(inet)
                if socket.owners.iter().any(|o| is_proxy(&o.name)) =>
            {
                Some((inet, socket))
            }
            _ => None,
        })
    }

    fn bound(
        &self,
        proto: Proto,
        to: IpAddr,
        port: u16,
    ) -> impl Iterator<Item = &BoundSocket> {
        let all = self.sockets.iter().flatten();
        all.filter(move |socket| match &socket.local {
            Local::Inet(inet) => {
                inet.proto == proto && inet.port == port && covers(inet, to)
            }
            Local::Unix(_) => false,
        })
    }
}

/// Whether a socket gets what is sent to an address; to an unspecified one:
/// to any of its family.
fn covers(socket: &InetSocket, to: IpAddr) -> bool {
    let own = socket.address;
    let family = own.is_ipv4() == to.is_ipv4();
    socket.dual
        || own == to
        || family && (own.is_unspecified() || to.is_unspecified())
}

fn is_proxy(name: &str) -> bool {
    PROXIES.contains(&name)
}

fn is_holder(name: &str) -> bool {
    HOLDERS.contains(&name)
}
