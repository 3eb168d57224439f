use std::ffi::{CString, c_char};

use memsec_core::{Finding, Severity};

use crate::boundary::{borrowed, c_string};

/// Something that is wrong. It belongs to its report, and all that its
/// functions return lives as long as that.
#[derive(Debug)]
pub struct memsec_finding {
    id: CString,
    severity: memsec_severity,
    title: CString,
    message: CString,
    fix: CString,
    source: CString,
    line: usize,
    accepted: bool,
}

/// How bad a finding is. The greater is the worse.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_severity {
    /// There is no finding.
    None = 0,
    /// Worth knowing.
    Info = 1,
    /// Little harm.
    Low = 2,
    /// Should be fixed.
    Medium = 3,
    /// Must be fixed.
    High = 4,
    /// Can be used for harm now, from afar.
    Critical = 5,
}

impl From<Severity> for memsec_severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High => Self::High,
            Severity::Critical => Self::Critical,
        }
    }
}

impl From<&Finding> for memsec_finding {
    fn from(finding: &Finding) -> Self {
        let source = finding.place.source.as_deref();
        Self {
            id: c_string(&finding.id),
            severity: finding.severity.into(),
            title: c_string(&finding.title),
            message: c_string(&finding.message),
            fix: c_string(&finding.fix),
            source: c_string(source.unwrap_or_default()),
            line: finding.place.line.unwrap_or_default(),
            accepted: finding.accepted.is_some(),
        }
    }
}

/// The stable identifier of the check, for example "MEMSEC-NET-001". Never
/// NULL: empty for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_finding_id(
    finding: Option<&memsec_finding>,
) -> *const c_char {
    borrowed(finding.map(|finding| &finding.id))
}

/// How bad it is here; MEMSEC_SEVERITY_NONE for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_finding_severity(
    finding: Option<&memsec_finding>,
) -> memsec_severity {
    finding.map_or(memsec_severity::None, |finding| finding.severity)
}

/// What the check is about, in a few words. Never NULL: empty for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_finding_title(
    finding: Option<&memsec_finding>,
) -> *const c_char {
    borrowed(finding.map(|finding| &finding.title))
}

/// What is wrong here. Never NULL: empty for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_finding_message(
    finding: Option<&memsec_finding>,
) -> *const c_char {
    borrowed(finding.map(|finding| &finding.message))
}

/// What to do about it. Never NULL: empty for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_finding_fix(
    finding: Option<&memsec_finding>,
) -> *const c_char {
    borrowed(finding.map(|finding| &finding.fix))
}

/// The file, or the command whose output, it stands in. Never NULL: empty if
/// it is none, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_finding_source(
    finding: Option<&memsec_finding>,
) -> *const c_char {
    borrowed(finding.map(|finding| &finding.source))
}

/// The line it stands in, counted from 1, or 0 if it is none, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_finding_line(
    finding: Option<&memsec_finding>,
) -> usize {
    finding.map_or(0, |finding| finding.line)
}

/// True if the policy accepts it, so that it does not count; false for NULL.
/// memsec_report_to_json() says why, and until when.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_finding_accepted(
    finding: Option<&memsec_finding>,
) -> bool {
    finding.is_some_and(|finding| finding.accepted)
}
