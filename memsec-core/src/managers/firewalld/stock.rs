//! What firewalld 1.3 ships in /usr/lib/firewalld, for a snapshot that does
//! not have it: the names, ports and services of its zones.

use super::{
    object::{Named, Policy, Service, Zone},
    rich::{Action, Rich, What},
    settings::{Settings, Target},
    value::{Address, ports},
};
use crate::{net::Family, text::Place};

/// A service a line: its name, then what it opens.
const SERVICES: &str = include_str!("stock/services.txt");

/// The zones: target, services, and whether they masquerade.
const ZONES: [(&str, Target, &[&str], bool); 9] = [
    ("block", Target::Reject, &[], false),
    ("dmz", Target::Default, &["ssh"], false),
    ("drop", Target::Drop, &[], false),
    ("external", Target::Default, &["ssh"], true),
    ("home", Target::Default, INSIDE, false),
    ("internal", Target::Default, INSIDE, false),
    ("public", Target::Default, &["ssh", "dhcpv6-client"], false),
    ("trusted", Target::Accept, &[], false),
    ("work", Target::Default, &["ssh", "dhcpv6-client"], false),
];

const INSIDE: &[&str] = &["ssh", "mdns", "samba-client", "dhcpv6-client"];

fn file(kind: &str, name: &str) -> Place {
    Place::whole(format!("/usr/lib/firewalld/{kind}/{name}.xml"))
}

pub(super) fn zones() -> Named<Zone> {
    let zone = |&(name, target, services, masquerade): &(
        &str,
        Target,
        &[&str],
        bool,
    )| {
        let place = file("zones", name);
        let of = |service: &&str| ((*service).to_owned(), place.clone());
        let settings = Settings {
            target,
            services: services.iter().map(of).collect(),
            masquerade: masquerade.then(|| place.clone()),
            place: place.clone(),
            ..Settings::default()
        };
        let forward = Some(place.clone());
        (name.to_owned(), Zone { settings, forward, ..Zone::default() })
    };
    ZONES.iter().map(zone).collect()
}

/// allow-host-ipv6: what IPv6 needs of ICMPv6.
pub(super) fn policies() -> Named<Policy> {
    const NAME: &str = "allow-host-ipv6";
    let place = file("policies", NAME);
    let types = [
        "neighbour-advertisement",
        "neighbour-solicitation",
        "router-advertisement",
        "redirect",
    ];
    let rule = |name: &&str| {
        let what = What::Icmp((*name).to_owned(), false);
        Rich::icmp(Family::Ipv6, what, Action::Accept, place.clone())
    };
    let settings = Settings {
        target: Target::Continue,
        rules: types.iter().map(rule).collect(),
        place: place.clone(),
        ..Settings::default()
    };
    let policy = Policy {
        settings,
        priority: -15000,
        ingress: vec![("ANY".to_owned(), place.clone())],
        egress: vec![("HOST".to_owned(), place)],
    };
    Named::from([(NAME.to_owned(), policy)])
}

pub(super) fn services() -> Named<Service> {
    let lines = SERVICES.lines();
    let each = lines.filter_map(|line| {
        let mut words = line.split(' ');
        let name = words.next()?;
        let mut service = Service::default();
        words.for_each(|word| service.open(word));
        Some((name.to_owned(), service))
    });
    each.collect()
}

impl Service {
    /// "tcp/80", "source-udp/53", "proto/gre", "include/NAME" or
    /// "ipv4=ADDRESS".
    fn open(&mut self, word: &str) {
        if let Some((_, address)) = word.split_once('=') {
            self.destinations.extend(Address::new(address));
            return;
        }
        let Some((kind, value)) = word.split_once('/') else { return };
        match kind {
            "proto" => self.protocols.push(value.to_owned()),
            "include" => self.includes.push(value.to_owned()),
            _ => {
                let Some(ports) = ports(value) else { return };
                match kind.strip_prefix("source-") {
                    Some(of) => self.source_ports.push((ports, of.to_owned())),
                    None => self.ports.push((ports, kind.to_owned())),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_memcache_service_opens_udp_too() {
        let all = services();
        let tcp = ((11211, 11211), "tcp".to_owned());
        let udp = ((11211, 11211), "udp".to_owned());
        assert_eq!(all["memcache"].ports, [tcp, udp]);
        assert_eq!(all["samba-client"].includes, ["netbios-ns"]);
        assert_eq!(all["dhcpv6-client"].destinations.len(), 1);
        assert_eq!(all.len(), 221);
    }

    #[test]
    fn the_services_of_the_stock_zones_are_there() {
        let services = services();
        let zones = zones();
        let named = zones.values().flat_map(|zone| &zone.settings.services);
        assert!(named.clone().all(|(name, _)| services.contains_key(name)));
    }
}
