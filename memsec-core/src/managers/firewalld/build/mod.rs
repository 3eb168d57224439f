//! The rules that a configuration comes to: core/fw_zone.py, fw_policy.py and
//! the back ends' build functions, of which both make the same.

mod frame;
mod part;
mod rules;

use super::{
    chains::{Act, Chain, Chains, Rule, Test},
    config::Config,
    object::{Policy, Zone},
    settings::Placed,
    value::{Address, is_mac},
};
use part::{Part, Way};

/// All the chains of a configuration.
pub(super) fn chains(config: &Config) -> Vec<Chain> {
    let mut chains = Chains::default();
    frame::add(&mut chains, &config.conf);
    for (name, zone) in &config.zones {
        if config.applies(name, zone) {
            zone_chains(&mut chains, config, name, zone);
        }
    }
    dispatch(&mut chains, config);
    for (name, policy) in &config.policies {
        if policy.is_applied(config) {
            policy_chains(&mut chains, config, name, policy);
        }
    }
    chains.finish()
}

/// The three ways of a zone: to the host, out to others, and from others.
fn zone_chains(chains: &mut Chains, config: &Config, name: &str, zone: &Zone) {
    for way in [Way::In, Way::Forward, Way::Nat, Way::Mangle, Way::Snat] {
        let part = Part { way, suffix: name, zone: true };
        part.make(chains, &zone.settings);
    }
    rules::add(chains, config, &zone.settings, &rules::Ways::zone(name));
    let forward = zone.forward.as_ref();
    let allow = format!("FWD_{name}_allow");
    for ((interface, _), place) in
        zone.interfaces.iter().zip(forward.into_iter().cycle())
    {
        let test = vec![Test::Out(interface.clone())];
        let rule = Rule::new(test, Act::Accept).at(place);
        chains.push("filter", &allow, rule);
    }
    for ((source, _), place) in
        zone.sources.iter().zip(forward.into_iter().cycle())
    {
        if let Some(test) = end(source, true) {
            let rule = Rule::new(vec![test], Act::Accept).at(place);
            chains.push("filter", &allow, rule);
        }
    }
}

/// A source of a zone as a test of the source, or of the destination.
fn end(text: &str, destination: bool) -> Option<Test> {
    if let Some(set) = text.strip_prefix("ipset:") {
        return Some(Test::Set(set.to_owned(), destination));
    }
    if is_mac(text) {
        // The back ends differ here; a destination cannot be told by it.
        return (!destination).then(|| Test::Mac(text.to_owned()));
    }
    let address = Address::new(text)?;
    Some(if destination { Test::To(address) } else { Test::From(address) })
}

/// Sources go before interfaces, those by the names of their zones; the last
/// rule is for the default zone.
fn dispatch(chains: &mut Chains, config: &Config) {
    let ways = [Way::In, Way::Forward, Way::Nat, Way::Mangle, Way::Snat];
    for way in ways {
        let (table, from) = (way.table(), format!("{}_ZONES", way.hook()));
        let out = way == Way::Snat;
        let mut interfaces = Vec::new();
        for (name, zone) in &config.zones {
            let target = || Act::Goto(way.chain(name));
            for (source, place) in &zone.sources {
                let Some(test) = end(source, out) else { continue };
                let rule = Rule::new(vec![test], target()).at(place);
                chains.push(table, &from, rule);
            }
            for (interface, place) in &zone.interfaces {
                let test = match out {
                    true => Test::Out(interface.clone()),
                    false => Test::In(interface.clone()),
                };
                interfaces.push(Rule::new(vec![test], target()).at(place));
            }
        }
        // Each is put before the ones that were there.
        for rule in interfaces.into_iter().rev() {
            chains.push(table, &from, rule);
        }
        let default = &config.conf.default_zone;
        let rule = Rule::new(Vec::new(), Act::Goto(way.chain(default)));
        chains.push(table, &from, rule);
    }
}

/// A policy's chains, and the rules that lead to them.
fn policy_chains(
    chains: &mut Chains,
    config: &Config,
    name: &str,
    policy: &Policy,
) {
    let suffix = format!("policy_{name}");
    let ways = part::ways_of(config, policy);
    for &way in &ways {
        let part = Part { way, suffix: &suffix, zone: false };
        part.make(chains, &policy.settings);
    }
    rules::add(
        chains,
        config,
        &policy.settings,
        &rules::Ways::policy(&suffix, &ways),
    );
    let sides = (
        ends(config, &policy.ingress, false),
        ends(config, &policy.egress, true),
    );
    let when = if policy.priority < 0 { "pre" } else { "post" };
    for way in ways {
        let from = format!("{}_POLICIES_{when}", way.hook());
        for tests in pairs(&sides.0, &sides.1) {
            let mut rule = Rule::new(tests, Act::Jump(way.chain(&suffix)))
                .at(&policy.settings.place);
            rule.priority = policy.priority;
            chains.push(way.table(), &from, rule);
        }
    }
}

/// The interfaces and sources of the zones; `None` for any.
fn ends(
    config: &Config,
    zones: &[Placed<String>],
    out: bool,
) -> Vec<Option<Test>> {
    let all = zones.iter().filter_map(|(name, _)| config.zones.get(name));
    let all = all.flat_map(|zone| {
        let interfaces = zone.interfaces.iter().map(move |(name, _)| {
            Some(if out {
                Test::Out(name.clone())
            } else {
                Test::In(name.clone())
            })
        });
        let sources = zone.sources.iter().filter_map(move |(s, _)| end(s, out));
        interfaces.chain(sources.map(Some)).collect::<Vec<_>>()
    });
    let all: Vec<_> = all.collect();
    if all.is_empty() { vec![None] } else { all }
}

/// Every source side with every destination side of the same family.
fn pairs(from: &[Option<Test>], to: &[Option<Test>]) -> Vec<Vec<Test>> {
    let alike = |a: &Option<Test>, b: &Option<Test>| match (a, b) {
        (Some(Test::From(a)), Some(Test::To(b))) => a.family() == b.family(),
        _ => true,
    };
    let each = from.iter().flat_map(|a| to.iter().map(move |b| (a, b)));
    each.filter(|(a, b)| alike(a, b))
        .map(|(a, b)| a.iter().chain(b).cloned().collect())
        .collect()
}
