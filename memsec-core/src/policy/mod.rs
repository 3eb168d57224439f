//! The intent: who may reach memcached.

mod date;

use std::net::IpAddr;

pub use date::Date;

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
            ports: Vec::new(),
            accept: Vec::new(),
        }
    }
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

    /// The clients of one family.
    pub fn allowed(&self, family: Family) -> IpSet {
        IpSet::of(family, self.allow.iter().copied())
    }
}
