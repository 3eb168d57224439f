use std::{path::PathBuf, time::Duration};

use memsec_core::{
    Error,
    system::{Apply, Outcome, Runs},
};
use pyo3::prelude::*;

use crate::{
    detached,
    plan::Plan,
    text::{Text, data},
};

fn runs(directory: Option<PathBuf>) -> Runs {
    directory.map_or_else(Runs::default, Runs::at)
}

fn outcome(
    py: Python<'_>,
    run: impl FnOnce() -> Result<Outcome, Error> + Send,
) -> PyResult<Py<PyAny>> {
    data(py, "outcome", &detached::run(py, run)?)
}

fn seconds(number: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(number)
        .map_err(|error| Error::argument(error.to_string()))
        .map_err(detached::exception)
}

/// Carries a plan out on this host. If a step fails, or the host does not
/// obey the policy afterwards, all is undone: the outcome says so. With
/// `confirm`, all is undone after so many seconds unless `confirm()` comes
/// from another connection; it does not wait for that. A command may take
/// `limit` seconds. `follow_links` also writes files that are links.
/// `directory` is where runs are kept, /var/lib/memsec by default.
///
/// Whatever it raises, nothing was changed: `StaleError` where the host is not
/// what the plan was made for, `BusyError` where another run is not finished,
/// `UnsupportedError` for a plan that does not hold and for files that are
/// links, `ArgumentError` for a plan that says not which host it is for,
/// `HostError` where a file cannot be written.
#[pyfunction]
#[pyo3(signature = (
    plan, *, confirm = None, limit = 90.0, follow_links = false,
    directory = None,
))]
pub(crate) fn apply(
    py: Python<'_>,
    plan: &Plan,
    confirm: Option<f64>,
    limit: f64,
    follow_links: bool,
    directory: Option<PathBuf>,
) -> PyResult<Py<PyAny>> {
    let confirm = confirm.map(seconds).transpose()?;
    let how = Apply { confirm, limit: seconds(limit)?, follow_links };
    outcome(py, || runs(directory).apply(&plan.0, &how))
}

/// Makes a run stay that waits for its confirmation, by its name. Raises
/// `ArgumentError` for one that does not wait, and `UnsupportedError` over the
/// connection that the plan was carried out from: that it still lives proves
/// nothing.
#[pyfunction]
#[pyo3(signature = (name, *, directory = None))]
pub(crate) fn confirm(
    py: Python<'_>,
    name: Text,
    directory: Option<PathBuf>,
) -> PyResult<Py<PyAny>> {
    let name = name.into_string("name").map_err(detached::exception)?;
    outcome(py, || runs(directory).confirm(&name))
}

/// Undoes a run by its name, whether it waits, was cut off or is confirmed.
/// Raises `ArgumentError` where there is none, `UnsupportedError` for one that
/// another came after.
#[pyfunction]
#[pyo3(signature = (name, *, directory = None))]
pub(crate) fn rollback(
    py: Python<'_>,
    name: Text,
    directory: Option<PathBuf>,
) -> PyResult<Py<PyAny>> {
    let name = name.into_string("name").map_err(detached::exception)?;
    outcome(py, || runs(directory).rollback(&name))
}

/// What became of a run so far, by its name; it does not wait. Raises
/// `ArgumentError` where there is none.
#[pyfunction]
#[pyo3(name = "outcome", signature = (name, *, directory = None))]
pub(crate) fn outcome_of(
    py: Python<'_>,
    name: Text,
    directory: Option<PathBuf>,
) -> PyResult<Py<PyAny>> {
    let name = name.into_string("name").map_err(detached::exception)?;
    outcome(py, || runs(directory).outcome(&name))
}

/// What became of a run, or None while it goes on.
#[pyfunction]
#[pyo3(signature = (name, *, directory = None))]
pub(crate) fn ended(
    py: Python<'_>,
    name: Text,
    directory: Option<PathBuf>,
) -> PyResult<Option<Py<PyAny>>> {
    let name = name.into_string("name").map_err(detached::exception)?;
    let ended = detached::run(py, || runs(directory).ended(&name))?;
    ended.map(|ended| data(py, "outcome", &ended)).transpose()
}

/// The runs that somebody has to finish, a tuple, the earliest first. Raises
/// `HostError` if `directory` may not be read.
#[pyfunction]
#[pyo3(signature = (*, directory = None))]
pub(crate) fn pending(
    py: Python<'_>,
    directory: Option<PathBuf>,
) -> PyResult<Py<PyAny>> {
    let found = detached::run(py, || runs(directory).pending())?;
    data(py, "outcomes", &found)
}
