//! MEMSEC-FW-009 and OPS-001: what a plan would do, and what became of one.

use super::{Check, Found};
use crate::{
    Snapshot,
    audit::{Severity, subject::Subject},
    snapshot::RUNS,
    text::{Source, Span},
};

/// Found by a plan: what an audit looks at has not been changed yet.
pub(super) const FW_009: Check = Check {
    id: "MEMSEC-FW-009",
    title: "The plan would cut the way in of the administrator",
    severity: Severity::Critical,
    varies: "a plan is refused for it",
    why: "who locks himself out of a host far away has to go there",
    detection: "by `memsec plan`, not by an audit: packets to the ports that \
                the policy keeps (ssh unless it says otherwise), before the \
                plan and after each of its steps",
    fix: "let the administrator in first, and carry plans out with \
          --confirm, which undoes them where no confirmation comes",
    references: &["NIST SC-7"],
    find: |_| Vec::new(),
};

pub(super) const OPS_001: Check = Check {
    id: "MEMSEC-OPS-001",
    title: "A plan was carried out, and its end was not verified",
    severity: Severity::Critical,
    varies: "critical where the way back failed, else high",
    why: "the host is neither what it was nor what was proved: what runs \
          now is known to nobody",
    detection: "the last record in the journal of each run in \
                /var/lib/memsec: it is neither waiting, confirmed nor rolled \
                back; what apply does by itself is to hold the host against \
                the policy, and to undo all where it does not obey",
    fix: "memsec history shows the run; memsec rollback NAME undoes it",
    references: &["NIST CM-3", "NIST CM-4"],
    find: unfinished,
};

/// The records by which a run is known to have come to an end, or to wait
/// for its confirmation (`journal.rs`).
const ENDS: [&str; 4] =
    ["applied", "confirmed", "rolled-back", "rollback-failed"];

fn unfinished(subject: &Subject<'_>) -> Vec<Found> {
    let found = journals(subject.snapshot).filter_map(|(run, journal)| {
        let record = |line: &Span| !line.text().trim().is_empty();
        let last = journal.lines().filter(record).last()?;
        let (severity, what) = match last.text().trim() {
            "rollback-failed" => {
                (Severity::Critical, "could not be undone all the way")
            }
            end if ENDS.contains(&end) => return None,
            _ => (Severity::High, "was cut off, or is under way"),
        };
        let message = format!("run {run} {what}");
        Some(Found::new(severity, last.place(), message))
    });
    found.collect()
}

fn journals(snapshot: &Snapshot) -> impl Iterator<Item = (&str, Source)> + '_ {
    let files = snapshot.files.keys();
    files.filter_map(|path| {
        let run = path.strip_prefix(RUNS)?.strip_suffix("/journal")?;
        let journal = snapshot.text(path).ok().flatten()?;
        Some((run, journal))
    })
}
