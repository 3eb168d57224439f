//! Findings that a policy accepts.

use std::collections::BTreeSet;

use super::{Finding, Unknown, checks};
use crate::{Acceptance, Policy, Snapshot, policy::Date, text::Place};

/// The day that a snapshot is of.
fn day(snapshot: &Snapshot) -> Option<Date> {
    snapshot.time.map(Date::of_time)
}

/// Whether an acceptance holds on a day. One with a last day does not where
/// the day is not known: what is wrong counts until the opposite is sure.
fn holds(acceptance: &Acceptance, day: Option<Date>) -> bool {
    match acceptance.until {
        None => true,
        Some(until) => day.is_some_and(|day| day <= until),
    }
}

/// Marks the findings that a policy accepts, by the acceptance that holds
/// the longest.
pub(super) fn mark(
    findings: &mut [Finding],
    snapshot: &Snapshot,
    policy: &Policy,
) {
    let day = day(snapshot);
    for finding in findings {
        let own = policy.accept.iter().filter(|a| a.id == finding.id);
        let held = own.filter(|acceptance| holds(acceptance, day));
        let longest = held.max_by_key(|a| (a.until.is_none(), a.until));
        finding.accepted = longest.cloned();
    }
}

/// The acceptances of which it is not known whether they hold, and those of
/// no check.
pub(super) fn unknowns(
    findings: &[Finding],
    snapshot: &Snapshot,
    policy: &Policy,
) -> Vec<Unknown> {
    let known: BTreeSet<_> = checks().iter().map(|check| check.id).collect();
    let undated = day(snapshot).is_none();
    let open: BTreeSet<_> = findings
        .iter()
        .filter(|finding| finding.accepted.is_none())
        .map(|finding| finding.id.as_str())
        .collect();
    let of = |acceptance: &Acceptance| {
        let id = &acceptance.id;
        let what = match acceptance.until {
            _ if !known.contains(id.as_str()) => {
                format!(
                    "which check the policy accepts by {id:?}: there is \
                         no such check"
                )
            }
            Some(until) if undated && open.contains(id.as_str()) => format!(
                "the time of the snapshot, and so whether {id} is still \
                 accepted until {until}: it counts"
            ),
            _ => return None,
        };
        Some(Unknown { what, place: Place::whole("policy") })
    };
    policy.accept.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use crate::{Policy, Report, Snapshot, audit};

    /// An open daemon, held against a policy that accepts by this JSON.
    fn report(time: Option<u64>, accept: &str) -> Report {
        let mut snapshot = Snapshot::new()
            .with_file("/etc/memcached.conf", "-u m\n-l 0.0.0.0\n-A\n")
            .with_command("iptables-save", "");
        snapshot.time = time;
        let policy = format!(r#"{{"accept": [{accept}]}}"#);
        let policy = Policy::from_json("p", &policy).unwrap();
        audit(&snapshot, &policy).unwrap()
    }

    const UNTIL: &str = r#"{"id": "MEMSEC-CMD-001", "until": "2026-12-31",
        "because": "a test rig"}"#;
    const EVER: &str = r#"{"id": "MEMSEC-CMD-001", "because": "for ever"}"#;
    /// The last second of that day, in UTC.
    const LAST: u64 = 1_798_761_599;

    /// The reason that is given, and how often the unknowns speak of it.
    fn of(report: &Report) -> (Option<&str>, usize) {
        let mut all = report.findings.iter();
        let found = all.find(|f| f.id == "MEMSEC-CMD-001").unwrap();
        let why = found.accepted.as_ref().map(|a| a.because.as_str());
        let unknown = report.unknown.iter();
        let unknown = unknown.filter(|u| u.what.contains("MEMSEC-CMD-001"));
        (why, unknown.count())
    }

    #[test]
    fn an_acceptance_holds_to_the_end_of_its_day() {
        let both = format!("{UNTIL}, {EVER}");
        let table = [
            (Some(LAST), UNTIL, (Some("a test rig"), 0)),
            (Some(LAST + 1), UNTIL, (None, 0)),
            (None, UNTIL, (None, 1)),
            (None, EVER, (Some("for ever"), 0)),
            (None, both.as_str(), (Some("for ever"), 0)),
        ];
        for (time, accept, expected) in table {
            assert_eq!(of(&report(time, accept)), expected, "{time:?}");
        }
    }

    #[test]
    fn what_is_accepted_is_reported_last_and_does_not_count() {
        let report = report(Some(LAST), UNTIL);
        let last = report.findings.last().unwrap();
        assert_eq!(last.id, "MEMSEC-CMD-001");
        assert!(report.live().all(|finding| finding.id != last.id));
        let text = report.to_string();
        assert!(text.contains("accepted until 2026-12-31: a test rig"));
    }

    #[test]
    fn an_acceptance_of_no_check_is_said() {
        let none = r#"{"id": "MEMSEC-CMD-999", "because": "x"}"#;
        let report = report(None, none);
        let mut all = report.unknown.iter();
        assert!(all.any(|unknown| unknown.what.contains("no such check")));
    }
}
