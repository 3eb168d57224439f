//! One way to write JSON.

use serde::Serialize;

/// Indented, with the members in the order of the type. Our types have no
/// map with keys that are not text, the one thing that cannot be written.
pub(crate) fn write(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
