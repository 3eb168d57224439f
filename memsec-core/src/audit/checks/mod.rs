//! Every check, as data; one file for each thing that checks look at.

mod access;
mod accounts;
mod bypass;
mod carried;
mod confinement;
mod containers;
mod credentials;
mod decoy;
mod drift;
mod filter;
mod firewall;
#[cfg(test)]
mod fixtures;
mod images;
#[cfg(test)]
mod laws;
mod listeners;
mod managers;
mod missing;
mod modes;
mod net;
mod open_files;
mod options;
mod owner;
mod persistence;
mod probes;
#[cfg(test)]
mod real;
mod refused;
mod sandbox;
mod services;
#[cfg(test)]
mod tests;
mod tls;
mod udp;
mod unit;
mod version;

#[cfg(feature = "host")]
pub(crate) use credentials::secrets;
pub(super) use missing::missing;
use serde::Serialize;

use super::{Finding, Severity, subject::Subject};
use crate::{
    memcached::{Instance, Running},
    text::Place,
};

/// What a check is about.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// Its stable identifier, for example "MEMSEC-NET-001".
    pub id: &'static str,
    /// What it looks for.
    pub title: &'static str,
    /// How bad what it finds is at worst.
    pub severity: Severity,
    /// What raises or lowers that here: mostly who gets in.
    pub varies: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// How it is found.
    pub detection: &'static str,
    /// How to fix what it finds.
    pub fix: &'static str,
    /// Where to read more.
    pub references: &'static [&'static str],
    #[serde(skip)]
    pub(crate) find: fn(&Subject<'_>) -> Vec<Found>,
}

/// What a check found, here.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub severity: Severity,
    pub message: String,
    pub place: Place,
}

impl Found {
    fn new(severity: Severity, place: Place, message: String) -> Self {
        Self { severity, message, place }
    }
}

/// What is found of each daemon that runs, or would.
fn each<'a, T: IntoIterator<Item = Found>>(
    subject: &Subject<'a>,
    find: impl Fn(&'a Instance, &'a Running) -> T,
) -> Vec<Found> {
    let all = subject.running();
    all.flat_map(|(instance, running)| find(instance, running)).collect()
}

static CHECKS: &[Check] = &[
    access::AUTH_001,
    bypass::AUTH_002,
    credentials::AUTH_003,
    refused::AUTH_004,
    credentials::AUTH_005,
    refused::AUTH_006,
    bypass::AUTH_007,
    refused::AUTH_008,
    access::CMD_001,
    options::CMD_002,
    options::CMD_003,
    options::CMD_004,
    options::CMD_005,
    containers::CTR_001,
    containers::CTR_002,
    images::CTR_003,
    images::CTR_004,
    services::CTR_005,
    drift::DRIFT_001,
    owner::DRIFT_002,
    decoy::DRIFT_003,
    decoy::DRIFT_004,
    modes::FILE_001,
    accounts::FILE_002,
    firewall::FW_001,
    firewall::FW_002,
    firewall::FW_003,
    firewall::FW_004,
    filter::FW_005,
    firewall::FW_006,
    filter::FW_007,
    probes::FW_008,
    carried::FW_009,
    persistence::FW_010,
    managers::FW_011,
    managers::FW_012,
    managers::FW_013,
    managers::FW_014,
    firewall::FW_015,
    filter::FW_016,
    filter::FW_017,
    drift::INST_001,
    listeners::INST_002,
    drift::INST_003,
    unit::LOG_001,
    options::LOG_002,
    confinement::MAC_001,
    confinement::MAC_002,
    net::NET_001,
    net::NET_002,
    listeners::NET_003,
    listeners::NET_004,
    listeners::NET_005,
    listeners::NET_006,
    listeners::NET_007,
    listeners::NET_008,
    carried::OPS_001,
    accounts::OPS_002,
    access::PRIV_001,
    accounts::PRIV_002,
    unit::PRIV_003,
    refused::PRIV_004,
    open_files::RES_001,
    sandbox::RES_002,
    options::RES_003,
    options::RES_004,
    modes::SOCK_001,
    accounts::SOCK_002,
    options::SOCK_003,
    accounts::SOCK_004,
    sandbox::SYS_001,
    unit::SYS_002,
    unit::SYS_003,
    unit::SYS_004,
    tls::TLS_001,
    tls::TLS_002,
    tls::TLS_003,
    credentials::TLS_004,
    refused::TLS_005,
    udp::UDP_001,
    udp::UDP_002,
    drift::UDP_003,
    filter::UDP_004,
    probes::UDP_005,
    version::VER_001,
    version::VER_002,
    sandbox::VER_003,
];

/// Every check, by identifier.
pub fn checks() -> &'static [Check] {
    CHECKS
}

/// Everything that the checks find.
pub(super) fn run(subject: &Subject<'_>) -> Vec<Finding> {
    let found = |check: &Check| {
        let found = once((check.find)(subject));
        found.into_iter().map(|found| finding(check, found)).collect()
    };
    CHECKS.iter().flat_map::<Vec<_>, _>(found).collect()
}

/// Without what is said of a daemon and again of the file that it drifted
/// from, in the same words.
fn once(found: Vec<Found>) -> Vec<Found> {
    let mut said = std::collections::HashSet::new();
    let mut first = |found: &Found| {
        let source = found.place.source.as_deref().unwrap_or_default();
        let process = source.starts_with("process ");
        said.insert(found.message.clone()) || !process
    };
    found.into_iter().filter(|found| first(found)).collect()
}

fn finding(check: &Check, found: Found) -> Finding {
    Finding {
        id: check.id.to_owned(),
        severity: found.severity,
        title: check.title.to_owned(),
        message: found.message,
        place: found.place,
        fix: check.fix.to_owned(),
        references: check.references.iter().map(|&r| r.to_owned()).collect(),
        accepted: None,
    }
}
