//! What nft lists: the JSON of `nft -j list ruleset`, libnftables-json(5),
//! and the text of `nft list ruleset`, nft(8). The text is read into
//! statements in the form of the JSON, so that both mean the same.

mod alike;
mod building;
mod changes;
mod condition;
mod dimension;
mod domain;
mod draft;
mod effect;
mod field;
mod icmp;
mod json;
mod left;
mod listing;
mod own;
mod piece;
mod set;
mod statement;

#[cfg(test)]
mod alike_tests;
#[cfg(test)]
mod tests;

use super::{Table, Unread};
use crate::{net::Family, text::Place};
use piece::Piece;

pub(crate) use json::objects;
pub(super) use json::tables;
pub(super) use listing::tables as listed;

/// The family of what stands for a file that is read besides.
const INCLUDED: &str = "include";

/// A table as nft shows it.
#[derive(Debug)]
pub(super) struct Native {
    pub family: String,
    pub name: String,
    /// Where it stands among all that nft lists: in the order of their
    /// making.
    pub order: usize,
    /// True if its chains hook nowhere for now.
    pub dormant: bool,
    /// True if iptables-save cannot show all that it does.
    pub inexpressible: bool,
    /// True if nft did not show all that it does.
    pub hidden: bool,
    pub place: Place,
    pub table: Table,
}

impl Native {
    /// True if iptables-save shows it as its table `name`.
    pub(super) fn is(&self, family: Family, name: &str) -> bool {
        let ours = if family == Family::Ipv4 { "ip" } else { "ip6" };
        self.family == ours && self.name == name
    }

    /// What no other table shares.
    pub(super) fn key(&self) -> (String, String) {
        (self.family.clone(), self.name.clone())
    }

    /// Bridges and ARP are below what a ruleset is about.
    pub(super) fn is_below(&self) -> bool {
        matches!(&*self.family, "arp" | "bridge")
    }

    /// What stands for it if it is no table of rules for IP.
    pub(super) fn unread(&self) -> Option<Unread> {
        match &*self.family {
            INCLUDED => Some(Unread::included(&self.name, &self.place)),
            _ => self.is_below().then(|| Unread::below(self)),
        }
    }
}
