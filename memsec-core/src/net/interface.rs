use std::net::{IpAddr, Ipv4Addr};

use serde::Deserialize;

use super::{Cidr, Family};
use crate::{Error, text::Source};

/// A network interface, as `ip -j address` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, for example "eth0".
    pub name: String,
    /// True for `lo`: its packets come from this host.
    pub loopback: bool,
    /// Its addresses, in the order of the kernel.
    pub addresses: Vec<InterfaceAddress>,
}

/// An address of an interface and the network it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// The length of the network's prefix, in bits.
    pub prefix: u8,
}

impl Interface {
    /// Its addresses of one family.
    pub fn of(&self, family: Family) -> impl Iterator<Item = IpAddr> + '_ {
        let all = self.addresses.iter().map(|entry| entry.address);
        all.filter(move |&address| Family::of(address) == family)
    }
}

impl Interface {
    /// Its addresses that lie in a network, or on a network that it is a
    /// part of.
    pub fn on(&self, clients: Cidr) -> impl Iterator<Item = IpAddr> + '_ {
        let shares = move |entry: &&InterfaceAddress| {
            let network = entry.network();
            Family::of(entry.address) == clients.family()
                && (clients.contains(entry.address)
                    || network.is_ok_and(|n| n.contains(clients.address())))
        };
        self.addresses.iter().filter(shares).map(|entry| entry.address)
    }
}

impl InterfaceAddress {
    /// The network that the address is in.
    ///
    /// # Errors
    ///
    /// A prefix longer than the address.
    pub fn network(&self) -> Result<Cidr, Error> {
        Cidr::truncated(self.address, self.prefix)
    }

    /// The address of all hosts of the network: fib_add_ifaddr() of
    /// net/ipv4/fib_frontend.c.
    pub(crate) fn broadcast(&self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(own) if self.prefix < 31 => {
                Some((own.to_bits() | (u32::MAX >> self.prefix)).into())
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    link_type: String,
    #[serde(default)]
    addr_info: Vec<Addr>,
}

#[derive(Deserialize)]
struct Addr {
    local: Option<IpAddr>,
    prefixlen: Option<u8>,
}

/// The interfaces in the output of `ip -j address`.
///
/// # Errors
///
/// Text that is not such an output.
pub fn interfaces(source: &Source) -> Result<Vec<Interface>, Error> {
    // iproute2 prints nothing at all where there is nothing to list.
    let text =
        if source.text().trim().is_empty() { "[]" } else { source.text() };
    let links: Vec<Link> = serde_json::from_str(text)
        .map_err(|error| Error::json(source.name(), &error))?;
    Ok(links
        .into_iter()
        .filter(|link| !link.ifname.is_empty())
        .map(interface)
        .collect())
}

fn interface(link: Link) -> Interface {
    let addresses = link.addr_info.iter().filter_map(|addr| {
        let address = addr.local?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = addr.prefixlen.unwrap_or(width).min(width);
        Some(InterfaceAddress { address, prefix })
    });
    Interface {
        addresses: addresses.collect(),
        loopback: link.link_type == "loopback" || link.ifname == "lo",
        name: link.ifname,
    }
}
