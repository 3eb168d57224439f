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

/// Whether the output of `ip -j rule` or `ip -6 -j rule` has rules beside
/// those that every host has: routes of other tables then count.
///
/// # Errors
///
/// Text that is not such an output.
pub(crate) fn has_policies(source: &Source) -> Result<bool, Error> {
    let text =
        if source.text().trim().is_empty() { "[]" } else { source.text() };
    let all: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(text)
            .map_err(|error| Error::json(source.name(), &error))?;
    const USUAL: [&str; 3] = ["local", "main", "default"];
    const MEMBERS: [&str; 4] = ["priority", "src", "table", "protocol"];
    let usual = |rule: &serde_json::Map<String, serde_json::Value>| {
        let text = |key: &str| rule.get(key).and_then(|value| value.as_str());
        text("src").is_none_or(|from| from == "all")
            && text("table").is_some_and(|table| USUAL.contains(&table))
            && rule.keys().all(|key| MEMBERS.contains(&key.as_str()))
    };
    Ok(!all.iter().all(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(text: &str) -> bool {
        has_policies(&Source::new("ip -j rule", text)).unwrap()
    }

    #[test]
    fn rules_of_every_host_are_no_policy() {
        let usual = r#"[{"priority":0,"src":"all","table":"local"},
            {"priority":32766,"src":"all","table":"main"},
            {"priority":32767,"src":"all","table":"default"}]"#;
        assert!(!policies(usual));
        assert!(!policies(""));
        let marked = r#"[{"priority":9,"src":"all","fwmark":"0x1",
            "table":"main"}]"#;
        assert!(policies(marked));
        assert!(policies(r#"[{"priority":9,"src":"10.0.0.1","table":"x"}]"#));
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
