//! The sets of addresses that csf makes with LF_IPSET: ipset(8).

use super::iptables::{Kept, Refusal, network};
use crate::{net::Family, text::Place};

/// Sets of the type hash:net, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sets(Vec<Set>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Set {
    name: String,
    family: Family,
    entries: Vec<Kept>,
}

impl Sets {
    /// `ipset create -exist`: csf takes a set with "_6" in its name, wherever
    /// it is, for one of IPv6.
    pub(super) fn create(&mut self, name: &str) {
        let family =
            if name.contains("_6") { Family::Ipv6 } else { Family::Ipv4 };
        if !self.has(name) {
            let (name, entries) = (name.to_owned(), Vec::new());
            self.0.push(Set { name, family, entries });
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|set| set.name == name)
    }

    /// `ipset add -exist`: everybody (/0) is refused.
    pub(super) fn add(
        &mut self,
        name: &str,
        address: &str,
        place: Option<&Place>,
    ) -> Result<(), Refusal> {
        let missing = || Refusal::Refused(format!("there is no set {name}"));
        let set = self.0.iter_mut().find(|set| set.name == name);
        let set = set.ok_or_else(missing)?;
        let text = network(set.family, address)?.ok_or_else(|| {
            let reason = "the CIDR parameter of the IP address is invalid";
            Refusal::Refused(reason.to_owned())
        })?;
        let whole = match set.family {
            Family::Ipv4 => "/32",
            Family::Ipv6 => "/128",
        };
        let text = text.strip_suffix(whole).unwrap_or(&text).to_owned();
        set.entries.push(Kept { text, place: place.cloned() });
        Ok(())
    }

    /// The lines that `ipset save` prints, and where each comes from.
    pub(super) fn lines(&self, hash_size: &str, most: &str) -> Vec<Kept> {
        let mut lines = Vec::new();
        for Set { name, family, entries } in &self.0 {
            let family = match family {
                Family::Ipv4 => "inet",
                Family::Ipv6 => "inet6",
            };
            let text = format!(
                "create {name} hash:net family {family} hashsize {hash_size} \
                 maxelem {most}"
            );
            lines.push(Kept { text, place: None });
            let mut known = std::collections::BTreeSet::new();
            let new = entries.iter().filter(|entry| known.insert(&entry.text));
            lines.extend(new.map(|entry| Kept {
                text: format!("add {name} {}", entry.text),
                place: entry.place.clone(),
            }));
        }
        lines
    }
}
