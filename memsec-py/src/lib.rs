//! The Python module: handles are made here, data in `memsec._data`.

use pyo3::{exceptions::PyRuntimeError, prelude::*};

mod arrow;
mod detached;
mod host;
mod lines;
mod plan;
mod policy;
mod report;
mod run;
mod snapshot;
mod text;

use host::Host;
use plan::Plan;
use policy::Policy;
use report::Report;
use snapshot::Snapshot;

/// Who can reach memcached on a host, and what is wrong by a policy. Without
/// one, nobody but the host itself may reach it. It does no I/O. A text of the
/// snapshot that cannot be read is no error but among `Report.unknown`.
#[pyfunction]
#[pyo3(signature = (snapshot, policy = None))]
fn audit(
    py: Python<'_>,
    snapshot: &Snapshot,
    policy: Option<&Policy>,
) -> PyResult<Report> {
    let default = memsec_core::Policy::new();
    let policy = policy.map_or(&default, |policy| &policy.0);
    detached::run(py, || memsec_core::audit(&snapshot.0, policy))
        .map(Report::from)
}

/// Every check, as a JSON document.
#[pyfunction]
fn checks_json() -> String {
    let document = serde_json::json!({
        "schema": memsec_core::SCHEMA,
        "checks": memsec_core::checks(),
    });
    format!("{document:#}")
}

/// What to read of a host that is read by another program, as JSON.
#[pyfunction]
fn sources_json() -> PyResult<String> {
    serde_json::to_string(&memsec_core::system::sources())
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

#[pymodule]
fn _memsec(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("SETTLED", memsec_core::SETTLED)?;
    module.add_class::<Snapshot>()?;
    module.add_class::<Host>()?;
    module.add_class::<Policy>()?;
    module.add_class::<Report>()?;
    module.add_class::<Plan>()?;
    module.add_function(wrap_pyfunction!(audit, module)?)?;
    module.add_function(wrap_pyfunction!(lines::audit_each, module)?)?;
    module.add_function(wrap_pyfunction!(lines::audit_lines, module)?)?;
    module.add_class::<arrow::Batch>()?;
    module.add_function(wrap_pyfunction!(arrow::audit_arrow, module)?)?;
    module.add_function(wrap_pyfunction!(checks_json, module)?)?;
    module.add_function(wrap_pyfunction!(run::apply, module)?)?;
    module.add_function(wrap_pyfunction!(run::confirm, module)?)?;
    module.add_function(wrap_pyfunction!(run::rollback, module)?)?;
    module.add_function(wrap_pyfunction!(run::outcome_of, module)?)?;
    module.add_function(wrap_pyfunction!(run::ended, module)?)?;
    module.add_function(wrap_pyfunction!(run::pending, module)?)?;
    module.add_function(wrap_pyfunction!(sources_json, module)?)
}
