//! The intent: who may reach memcached.

mod date;
mod peer;
mod settled;
mod strategy;

use std::net::IpAddr;

pub use date::Date;
pub use peer::Peer;
pub use settled::SETTLED;
pub use strategy::Strategy;

use serde::{Deserialize, Serialize};

use crate::{
    Error, Proto,
    net::{Cidr, Family, IpSet},
    schema::Version,
};

/// Who may reach memcached, and what a plan must keep. By default nobody but
/// this host, and ssh is kept.
///
/// ```
/// use memsec_core::Policy;
///
/// let policy = Policy::new().allow("10.20.0.0/24".parse().unwrap());
/// assert_eq!(Policy::from_json("p", &policy.to_json()).unwrap(), policy);
/// assert_eq!(Policy::from_json("p", "{}").unwrap(), Policy::new());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(
        description = "Who may reach memcached, and what a plan must keep."
    )
)]
#[serde(default)]
pub struct Policy {
    schema: Version,
    /// The clients. This host itself is always one.
    pub allow: Vec<Cidr>,
    /// The addresses for memcached to listen on. Empty: those that the
    /// clients can reach.
    pub bind: Vec<IpAddr>,
    /// Whether UDP is wanted.
    pub udp: bool,
    /// What becomes of TLS.
    pub tls: Keep,
    /// What becomes of authentication.
    pub auth: Keep,
    /// Ports of this host that must stay as reachable as they are.
    pub keep: Vec<Port>,
    /// The connection that the host is administered by now: its port must
    /// stay as reachable as it is, as those of `keep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub peer: Option<Peer>,
    /// The strategies that a plan may use. Empty: every one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Strategy>,
    /// Whether a plan may restart memcached. If not, an edit of its file
    /// holds from its next start.
    #[serde(skip_serializing_if = "is_true")]
    pub restart: bool,
    /// A unix socket for memcached to listen on, in the place of TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// Findings of memcached's own options that a plan is to settle besides:
    /// MEMSEC-CMD-001 to MEMSEC-CMD-004, MEMSEC-LOG-001 and MEMSEC-LOG-002,
    /// MEMSEC-PRIV-003, MEMSEC-UDP-002.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "settled::names"
    )]
    pub settle: Vec<String>,
    /// Further ports to answer for, besides memcached's own.
    pub ports: Vec<Port>,
    /// Findings that are known and are to stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<Acceptance>,
}

/// Findings of one check that somebody has decided to live with. They are
/// reported, and do not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Acceptance {
    /// The check, for example "MEMSEC-CMD-003".
    pub id: String,
    /// The last day on which it holds, in UTC; `None` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub until: Option<Date>,
    /// Why.
    pub because: String,
}

/// A port of TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Port {
    /// TCP or UDP.
    pub proto: Proto,
    /// Its number.
    pub port: u16,
}

/// What becomes of a setting.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Keep {
    /// It stays as it is.
    #[default]
    Keep,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            schema: Version,
            allow: Vec::new(),
            bind: Vec::new(),
            udp: false,
            tls: Keep::Keep,
            auth: Keep::Keep,
            keep: vec![Port { proto: Proto::Tcp, port: 22 }],
            peer: None,
            by: Vec::new(),
            restart: true,
            socket: None,
            settle: Vec::new(),
            ports: Vec::new(),
            accept: Vec::new(),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_true(value: &bool) -> bool {
    *value
}

impl Policy {
    /// Nobody but this host.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a policy from JSON; `name` stands in errors for the text.
    ///
    /// # Errors
    ///
    /// Text that is not a policy, and a network with host bits set.
    pub fn from_json(name: &str, json: &str) -> Result<Self, Error> {
        crate::json::read(name, json)
    }

    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }

    /// This policy with one more client network.
    #[must_use]
    pub fn allow(mut self, clients: Cidr) -> Self {
        self.allow.push(clients);
        self
    }

    /// This policy with one more address to listen on.
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.bind.push(address);
        self
    }

    /// Whether a plan may use a strategy.
    pub(crate) fn lets(&self, strategy: Strategy) -> bool {
        self.by.is_empty() || self.by.contains(&strategy)
    }

    /// Whether it names where memcached is to listen.
    pub(crate) fn names_where(&self) -> bool {
        !self.bind.is_empty() || self.socket.is_some()
    }

    /// By what the clients are to come in.
    pub(crate) fn protos(&self) -> &'static [Proto] {
        match self.udp {
            true => &Proto::BOTH,
            false => &[Proto::Tcp],
        }
    }

    /// The ports that must stay as reachable as they are.
    pub(crate) fn kept(&self) -> Vec<Port> {
        let own =
            self.peer.map(|peer| Port { proto: Proto::Tcp, port: peer.port });
        let mut all = self.keep.clone();
        all.extend(own.filter(|port| !self.keep.contains(port)));
        all
    }

    /// The clients of one family.
    pub fn allowed(&self, family: Family) -> IpSet {
        IpSet::of(family, self.allow.iter().copied())
    }
}
