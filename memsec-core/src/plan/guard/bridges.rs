//! The networks of containers whose own addresses can be reached.

use super::Inside;
use crate::{Cidr, host::Host, reach::Taker};

/// The networks of the containers of a host that memcached is in.
pub(in crate::plan) fn inside(host: &Host) -> Vec<Inside> {
    let mut all: Vec<Inside> = Vec::new();
    for way in host.ways.iter().filter(|way| way.taker == Taker::Other) {
        let Some((interface, network)) = bridge(host, way.address) else {
            continue;
        };
        let known = all.iter_mut().find(|inside| inside.network == network);
        match known {
            Some(inside) if inside.ports.contains(&way.port) => {}
            Some(inside) => inside.ports.push(way.port),
            None => {
                all.push(Inside { interface, network, ports: vec![way.port] })
            }
        }
    }
    all.iter_mut().for_each(|inside| inside.ports.sort_unstable());
    all
}

/// The interface that is on the network of an address, and the network.
fn bridge(host: &Host, of: std::net::IpAddr) -> Option<(String, Cidr)> {
    let interfaces = host.interfaces.iter().flatten();
    let mut networks = interfaces.flat_map(|interface| {
        let networks = interface.addresses.iter();
        let networks = networks.filter_map(|entry| entry.network().ok());
        networks.map(move |network| (&interface.name, network))
    });
    let (name, network) = networks.find(|(_, network)| network.contains(of))?;
    Some((name.clone(), network))
}
