//! What a proof rests on and what it found, as data that can be replayed.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::Step;
use crate::{Cidr, Proto};

/// The host before a plan and after each of its steps, as the proof had it.
/// `memsec verify` works it out anew from the steps and the texts of the
/// rules alone, and holds it against this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Certificate {
    /// The addresses of the host; absent where they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<HostAddress>>,
    /// The routes of the host, of each family of which all are known and
    /// few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<HostRoute>,
    /// The rules before the plan, by the command that printed them. A long
    /// text is left out: it is in the snapshot, and its hash is in
    /// `made_from`.
    pub rules: BTreeMap<String, Option<Arc<String>>>,
    /// The host before the first step, and after each.
    pub states: Vec<Checked>,
}

/// An address of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HostAddress {
    /// The interface that it is on.
    pub interface: String,
    /// The address.
    pub address: IpAddr,
    /// The length of the prefix of its network, in bits.
    pub prefix: u8,
    /// Whether the interface is the loopback.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub loopback: bool,
}

/// A route of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HostRoute {
    /// Where it leads.
    pub to: Cidr,
    /// The interface that packets leave by; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

/// The host at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Checked {
    /// A hash of the step before it; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What is listened on. Absent where that is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listeners: Option<Vec<Listening>>,
    /// What the step changed in the texts of the rules, the guard apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<TextChange>,
    /// Who reaches memcached. Absent where that is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Vec<Segment>>,
}

/// A socket of memcached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Listening {
    /// Whose it is.
    pub instance: String,
    /// TCP or UDP.
    pub proto: Proto,
    /// The address that it is bound to.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// Whether it is sure to be open.
    pub sure: bool,
    /// Who takes what is sent there.
    #[serde(default, skip_serializing_if = "Takes::is_socket")]
    pub taker: Takes,
    /// Whether it is taken to be memcached by its port alone: no client is
    /// owed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assumed: bool,
}

/// Who takes what is sent to an address.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Takes {
    /// A socket of this host: memcached's, or a proxy's.
    #[default]
    Socket,
    /// Whoever a rule of this host leads it to, and perhaps a socket.
    Perhaps,
    /// Whoever a rule of this host leads it to.
    Led,
    /// Another network namespace behind this host, which has the address.
    Behind,
}

impl Takes {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives one")]
    fn is_socket(&self) -> bool {
        *self == Self::Socket
    }
}

/// A part of a text that is another one after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TextChange {
    /// The command that prints the text.
    pub of: String,
    /// Where it begins, in bytes.
    pub at: usize,
    /// How many bytes of the old text it replaces.
    pub removed: usize,
    /// The new text.
    pub text: String,
}

/// Who reaches one port by one interface: networks. Absent where they are
/// too many to be listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Segment {
    /// TCP or UDP.
    pub proto: Proto,
    /// The port.
    pub port: u16,
    /// The interface that the packets arrive at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The addresses of the host that they are for.
    pub destinations: Vec<IpAddr>,
    /// Who could get in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may: Option<Networks>,
    /// Who is sure to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub must: Option<Networks>,
}

/// Networks, and those in them that are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Networks {
    /// The networks.
    pub of: Vec<Cidr>,
    /// What is left out of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Cidr>,
}

impl TextChange {
    /// What makes one text of another: one part between what both begin and
    /// end with.
    pub(crate) fn between(of: &str, old: &str, new: &str) -> Self {
        let same = |pair: &(u8, u8)| pair.0 == pair.1;
        let pairs = old.bytes().zip(new.bytes());
        let mut at = pairs.take_while(same).count();
        while !(old.is_char_boundary(at) && new.is_char_boundary(at)) {
            at -= 1;
        }
        let rest = old.len().min(new.len()) - at;
        let pairs = old.bytes().rev().zip(new.bytes().rev()).take(rest);
        let mut tail = pairs.take_while(same).count();
        while !(old.is_char_boundary(old.len() - tail)
            && new.is_char_boundary(new.len() - tail))
        {
            tail -= 1;
        }
        let text = new.get(at..new.len() - tail).unwrap_or_default();
        Self {
            of: of.to_owned(),
            at,
            removed: old.len() - tail - at,
            text: text.to_owned(),
        }
    }

    /// The new text; `None` where the old one is too short.
    pub(crate) fn apply(&self, old: &str) -> Option<String> {
        let end = self.at.checked_add(self.removed)?;
        let (before, after) = (old.get(..self.at)?, old.get(end..)?);
        Some([before, &self.text, after].concat())
    }
}

/// Tells a step from another one.
pub(crate) fn digest(step: &Step) -> String {
    let text = serde_json::to_string(step).unwrap_or_default();
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_change_makes_the_new_text_of_the_old(
            old in "[aé\n]{0,12}", new in "[aé\n]{0,12}"
        ) {
            let change = TextChange::between("x", &old, &new);
            prop_assert_eq!(change.apply(&old), Some(new));
        }
    }
}
