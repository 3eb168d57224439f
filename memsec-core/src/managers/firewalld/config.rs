//! All of firewalld's configuration, as its next start reads it: core/fw.py.

use std::collections::BTreeSet;

use super::{
    Broken,
    object::{Named, Policy, Service, Set, Zone},
    rich::{Rich, What, Who},
    settings::Settings,
    stock,
};
use crate::{
    Error, Snapshot,
    snapshot::Content,
    text::{Place, Source},
};

/// What firewalld works with.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub conf: Conf,
    pub zones: Named<Zone>,
    pub policies: Named<Policy>,
    pub services: Named<Service>,
    pub sets: Named<Set>,
}

/// firewalld.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conf {
    pub default_zone: String,
    /// True for nftables, false for iptables.
    pub nftables: bool,
    pub rpfilter: bool,
    pub rfc3964: bool,
}

impl Default for Conf {
    fn default() -> Self {
        let default_zone = "public".to_owned();
        Self { default_zone, nftables: true, rpfilter: true, rfc3964: true }
    }
}

impl Conf {
    /// The first value of a name counts; what is not known keeps its default.
    pub(super) fn read(source: &Source) -> Self {
        let mut conf = Self::default();
        let mut seen = BTreeSet::new();
        for line in source.text().lines().map(str::trim) {
            if line.starts_with(['#', ';']) || line.matches('=').count() != 1 {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim());
            if value.is_empty() || !seen.insert(name.to_owned()) {
                continue;
            }
            let lower = value.to_lowercase();
            let off = matches!(lower.as_str(), "no" | "false");
            match name {
                "DefaultZone" => value.clone_into(&mut conf.default_zone),
                "FirewallBackend" => conf.nftables = lower != "iptables",
                "IPv6_rpfilter" => conf.rpfilter = !off,
                "RFC3964_IPv4" => conf.rfc3964 = !off,
                _ => {}
            }
        }
        conf
    }
}

const STOCK: &str = "/usr/lib/firewalld/";
const OWN: &str = "/etc/firewalld/";

/// The files of a kind, by their directory, in the order of their names.
fn files<'a>(
    snapshot: &'a Snapshot,
    directory: &'a str,
    kind: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let from = format!("{directory}{kind}/");
    let all = snapshot.files.range(from.clone()..);
    let all = all.take_while(move |(path, _)| path.starts_with(&from));
    let at = directory.len() + kind.len() + 1;
    all.filter_map(move |(path, file)| {
        let name = path.get(at..)?.strip_suffix(".xml")?;
        let here = !matches!(file.content, Content::Secret(_));
        here.then_some((path.as_str(), name))
    })
}

