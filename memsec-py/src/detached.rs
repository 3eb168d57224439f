//! Work without the interpreter lock, and the exceptions that come of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use memsec_core::{Error, ErrorKind};
use pyo3::{import_exception, prelude::*};

import_exception!(memsec._errors, ArgumentError);
import_exception!(memsec._errors, BusyError);
import_exception!(memsec._errors, HostError);
import_exception!(memsec._errors, InternalError);
import_exception!(memsec._errors, ParseError);
import_exception!(memsec._errors, StaleError);
import_exception!(memsec._errors, UnsupportedError);

/// Runs `body` without the interpreter lock. A panic in it is an
/// `InternalError`, which `except Exception` catches.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    body: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    match py.detach(|| catch_unwind(AssertUnwindSafe(body))) {
        Ok(result) => result.map_err(exception),
        Err(_) => Err(bug()),
    }
}

/// The exception for a panic.
pub(crate) fn bug() -> PyErr {
    InternalError::new_err("a bug in memsec")
}

/// The exception for an error, with its place.
pub(crate) fn exception(error: Error) -> PyErr {
    let source = Some(error.source_name()).filter(|name| !name.is_empty());
    let place = |number: usize| Some(number).filter(|&number| number > 0);
    let arguments = (
        error.message().to_owned(),
        source.map(str::to_owned),
        place(error.line()),
        place(error.column()),
    );
    match error.kind() {
        ErrorKind::Argument => ArgumentError::new_err(arguments),
        ErrorKind::Parse => ParseError::new_err(arguments),
        ErrorKind::Stale => StaleError::new_err(arguments),
        ErrorKind::Busy => BusyError::new_err(arguments),
        ErrorKind::Io => {
            let errno = errno(&arguments.0);
            let (message, source, line, column) = arguments;
            HostError::new_err((message, source, line, column, errno))
        }
        _ => UnsupportedError::new_err(arguments),
    }
}

/// The number of an error of the system, which std writes behind its text.
fn errno(message: &str) -> Option<i32> {
    let (_, number) = message.rsplit_once(" (os error ")?;
    number.strip_suffix(')')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use pyo3::exceptions::PyException;

    use super::*;

    #[test]
    fn an_error_of_the_system_has_its_number() {
        let error = std::io::Error::from_raw_os_error(13);
        assert_eq!(errno(&error.to_string()), Some(13));
        assert_eq!(errno("no end after 90 s"), None);
    }

    /// The package must be installed, for the exception is made there.
    #[test]
    fn a_panic_is_an_exception() {
        Python::initialize();
        Python::attach(|py| {
            let error = run(py, || -> Result<(), Error> {
                panic!("a test");
            })
            .unwrap_err();
            assert!(error.is_instance_of::<InternalError>(py), "{error}");
            assert!(error.is_instance_of::<PyException>(py));
            assert_eq!(run(py, || Ok(7)).unwrap(), 7);
        });
    }
}
