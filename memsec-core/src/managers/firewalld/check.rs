//! What firewalld's start refuses once all is read: full_check_config() in
//! core/fw.py, and what only fails when it is loaded.

use std::collections::BTreeSet;

use super::{
    Broken,
    config::Config,
    icmp,
    object::{Named, Policy, Service, Zone},
    rich::{Action, Rich, What, Who},
    settings::{Placed, Settings},
};
use crate::{net::Family, text::Place};

impl Config {
    /// What full_check_config() refuses; `icmp` are the types that files
    /// have besides the stock ones.
    pub(super) fn check(&self, icmp: &BTreeSet<&str>) -> Result<(), Broken> {
        for service in self.services.values() {
            self.check_service(service)?;
        }
        for (name, zone) in &self.zones {
            check_name(name, "_-/", 17, &zone.settings.place)?;
            self.check_settings(&zone.settings, icmp)?;
            for (interface, place) in &zone.interfaces {
                check_interface(interface, place)?;
            }
        }
        self.check_bound(|zone| &zone.interfaces)?;
        self.check_bound(|zone| &zone.sources)?;
        for (name, policy) in &self.policies {
            check_name(name, "_-/", 18, &policy.settings.place)?;
            self.check_settings(&policy.settings, icmp)?;
            self.check_policy(name, policy)?;
        }
        match &self.conf.other_backend {
            Some(name) => {
                let place = Place::whole("/etc/firewalld/firewalld.conf");
                refused(format!("there is no back end {name}"), &place)
            }
            None => Ok(()),
        }
    }

    fn check_service(&self, service: &Service) -> Result<(), Broken> {
        let unknown = |name: &&String| !self.services.contains_key(*name);
        match service.includes.iter().find(unknown) {
            Some(name) => {
                refused(format!("there is no service {name}"), &service.place)
            }
            None => Ok(()),
        }
    }

    fn check_settings(
        &self,
        settings: &Settings,
        icmp: &BTreeSet<&str>,
    ) -> Result<(), Broken> {
        for (service, place) in &settings.services {
            if !self.services.contains_key(service) {
                return refused(
                    format!("there is no service {service}"),
                    place,
                );
            }
        }
        let blocks = settings.icmp_blocks.iter();
        let blocks = blocks.map(|(name, place)| (name, None, place));
        let rules = settings.rules.iter().filter_map(|rule| {
            let Some(What::Icmp(name, _)) = &rule.what else { return None };
            Some((name, rule.family, &rule.place))
        });
        for (name, family, place) in blocks.chain(rules) {
            check_icmp(name, family, icmp, place)?;
        }
        Ok(())
    }

    /// What fails only when it is loaded, in what is in use.
    pub(super) fn check_applied(&self) -> Result<(), Broken> {
        let zones = self.zones.iter();
        let zones = zones.filter(|(name, zone)| self.applies(name, zone));
        let policies = self.policies.values().filter(|p| p.is_applied(self));
        let settings = zones.map(|(_, zone)| &zone.settings);
        let settings = settings.chain(policies.map(|p| &p.settings));
        for rule in settings.flat_map(|settings| &settings.rules) {
            if let Some(what) = self.wrong_rule(rule) {
                return refused(what, &rule.place);
            }
        }
        Ok(())
    }

