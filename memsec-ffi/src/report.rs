use std::{ffi::c_char, mem::MaybeUninit};

use memsec_core::{Policy, Report};

use crate::{
    boundary::{make, print, required},
    error::memsec_error,
    exposure::memsec_exposure,
    finding::{memsec_finding, memsec_severity},
    policy::memsec_policy,
    snapshot::memsec_snapshot,
    status::memsec_status,
};

/// Who can reach memcached on a host, and what is wrong by a policy.
#[derive(Debug)]
pub struct memsec_report {
    pub(crate) report: Report,
    exposures: Vec<memsec_exposure>,
    findings: Vec<memsec_finding>,
}

impl From<Report> for memsec_report {
    fn from(report: Report) -> Self {
        Self {
            exposures: report.exposures.iter().map(Into::into).collect(),
            findings: report.findings.iter().map(Into::into).collect(),
            report,
        }
    }
}

/// Audits a host. A NULL policy is the default one.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_audit(
    snapshot: Option<&memsec_snapshot>,
    policy: Option<&memsec_policy>,
    out: Option<&mut MaybeUninit<Option<Box<memsec_report>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        let snapshot = &required(snapshot, "snapshot")?.0;
        let default = Policy::new();
        let policy = policy.map_or(&default, |policy| &policy.0);
        Ok(memsec_core::audit(snapshot, policy)?.into())
    })
}

/// The number of exposures.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_exposure_len(
    report: Option<&memsec_report>,
) -> usize {
    report.map_or(0, |report| report.exposures.len())
}

/// An exposure by its place, or NULL past the end.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_exposure(
    report: Option<&memsec_report>,
    index: usize,
) -> Option<&memsec_exposure> {
    report?.exposures.get(index)
}

/// The number of findings.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_finding_len(
    report: Option<&memsec_report>,
) -> usize {
    report.map_or(0, |report| report.findings.len())
}

/// A finding by its place, the worst first, or NULL past the end.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_finding(
    report: Option<&memsec_report>,
    index: usize,
) -> Option<&memsec_finding> {
    report?.findings.get(index)
}

/// The worst severity, MEMSEC_SEVERITY_NONE if there is no finding.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_severity(
    report: Option<&memsec_report>,
) -> memsec_severity {
    let worst = report.and_then(|report| report.report.severity());
    worst.map_or(memsec_severity::None, Into::into)
}

/// Writes a report as JSON.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_to_json(
    report: Option<&memsec_report>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || Ok(required(report, "report")?.report.to_json()))
}

/// Frees a report with its exposures and findings.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_free(report: Option<Box<memsec_report>>) {
    drop(report);
}
