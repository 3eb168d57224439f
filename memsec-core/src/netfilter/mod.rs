//! The kernel's firewall: tables, chains, rules. Past this room there are no
//! dialects.

mod boxes;
mod calls;
mod compare;
mod forwards;
mod guard;
mod ipset;
mod iptables;
mod kinds;
mod line;
mod nftables;
mod order;
mod origin;
mod packed;
mod reading;
mod rule;
mod ruleset;
mod tracking;
mod unread;

#[cfg(test)]
mod compare_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod truth_tests;

pub(crate) use forwards::Forward;
pub(crate) use guard::CHAIN as GUARD_CHAIN;
pub(crate) use iptables::{icmp, protocol, protocol_name};
pub(crate) use kinds::{About, Kinds};
pub(crate) use nftables::objects as listing_objects;
pub(crate) use order::{Entry, Order, entry, of as key_of};
pub(crate) use origin::Origin;
pub(crate) use rule::{
    Action, AddressType, Addresses, Connection, IcmpType, MarkChange, Marking,
    Match, Name, PacketType, Refusal, State, Status, Test, Translated,
    Translation,
};
pub(crate) use ruleset::{Base, Chain, Families, Hook, Rule, Ruleset, Table};
pub(crate) use unread::Unread;
