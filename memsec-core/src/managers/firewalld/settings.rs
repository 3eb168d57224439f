//! What zones and policies have in common: core/io/policy.py.

use super::{
    Broken,
    rich::{Forward, Reading, Rich, forward},
    value::{has_ports, is_protocol, ports},
    xml::Element,
};
use crate::text::Place;

/// A value and where it stands.
pub(super) type Placed<T> = (T, Place);

/// What happens to a packet that nothing else decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Target {
    /// ICMP is let in, the rest is rejected.
    #[default]
    Default,
    Accept,
    Reject,
    Drop,
    Continue,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub target: Target,
    pub services: Vec<Placed<String>>,
    pub ports: Vec<Placed<((u16, u16), String)>>,
    pub source_ports: Vec<Placed<((u16, u16), String)>>,
    pub protocols: Vec<Placed<String>>,
    pub icmp_blocks: Vec<Placed<String>>,
    pub icmp_block_inversion: bool,
    pub masquerade: Option<Place>,
    pub forward_ports: Vec<Placed<Forward>>,
    pub rules: Vec<Rich>,
    pub place: Place,
}

/// Settings that are being read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub settings: Settings,
    rule: Option<Reading>,
}

/// The attributes that an element must have, and those that it may have.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const ATTRIBUTES: [Row; 24] = [
    ("short", &[], &[]),
    ("description", &[], &[]),
    ("service", &["name"], &[]),
    ("port", &["port", "protocol"], &[]),
    ("source-port", &["port", "protocol"], &[]),
    ("protocol", &["value"], &[]),
    ("icmp-block", &["name"], &[]),
    ("icmp-type", &["name"], &[]),
    ("icmp-block-inversion", &[], &[]),
    ("forward", &[], &[]),
    ("forward-port", &["port", "protocol"], &["to-port", "to-addr"]),
    ("masquerade", &[], &["enabled"]),
    ("rule", &[], &["family", "priority"]),
    ("source", &[], &["address", "mac", "invert", "family", "ipset"]),
    ("destination", &[], &["address", "invert", "ipset"]),
    ("log", &[], &["prefix", "level"]),
    ("nflog", &[], &["group", "prefix", "queue-size"]),
    ("audit", &[], &[]),
    ("accept", &[], &[]),
    ("reject", &[], &["type"]),
    ("drop", &[], &[]),
    ("mark", &["set"], &[]),
    ("limit", &["value"], &["burst"]),
    ("tcp-mss-clamp", &[], &["value"]),
];

/// Checks the attributes of an element by its row, or by one of `more`.
pub(super) fn check(e: &Element, more: &[Row]) -> Result<(), Broken> {
    let mut rows = more.iter().chain(&ATTRIBUTES);
    let Some((_, need, may)) = rows.find(|row| row.0 == e.name) else {
        return Err(e.broken(format!("unexpected element {}", e.name)));
    };
    for name in *need {
        e.need(name)?;
    }
    let mut names = e.names();
    match names.find(|n| !need.contains(n) && !may.contains(n)) {
        Some(name) => {
            let what = format!("{}: unexpected attribute {name}", e.name);
            Err(e.broken(what))
        }
        None => Ok(()),
    }
}

impl Draft {
    /// Reads an element; false if it is none that zones and policies share.
    ///
    /// # Errors
    ///
    /// One for which firewalld gives up all of the configuration.
    pub(super) fn take(&mut self, e: &Element) -> Result<bool, Broken> {
        match &mut self.rule {
            Some(rule) if rule.holds(e) => {
                rule.take(e);
                return Ok(true);
            }
            _ => self.close(),
        }
        let s = &mut self.settings;
        let text = |name| e.need(name).map(str::to_owned);
        match e.name.as_str() {
            "short" | "description" => {}
            "service" => s.services.push((text("name")?, e.place.clone())),
            "port" => s.ports.push((port(e)?, e.place.clone())),
            "source-port" => s.source_ports.push((port(e)?, e.place.clone())),
            "protocol" => {
                if !is_protocol(e.need("value")?) {
                    return Err(e.broken("no such protocol"));
                }
                s.protocols.push((text("value")?, e.place.clone()));
            }
            "icmp-block" => {
                s.icmp_blocks.push((text("name")?, e.place.clone()));
            }
            "icmp-block-inversion" => s.icmp_block_inversion = true,
            "masquerade" => s.masquerade = Some(e.place.clone()),
            "forward-port" => {
                let forward =
                    forward(e).ok_or_else(|| e.broken("a forward-port"))?;
                s.forward_ports.push((forward, e.place.clone()));
            }
            "rule" => self.rule = Some(Reading::new(e)?),
            // Outside of a rule they say nothing.
            "destination" | "log" | "nflog" | "audit" | "accept" | "reject"
            | "drop" | "mark" | "limit" | "icmp-type" | "tcp-mss-clamp" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn close(&mut self) {
        if let Some(rule) = self.rule.take().and_then(Reading::finish) {
            self.settings.rules.push(rule);
        }
    }

    pub(super) fn finish(mut self) -> Settings {
        self.close();
        self.settings
    }
}

/// The port and the protocol of an element.
pub(super) fn port(e: &Element) -> Result<((u16, u16), String), Broken> {
    let (text, protocol) = (e.need("port")?, e.need("protocol")?);
    let ports = ports(text)
        .ok_or_else(|| e.broken(format!("{text:?} is not a port")))?;
    if !has_ports(protocol) {
        return Err(e.broken(format!("{protocol:?} has no ports")));
    }
    Ok((ports, protocol.to_owned()))
}
