//! Many snapshots, on every core.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use memsec_core::{Error, Policy, SCHEMA, Snapshot};
use pyo3::prelude::*;

use crate::{
    detached,
    report::Report,
    text::{Text, utf8},
};

/// A line of the output, and its exit status: 0 for a report without
/// findings, 1 for one with findings that count, 2 for an error.
pub(crate) type Answer = (String, u8);

/// What a line is called in errors.
const SOURCE: &str = "snapshot";

/// A snapshot, or the JSON text of one.
#[derive(FromPyObject)]
pub(crate) enum Given {
    Snapshot(Py<crate::Snapshot>),
    Text(Text),
}

impl Given {
    fn audit(&self, policy: &Policy) -> Result<memsec_core::Report, Error> {
        match self {
            Self::Snapshot(snapshot) => {
                memsec_core::audit(&snapshot.get().0, policy)
            }
            Self::Text(text) => {
                let text = text.as_str(SOURCE)?;
                let snapshot = Snapshot::from_json(SOURCE, text)?;
                memsec_core::audit(&snapshot, policy)
            }
        }
    }
}

/// Audits snapshots, and gives a report or an exception for each, in order.
#[pyfunction]
#[pyo3(signature = (snapshots, policy = None))]
pub(crate) fn audit_each(
    py: Python<'_>,
    snapshots: Vec<Given>,
    policy: Option<&crate::Policy>,
) -> PyResult<Vec<Py<PyAny>>> {
    let default = Policy::new();
    let policy = policy.map_or(&default, |policy| &policy.0);
    let audit =
        |given: &Given| catch_unwind(AssertUnwindSafe(|| given.audit(policy)));
    let done = detached::run(py, || {
        Ok(in_parallel(&snapshots, |_, given| audit(given)))
    })?;
    let each = done.into_iter().map(|done| match done {
        Ok(Ok(report)) => Ok(Py::new(py, Report::from(report))?.into_any()),
        Ok(Err(error)) => {
            Ok(detached::exception(error).into_value(py).into_any())
        }
        Err(_) => Ok(detached::bug().into_value(py).into_any()),
    });
    each.collect()
}

/// Audits snapshots, one a line, and gives one line for each, in order.
/// `first` is the number of the first line; `None` stands for one that is
/// too long.
#[pyfunction]
pub(crate) fn audit_lines(
    py: Python<'_>,
    lines: Vec<Option<Vec<u8>>>,
    first: usize,
    policy: &crate::Policy,
) -> PyResult<Vec<Answer>> {
    let policy = &policy.0;
    detached::run(py, || {
        Ok(in_parallel(&lines, |i, line| {
            audit_line(first + i, line.as_deref(), policy)
        }))
    })
}

/// Audits snapshots as JSON text, and gives one answer for each, in order;
/// an error names the row, counted from 1. `None` is no text.
pub(crate) fn audit_texts(
    texts: &[Option<&str>],
    policy: &Policy,
) -> Vec<Answer> {
    in_parallel(texts, |i, text| match text {
        Some(text) => audit_line(i + 1, Some(text.as_bytes()), policy),
        None => (failed(i + 1, "there is no snapshot"), 2),
    })
}

/// Applies `body` to every item, and keeps their order.
fn in_parallel<T: Sync, U: Send>(
    items: &[T],
    body: impl Fn(usize, &T) -> U + Sync,
) -> Vec<U> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(i) else { break };
            let made = body(i, item);
            done.lock().unwrap_or_else(|e| e.into_inner()).push((i, made));
        }
    };
    let cores = thread::available_parallelism().map_or(1, |n| n.get());
    thread::scope(|scope| {
        for _ in 1..cores.min(items.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, made)| made).collect()
}

fn audit_line(number: usize, line: Option<&[u8]>, policy: &Policy) -> Answer {
    let Some(line) = line else {
        return (failed(number, "the line is too long"), 2);
    };
    let body = AssertUnwindSafe(|| report(line, policy));
    match catch_unwind(body) {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => (failed(number, &message(&error)), 2),
        Err(_) => (failed(number, "a bug in memsec"), 2),
    }
}

fn report(line: &[u8], policy: &Policy) -> Result<Answer, Error> {
    let text = utf8(SOURCE, line)?;
    let snapshot = Snapshot::from_json(SOURCE, text)?;
    let report = memsec_core::audit(&snapshot, policy)?;
    let json = serde_json::to_string(&report)
        .map_err(|error| Error::json("report", &error))?;
    Ok((json, u8::from(report.live().next().is_some())))
}

/// The message, with the place where that is inside the snapshot's texts.
fn message(error: &Error) -> String {
    match error.source_name() {
        SOURCE => error.message().to_owned(),
        _ => error.to_string(),
    }
}

fn failed(line: usize, message: &str) -> String {
    let error = serde_json::json!({ "message": message, "line": line });
    serde_json::json!({ "schema": SCHEMA, "error": error }).to_string()
}
