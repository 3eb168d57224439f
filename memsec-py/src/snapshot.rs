use std::path::PathBuf;

use memsec_core::{
    Error,
    snapshot::{Content, File, Output, Process},
    system,
};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    detached,
    text::{Text, count},
};

/// What was found on a host at one moment, as text: files by their path,
/// outputs of commands by their command line, and the daemons that run. What
/// is not in it is unknown, not empty. It does not change: what adds to it
/// makes a new one.
#[pyclass(frozen, eq, module = "memsec")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(pub(crate) memsec_core::Snapshot);

#[pymethods]
impl Snapshot {
    #[new]
    fn new() -> Self {
        Self(memsec_core::Snapshot::new())
    }

    /// Reads this host: seconds, on a slow one. It only reads, and runs only
    /// commands that list; it needs root to see all, and what it may not read
    /// is noted. `probe_udp` also sends one datagram to each daemon that
    /// listens on UDP, and counts what comes back.
    #[staticmethod]
    #[pyo3(signature = (*, probe_udp = false))]
    fn collect(py: Python<'_>, probe_udp: bool) -> PyResult<Self> {
        let probe = system::Probe { udp: probe_udp };
        detached::run(py, || system::collect_with(probe)).map(Self)
    }

    /// Reads the files of the host whose root directory is `root`, a `str` or
    /// a `PathLike`: a mounted disk, a container, an unpacked archive. Raises
    /// `HostError` if it cannot be read.
    #[staticmethod]
    fn read_tree(py: Python<'_>, root: PathBuf) -> PyResult<Self> {
        detached::run(py, || system::read_tree(&root)).map(Self)
    }

    /// Reads a snapshot from JSON, `str` or UTF-8; `source` stands in errors
    /// for the text. Raises `ParseError`.
    #[staticmethod]
    #[pyo3(signature = (text, source = "snapshot"))]
    fn from_json(py: Python<'_>, text: Text, source: &str) -> PyResult<Self> {
        detached::run(py, || {
            let text = text.into_string(source)?;
            memsec_core::Snapshot::from_json(source, &text)
        })
        .map(Self)
    }

    /// Writes it as JSON, the same text on any machine.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        detached::run(py, || Ok(self.0.to_json()))
    }

    /// A snapshot with one more file, or another content of it: its absolute
    /// path on the host, and its text or bytes. `mode` is a number such as
    /// `0o644`.
    #[pyo3(signature = (path, content, *, mode=None, uid=None, gid=None))]
    fn add_file(
        &self,
        path: PathBuf,
        content: Text,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Self {
        let content = Content::from(content.into_bytes());
        let mut snapshot = self.0.clone();
        let path = path.to_string_lossy().into_owned();
        snapshot.files.insert(path, File { content, mode, uid, gid });
        Self(snapshot)
    }

    /// A snapshot with what one more command printed, by its command line,
    /// for example "iptables-save". 127 is the `status` of a command that is
    /// not there. Raises `ParseError` for bytes that are not UTF-8.
    #[pyo3(signature = (command, stdout, *, status=0))]
    fn add_command(
        &self,
        command: String,
        stdout: Text,
        status: i32,
    ) -> PyResult<Self> {
        let stdout =
            stdout.into_string(&command).map_err(detached::exception)?;
        let mut snapshot = self.0.clone();
        snapshot
            .commands
            .insert(command, Output { stdout: stdout.into(), status });
        Ok(Self(snapshot))
    }

    /// A snapshot with one more daemon that runs: its `pid`, and what is
    /// known of `exe`, `argv` without the program, `env`, `uid`, `version`,
    /// `package`, `features`, `netns`. Raises `ParseError` for what is no
    /// process.
    #[pyo3(signature = (**fields))]
    fn add_process(
        &self,
        py: Python<'_>,
        fields: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let fields =
            fields.map_or_else(|| PyDict::new(py), |fields| fields.clone());
        let json = py.import("json")?.call_method1("dumps", (fields,))?;
        let process =
            process(&json.extract::<String>()?).map_err(detached::exception)?;
        Ok(Self(self.0.clone().with_process(process)))
    }

    fn __repr__(&self) -> String {
        format!(
            "<Snapshot {}, {}, {}>",
            count(self.0.files.len(), "file", "files"),
            count(self.0.commands.len(), "command", "commands"),
            count(self.0.processes.len(), "process", "processes"),
        )
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<(Py<PyAny>, (String,))> {
        let make = py.get_type::<Self>().getattr("from_json")?;
        Ok((make.unbind(), (self.0.to_json(),)))
    }
}

fn process(json: &str) -> Result<Process, Error> {
    serde_json::from_str(json).map_err(|error| Error::json("process", &error))
}
