use std::{
    ffi::{CString, c_char},
    mem::MaybeUninit,
};

use memsec_core::{Policy, Report, Style};

use crate::{
    boundary::{make, nth, print, required, texts},
    error::memsec_error,
    exposure::memsec_exposure,
    finding::{memsec_finding, memsec_severity},
    plan::memsec_plan,
    policy::memsec_policy,
    snapshot::memsec_snapshot,
    status::memsec_status,
};

/// Who can reach memcached on a host, and what is wrong by a policy. It keeps
/// nothing of the snapshot and the policy that it was made from, and is never
/// changed.
#[derive(Debug)]
pub struct memsec_report {
    pub(crate) report: Report,
    exposures: Vec<memsec_exposure>,
    findings: Vec<memsec_finding>,
    unknown: Vec<CString>,
}

impl From<Report> for memsec_report {
    fn from(report: Report) -> Self {
        Self {
            exposures: report.exposures.iter().map(Into::into).collect(),
            findings: report.findings.iter().map(Into::into).collect(),
            unknown: texts(report.unknown.iter().map(|it| &it.what)),
            report,
        }
    }
}

/// Audits a host: makes the report of a snapshot by a policy. It does no I/O.
/// A NULL policy is the default one. A text in the snapshot that cannot be
/// parsed is no error but an unknown: see memsec_report_unknown().
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

/// The number of exposures; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_exposure_len(
    report: Option<&memsec_report>,
) -> usize {
    report.map_or(0, |report| report.exposures.len())
}

/// An exposure by its place, counted from 0, or NULL past the end. It lives as
/// long as the report.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_exposure(
    report: Option<&memsec_report>,
    index: usize,
) -> Option<&memsec_exposure> {
    report?.exposures.get(index)
}

/// The number of findings; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_finding_len(
    report: Option<&memsec_report>,
) -> usize {
    report.map_or(0, |report| report.findings.len())
}

/// A finding by its place, the worst first, or NULL past the end. It lives as
/// long as the report.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_finding(
    report: Option<&memsec_report>,
    index: usize,
) -> Option<&memsec_finding> {
    report?.findings.get(index)
}

/// The worst severity; MEMSEC_SEVERITY_NONE if there is no finding, and for
/// NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_severity(
    report: Option<&memsec_report>,
) -> memsec_severity {
    let worst = report.and_then(|report| report.report.severity());
    worst.map_or(memsec_severity::None, Into::into)
}

/// The number of things that are not known; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_unknown_len(
    report: Option<&memsec_report>,
) -> usize {
    report.map_or(0, |report| report.unknown.len())
}

/// Something that the snapshot does not tell or that could not be read, and
/// what was assumed, in one line; NULL past the end. It lives as long as the
/// report.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_unknown(
    report: Option<&memsec_report>,
    index: usize,
) -> *const c_char {
    nth(report.map(|report| &report.unknown), index)
}

/// Writes a report as JSON, for memsec_string_free().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_to_json(
    report: Option<&memsec_report>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || Ok(required(report, "report")?.report.to_json()))
}

/// Writes a report as text for a terminal, for memsec_string_free(): with
/// colours if `color`, and in lines of at most `width` characters if that is
/// not 0. Control characters of what stands in the snapshot are escaped.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_to_text(
    report: Option<&memsec_report>,
    color: bool,
    width: usize,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || {
        let width = (width > 0).then_some(width);
        let style = Style { color, width };
        Ok(required(report, "report")?.report.to_text(style))
    })
}

/// Writes a report as one HTML page that needs nothing else, for
/// memsec_string_free(). With a plan made from this report it shows who gets
/// in before and after; `plan` may be NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_to_html(
    report: Option<&memsec_report>,
    plan: Option<&memsec_plan>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || {
        let report = &required(report, "report")?.report;
        Ok(report.to_html(plan.map(|plan| &plan.plan)))
    })
}

/// Writes the findings of a report as a SARIF 2.1.0 log, for
/// memsec_string_free().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_to_sarif(
    report: Option<&memsec_report>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || Ok(required(report, "report")?.report.to_sarif()))
}

/// Frees a report with its exposures and findings. Plans made from it stay.
/// NULL is fine.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_report_free(report: Option<Box<memsec_report>>) {
    drop(report);
}
