//! The model of a host, parsed from a snapshot.

use crate::{
    Error,
    memcached::{Instance, instances},
    net::{Family, Interface, Route, interfaces, routes},
    netfilter::Ruleset,
    snapshot::Snapshot,
};

/// What prints the routes of each family.
const ROUTES: [(&str, Family); 2] =
    [("ip -j route", Family::Ipv4), ("ip -6 -j route", Family::Ipv6)];

/// The model of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    /// Its interfaces; `None` where the snapshot does not list them.
    pub interfaces: Option<Vec<Interface>>,
    /// Its routes; none where the snapshot does not list them.
    pub routes: Vec<Route>,
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
        let mut all_routes = Vec::new();
        for (command, family) in ROUTES {
            if let Some(text) = snapshot.output(command) {
                all_routes.extend(routes(&text, family)?);
            }
        }
        Ok(Self {
            interfaces,
            routes: all_routes,
            instances,
            ruleset: Ruleset::new(snapshot)?,
        })
    }
}
