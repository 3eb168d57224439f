//! Asking firewalld in its own words: firewall-cmd(1) and
//! firewalld.richlanguage(5).

mod live;
mod others;
#[cfg(test)]
mod tests;
mod zone_file;

use super::{
    Config, Failed, load,
    object::{Policy, Service, Zone},
    rich::{Action, Rich, What, Who},
    settings::{Settings, Target},
};
use crate::{
    Cidr, Error, Proto, Snapshot,
    managers::change::{Ask, Asking, Change, line},
    net::{Family, Interface, IpSet, interfaces},
};
use live::Live;
use zone_file::{add_rule, remove};

/// What to run, so that only the clients reach the port: a rich rule of
/// priority -1 for each, now and for good, also in a policy that would stop
/// them before; then what opens the port to everybody goes. Where something
/// that opens more than the port lets others in, a rule drops the port to
/// all who are left.
///
/// # Errors
///
/// Where firewalld does not run with these files, or would not take what is
/// asked.
pub(in super::super) fn ask(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
) -> Result<Vec<Change>, Error> {
    let config = configuration(snapshot)?;
    let near = snapshot.output("ip -j address");
    let near = near.map(|text| interfaces(&text)).transpose()?;
    let near = near.unwrap_or_default();
    let mut asking = Asking::new(snapshot);
    for &client in ask.clients {
        if client.prefix() == 0 {
            let why = format!("{client} is everybody");
            return Err(Error::unsupported(why));
        }
        let zones = zones(&config, &near, client).into_iter().map(Of::Zone);
        for &proto in ask.protos {
            let stop = stopping(&config, ask.port, proto).map(Of::Policy);
            for of in zones.clone().chain(stop) {
                let client = Some(client);
                let wanted = Wanted { of, client, port: ask.port, proto };
                wanted.add(&config, &mut asking)?;
            }
        }
    }
    for (name, zone) in &config.zones {
        if config.applies(name, zone) {
            shut(&config, (name, zone), ask, &mut asking)?;
        }
    }
    drop_others(ask, &mut asking)?;
    Ok(asking.changes)
}

/// A rule that drops the port to all, in each zone where others still get in.
fn drop_others(ask: &Ask<'_>, asking: &mut Asking) -> Result<(), Error> {
    let config = configuration(&asking.snapshot)?;
    for (name, zone) in &config.zones {
        for proto in Proto::BOTH {
            let open = config.applies(name, zone)
                && others::get_in(&config, zone, ask, proto);
            if open {
                let of = Of::Zone(name);
                let wanted = Wanted { of, client: None, port: ask.port, proto };
                wanted.add(&config, asking)?;
            }
        }
    }
    Ok(())
}

/// The policies in use that stop the port before a zone is asked.
fn stopping(
    config: &Config,
    port: u16,
    proto: Proto,
) -> impl Iterator<Item = &str> {
    let stops = move |policy: &Policy| {
        let settings = &policy.settings;
        let stopped = matches!(settings.target, Target::Drop | Target::Reject);
        let mut rules = settings.rules.iter();
        stopped
            || rules.any(|rule| {
                matches!(rule.action, Some(Action::Drop | Action::Reject))
                    && others::covers(config, rule, port, proto)
            })
    };
    let to_host = |policy: &Policy| {
        let mut to = policy.egress.iter();
        policy.priority < 0
            && policy.is_applied(config)
            && to.any(|(name, _)| name == "HOST")
    };
    let policies = config.policies.iter();
    let found = policies.filter(move |(_, p)| to_host(p) && stops(p));
    found.map(|(name, _)| name.as_str())
}

fn configuration(snapshot: &Snapshot) -> Result<Config, Error> {
    let loaded = load(snapshot)?;
    let loaded = loaded.ok_or_else(|| Error::unsupported("no firewalld"))?;
    if !loaded.enabled {
        return Err(Error::unsupported("firewalld is switched off"));
    }
    match Config::new(snapshot, true) {
        Ok(config) => Ok(config),
        Err(Failed::Error(error)) => Err(error),
        Err(Failed::Broken(broken)) => Err(Error::unsupported(format!(
            "{}: firewalld does not take it: {}",
            broken.place, broken.what
        ))),
    }
}

