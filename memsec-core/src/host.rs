//! The model of a host, parsed from a snapshot.

mod containers;
mod listening;
#[cfg(test)]
mod truth_tests;

pub(crate) use containers::Way;

use crate::{
    Error,
    memcached::{Instance, instances},
    net::{
        BoundSocket, Family, Interface, Policies, Route, Settings, interfaces,
        policies, routes, sockets,
    },
    netfilter::Ruleset,
    snapshot::Snapshot,
};

/// What prints the routes of each family, and the rules by which tables of
/// routes are chosen.
const ROUTES: [(&str, &str, Family); 2] = [
    ("ip -j route", "ip -j rule", Family::Ipv4),
    ("ip -6 -j route", "ip -6 -j rule", Family::Ipv6),
];

/// The model of a host: a [`Snapshot`], read once, to be asked many things.
///
/// ```
/// use memsec_core::{Host, Packet, Snapshot, Verdict};
///
/// let drop = "*filter\n-A INPUT -s 10.0.0.0/8 -j DROP\nCOMMIT\n";
/// let snapshot = Snapshot::new().with_command("iptables-save", drop);
/// let host = Host::new(&snapshot)?;
/// let mut packet = Packet::new([10, 0, 0, 1].into());
/// packet.to = Some([192, 0, 2, 1].into());
/// assert_eq!(host.explain(&packet)?.verdict, Verdict::Dropped);
/// # Ok::<(), memsec_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// Its interfaces; `None` where the snapshot does not list them.
    pub(crate) interfaces: Option<Vec<Interface>>,
    /// Its routes; none where the snapshot does not list them.
    pub(crate) routes: Vec<Route>,
    /// The families whose routes the snapshot lists.
    pub(crate) routed: Vec<Family>,
    /// The families for which rules choose among tables of routes.
    pub(crate) policed: Vec<(Family, Policies)>,
    /// What its kernel is told about packets.
    pub(crate) settings: Settings,
    /// Its memcached daemons.
    pub(crate) instances: Vec<Instance>,
    /// Its firewall.
    pub(crate) ruleset: Ruleset,
    /// What is listened on, by whomever; `None` where that is not known.
    pub(crate) sockets: Option<Vec<BoundSocket>>,
    /// What leads to memcached in other network namespaces.
    pub(crate) ways: Vec<Way>,
}

impl Host {
    /// Reads a snapshot.
    ///
    /// # Errors
    ///
    /// A text of the snapshot that cannot be read as what it is.
    pub fn new(snapshot: &Snapshot) -> Result<Self, Error> {
        let interfaces =
            snapshot.output("ip -j address").map(|text| interfaces(&text));
        let interfaces = interfaces.transpose()?;
        let mut all_routes = Vec::new();
        let (mut routed, mut policed) = (Vec::new(), Vec::new());
        for (command, rules, family) in ROUTES {
            let rules = snapshot.output(rules);
            let chosen = rules.as_ref().map(policies).transpose()?;
            let chosen = chosen.unwrap_or_default();
            if chosen != Policies::Usual {
                policed.push((family, chosen));
            }
            if let Some(text) = snapshot.output(command) {
                all_routes.extend(routes(&text, family)?);
                // Where rules choose tables, one of them is not all.
                if chosen == Policies::Usual {
                    routed.push(family);
                }
            }
        }
        let settings = snapshot.output("sysctl -a");
        let listed = snapshot.output("ss -lntupxH");
        let mut host = Self {
            interfaces,
            routes: all_routes,
            routed,
            policed,
            settings: settings
                .map(|text| Settings::new(&text))
                .unwrap_or_default(),
            instances: Vec::new(),
            ruleset: Ruleset::new(snapshot)?,
            sockets: listed.map(|text| sockets(&text)),
            ways: Vec::new(),
        };
        host.find_instances(snapshot)?;
        Ok(host)
    }

    /// Finds the daemons by a snapshot whose rules, addresses and sockets it
    /// has read.
    pub(crate) fn find_instances(
        &mut self,
        snapshot: &Snapshot,
    ) -> Result<(), Error> {
        self.instances = instances(snapshot, self.interfaces.as_deref())?;
        self.ways.clear();
        self.find_containers(snapshot)
    }
}
