//! Who else a zone lets in to a port, after all that opens it alone is gone.

use crate::{
    Cidr, Proto,
    managers::{
        change::Ask,
        firewalld::{
            config::Config,
            object::{Service, Zone},
            rich::{Action, Rich, What, Who},
            settings::Target,
        },
    },
};

/// True if others than the clients still get in by what a rule that drops
/// the port to all would stop: it goes before all that accepts without a
/// priority, and behind the clients' rules.
pub(super) fn get_in(
    config: &Config,
    zone: &Zone,
    ask: &Ask<'_>,
    proto: Proto,
) -> bool {
    let settings = &zone.settings;
    let of = |name: &str| name == proto.name();
    let opens = |name: &str| service_opens(config, name, ask.port, proto);
    settings.target == Target::Accept
        || settings.protocols.iter().any(|(name, _)| is(name, proto))
        || settings.source_ports.iter().any(|((_, name), _)| of(name))
        || settings.services.iter().any(|(name, _)| opens(name))
        || settings.rules.iter().any(|rule| {
            rule.priority >= 0
                && rule.action == Some(Action::Accept)
                && covers(config, rule, ask.port, proto)
                && !only_clients(rule, ask, proto)
        })
}

/// Whether a rule is about the port, or about all.
pub(super) fn covers(
    config: &Config,
    rule: &Rich,
    port: u16,
    proto: Proto,
) -> bool {
    match &rule.what {
        None => true,
        Some(What::Port(ports, of)) => {
            of == proto.name() && (ports.0..=ports.1).contains(&port)
        }
        Some(What::SourcePort(_, of)) => of == proto.name(),
        Some(What::Protocol(of)) => is(of, proto),
        Some(What::Service(name)) => service_opens(config, name, port, proto),
        Some(_) => false,
    }
}

/// Whether a protocol's name, or its number, is this one.
fn is(name: &str, proto: Proto) -> bool {
    let number = match proto {
        Proto::Tcp => "6",
        Proto::Udp => "17",
    };
    name == proto.name() || name == number
}

fn service_opens(config: &Config, name: &str, port: u16, proto: Proto) -> bool {
    let mut names = vec![name];
    let mut at = 0;
    while let Some(name) = names.get(at) {
        at += 1;
        let Some(service) = config.services.get(*name) else { continue };
        if opens(service, port, proto) {
            return true;
        }
        for include in service.includes.iter().map(String::as_str) {
            if !names.contains(&include) {
                names.push(include);
            }
        }
    }
    false
}

fn opens(service: &Service, port: u16, proto: Proto) -> bool {
    let mut ports = service.ports.iter();
    let holds = |((first, last), of): &((u16, u16), String)| {
        of == proto.name() && (*first..=*last).contains(&port)
    };
    ports.any(holds)
        || service.protocols.iter().any(|name| is(name, proto))
        || service.source_ports.iter().any(|(_, of)| of == proto.name())
}

fn only_clients(rule: &Rich, ask: &Ask<'_>, proto: Proto) -> bool {
    let source = rule.source.as_ref().filter(|end| !end.invert);
    let net = match source.map(|end| &end.who) {
        Some(Who::Address(address)) => address.to_string().parse::<Cidr>().ok(),
        _ => None,
    };
    ask.protos.contains(&proto) && net.is_some_and(|net| ask.allows(net))
}
