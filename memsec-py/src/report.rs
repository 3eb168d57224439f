use memsec_core::{Error, Severity, Style};
use pyo3::{prelude::*, sync::PyOnceLock};

use crate::{
    detached,
    plan::Plan,
    text::{Text, count, data},
};

/// Who can reach memcached on a host, and what is wrong. `str()` is for a
/// person. Each of its parts is a tuple.
#[pyclass(frozen, module = "memsec")]
pub(crate) struct Report {
    report: memsec_core::Report,
    instances: PyOnceLock<Py<PyAny>>,
    exposures: PyOnceLock<Py<PyAny>>,
    findings: PyOnceLock<Py<PyAny>>,
    unknown: PyOnceLock<Py<PyAny>>,
}

impl From<memsec_core::Report> for Report {
    fn from(report: memsec_core::Report) -> Self {
        Self {
            report,
            instances: PyOnceLock::new(),
            exposures: PyOnceLock::new(),
            findings: PyOnceLock::new(),
            unknown: PyOnceLock::new(),
        }
    }
}

/// Data that is made when it is first asked for.
fn once(
    py: Python<'_>,
    cell: &PyOnceLock<Py<PyAny>>,
    function: &str,
    json: &impl serde::Serialize,
) -> PyResult<Py<PyAny>> {
    let made = cell.get_or_try_init(py, || data(py, function, json))?;
    Ok(made.clone_ref(py))
}

#[pymethods]
impl Report {
    /// The daemons, those that run and those that files would start.
    #[getter]
    fn instances(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        once(py, &self.instances, "instances", &self.report.instances)
    }

    /// Who reaches which listener: one for each interface and each family of
    /// addresses.
    #[getter]
    fn exposures(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        once(py, &self.exposures, "exposures", &self.report.exposures)
    }

    /// What is wrong, the worst first.
    #[getter]
    fn findings(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        once(py, &self.findings, "findings", &self.report.findings)
    }

    /// What the answers rest on and the snapshot does not tell.
    #[getter]
    fn unknown(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        once(py, &self.unknown, "unknowns", &self.report.unknown)
    }

    /// The worst severity, or `None` if there is no finding.
    #[getter]
    fn severity(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let worst = self.report.severity();
        worst.map(|worst| data(py, "severity", &worst)).transpose()
    }

    /// The plan by which the host obeys the policy. One whose proof fails is
    /// no error: see `Plan.holds`.
    fn plan(&self, py: Python<'_>) -> PyResult<Plan> {
        detached::run(py, || Ok(self.report.plan())).map(Plan)
    }

    /// Reads a report from JSON, `str` or UTF-8; `source` stands in errors for
    /// the text. Raises `ParseError`.
    #[staticmethod]
    #[pyo3(signature = (text, source = "report"))]
    fn from_json(py: Python<'_>, text: Text, source: &str) -> PyResult<Self> {
        detached::run(py, || {
            let text = text.into_string(source)?;
            serde_json::from_str::<memsec_core::Report>(&text)
                .map_err(|error| Error::json(source, &error))
        })
        .map(Self::from)
    }

    /// Writes it as JSON.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        detached::run(py, || Ok(self.report.to_json()))
    }

    /// Writes it for a terminal, with colours and lines no longer than
    /// `width` columns.
    #[pyo3(signature = (*, color = false, width = None))]
    fn to_text(
        &self,
        py: Python<'_>,
        color: bool,
        width: Option<usize>,
    ) -> PyResult<String> {
        let style = Style { color, width };
        detached::run(py, || Ok(self.report.to_text(style)))
    }

    /// Writes it as one HTML page that needs nothing else. With its plan, it
    /// shows who gets in before and after.
    #[pyo3(signature = (plan = None))]
    fn to_html(&self, py: Python<'_>, plan: Option<&Plan>) -> PyResult<String> {
        let plan = plan.map(|plan| &plan.0);
        detached::run(py, || Ok(self.report.to_html(plan)))
    }

    /// Writes its findings as SARIF 2.1.0, for code hosts and CI.
    fn to_sarif(&self, py: Python<'_>) -> PyResult<String> {
        detached::run(py, || Ok(self.report.to_sarif()))
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        detached::run(py, || Ok(self.report.to_string()))
    }

    fn __repr__(&self) -> String {
        let worst = self.report.severity().map(Severity::name);
        format!(
            "<Report {}, {}{}>",
            count(self.report.exposures.len(), "exposure", "exposures"),
            count(self.report.findings.len(), "finding", "findings"),
            worst.map_or_else(String::new, |worst| format!(", {worst}")),
        )
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<(Py<PyAny>, (String,))> {
        let make = py.get_type::<Self>().getattr("from_json")?;
        Ok((make.unbind(), (self.report.to_json(),)))
    }
}
