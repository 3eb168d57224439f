//! The networks of containers whose own addresses can be reached.

use super::Inside;
use crate::{host::Host, reach::Taker};

/// The networks of the containers of a host that memcached is in.
pub(in crate::plan) fn inside(host: &Host) -> Vec<Inside> {
    let mut all: Vec<Inside> = Vec::new();
    for way in host.ways.iter().filter(|way| way.taker == Taker::Other) {
        let Some((interface, network)) = host.bridge(way.address) else {
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