    fn wrong_rule(&self, rule: &Rich) -> Option<String> {
        if rule.resets_beyond_tcp(self.conf.nftables) {
            return Some("a reset for what is not TCP".to_owned());
        }
        // Both back ends, _rich_rule_chain_suffix().
        if let (Some(What::Icmp(_, false)), None) = (&rule.what, rule.action) {
            return Some("an icmp-type without an action".to_owned());
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
        let all = self.with_included(name);
        if all.is_empty() {
            return Some(format!("there is no service {name}"));
        }
        let twice = |service: &&Service| !service.destinations.is_empty();
        if rule.destination.is_some() && all.iter().any(twice) {
            return Some("a destination beside that of a service".to_owned());
        }
        let reset =
            rule.reject.as_deref().is_some_and(|a| a.starts_with("tcp"));
        let other = |service: &&Service| {
            let mut ports = service.ports.iter().chain(&service.source_ports);
            ports.any(|(_, of)| of != "tcp") || !service.protocols.is_empty()
        };
        (reset && all.iter().any(other))
            .then(|| "a reset for what is not TCP".to_owned())
    }

    /// An interface or a source may be bound to one zone only.
    fn check_bound(
        &self,
        bound: impl Fn(&Zone) -> &Vec<Placed<String>>,
    ) -> Result<(), Broken> {
        let mut seen: Named<&str> = Named::new();
        for (name, zone) in &self.zones {
            for (what, place) in bound(zone) {
                let other = seen.insert(what.clone(), name);
                if other.is_some_and(|other| other != name) {
                    return refused(
                        format!("{what} is bound to two zones"),
                        place,
                    );
                }
                let set = what.strip_prefix("ipset:");
                if set.is_some_and(|set| !self.sets.contains_key(set)) {
                    return refused(format!("there is no {what}"), place);
                }
            }
        }
        Ok(())
    }

    fn check_policy(&self, name: &str, policy: &Policy) -> Result<(), Broken> {
        let place = &policy.settings.place;
        if self.zones.contains_key(name) {
            return refused(format!("{name} is a zone and a policy"), place);
        }
        if policy.priority == 0 || i16::try_from(policy.priority).is_err() {
            return refused("not a priority", place);
        }
        for zones in [&policy.ingress, &policy.egress] {
            let any = |name: &str| matches!(name, "ANY" | "HOST");
            let special = zones.iter().any(|(name, _)| any(name));
            let alone = zones.iter().all(|zone| Some(&zone.0) == first(zones));
            let known = zones
                .iter()
                .all(|(name, _)| any(name) || self.zones.contains_key(name));
            if special && !alone || !known {
                return refused("its zones are not right", place);
            }
        }
        if has(&policy.ingress, "HOST") && has(&policy.egress, "HOST") {
            return refused("from HOST to HOST", place);
        }
        self.check_translation(policy)
    }

    /// What a policy may lead elsewhere depends on its zones.
    fn check_translation(&self, policy: &Policy) -> Result<(), Broken> {
        let settings = &policy.settings;
        let rules = || settings.rules.iter();
        let masks = |rule: &&Rich| matches!(rule.what, Some(What::Masquerade));
        let masked = rules().find(masks).map(|rule| &rule.place);
        let masked = settings.masquerade.as_ref().or(masked);
        if let Some(place) = masked.filter(|_| !self.may_masquerade(policy)) {
            return refused("no masquerade between these zones", place);
        }
        let own = settings.forward_ports.iter();
        let own = own.map(|(forward, place)| (forward.to.is_some(), place));
        let rich = rules().filter_map(|rule| match &rule.what {
            Some(What::Forward(to)) => Some((to.to.is_some(), &rule.place)),
            _ => None,
        });
        for (address, place) in own.chain(rich) {
            if !self.may_forward(policy, address) {
                return refused("no forward-port between these zones", place);
            }
        }
        let marks = |rule: &&Rich| {
            let other =
                matches!(rule.what, Some(What::Masquerade | What::Forward(_)));
            rule.action == Some(Action::Mark) && !other
        };
        match rules().find(marks) {
            Some(rule) if self.has_interfaces(&policy.egress) => {
                refused("no mark for a zone with interfaces", &rule.place)
            }
            _ => Ok(()),
        }
    }

    fn may_masquerade(&self, policy: &Policy) -> bool {
        let bound = !self.conf.nftables && self.has_interfaces(&policy.ingress);
        !has(&policy.egress, "HOST") && !has(&policy.ingress, "HOST") && !bound
    }

    fn may_forward(&self, policy: &Policy, to_address: bool) -> bool {
        let to = &policy.egress;
        match has(to, "HOST") {
            true => !to_address,
            false if to.is_empty() => true,
            false => to_address && !self.has_interfaces(to),
        }
    }

    fn has_interfaces(&self, zones: &[Placed<String>]) -> bool {
        let mut zones = zones.iter().filter_map(|(n, _)| self.zones.get(n));
        zones.any(|zone| !zone.interfaces.is_empty())
    }
}

fn refused<T>(what: impl Into<String>, place: &Place) -> Result<T, Broken> {
    Err(Broken { what: what.into(), place: place.clone() })
}

fn first(zones: &[Placed<String>]) -> Option<&String> {
    zones.first().map(|(name, _)| name)
}

fn has(zones: &[Placed<String>], wanted: &str) -> bool {
    zones.iter().any(|(name, _)| name == wanted)
}

/// The names of chains are limited, and so are those of zones and policies.
fn check_name(
    name: &str,
    more: &str,
    most: usize,
    place: &Place,
) -> Result<(), Broken> {
    let good = |c: char| c.is_alphanumeric() || more.contains(c);
    let length = name.split('/').next().map_or(0, |n| n.chars().count());
    match name.chars().all(good) && (1..=most).contains(&length) {
        true => Ok(()),
        false => refused(format!("{name} is not a name"), place),
    }
}

fn check_interface(name: &str, place: &Place) -> Result<(), Broken> {
    let length = name.chars().count();
    match (1..=16).contains(&length) && !name.contains([' ', '/', '!', '*']) {
        true => Ok(()),
        false => refused(format!("{name:?} is not an interface"), place),
    }
}

fn check_icmp(
    name: &str,
    family: Option<Family>,
    more: &BTreeSet<&str>,
    place: &Place,
) -> Result<(), Broken> {
    let known = icmp::types(name).next().is_some();
    let fits = |family| icmp::types(name).any(|row| row.0 == family);
    if !known && !more.contains(name) {
        return refused(format!("there is no type of ICMP {name}"), place);
    }
    match family {
        Some(family) if known && !fits(family) => {
            refused(format!("{name} is of the other family"), place)
        }
        _ => Ok(()),
    }
}
