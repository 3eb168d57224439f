//! What a snapshot does not say of the rules.

use super::Families;
use crate::{
    Snapshot,
    net::Family,
    text::{Place, Span},
};

/// Rules that are not known.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    pub families: Families,
    /// True if nothing is known; false if some tables are.
    pub everything: bool,
    /// What is not known, for people.
    pub what: String,
    pub place: Place,
}

/// What `nft list ruleset` prints for people. Where its JSON is not there,
/// it tells at least of tables that iptables-save does not show.
const TEXT: &str = "nft list ruleset";

/// The tables that iptables-save shows.
const SHOWN: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

impl Unread {
    /// Everything of a family.
    pub(super) fn family(family: Family, command: &str) -> Self {
        let what = format!("the firewall: there is no output of {command}");
        Self::new(Families::Only(family), true, what, Place::whole(command))
    }

    pub(super) fn new(
        families: Families,
        everything: bool,
        what: String,
        place: Place,
    ) -> Self {
        Self { families, everything, what, place }
    }
}

/// The tables that only nft's text tells of.
pub(super) fn tables(snapshot: &Snapshot) -> Vec<Unread> {
    let Some(text) = snapshot.output(TEXT) else { return Vec::new() };
    text.lines().filter_map(|line| table(&line)).collect()
}

fn table(line: &Span) -> Option<Unread> {
    let mut words = line.text().strip_prefix("table ")?.split(' ');
    let (family, name) = (words.next()?, words.next()?);
    let families = match family {
        "ip" => Families::Only(Family::Ipv4),
        "ip6" => Families::Only(Family::Ipv6),
        "inet" | "netdev" => Families::Both,
        _ => return None,
    };
    if families != Families::Both && SHOWN.contains(&name) {
        return None;
    }
    let what = format!("the table {family} {name}: its JSON is not there");
    Some(Unread::new(families, false, what, line.place()))
}
