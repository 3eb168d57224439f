//! Rich rules: core/rich.py, and how core/io/policy.py reads them.

use super::{
    Broken,
    value::{Address, has_ports, is_mac, is_protocol, is_true, ports},
    xml::Element,
};
use crate::{net::Family, text::Place};

/// What `source` and `destination` say.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub who: Who,
    pub invert: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Who {
    Address(Address),
    Mac(String),
    Set(String),
}

/// A port that is led elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    pub ports: (u16, u16),
    pub protocol: String,
    pub to_ports: Option<(u16, u16)>,
    pub to: Option<Address>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Service(String),
    Port((u16, u16), String),
    SourcePort((u16, u16), String),
    Protocol(String),
    /// A type that is rejected, or (if `false`) what the action says.
    Icmp(String, bool),
    Masquerade,
    Forward(Forward),
    /// Something that changes packets and decides nothing.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Accept,
    Reject,
    Drop,
    Mark,
}

/// A rich rule.
#[derive(Clone, Debug)]
pub(super) struct Rich {
    pub family: Option<Family>,
    pub priority: i32,
    pub source: Option<End>,
    pub destination: Option<End>,
    pub what: Option<What>,
    pub action: Option<Action>,
    /// The sort of answer, where the action is to reject.
    pub reject: Option<String>,
    /// True if the action has a rate.
    pub limited: bool,
    logs: bool,
    pub place: Place,
}

/// One that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    rule: Rich,
    start: Element,
    /// True once firewalld gives it up: it warns, and goes on without it.
    wrong: bool,
    /// The last action or log, and whether it is the action.
    open: Option<(Element, bool)>,
}

impl Reading {
    pub(super) fn new(start: &Element) -> Result<Self, Broken> {
        let family = match start.get("family") {
            Some("ipv4") => Some(Family::Ipv4),
            Some("ipv6") => Some(Family::Ipv6),
            _ => None,
        };
        let priority = start.get("priority").map(str::trim).map(str::parse);
        let priority = priority.transpose().map_err(|_| {
            start.broken("the priority of a rule is not a number")
        })?;
        let rule = Rich {
            family,
            priority: priority.unwrap_or(0),
            source: None,
            destination: None,
            what: None,
            action: None,
            reject: None,
            limited: false,
            logs: false,
            place: start.place.clone(),
        };
        let wrong = start.get("family").is_some() && family.is_none();
        Ok(Self { rule, start: start.clone(), wrong, open: None })
    }

    /// True if the element stands in the rule.
    pub(super) fn holds(&self, element: &Element) -> bool {
        self.start.holds(element)
    }

    /// Reads an element of the rule.
    pub(super) fn take(&mut self, element: &Element) {
        if !self.wrong && self.read(element).is_none() {
            self.wrong = true;
        }
    }

    /// `None` where firewalld gives the rule up.
    fn read(&mut self, e: &Element) -> Option<()> {
        let rule = &mut self.rule;
        match e.name.as_str() {
            "source" => set(&mut rule.source, end(e)?)?,
            "destination" if rule.destination.is_none() => {
                rule.destination = Some(end(e)?);
            }
            "destination" | "short" | "description" => {}
            "accept" | "reject" | "drop" | "mark" => {
                let action = match e.name.as_str() {
                    "accept" => Action::Accept,
                    "reject" => Action::Reject,
                    "drop" => Action::Drop,
                    _ => Action::Mark,
                };
                rule.reject = e.get("type").map(str::to_owned);
                set(&mut rule.action, action)?;
                self.open = Some((e.clone(), true));
            }
            "log" | "nflog" | "audit" => {
                rule.logs = true;
                self.open = Some((e.clone(), false));
            }
            "limit" => {
                let (of, action) = self.open.as_ref()?;
                if !of.holds(e) || !is_rate(e.get("value")?) {
                    return None;
                }
                rule.limited |= action;
            }
            _ => set(&mut rule.what, what(e)?)?,
        }
        Some(())
    }

    /// The rule, if firewalld takes it: Rich_Rule.check().
    pub(super) fn finish(self) -> Option<Rich> {
        let rule = self.rule;
        let good = !self.wrong
            && rule.is_whole()
            && rule.is_of_one_family()
            && rule.has_good_answer();
        good.then_some(rule)
    }
}

/// Rich_Limit.check(): a number for each second, minute, hour or day.
fn is_rate(text: &str) -> bool {
    let Some((rate, unit)) = text.split_once('/') else { return false };
    let units = ["s", "m", "h", "d", "second", "minute", "hour", "day"];
    let rate = rate.trim().parse::<u32>().unwrap_or(0);
    rate > 0 && units.contains(&unit) && (rate > 1 || !unit.starts_with('d'))
}

/// The sorts of answers of each family: REJECT_TYPES in core/base.py.
const ANSWERS: [(Family, &[&str]); 2] = [
    (
        Family::Ipv4,
        &[
            "icmp-host-prohibited",
            "host-prohib",
            "icmp-net-unreachable",
            "net-unreach",
            "icmp-host-unreachable",
            "host-unreach",
            "icmp-port-unreachable",
            "port-unreach",
            "icmp-proto-unreachable",
            "proto-unreach",
            "icmp-net-prohibited",
            "net-prohib",
            "tcp-reset",
            "tcp-rst",
            "icmp-admin-prohibited",
            "admin-prohib",
        ],
    ),
    (
        Family::Ipv6,
        &[
            "icmp6-adm-prohibited",
            "adm-prohibited",
            "icmp6-no-route",
            "no-route",
            "icmp6-addr-unreachable",
            "addr-unreach",
            "icmp6-port-unreachable",
            "port-unreach",
            "tcp-reset",
        ],
    ),
];

