//! The kernel's firewall: tables, chains, rules. Past this room there are no
//! dialects.

mod boxes;
mod calls;
mod compare;
mod ipset;
mod iptables;
mod line;
mod nftables;
mod packed;
mod rule;
mod ruleset;
mod unread;

#[cfg(test)]
mod truth_tests;

pub(crate) use rule::{
    Action, AddressType, Addresses, Connection, IcmpType, MarkChange, Marking,
    Match, Name, PacketType, State, Status, Test, Translated, Translation,
};
pub(crate) use ruleset::{
    Base, Chain, Families, Hook, Origin, Rule, Ruleset, Table,
};
pub(crate) use unread::Unread;
