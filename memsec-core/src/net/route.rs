use serde::Deserialize;

use super::{Cidr, Family};
use crate::{Error, text::Source};

/// A route of the main table, as `ip -j route` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub to: Cidr,
    /// The interface that it leaves by.
    pub interface: String,
    /// True if what it leads to is this host itself ("local" routes).
    pub local: bool,
}

#[derive(Deserialize)]
struct Entry {
    dst: Option<String>,
    dev: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The routes in the output of `ip -j route` or `ip -6 -j route`. A route
/// that leaves by no interface is left out.
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
        let local = kind == "local";
        let leads = local || kind == "unicast";
        let route = Route { to, interface: entry.dev?, local };
        Some(route).filter(|_| leads)
    };
    Ok(entries.into_iter().filter_map(route).collect())
}
