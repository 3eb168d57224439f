use std::net::IpAddr;

use memsec_core::{Cidr, Error, Port};
use pyo3::prelude::*;

use crate::{
    detached,
    text::{Text, count, strings},
};

/// Who may reach memcached, and what a plan must keep. It does not change.
#[pyclass(frozen, eq, module = "memsec")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Policy(pub(crate) memsec_core::Policy);

#[pymethods]
impl Policy {
    #[new]
    #[pyo3(signature = (
        *, allow=None, bind=None, udp=None, keep=None, ports=None
    ))]
    fn new(
        allow: Option<&Bound<'_, PyAny>>,
        bind: Option<&Bound<'_, PyAny>>,
        udp: Option<bool>,
        keep: Option<&Bound<'_, PyAny>>,
        ports: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut policy =
            Self(memsec_core::Policy::new()).add(allow, bind, ports)?;
        policy.0.udp = udp.unwrap_or(policy.0.udp);
        if keep.is_some() {
            policy.0.keep = parsed(keep, port)?;
        }
        Ok(policy)
    }

    /// A policy with more clients, addresses to listen on, and ports to
    /// answer for.
    #[pyo3(signature = (*, allow=None, bind=None, ports=None))]
    fn add(
        &self,
        allow: Option<&Bound<'_, PyAny>>,
        bind: Option<&Bound<'_, PyAny>>,
        ports: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut policy = self.0.clone();
        policy.allow.extend(parsed(allow, str::parse::<Cidr>)?);
        policy.bind.extend(parsed(bind, address)?);
        policy.ports.extend(parsed(ports, port)?);
        Ok(Self(policy))
    }

    /// Reads what `to_json` wrote; `source` stands in errors for the text.
    #[staticmethod]
    #[pyo3(signature = (text, source = "policy"))]
    fn from_json(py: Python<'_>, text: Text, source: &str) -> PyResult<Self> {
        detached::run(py, || {
            let text = text.into_string(source)?;
            memsec_core::Policy::from_json(source, &text)
        })
        .map(Self)
    }

    /// Writes it as JSON.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    fn __repr__(&self) -> String {
        match self.0.allow.as_slice() {
            [] => "<Policy allow nobody>".to_owned(),
            [one] => format!("<Policy allow {one}>"),
            more => {
                let count = count(more.len(), "network", "networks");
                format!("<Policy allow {count}>")
            }
        }
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<(Py<PyAny>, (String,))> {
        let make = py.get_type::<Self>().getattr("from_json")?;
        Ok((make.unbind(), (self.0.to_json(),)))
    }
}

fn parsed<T>(
    items: Option<&Bound<'_, PyAny>>,
    parse: impl Fn(&str) -> Result<T, Error>,
) -> PyResult<Vec<T>> {
    let texts = strings(items)?;
    let values: Result<_, _> = texts.iter().map(|text| parse(text)).collect();
    values.map_err(detached::exception)
}

fn address(text: &str) -> Result<IpAddr, Error> {
    let not = |_| Error::argument(format!("{text:?} is not an address"));
    text.parse().map_err(not)
}

/// "tcp/22"
fn port(text: &str) -> Result<Port, Error> {
    let not = || {
        Error::argument(format!("{text:?} is not a port, as tcp/22 or udp/53"))
    };
    let (proto, number) = text.split_once('/').ok_or_else(not)?;
    let known = memsec_core::Proto::BOTH.into_iter();
    let proto =
        known.into_iter().find(|p| p.name() == proto).ok_or_else(not)?;
    let port = number.parse().ok().filter(|&port| port > 0).ok_or_else(not)?;
    Ok(Port { proto, port })
}
