use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::InetSocket;
use crate::Proto;

type Port = (Proto, u16);

/// Ports that are held, and by which addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// The interfaces that sockets of an address are bound to; `None` is
    /// one that is bound to none.
    devices: HashMap<(Port, IpAddr), BTreeSet<Option<String>>>,
    /// The families in which somebody has the port.
    families: HashSet<(Port, bool)>,
}

impl Held {
    pub(crate) fn add(&mut self, socket: &InetSocket) {
        let port = (socket.proto, socket.port);
        let own = socket.address.to_canonical();
        let any = Ipv4Addr::UNSPECIFIED.into();
        for address in [own].into_iter().chain(socket.dual.then_some(any)) {
            let devices = self.devices.entry((port, address)).or_default();
            devices.insert(socket.device.clone());
            self.families.insert((port, address.is_ipv4()));
        }
    }

    /// Whether a socket cannot be bound beside those that are held:
    /// inet_csk_bind_conflict and ipv6_rcv_saddr_equal of Linux, for one
    /// that is IPV6_V6ONLY and shares nothing. `device` is the interface of
    /// a link-local address.
    pub(crate) fn excludes(
        &self,
        proto: Proto,
        address: IpAddr,
        port: u16,
        device: Option<&str>,
    ) -> bool {
        let port = (proto, port);
        let any = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        if address == any {
            return self.families.contains(&(port, address.is_ipv4()));
        }
        [address, any].into_iter().any(|address| {
            let devices = self.devices.get(&(port, address));
            devices.is_some_and(|devices| {
                device.is_none()
                    || devices.contains(&None)
                    || devices.contains(&device.map(str::to_owned))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        net::{Local, sockets},
        text::Source,
    };

    fn held(local: &str) -> Held {
        let line = format!("tcp LISTEN 0 128 {local} *:* ");
        let mut held = Held::default();
        for socket in sockets(&Source::new("ss", line)) {
            let Local::Inet(socket) = socket.local else { continue };
            held.add(&socket);
        }
        held
    }

    #[test]
    fn what_excludes_what() {
        let table = [
            ("127.0.0.1:1", "127.0.0.1", true),
            ("127.0.0.1:1", "0.0.0.0", true),
            ("127.0.0.1:1", "::", false),
            ("127.0.0.1:1", "127.0.0.2", false),
            ("127.0.0.1:2", "127.0.0.1", false),
            ("0.0.0.0:1", "127.0.0.2", true),
            ("0.0.0.0%lo:1", "127.0.0.2", true),
            ("*:1", "127.0.0.1", true),
            ("*:1", "::1", true),
            ("*:1", "0.0.0.0", true),
            ("[::]:1", "127.0.0.1", false),
            ("[::]:1", "0.0.0.0", false),
            ("[::]:1", "::1", true),
            ("[::1]:1", "::", true),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1", true),
            ("[::ffff:127.0.0.1]:1", "::", false),
            ("[fe80::1]%eth0:1", "fe80::1", true),
            ("[fe80::1]%eth1:1", "fe80::1", false),
            ("[::]%eth1:1", "fe80::1", false),
        ];
        for (local, address, expected) in table {
            let held = held(local);
            let device = address.starts_with("fe80").then_some("eth0");
            let to = address.parse().unwrap();
            let tcp = held.excludes(Proto::Tcp, to, 1, device);
            assert_eq!(tcp, expected, "{local} {address}");
            assert!(!held.excludes(Proto::Udp, to, 1, device));
        }
    }
}