/// The zones that packets of a client can come to: those of a source first,
/// then those of the interfaces that it is near to, or of any.
fn zones<'c>(
    config: &'c Config,
    near: &[Interface],
    client: Cidr,
) -> Vec<&'c str> {
    let wanted = IpSet::of(client.family(), [client]);
    let mut found = Vec::new();
    for (name, zone) in &config.zones {
        for (source, _) in &zone.sources {
            let net = source.parse::<Cidr>().ok();
            let net = net.filter(|net| net.family() == client.family());
            let Some(net) = net else {
                found.extend(source.contains("ipset:").then_some(name));
                continue;
            };
            let net = IpSet::of(net.family(), [net]);
            if wanted.is_subset(&net) {
                return vec![name];
            }
            if wanted.difference(&net) != wanted {
                found.push(name);
            }
        }
    }
    let others = near.iter().filter(|interface| !interface.loopback);
    let on = |i: &&Interface| i.on(client).next().is_some();
    let all = others.clone().filter(on).map(|interface| &interface.name);
    let mut all: Vec<_> = all.collect();
    if all.is_empty() {
        all = others.map(|interface| &interface.name).collect();
    }
    let own = |interface: &&String| {
        let mut zones = config.zones.iter();
        let of =
            |zone: &Zone| zone.interfaces.iter().any(|(n, _)| n == *interface);
        let zone = zones.find(|(_, zone)| of(zone));
        zone.map_or(&config.conf.default_zone, |(name, _)| name)
    };
    match all.is_empty() {
        true => found.push(&config.conf.default_zone),
        false => found.extend(all.iter().map(own)),
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|name| seen.insert(*name));
    found.into_iter().map(String::as_str).collect()
}

/// What has rules.
#[derive(Clone, Copy, Debug)]
enum Of<'n> {
    Zone(&'n str),
    Policy(&'n str),
}

impl<'n> Of<'n> {
    fn kind(self) -> &'static str {
        match self {
            Self::Zone(_) => "zone",
            Self::Policy(_) => "policy",
        }
    }

    fn name(self) -> &'n str {
        match self {
            Self::Zone(name) | Self::Policy(name) => name,
        }
    }

    /// The chain of what comes in to the host, with its rules of a kind.
    fn chain(self, kind: &str) -> String {
        let of = match self {
            Self::Zone(_) => "",
            Self::Policy(_) => "policy_",
        };
        format!("IN_{of}{}_{kind}", self.name())
    }

    fn settings(self, config: &Config) -> Option<&Settings> {
        match self {
            Self::Zone(name) => config.zones.get(name).map(|z| &z.settings),
            Self::Policy(name) => {
                config.policies.get(name).map(|policy| &policy.settings)
            }
        }
    }
}

/// One client, to be let in to one port; all who are left, to be kept out.
#[derive(Clone, Copy, Debug)]
struct Wanted<'z> {
    of: Of<'z>,
    client: Option<Cidr>,
    port: u16,
    proto: Proto,
}

impl Wanted<'_> {
    fn add(&self, config: &Config, asking: &mut Asking) -> Result<(), Error> {
        let live = Live::new(&asking.snapshot, config.conf.nftables)?;
        let summary = |when| {
            let (kind, name) = (self.of.kind(), self.of.name());
            let (port, proto) = (self.port, self.proto.name());
            let what = match self.client {
                Some(client) => format!("let {client} in to"),
                None => "drop what is left for".to_owned(),
            };
            format!("firewalld: {what} {proto} {port} of {kind} {name}, {when}")
        };
        if !live.allows(self)? {
            asking.push(Change {
                summary: summary("now"),
                effects: live.adding(self)?,
                ..self.command(&[])
            });
        }
        let settings = self.of.settings(config);
        let known = settings
            .is_some_and(|settings| settings.rules.iter().any(|r| self.is(r)));
        if !known {
            let file = add_rule(&asking.snapshot, self)?;
            asking.push(Change {
                summary: summary("for good"),
                effects: vec![file],
                ..self.command(&["--permanent"])
            });
        }
        Ok(())
    }

    /// The families of the rules.
    fn families(&self) -> &[Family] {
        match self.client.map(Cidr::family) {
            Some(Family::Ipv4) => &[Family::Ipv4],
            Some(Family::Ipv6) => &[Family::Ipv6],
            None => &Family::BOTH,
        }
    }

    /// The attributes of the rule, who it is for, and what becomes of them.
    fn words(&self) -> (String, String, &'static str) {
        let Some(client) = self.client else {
            return (String::new(), String::new(), "drop");
        };
        let family = match client.family() {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        };
        let head = format!(" priority=\"-1\" family=\"{family}\"");
        (head, format!("source address=\"{client}\""), "accept")
    }

    fn command(&self, how: &[&str]) -> Change {
        let (head, source, action) = self.words();
        let gap = if source.is_empty() { "" } else { " " };
        let rule = format!(
            "rule{head} {source}{gap}port port=\"{}\" protocol=\"{}\" \
             {action}",
            self.port,
            self.proto.name()
        );
        let with = |verb: &str| {
            let option = format!("--{verb}-rich-rule={rule}");
            firewall_cmd(how, self.of, option)
        };
        Change {
            command: with("add"),
            undo: with("remove"),
            check: with("query"),
            ..Change::default()
        }
    }

    /// Whether a rule says the same.
    fn is(&self, rule: &Rich) -> bool {
        let source = rule.source.as_ref();
        let clients = source.filter(|end| !end.invert);
        let from = match clients.map(|end| &end.who) {
            Some(Who::Address(address)) => address.to_string().parse().ok(),
            _ => None,
        };
        let what = match &rule.what {
            Some(What::Port(ports, proto)) => {
                *ports == (self.port, self.port) && proto == self.proto.name()
            }
            _ => false,
        };
        let plain = rule.destination.is_none() && !rule.limited;
        let acts = match self.client {
            Some(client) => {
                from == Some(client)
                    && rule.priority < 0
                    && rule.action == Some(Action::Accept)
            }
            None => {
                source.is_none()
                    && rule.family.is_none()
                    && rule.priority == 0
                    && rule.action == Some(Action::Drop)
            }
        };
        what && plain && acts
    }
}

