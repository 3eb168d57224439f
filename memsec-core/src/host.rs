//! The model of a host, parsed from a snapshot.

use crate::{
    Error,
    memcached::{Instance, instances},
    net::{Interface, interfaces},
    netfilter::Ruleset,
    snapshot::Snapshot,
};

/// The model of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// Its interfaces; `None` where the snapshot does not list them.
    pub interfaces: Option<Vec<Interface>>,
    /// Its memcached daemons.
    pub instances: Vec<Instance>,
    /// Its firewall.
    pub ruleset: Ruleset,
}

impl Host {
    /// Reads a snapshot.
    pub(crate) fn new(snapshot: &Snapshot) -> Result<Self, Error> {
        let interfaces =
            snapshot.output("ip -j address").map(|text| interfaces(&text));
        let interfaces = interfaces.transpose()?;
        let instances = instances(snapshot, interfaces.as_deref())?;
        Ok(Self { interfaces, instances, ruleset: Ruleset::new(snapshot)? })
    }
}