/// Why the files cannot be read.
#[derive(Debug)]
pub(super) enum Failed {
    /// firewalld falls back to its stock configuration.
    Broken(Broken),
    Error(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Broken> for Failed {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// Reads the objects of a kind: those of /etc take the place of the stock
/// ones of the same name.
fn read<T>(
    snapshot: &Snapshot,
    kind: &str,
    own: bool,
    stock: impl FnOnce() -> Named<T>,
    one: impl Fn(&Source) -> Result<T, Broken>,
) -> Result<Named<T>, Failed> {
    let shipped = files(snapshot, STOCK, kind).next().is_some();
    let mut all = if shipped { Named::new() } else { stock() };
    let directories: &[&str] = if own { &[STOCK, OWN] } else { &[STOCK] };
    for directory in directories {
        for (path, name) in files(snapshot, directory, kind) {
            let Some(source) = snapshot.text(path)? else { continue };
            all.insert(name.to_owned(), one(&source)?);
        }
    }
    Ok(all)
}

impl Config {
    /// The configuration, or only the stock one where not `own`.
    pub(super) fn new(snapshot: &Snapshot, own: bool) -> Result<Self, Failed> {
        let conf = snapshot.text("/etc/firewalld/firewalld.conf")?;
        let conf = conf.filter(|_| own);
        let mut config = Self {
            conf: conf.as_ref().map(Conf::read).unwrap_or_default(),
            sets: read(snapshot, "ipsets", own, Named::new, Set::read)?,
            services: read(
                snapshot,
                "services",
                own,
                stock::services,
                Service::read,
            )?,
            zones: read(snapshot, "zones", own, stock::zones, Zone::read)?,
            policies: read(
                snapshot,
                "policies",
                own,
                stock::policies,
                Policy::read,
            )?,
        };
        config.combine();
        config.check()?;
        if !config.zones.contains_key(&config.conf.default_zone) {
            let known = |name: &&str| config.zones.contains_key(*name);
            let others = ["public", "external"].into_iter();
            let zone = others.clone().find(known).unwrap_or("block");
            zone.clone_into(&mut config.conf.default_zone);
        }
        config.check_applied()?;
        Ok(config)
    }

    /// The files of a directory of zones/ are one zone together.
    fn combine(&mut self) {
        let parts: Vec<_> =
            self.zones.keys().filter(|name| name.contains('/')).collect();
        let parts: Vec<_> = parts.into_iter().cloned().collect();
        let mut whole: Named<Zone> = Named::new();
        for part in parts {
            let Some(zone) = self.zones.remove(&part) else { continue };
            let name = part.split('/').next().unwrap_or_default();
            whole.entry(name.to_owned()).or_default().combine(zone);
        }
        self.zones.extend(whole);
    }

    /// What full_check_config() refuses.
    fn check(&self) -> Result<(), Broken> {
        for zone in self.zones.values() {
            self.check_settings(&zone.settings)?;
        }
        self.check_bound(|zone| &zone.interfaces)?;
        self.check_bound(|zone| &zone.sources)?;
        for (name, policy) in &self.policies {
            self.check_settings(&policy.settings)?;
            self.check_policy(name, policy)?;
        }
        Ok(())
    }

    fn check_settings(&self, settings: &Settings) -> Result<(), Broken> {
        for (service, place) in &settings.services {
            if !self.services.contains_key(service) {
                let what = format!("there is no service {service}");
                return Err(Broken { what, place: place.clone() });
            }
        }
        Ok(())
    }

    /// What fails only when it is loaded, in what is in use.
    fn check_applied(&self) -> Result<(), Broken> {
        let zones = self.zones.iter();
        let zones = zones.filter(|(name, zone)| self.applies(name, zone));
        let policies = self.policies.values().filter(|p| p.is_applied(self));
        let settings = zones.map(|(_, zone)| &zone.settings);
        let settings = settings.chain(policies.map(|p| &p.settings));
        for rule in settings.flat_map(|settings| &settings.rules) {
            if let Some(what) = self.wrong_rule(rule) {
                return Err(Broken { what, place: rule.place.clone() });
            }
        }
        Ok(())
    }

    /// True for a zone that packets get to.
    pub(super) fn applies(&self, name: &str, zone: &Zone) -> bool {
        zone.is_active() || name == self.conf.default_zone
    }

    fn wrong_rule(&self, rule: &Rich) -> Option<String> {
        if rule.resets_beyond_tcp(self.conf.nftables) {
            return Some("a reset for what is not TCP".to_owned());
        }
        for end in [&rule.source, &rule.destination].into_iter().flatten() {
            match &end.who {
                Who::Set(set) if !self.sets.contains_key(set) => {
                    return Some(format!("there is no set {set}"));
                }
                // iptables-restore refuses it.
                Who::Address(address)
                    if end.invert
                        && address.prefix == Some(0)
                        && !self.conf.nftables =>
                {
                    return Some("not any address".to_owned());
                }
                _ => {}
            }
        }
        let Some(What::Service(name)) = &rule.what else { return None };
        let Some(service) = self.services.get(name) else {
            return Some(format!("there is no service {name}"));
        };
        let reset =
            rule.reject.as_deref().is_some_and(|a| a.starts_with("tcp"));
        let mut ports = service.ports.iter().chain(&service.source_ports);
        let other =
            ports.any(|(_, of)| of != "tcp") || !service.protocols.is_empty();
        (reset && other).then(|| "a reset for what is not TCP".to_owned())
    }

    /// An interface or a source may be bound to one zone only.
    fn check_bound(
        &self,
        bound: impl Fn(&Zone) -> &Vec<(String, Place)>,
    ) -> Result<(), Broken> {
        let mut seen: Named<&str> = Named::new();
        for (name, zone) in &self.zones {
            for (what, place) in bound(zone) {
                let other = seen.insert(what.clone(), name);
                if other.is_some_and(|other| other != name) {
                    let what = format!("{what} is bound to two zones");
                    return Err(Broken { what, place: place.clone() });
                }
                let set = what.strip_prefix("ipset:");
                if set.is_some_and(|set| !self.sets.contains_key(set)) {
                    let what = format!("there is no {what}");
                    return Err(Broken { what, place: place.clone() });
                }
            }
        }
        Ok(())
    }

    fn check_policy(&self, name: &str, policy: &Policy) -> Result<(), Broken> {
        let place = &policy.settings.place;
        let broken = |what: String| Broken { what, place: place.clone() };
        if self.zones.contains_key(name) {
            return Err(broken(format!("{name} is a zone and a policy")));
        }
        if policy.priority == 0 || i16::try_from(policy.priority).is_err() {
            return Err(broken("not a priority".to_owned()));
        }
        for zones in [&policy.ingress, &policy.egress] {
            let any = |name: &str| matches!(name, "ANY" | "HOST");
            let special = zones.iter().any(|(name, _)| any(name));
            let alone = zones.iter().all(|zone| zone.0 == zones_first(zones));
            let known = zones
                .iter()
                .all(|(name, _)| any(name) || self.zones.contains_key(name));
            if special && !alone || !known {
                return Err(broken("its zones are not right".to_owned()));
            }
        }
        let host = |zones: &[(String, Place)]| zones_first(zones) == "HOST";
        if host(&policy.ingress) && host(&policy.egress) {
            return Err(broken("from HOST to HOST".to_owned()));
        }
        Ok(())
    }
}

fn zones_first(zones: &[(String, Place)]) -> &str {
    zones.first().map_or("", |(name, _)| name)
}
