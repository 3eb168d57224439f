//! What a start of a manager leaves of the rules that others have loaded.

use serde_json::Value;

use super::{
    Dump,
    restore::{Tables, save},
};
use crate::{Snapshot, net::Family, text::Source};

/// What of the rules that were there stays beside those of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stays {
    Nothing,
    /// The tables that it does not load: iptables-restore.
    Tables,
    /// All but the chains whose names begin so, and what leads to them.
    Chains(&'static str),
    /// All, and a chain of this name with its rules.
    All(&'static str),
    /// Of nft all but its own table; all that iptables has goes.
    OtherTables(&'static str),
}

impl Dump {
    /// What is printed once it has started on a host, and the places of
    /// that.
    pub(super) fn on(&self, host: &Snapshot) -> Self {
        let Some(now) = host.output(self.command) else { return self.clone() };
        let of = Family::BOTH.into_iter().find(|of| save(*of) == self.command);
        match (self.stays, of) {
            (Stays::OtherTables(own), _) => self.beside_tables(&now, own),
            (Stays::Nothing, _) | (_, None) => self.clone(),
            (_, Some(family)) => self.beside(&now, family),
        }
    }

    fn beside(&self, now: &Source, family: Family) -> Self {
        let place = |line| self.places.get(line).cloned().flatten();
        let own = Source::new(self.command, &self.text);
        let own = Tables::printed(family, &own, place);
        let mut tables = Tables::printed(family, now, |_| None);
        match self.stays {
            Stays::Chains(prefix) => tables.start_beside(own, prefix),
            Stays::All(chain) => tables.add_but(&self.text, chain),
            _ => tables.replace(own),
        }
        tables.dump()
    }

    /// The text has an object on each line but the first and the last.
    fn beside_tables(&self, now: &Source, own: &str) -> Self {
        let mut dump = self.clone();
        let end = dump.text.rfind(']').unwrap_or_default();
        let (mut text, rest) = match dump.text.split_at_checked(end) {
            Some((text, rest)) => (text.to_owned(), rest.to_owned()),
            None => return dump,
        };
        let last = dump.places.pop();
        for object in others(now.text(), own) {
            text.push_str(&format!(",{object}\n"));
            dump.places.push(None);
        }
        dump.places.extend(last);
        dump.text = text + &rest;
        dump
    }
}

/// The tables of iptables.
const IPTABLES: [&str; 5] = ["filter", "mangle", "nat", "raw", "security"];

/// The objects of a listing that are of other tables than one of inet, and
/// of none of iptables.
fn others(listing: &str, own: &str) -> Vec<Value> {
    let listing: Value = serde_json::from_str(listing).unwrap_or_default();
    let objects = listing.get("nftables").and_then(Value::as_array);
    let objects = objects.map(Vec::as_slice).unwrap_or_default();
    let stays = |object: &&Value| {
        let Some((kind, inner)) =
            object.as_object().and_then(|object| object.iter().next())
        else {
            return false;
        };
        let text = |name| inner.get(name).and_then(Value::as_str);
        let name = if kind == "table" { text("name") } else { text("table") };
        let gone = match text("family") {
            Some("inet") => name == Some(own),
            Some("ip" | "ip6") => name.is_some_and(|n| IPTABLES.contains(&n)),
            _ => false,
        };
        name.is_some() && !gone
    };
    objects.iter().filter(stays).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(stays: Stays, own: &str, now: &str) -> (String, usize) {
        let places = vec![None; own.lines().count()];
        let command = match now.starts_with('{') {
            true => "nft -j list ruleset",
            false => "iptables-save",
        };
        let dump = Dump { command, text: own.to_owned(), places, stays };
        let host = Snapshot::new().with_command(command, now);
        let after = dump.on(&host);
        assert_eq!(after.text.lines().count(), after.places.len());
        (after.text, after.places.len())
    }

    const DOCKER: &str = "*filter\n:INPUT ACCEPT [0:0]\n\
        :FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n\
        :ufw-old - [0:0]\n-A INPUT -p tcp -j DROP\n-A INPUT -j ufw-old\n\
        -A INPUT -p udp -j DROP\n-A FORWARD -j DOCKER\n-A ufw-old -j DROP\n\
        COMMIT\n*nat\n:DOCKER - [0:0]\n-A DOCKER -j RETURN\nCOMMIT\n";
    const UFW: &str = "*filter\n:INPUT DROP [0:0]\n:ufw-a - [0:0]\n\
        :ufw-b - [0:0]\n-A INPUT -j ufw-a\n-A INPUT -j ufw-b\n\
        -A ufw-a -j ACCEPT\nCOMMIT\n";

    #[test]
    fn chains_of_others_stay_and_its_own_stand_where_they_stood() {
        let (text, _) = started(Stays::Chains("ufw"), UFW, DOCKER);
        let rules = "-A INPUT -p tcp -j DROP\n-A INPUT -j ufw-a\n\
            -A INPUT -j ufw-b\n-A INPUT -p udp -j DROP\n\
            -A FORWARD -j DOCKER\n-A ufw-a -j ACCEPT\n";
        assert!(text.contains(rules), "{text}");
        assert!(text.contains(":INPUT DROP") && text.contains("*nat\n"));
        assert!(!text.contains("ufw-old"), "{text}");
    }

    #[test]
    fn tables_of_others_stay_beside_a_file() {
        let (text, _) = started(Stays::Tables, UFW, DOCKER);
        assert!(text.contains("-A DOCKER -j RETURN"), "{text}");
        assert!(!text.contains("udp"), "{text}");
        assert_eq!(started(Stays::Nothing, UFW, DOCKER).0, UFW);
    }

    #[test]
    fn other_tables_of_nft_stay() {
        let own = "{\"nftables\": [\n{\"metainfo\": {}}\n\
            ,{\"table\": {\"family\": \"inet\", \"name\": \"f\"}}\n]}\n";
        let now = r#"{"nftables": [{"metainfo": {}},
            {"table": {"family": "inet", "name": "f"}},
            {"chain": {"family": "inet", "table": "f", "name": "old"}},
            {"chain": {"family": "ip", "table": "filter", "name": "INPUT"}},
            {"chain": {"family": "inet", "table": "memsec", "name": "own"}}]}"#;
        let (text, lines) = started(Stays::OtherTables("f"), own, now);
        let all: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(all["nftables"].as_array().unwrap().len(), 3, "{text}");
        assert_eq!(lines, 5);
        assert!(text.contains("memsec") && !text.contains("old"), "{text}");
    }
}
