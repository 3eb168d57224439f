//! The model of a host.

use pyo3::prelude::*;

use crate::{detached, policy::Policy, snapshot::Snapshot};

/// A snapshot that is read once, to be asked many things.
#[pyclass(frozen, module = "memsec")]
#[derive(Debug)]
pub(crate) struct Host(memsec_core::Host);

#[pymethods]
impl Host {
    #[new]
    fn new(py: Python<'_>, snapshot: &Snapshot) -> PyResult<Self> {
        detached::run(py, || memsec_core::Host::new(&snapshot.0)).map(Self)
    }

    /// Which packets get in on another host and not on this one, or the
    /// other way round; also to the ports of a policy: JSON, and text.
    fn diff_json(
        &self,
        py: Python<'_>,
        after: &Self,
        policy: &Policy,
    ) -> PyResult<(String, String)> {
        detached::run(py, || {
            let ports = &policy.0.ports;
            let difference = memsec_core::diff(&self.0, &after.0, ports)?;
            Ok((difference.to_json(), difference.to_string()))
        })
    }

    /// What becomes of a packet that is given as JSON: JSON, and text.
    fn explain_json(
        &self,
        py: Python<'_>,
        packet: &str,
        source: &str,
    ) -> PyResult<(String, String)> {
        detached::run(py, || {
            let packet = memsec_core::Packet::from_json(source, packet)?;
            let explanation = self.0.explain(&packet)?;
            Ok((explanation.to_json(), explanation.to_string()))
        })
    }
}
