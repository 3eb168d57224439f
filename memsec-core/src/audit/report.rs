//! What an audit says, as data.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    Proto,
    host::Host,
    memcached::{Exit, Listener, Start},
    net::{CidrSet, Family},
    policy::{Acceptance, Policy},
    schema::Version,
    snapshot::Snapshot,
    text::Place,
};

/// Who can reach memcached on a host, and what is wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Report {
    #[serde(default)]
    pub(crate) schema: Version,
    /// The daemons.
    pub instances: Vec<Instance>,
    /// Who reaches which listener.
    pub exposures: Vec<Exposure>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What the answers rest on and the snapshot does not tell.
    pub unknown: Vec<Unknown>,
    /// What the report was made from, for [`Report::plan`].
    #[serde(skip)]
    pub(crate) made_from: Option<Box<(Snapshot, Host, Policy)>>,
}

/// A memcached daemon: one that runs, or one that a file would start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Instance {
    /// What other parts of the report call it.
    pub id: String,
    /// The file that it is configured by, or "process PID".
    pub source: String,
    /// The version, if it is known.
    pub version: Option<String>,
    /// Its arguments without the first.
    pub argv: Vec<String>,
    /// Whether it runs with these arguments, or exits at once.
    pub starts: bool,
    /// Why it exits.
    pub error: Option<Exit>,
    /// What it listens on.
    pub listeners: Vec<Listener>,
}

/// Who reaches a listener by one interface and one family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exposure {
    /// The instance's identifier; `None` for a port that the caller named.
    pub instance: Option<String>,
    /// TCP or UDP.
    pub proto: Proto,
    /// The port.
    pub port: u16,
    /// IPv4 or IPv6.
    pub family: Family,
    /// The interface that the packets arrive at; `None` for any one, where
    /// the snapshot does not list them.
    pub interface: Option<String>,
    /// The addresses of this host that they are sent to.
    pub destinations: Vec<IpAddr>,
    /// How far away the farthest source can be.
    pub scope: Scope,
    /// Whether `may` and `must` are the same.
    pub exact: bool,
    /// Every source whose packet could be delivered, but for `except`. What
    /// no other host has (this host's own addresses, loopback, groups) is
    /// not named by itself, nor taken out of a wider network.
    pub may: CidrSet,
    /// What `may` lacks, where that is the shorter way to say it.
    pub except: CidrSet,
    /// Every source whose packet is sure to be delivered and, over TCP,
    /// answered.
    pub must: CidrSet,
    /// The rules that decide it.
    pub because: Vec<Place>,
}

/// How far away a source can be. The later is the wider.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// This host only, or nobody.
    Host,
    /// The same link.
    Link,
    /// Private addresses (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// Anywhere.
    Internet,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The check that found it, for example "MEMSEC-NET-001".
    pub id: String,
    /// How bad it is here.
    pub severity: Severity,
    /// What the check is about.
    pub title: String,
    /// What is wrong here.
    pub message: String,
    /// Where it stands.
    #[serde(rename = "where")]
    pub place: Place,
    /// What to do about it.
    pub fix: String,
    /// Where to read more.
    pub references: Vec<String>,
    /// Why it does not count, where the policy accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
}

/// How bad a finding is. The later is the worse.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Little harm.
    Low,
    /// Should be fixed.
    Medium,
    /// Must be fixed.
    High,
    /// Can be used for harm now, from afar.
    Critical,
}

impl Severity {
    /// Its name: "critical".
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that the snapshot does not tell, or that cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unknown {
    /// What is not known and what was assumed.
    pub what: String,
    /// Where it stands, or should.
    #[serde(rename = "where")]
    pub place: Place,
}

impl Report {
    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }

    /// The findings that count: those that the policy does not accept.
    pub fn live(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.accepted.is_none())
    }

    /// The worst severity of those that count, or `None` if there is none.
    pub fn severity(&self) -> Option<Severity> {
        self.live().map(|finding| finding.severity).max()
    }
}

impl Instance {
    /// The daemons of a host. What a daemon listens on that drifted from its
    /// file is both.
    pub(super) fn all(host: &Host) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for instance in &host.instances {
            let last = all.last_mut().filter(|_| instance.drifted());
            match last.filter(|last| last.id == instance.id) {
                Some(last) => last.join(instance.into()),
                None => all.push(instance.into()),
            }
        }
        all
    }

    fn join(&mut self, runs: Self) {
        self.starts |= runs.starts;
        for listener in runs.listeners {
            if !self.listeners.contains(&listener) {
                self.listeners.push(listener);
            }
        }
    }
}

impl From<&crate::memcached::Instance> for Instance {
    fn from(instance: &crate::memcached::Instance) -> Self {
        let (starts, error, listeners) = match &instance.start {
            Start::Runs(running) => (true, None, running.listeners.clone()),
            Start::Exits(exit) => (false, Some(exit.clone()), Vec::new()),
        };
        Self {
            id: instance.id.clone(),
            source: instance.source.clone(),
            version: instance.version.map(|version| version.to_string()),
            argv: instance.argv.iter().map(|w| w.text.clone()).collect(),
            starts,
            error,
            listeners,
        }
    }
}