/// Sets what may be said once.
fn set<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    let first = slot.is_none();
    *slot = Some(value);
    first.then_some(())
}

fn end(e: &Element) -> Option<End> {
    let who = match (e.get("address"), e.get("mac"), e.get("ipset")) {
        (Some(address), None, None) => Who::Address(Address::new(address)?),
        (None, Some(mac), None) if is_mac(mac) => Who::Mac(mac.to_owned()),
        (None, None, Some(set)) => Who::Set(set.to_owned()),
        _ => return None,
    };
    Some(End { who, invert: is_true(e.get("invert")) })
}

fn what(e: &Element) -> Option<What> {
    let name = |name: &str| e.get(name).map(str::to_owned);
    let port = || {
        let protocol = name("protocol").filter(|p| has_ports(p))?;
        Some((ports(e.get("port")?)?, protocol))
    };
    Some(match e.name.as_str() {
        "service" => What::Service(name("name")?),
        "port" => port().map(|(ports, of)| What::Port(ports, of))?,
        "source-port" => {
            port().map(|(ports, of)| What::SourcePort(ports, of))?
        }
        "protocol" => What::Protocol(name("value").filter(|p| is_protocol(p))?),
        "icmp-block" => What::Icmp(name("name")?, true),
        "icmp-type" => What::Icmp(name("name")?, false),
        "masquerade" => What::Masquerade,
        "forward-port" => What::Forward(forward(e)?),
        "tcp-mss-clamp" => What::Other,
        _ => return None,
    })
}

/// `None` where firewalld takes it for an error.
pub(super) fn forward(e: &Element) -> Option<Forward> {
    let text = |name: &str| e.get(name).filter(|text| !text.is_empty());
    let to_ports = match text("to-port") {
        Some(text) => Some(ports(text)?),
        None => None,
    };
    let to = match text("to-addr") {
        Some(text) => {
            Some(Address::new(text).filter(|to| to.prefix.is_none())?)
        }
        None => None,
    };
    let protocol = e.get("protocol").filter(|p| has_ports(p))?.to_owned();
    let ports = ports(e.get("port")?)?;
    (to_ports.is_some() || to.is_some()).then_some(Forward {
        ports,
        protocol,
        to_ports,
        to,
    })
}

impl Rich {
    fn is_whole(&self) -> bool {
        let range = -32768..=32767;
        let ends = self.source.is_some() || self.destination.is_some();
        let alone = ends || self.priority != 0;
        let bare = !self.logs || self.priority == 0;
        let needs_no_action = matches!(
            self.what,
            Some(
                What::Icmp(_, true)
                    | What::Forward(_)
                    | What::Masquerade
                    | What::Other
            )
        );
        let anything = self.logs || self.action.is_some();
        let element =
            self.what.is_some() || !bare || self.action.is_some() && alone;
        range.contains(&self.priority)
            && element
            && (needs_no_action || anything)
            && !(needs_no_action && self.action.is_some())
    }

    fn has_good_answer(&self) -> bool {
        let Some(answer) = &self.reject else { return true };
        let mut rows = ANSWERS.iter();
        rows.any(|(family, all)| {
            self.family == Some(*family) && all.contains(&answer.as_str())
        })
    }

    /// True if the kernel has no such answer to what the rule matches: a
    /// reset is for TCP alone.
    pub(super) fn resets_beyond_tcp(&self, nftables: bool) -> bool {
        let tcp = match &self.what {
            Some(What::Port(_, of) | What::SourcePort(_, of)) => of == "tcp",
            Some(What::Protocol(of)) => of == "tcp" || of == "6",
            Some(What::Service(_)) => true,
            None => nftables,
            Some(_) => false,
        };
        self.resets() && !tcp
    }

    pub(super) fn resets(&self) -> bool {
        matches!(self.reject.as_deref(), Some("tcp-reset" | "tcp-rst"))
    }

    fn is_of_one_family(&self) -> bool {
        let ends = [&self.source, &self.destination].into_iter().flatten();
        let mut addresses = ends.filter_map(|end| match &end.who {
            Who::Address(address) => Some(address.family()),
            _ => None,
        });
        let needs = self.destination.is_some()
            || matches!(self.what, Some(What::Forward(_)));
        addresses.all(|family| self.family == Some(family))
            && (self.family.is_some() || !needs)
    }
}

impl Rich {
    /// A rule about a type of ICMP messages.
    pub(super) fn icmp(
        family: Family,
        what: What,
        action: Action,
        place: Place,
    ) -> Self {
        Self {
            family: Some(family),
            priority: 0,
            source: None,
            destination: None,
            what: Some(what),
            action: Some(action),
            reject: None,
            limited: false,
            logs: false,
            place,
        }
    }
}