fn firewall_cmd(how: &[&str], of: Of<'_>, option: String) -> Vec<String> {
    let mut words = line(["firewall-cmd"], []);
    words.extend(how.iter().map(|&word| word.to_owned()));
    words.extend([format!("--{}={}", of.kind(), of.name()), option]);
    words
}

/// What opens the port in a zone to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Opener {
    Port(Proto),
    /// By its name, and what it opens.
    Service(String, Vec<Proto>),
}

impl Opener {
    fn option(&self, verb: &str, port: u16) -> String {
        match self {
            Self::Port(proto) => {
                format!("--{verb}-port={port}/{}", proto.name())
            }
            Self::Service(name, _) => format!("--{verb}-service={name}"),
        }
    }

    fn protos(&self) -> &[Proto] {
        match self {
            Self::Port(proto) => std::slice::from_ref(proto),
            Self::Service(_, protos) => protos,
        }
    }
}

/// The removal of what opens the port to a whole zone.
fn shut(
    config: &Config,
    (name, zone): (&str, &Zone),
    ask: &Ask<'_>,
    asking: &mut Asking,
) -> Result<(), Error> {
    for opener in openers(config, zone, ask.port) {
        let live = Live::new(&asking.snapshot, config.conf.nftables)?;
        let now = live.closing(name, ask.port, opener.protos());
        let file = remove(&asking.snapshot, name, ask.port, &opener)?;
        for (how, effects) in
            [(&[][..], now), (&["--permanent"][..], vec![file])]
        {
            if effects.is_empty() {
                continue;
            }
            let option = |verb| opener.option(verb, ask.port);
            let with = |verb| firewall_cmd(how, Of::Zone(name), option(verb));
            let when = if how.is_empty() { "now" } else { "for good" };
            asking.push(Change {
                summary: format!(
                    "firewalld: do not open port {} to all of zone {name}, \
                     {when}",
                    ask.port
                ),
                command: with("remove"),
                undo: with("add"),
                effects,
                ..Change::default()
            });
        }
    }
    Ok(())
}

fn openers(config: &Config, zone: &Zone, port: u16) -> Vec<Opener> {
    let settings = &zone.settings;
    let ports = settings.ports.iter().filter_map(|((ports, proto), _)| {
        let (first, last) = *ports;
        let holds = (first..=last).contains(&port);
        let proto = Proto::BOTH.into_iter().find(|p| p.name() == proto)?;
        holds.then_some(Opener::Port(proto))
    });
    let services = settings.services.iter().filter_map(|(name, _)| {
        let protos = only(config.services.get(name)?, port)?;
        Some(Opener::Service(name.clone(), protos))
    });
    ports.chain(services).collect()
}

/// The protocols of a service that opens this port and nothing besides.
fn only(service: &Service, port: u16) -> Option<Vec<Proto>> {
    let none = service.source_ports.is_empty()
        && service.protocols.is_empty()
        && service.includes.is_empty()
        && service.destinations.is_empty();
    let proto = |(ports, name): &((u16, u16), String)| {
        let proto = Proto::BOTH.into_iter().find(|p| p.name() == name);
        proto.filter(|_| *ports == (port, port))
    };
    let protos: Option<Vec<_>> = service.ports.iter().map(proto).collect();
    protos.filter(|protos| none && !protos.is_empty())
}
