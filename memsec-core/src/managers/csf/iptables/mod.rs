//! What iptables makes of the words that it is called with: whether it takes
//! them, and what iptables-save prints then (iptables 1.8, nf_tables).

mod address;
mod icmp;
mod module;
mod number;
mod rule;
mod tables;
mod target;

pub(super) use address::network;
pub(super) use number::number;
use rule::canonical;
pub(super) use tables::{Kept, Tables, saved};

use crate::net::Family;

/// Why a rule is not there afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// iptables refuses it, for this reason.
    Refused(String),
    /// Whether it does depends on what is not known.
    Undecided(String),
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

/// What words are looked up in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub family: Family,
    /// /etc/services, /etc/passwd and /etc/group, where they are known.
    pub services: Option<&'a str>,
    pub users: Option<&'a str>,
    pub groups: Option<&'a str>,
}

/// The number of a name in a file like /etc/passwd, whose lines are
/// "name:x:number".
fn looked_up(
    file: Option<&str>,
    name: &str,
    option: &str,
) -> Result<u32, Refusal> {
    let reason = format!("Bad value for \"{option}\" option: \"{name}\"");
    let Some(file) = file else { return Err(Refusal::Undecided(reason)) };
    let found = file.lines().find_map(|line| {
        let mut fields = line.split(':');
        let same = fields.next() == Some(name);
        let number = fields.nth(1).filter(|_| same)?;
        number.parse().ok()
    });
    found.ok_or(Refusal::Refused(reason))
}
