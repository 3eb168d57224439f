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
/// `confirm`, it waits so many seconds for `confirm()` from another
/// connection before all is undone. A command may take `limit` seconds.
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

/// Makes a run stay that waits for its confirmation.
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

/// Undoes a run, whether it waits, was cut off or is confirmed.
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

/// What became of a run so far.
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

/// The runs that somebody has to finish, the earliest first.
#[pyfunction]
#[pyo3(signature = (*, directory = None))]
pub(crate) fn pending(
    py: Python<'_>,
    directory: Option<PathBuf>,
) -> PyResult<Py<PyAny>> {
    let found = detached::run(py, || runs(directory).pending())?;
    data(py, "outcomes", &found)
}
