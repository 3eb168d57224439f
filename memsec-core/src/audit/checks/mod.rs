//! Every check, as data.

use serde::Serialize;

use super::Severity;

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Check {
    /// Its stable identifier, for example "MEMSEC-NET-001".
    pub id: &'static str,
    /// What it looks for.
    pub title: &'static str,
    /// How bad what it finds is at worst.
    pub severity: Severity,
    /// Why it matters.
    pub why: &'static str,
    /// How to fix what it finds.
    pub fix: &'static str,
    /// Where to read more.
    pub references: &'static [&'static str],
}

/// Every check, by identifier.
pub fn checks() -> &'static [Check] {
    &[]
}
