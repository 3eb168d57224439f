//! memsec's own firewall table: the second wall.

mod boot;
mod bridges;
mod iptables;
mod loader;
mod nft;
mod script;
mod steps;

use serde::{Deserialize, Serialize};

use crate::{
    Cidr, Policy,
    net::{Family, IpSet},
};

#[cfg(test)]
pub(super) use boot::with;
pub(super) use boot::{guard_is_lost_at_boot, persist};
pub(super) use bridges::inside;
pub(super) use loader::Loader;
pub(super) use nft::element;
pub(super) use script::UNLOAD;
#[cfg(feature = "host")]
pub(crate) use script::back as guard_as_it_was;
pub(crate) use script::{HEAD as GUARD_HEAD, LOAD as GUARD_LOAD};
pub(super) use steps::load;

/// The guard's file where nft loads it.
const FILE: &str = "/etc/memsec/guard.nft";

/// The table `inet memsec`: it drops what is for a memcached port of this
/// host unless the source is allowed. It has one base chain, at prerouting
/// with the priority of mangle: before DNAT, so that it sees the port that
/// the client sees, also of a published container. It says nothing about
/// other ports, and accepting there decides nothing for other tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Guard {
    /// The ports that it guards, of TCP and UDP.
    pub ports: Vec<u16>,
    /// The clients: networks that do not overlap.
    pub allow: Vec<Cidr>,
    /// Whether the clients may come in over UDP as well.
    pub udp: bool,
    /// The networks of containers behind this host. Packets to their own
    /// addresses pass by what is published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Inside>,
    /// Whether rules of the host turn other ports into these. Then a second
    /// chain, at input, sees what a packet has become.
    #[serde(default, skip_serializing_if = "is_false")]
    pub redirected: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives one")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A network of containers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Inside {
    /// The interface of this host that is on it: the bridge.
    pub interface: String,
    /// Its addresses.
    pub network: Cidr,
    /// The ports that memcached has there, of TCP and UDP.
    pub ports: Vec<u16>,
}

impl Guard {
    /// The guard of some ports by a policy.
    pub(super) fn new(policy: &Policy, mut ports: Vec<u16>) -> Self {
        ports.sort_unstable();
        ports.dedup();
        let of = |family| policy.allowed(family);
        let sets: [IpSet; 2] = Family::BOTH.map(of);
        let allow = sets.iter().flat_map(IpSet::cidrs).collect();
        Self {
            ports,
            allow,
            udp: policy.udp,
            inside: Vec::new(),
            redirected: false,
        }
    }
}
