use memsec_core::{FileChange, Render, Verification};
use pyo3::prelude::*;

use crate::{
    detached,
    snapshot::Snapshot,
    text::{Text, count, data},
};

/// Ordered changes that make a host obey a policy, and their proof. It is
/// true if there is something to do.
#[pyclass(frozen, eq, module = "memsec")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan(pub(crate) memsec_core::Plan);

#[pymethods]
impl Plan {
    /// The changes, a tuple, in the order in which they are done.
    #[getter]
    fn steps(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        data(py, "steps", &self.0.steps)
    }

    /// That the plan does what the policy asks, and nothing else.
    #[getter]
    fn proof(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        data(py, "proof", &self.0.proof)
    }

    /// Whether every claim of the proof holds; if not, it cannot be applied.
    #[getter]
    fn holds(&self) -> bool {
        self.0.proof.holds
    }

    /// The plan in a form, one of `memsec.Render` or its name. Raises
    /// `ArgumentError` for one that is not known, and `UnsupportedError` where
    /// the plan does not hold or cannot be written so.
    #[pyo3(signature = (form = "text"))]
    fn render(&self, py: Python<'_>, form: &str) -> PyResult<String> {
        detached::run(py, || self.0.render(form.parse::<Render>()?))
    }

    /// What the independent checker says of the proof. Texts of rules that
    /// are too long to be in the plan are taken from the snapshot that it was
    /// made from.
    #[pyo3(signature = (snapshot = None))]
    fn verify(
        &self,
        py: Python<'_>,
        snapshot: Option<&Snapshot>,
    ) -> PyResult<Py<PyAny>> {
        let found = self.verified(py, snapshot)?;
        data(py, "verification", &found)
    }

    /// The same as JSON, and in words for people.
    #[pyo3(signature = (snapshot = None))]
    fn verify_json(
        &self,
        py: Python<'_>,
        snapshot: Option<&Snapshot>,
    ) -> PyResult<(String, String)> {
        let found = self.verified(py, snapshot)?;
        Ok((found.to_json(), found.to_text()))
    }

    /// The files that it changes, by path, before and after the whole plan: a
    /// dict of `FileChange`.
    fn files(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let files = self.0.steps.iter().filter_map(|step| step.file.as_ref());
        data(py, "files", &files.collect::<Vec<&FileChange>>())
    }

    /// Reads a plan from JSON, `str` or UTF-8; `source` stands in errors for
    /// the text. Raises `ParseError`.
    #[staticmethod]
    #[pyo3(signature = (text, source = "plan"))]
    fn from_json(py: Python<'_>, text: Text, source: &str) -> PyResult<Self> {
        detached::run(py, || {
            let text = text.into_string(source)?;
            memsec_core::Plan::from_json(source, &text)
        })
        .map(Self)
    }

    /// Writes it as JSON.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        detached::run(py, || Ok(self.0.to_json()))
    }

    fn __len__(&self) -> usize {
        self.0.steps.len()
    }

    fn __repr__(&self) -> String {
        let holds = if self.holds() { "holds" } else { "does not hold" };
        format!("<Plan {}, {holds}>", count(self.__len__(), "step", "steps"))
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<(Py<PyAny>, (String,))> {
        let make = py.get_type::<Self>().getattr("from_json")?;
        Ok((make.unbind(), (self.0.to_json(),)))
    }
}

impl Plan {
    fn verified(
        &self,
        py: Python<'_>,
        snapshot: Option<&Snapshot>,
    ) -> PyResult<Verification> {
        let snapshot = snapshot.map(|snapshot| &snapshot.0);
        detached::run(py, || self.0.verify(snapshot))
    }
}
