//! One way to read and to write JSON.

use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// Reads one object; `name` stands in errors for the text.
pub(crate) fn read<T: DeserializeOwned>(
    name: &str,
    text: &str,
) -> Result<T, Error> {
    // serde also takes an array for a struct, member by member.
    if !text.trim_start().starts_with('{') {
        let error = serde_json::from_str::<serde_json::Map<_, _>>(text);
        return Err(match error {
            Err(error) => Error::json(name, &error),
            Ok(_) => Error::argument(format!("{name}: not a JSON object")),
        });
    }
    serde_json::from_str(text).map_err(|error| Error::json(name, &error))
}

/// Indented, with the members in the order of the type. Our types have no
/// map with keys that are not text, the one thing that cannot be written.
pub(crate) fn write(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
