//! The kernel's firewall: tables, chains, rules. Past this room there are no
//! dialects.

mod ruleset;

pub(crate) use ruleset::Ruleset;
