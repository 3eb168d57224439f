//! Zones, policies, services and sets: core/io/.

use std::collections::BTreeMap;

use super::{
    Broken,
    config::Config,
    settings::{Draft, Placed, Settings, Target, check, port},
    value::{Address, is_mac, is_protocol},
    xml::elements,
};
use crate::{
    net::Family,
    text::{Place, Source},
};

#[derive(Clone, Debug, Default)]
pub(super) struct Zone {
    pub settings: Settings,
    pub interfaces: Vec<Placed<String>>,
    /// Addresses, MAC addresses, and "ipset:NAME".
    pub sources: Vec<Placed<String>>,
    pub forward: Option<Place>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Policy {
    pub settings: Settings,
    pub priority: i32,
    pub ingress: Vec<Placed<String>>,
    pub egress: Vec<Placed<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Service {
    pub ports: Vec<((u16, u16), String)>,
    pub source_ports: Vec<((u16, u16), String)>,
    pub protocols: Vec<String>,
    pub includes: Vec<String>,
    /// Only for these addresses, where there are any.
    pub destinations: Vec<Address>,
    pub place: Place,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    pub kind: String,
    pub six: bool,
    pub timeout: Option<String>,
    pub entries: Vec<Placed<String>>,
    pub place: Place,
}

impl Zone {
    pub(super) fn read(source: &Source) -> Result<Self, Broken> {
        let mut zone = Self::default();
        let mut draft = Draft::default();
        for e in elements(source)? {
            check(
                &e,
                &[
                    (
                        "zone",
                        &[],
                        &[
                            "name",
                            "immutable",
                            "target",
                            "version",
                            // From firewalld 2.0 on.
                            "ingress-priority",
                            "egress-priority",
                        ],
                    ),
                    ("interface", &["name"], &[]),
                ],
            )?;
            if draft.take(&e)? {
                continue;
            }
            let text = |name| e.need(name).map(str::to_owned);
            match e.name.as_str() {
                "zone" => {
                    draft.settings.place = e.place.clone();
                    draft.settings.target = match e.get("target") {
                        None | Some("" | "default" | "{chain}_{zone}") => {
                            Target::Default
                        }
                        Some("ACCEPT") => Target::Accept,
                        Some("%%REJECT%%") => Target::Reject,
                        Some("DROP") => Target::Drop,
                        Some(_) => return Err(e.broken("no such target")),
                    };
                }
                "interface" => {
                    zone.interfaces.push((text("name")?, e.place.clone()));
                }
                "source" => match (e.get("address"), e.get("ipset")) {
                    (Some(address), None) if e.get("invert").is_none() => {
                        if Address::new(address).is_none() && !is_mac(address) {
                            return Err(e.broken("not an address"));
                        }
                        zone.sources.push((text("address")?, e.place.clone()));
                    }
                    (None, Some(set)) if e.get("invert").is_none() => {
                        let set = format!("ipset:{set}");
                        zone.sources.push((set, e.place.clone()));
                    }
                    // A warning, and nothing of it counts.
                    _ => {}
                },
                "forward" => zone.forward = Some(e.place.clone()),
                _ => {}
            }
        }
        zone.settings = draft.finish();
        Ok(zone)
    }

    pub(super) fn is_active(&self) -> bool {
        !self.interfaces.is_empty() || !self.sources.is_empty()
    }

    /// Takes over the settings of another part of the same zone.
    pub(super) fn combine(&mut self, mut other: Self) {
        let (own, more) = (&mut self.settings, &mut other.settings);
        own.services.append(&mut more.services);
        own.ports.append(&mut more.ports);
        own.source_ports.append(&mut more.source_ports);
        own.protocols.append(&mut more.protocols);
        own.icmp_blocks.append(&mut more.icmp_blocks);
        own.forward_ports.append(&mut more.forward_ports);
        own.rules.append(&mut more.rules);
        own.icmp_block_inversion |= more.icmp_block_inversion;
        own.masquerade = own.masquerade.take().or(more.masquerade.take());
        self.interfaces.append(&mut other.interfaces);
        self.sources.append(&mut other.sources);
        self.forward = self.forward.take().or(other.forward);
    }
}

impl Policy {
    pub(super) fn read(source: &Source) -> Result<Self, Broken> {
        let mut policy = Self { priority: -1, ..Self::default() };
        let mut draft = Draft::default();
        for e in elements(source)? {
            check(
                &e,
                &[
                    ("policy", &["target"], &["version", "priority"]),
                    ("ingress-zone", &["name"], &[]),
                    ("egress-zone", &["name"], &[]),
                ],
            )?;
            if draft.take(&e)? {
                continue;
            }
            let zone = || Ok((e.need("name")?.to_owned(), e.place.clone()));
            match e.name.as_str() {
                "policy" => {
                    draft.settings.place = e.place.clone();
                    draft.settings.target = match e.need("target")? {
                        "ACCEPT" => Target::Accept,
                        "REJECT" => Target::Reject,
                        "DROP" => Target::Drop,
                        "CONTINUE" => Target::Continue,
                        _ => return Err(e.broken("no such target")),
                    };
                    if let Some(text) = e.get("priority") {
                        let number = text.trim().parse();
                        policy.priority =
                            number.map_err(|_| e.broken("not a priority"))?;
                    }
                }
                "ingress-zone" => policy.ingress.push(zone()?),
                "egress-zone" => policy.egress.push(zone()?),
                name => {
                    let what = format!("unexpected element {name}");
                    return Err(e.broken(what));
                }
            }
        }
        policy.settings = draft.finish();
        Ok(policy)
    }
}

impl Policy {
    /// A policy counts if it has a zone on each side that is in use.
    pub(super) fn is_applied(&self, config: &Config) -> bool {
        let used = |zones: &[Placed<String>]| {
            zones.iter().any(|(name, _)| {
                matches!(name.as_str(), "ANY" | "HOST")
                    || config.zones.get(name).is_some_and(Zone::is_active)
            })
        };
        used(&self.ingress) && used(&self.egress)
    }
}

impl Service {
    pub(super) fn read(source: &Source) -> Result<Self, Broken> {
        let mut service = Self::default();
        for e in elements(source)? {
            check(
                &e,
                &[
                    ("service", &[], &["name", "version"]),
                    ("module", &["name"], &[]),
                    ("helper", &["name"], &[]),
                    ("include", &["service"], &[]),
                    ("destination", &[], &["ipv4", "ipv6"]),
                ],
            )?;
            let text = |name| e.need(name).map(str::to_owned);
            match e.name.as_str() {
                "service" => service.place = e.place.clone(),
                "port" if e.get("port") == Some("") => {
                    service.protocols.push(text("protocol")?);
                }
                "port" => service.ports.push(port(&e)?),
                "source-port" => service.source_ports.push(port(&e)?),
                "protocol" if is_protocol(e.need("value")?) => {
                    service.protocols.push(text("value")?);
                }
                "protocol" => return Err(e.broken("no such protocol")),
                "include" => service.includes.push(text("service")?),
                "destination" => {
                    for family in ["ipv4", "ipv6"] {
                        let Some(text) = e.get(family) else { continue };
                        let address = Address::new(text);
                        service.destinations.push(
                            address
                                .ok_or_else(|| e.broken("not an address"))?,
                        );
                    }
                }
                _ => {}
            }
        }
        Ok(service)
    }
}

/// IPSET_TYPES in core/ipset.py.
const KINDS: [&str; 11] = [
    "hash:ip",
    "hash:ip,port",
    "hash:ip,port,ip",
    "hash:ip,port,net",
    "hash:ip,mark",
    "hash:net",
    "hash:net,net",
    "hash:net,port",
    "hash:net,port,net",
    "hash:net,iface",
    "hash:mac",
];

fn is_number(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.trim().parse::<u32>().is_ok())
}

impl Set {
    pub(super) fn read(source: &Source) -> Result<Self, Broken> {
        let mut set = Self::default();
        for e in elements(source)? {
            check(
                &e,
                &[
                    ("ipset", &["type"], &["version"]),
                    ("option", &["name"], &["value"]),
                    ("entry", &[], &[]),
                ],
            )?;
            match e.name.as_str() {
                "ipset" => {
                    e.need("type")?.clone_into(&mut set.kind);
                    set.place = e.place.clone();
                    if !KINDS.contains(&set.kind.as_str()) {
                        return Err(e.broken("no such type of set"));
                    }
                }
                "option" => match (e.need("name")?, e.get("value")) {
                    ("family", Some("inet6")) => set.six = true,
                    ("family", Some("inet")) => {}
                    ("timeout", value) if is_number(value) => {
                        set.timeout = value.map(str::to_owned);
                    }
                    ("hashsize" | "maxelem", value) if is_number(value) => {}
                    _ => return Err(e.broken("no such option")),
                },
                "entry" => set.entries.push((e.text.clone(), e.place.clone())),
                _ => {}
            }
        }
        Ok(set)
    }

    pub(super) fn family(&self) -> Option<Family> {
        match (self.kind.as_str(), self.six) {
            ("hash:mac", _) => None,
            (_, true) => Some(Family::Ipv6),
            (_, false) => Some(Family::Ipv4),
        }
    }
}

/// Objects by their names: the order in which firewalld applies them.
pub(super) type Named<T> = BTreeMap<String, T>;
