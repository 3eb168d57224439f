//! Text and bytes from Python, and data back to it.

use memsec_core::{Error, text::Source};
use pyo3::{prelude::*, types::PyString};

/// A `str`, or `bytes` that should be UTF-8.
#[derive(FromPyObject)]
pub(crate) enum Text {
    Str(String),
    Bytes(Vec<u8>),
}

impl Text {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Str(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The text; `source` stands in the error for it.
    pub(crate) fn into_string(self, source: &str) -> Result<String, Error> {
        match self {
            Self::Str(text) => Ok(text),
            Self::Bytes(bytes) => utf8(source, &bytes).map(str::to_owned),
        }
    }

    /// As [`Self::into_string`], for text that stays.
    pub(crate) fn as_str(&self, source: &str) -> Result<&str, Error> {
        match self {
            Self::Str(text) => Ok(text),
            Self::Bytes(bytes) => utf8(source, bytes),
        }
    }
}

/// Bytes as text.
pub(crate) fn utf8<'a>(
    source: &str,
    bytes: &'a [u8],
) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, bad) = bytes.split_at(error.valid_up_to());
        let byte = bad.first().copied().unwrap_or_default();
        let message = format!("byte 0x{byte:02x} is not UTF-8");
        let text = format!("{}\u{fffd}", String::from_utf8_lossy(good));
        not_utf8(&Source::new(source, text), message)
    })
}

/// The error at the last character of a text.
fn not_utf8(source: &Source, message: String) -> Error {
    let Some(line) = source.lines().last() else {
        return Error::argument(message);
    };
    let len = line.text().len();
    Error::parse(&line.part(len - '\u{fffd}'.len_utf8()..len), message)
}

/// Hands JSON to a function of `memsec._data`, which makes data of it.
pub(crate) fn data(
    py: Python<'_>,
    function: &str,
    json: &impl serde::Serialize,
) -> PyResult<Py<PyAny>> {
    let json = serde_json::to_string(json).unwrap_or_default();
    let module = py.import("memsec._data")?;
    Ok(module.call_method1(function, (json,))?.unbind())
}

/// The items of an iterable, each as `str()` has it. A `str` is not taken
/// for an iterable of characters.
pub(crate) fn strings(
    items: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<String>> {
    let Some(items) = items else { return Ok(Vec::new()) };
    if items.is_instance_of::<PyString>() {
        let message = "give a list, not one str";
        return Err(pyo3::exceptions::PyTypeError::new_err(message));
    }
    items.try_iter()?.map(|item| item?.str()?.extract()).collect()
}

/// "1 file", "2 files"
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
