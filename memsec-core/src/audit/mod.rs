//! Who can reach memcached, and what is wrong.

mod accept;
mod boot;
mod checks;
mod clients;
mod next_start;
mod reached;
mod report;
mod scope;
mod subject;
#[cfg(test)]
mod tests;
mod unknowns;

pub(crate) use boot::DUMPS;
#[cfg(feature = "host")]
pub(crate) use checks::secrets;
pub use checks::{Check, checks};
pub(crate) use clients::{ShutOut, shut_out};
pub(crate) use next_start::witness;
pub(crate) use reached::{Reached, reached, shortest};
pub use report::{
    Exposure, Finding, Instance, Report, Scope, Severity, Unknown,
};

use crate::{Error, Policy, Snapshot, host::Host, managers};
use subject::Subject;

/// Says who can reach memcached on a host, and what is wrong by a policy.
///
/// # Errors
///
/// A text of the snapshot that cannot be read as what it is, with its place.
pub fn audit(snapshot: &Snapshot, policy: &Policy) -> Result<Report, Error> {
    let host = Host::new(snapshot)?;
    let loads = managers::loads(snapshot)?;
    let subject = Subject::new(&host, snapshot, policy, loads);
    let mut findings: Vec<_> = checks::run(&subject);
    accept::mark(&mut findings, snapshot, policy);
    findings.sort_by_key(|finding| {
        (finding.accepted.is_some(), std::cmp::Reverse(finding.severity))
    });
    let mut unknown = subject.unknowns();
    unknown.extend(accept::unknowns(&findings, snapshot, policy));
    let exposures = subject.reached.iter().map(Reached::exposure).collect();
    Ok(Report {
        schema: crate::schema::Version,
        instances: Instance::all(&host),
        exposures,
        findings,
        unknown,
        made_from: Some(Box::new((snapshot.clone(), host, policy.clone()))),
    })
}
