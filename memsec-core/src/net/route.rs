use serde::Deserialize;

use super::{Cidr, Family};
use crate::{Error, text::Source};

/// A route of the main table, as `ip -j route` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub to: Cidr,
    /// The interface that it leaves by; "" for one that leads nowhere.
    pub interface: String,
    /// What becomes of what it is for.
    pub kind: RouteKind,
}

/// What becomes of packets that a route is for: ip-route(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// They are sent on.
    Unicast,
    /// They are for this host itself.
    Local,
    /// They are dropped.
    Blackhole,
    /// They are dropped, and their sender is told.
    Unreachable,
}

impl RouteKind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "unicast" => Self::Unicast,
            "local" => Self::Local,
            "blackhole" => Self::Blackhole,
            "unreachable" | "prohibit" => Self::Unreachable,
            _ => return None,
        })
    }

    fn leads(self) -> bool {
        matches!(self, Self::Unicast | Self::Local)
    }
}

#[derive(Deserialize)]
struct Entry {
    dst: Option<String>,
    dev: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The routes in the output of `ip -j route` or `ip -6 -j route`. One that
/// leads somewhere and names no interface is left out.
///
/// # Errors
///
/// Text that is not such an output.
pub fn routes(source: &Source, family: Family) -> Result<Vec<Route>, Error> {
    // iproute2 prints nothing at all where there is nothing to list.
    let text =
        if source.text().trim().is_empty() { "[]" } else { source.text() };
    let entries: Vec<Entry> = serde_json::from_str(text)
        .map_err(|error| Error::json(source.name(), &error))?;
    let route = |entry: Entry| {
        let to = match entry.dst?.as_str() {
            "default" => Cidr::everything(family),
            net => net.parse().ok()?,
        };
        let kind = entry.kind.as_deref().unwrap_or("unicast");
        let kind = RouteKind::named(kind)?;
        let interface = match entry.dev {
            Some(name) if kind.leads() => name,
            None if kind.leads() => return None,
            _ => String::new(),
        };
        Some(Route { to, interface, kind })
    };
    Ok(entries.into_iter().filter_map(route).collect())
}

/// What rules that choose a table of routes (`ip rule`) decide, beside those
/// that every host has: routes then count that are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Policies {
    /// Nothing.
    #[default]
    Usual,
    /// Where packets go that are not for the host itself.
    BehindLocal,
    /// Where any packet goes: they stand before the host's own addresses.
    BeforeLocal,
}

/// Reads the output of `ip -j rule` or `ip -6 -j rule`.
///
/// # Errors
///
/// Text that is not such an output.
pub(crate) fn policies(source: &Source) -> Result<Policies, Error> {
    let text =
        if source.text().trim().is_empty() { "[]" } else { source.text() };
    let all: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(text)
            .map_err(|error| Error::json(source.name(), &error))?;
    let tables: Vec<_> = all.iter().map(usual).collect();
    Ok(match tables.as_slice() {
        // A family that is switched off has none.
        []
        | [Some("local"), Some("main")]
        | [Some("local"), Some("main"), Some("default")] => Policies::Usual,
        [Some("local"), ..] => Policies::BehindLocal,
        _ => Policies::BeforeLocal,
    })
}

/// The table of a rule that is for every packet.
fn usual(rule: &serde_json::Map<String, serde_json::Value>) -> Option<&str> {
    const MEMBERS: [&str; 4] = ["priority", "src", "table", "protocol"];
    let text = |key: &str| rule.get(key).and_then(|value| value.as_str());
    let every = text("src").is_none_or(|from| from == "all")
        && rule.keys().all(|key| MEMBERS.contains(&key.as_str()));
    text("table").filter(|_| every)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = r#"{"priority":0,"src":"all","table":"local"}"#;
    const REST: &str = r#"{"priority":32766,"src":"all","table":"main"},
        {"priority":32767,"src":"all","table":"default"}"#;

    fn read(rules: &[&str]) -> Policies {
        let text = format!("[{}]", rules.join(","));
        policies(&Source::new("ip -j rule", text)).unwrap()
    }

    #[test]
    fn rules_of_every_host_are_no_policy() {
        assert_eq!(read(&[LOCAL, REST]), Policies::Usual);
        assert_eq!(read(&[]), Policies::Usual);
        let silent = Source::new("ip -j rule", "");
        assert_eq!(policies(&silent).unwrap(), Policies::Usual);
    }

    #[test]
    fn a_rule_for_some_packets_is_a_policy() {
        for rule in [
            r#"{"priority":9,"src":"all","fwmark":"0x1","table":"main"}"#,
            r#"{"priority":9,"src":"10.0.0.1","table":"x"}"#,
            r#"{"priority":9,"not":null,"src":"all","table":"main"}"#,
            r#"{"priority":9,"src":"all","action":"prohibit"}"#,
            r#"{"priority":9,"src":"all","table":"9"}"#,
            r#"{"priority":9,"src":"all","l3mdev":null}"#,
        ] {
            let behind = [LOCAL, rule, REST];
            assert_eq!(read(&behind), Policies::BehindLocal, "{rule}");
            let before = [rule, LOCAL, REST];
            assert_eq!(read(&before), Policies::BeforeLocal, "{rule}");
        }
        assert_eq!(read(&[REST, LOCAL]), Policies::BeforeLocal);
        assert_eq!(read(&[LOCAL]), Policies::BehindLocal);
    }

    #[test]
    fn routes_that_lead_nowhere_are_routes() {
        let text = r#"[{"type":"blackhole","dst":"203.0.113.0/24"},
            {"type":"prohibit","dst":"198.51.100.0/24","dev":"lo"},
            {"dst":"default","dev":"eth0"}, {"dst":"10.0.0.0/8"}]"#;
        let all = routes(&Source::new("ip", text), Family::Ipv4).unwrap();
        let kinds: Vec<_> = all.iter().map(|route| route.kind).collect();
        use RouteKind::*;
        assert_eq!(kinds, [Blackhole, Unreachable, Unicast]);
    }
}
