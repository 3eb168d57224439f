//! What became of one packet, as data.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Proto;
use crate::{schema::Version, text::Place};

/// What becomes of a packet and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Explanation {
    #[serde(default)]
    pub(crate) schema: Version,
    /// Where it ends. If that is not certain, the end that lets most through.
    pub verdict: Verdict,
    /// Whether the rules decide it without a guess.
    pub certain: bool,
    /// Whether the answer to it would get out again. Absent where nobody
    /// answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// The listener that gets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_to: Option<Delivery>,
    /// What it met, in order.
    pub path: Vec<Met>,
}

/// Where a packet ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// At a listener: of this host, or of a container that it leads to.
    Delivered,
    /// Nowhere, and the sender hears nothing.
    Dropped,
    /// Nowhere, and the sender is told.
    Rejected,
    /// At another host.
    Forwarded,
    /// At this host, where nobody listens.
    NobodyListens,
}

/// What becomes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It leaves the host.
    Sent,
    /// A rule drops it.
    Dropped,
}

/// The listener that a packet ends at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// The instance's identifier; the name of a program that is no
    /// memcached, as `ss` shows it.
    pub instance: String,
    /// TCP or UDP.
    pub proto: Proto,
    /// The address that it listens on.
    pub address: IpAddr,
    /// The port that it listens on.
    pub port: u16,
}

/// A rule, or a chain's policy, that a packet met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Met {
    /// The hook: "prerouting", "input"; "routing" between them.
    pub hook: String,
    /// The chain; "" at routing.
    pub chain: String,
    /// The rule. Absent for a policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Place>,
    /// What it did: "accept", "drop", "reject", "jump NAME", "return", ...;
    /// with a "maybe " before it where it is not certain.
    pub outcome: String,
}

impl Explanation {
    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }
}
