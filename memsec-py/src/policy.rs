use std::net::IpAddr;

use memsec_core::{Cidr, Error, Port};
use pyo3::prelude::*;

use crate::{
    detached,
    text::{Text, count, data, strings},
};

/// Who may reach memcached, and what a plan must keep. It does not change.
///
/// `allow` are the clients: addresses and networks, as `str` or as objects of
/// `ipaddress`; this host is always one. `bind` are addresses for memcached to
/// listen on; with none, those that the clients can reach. `udp` is true if
/// clients use UDP. `keep` are ports that must stay as reachable as they are,
/// each as "tcp/22", which is the default; `ports` are further ports to answer
/// for. `accept` are findings that are known and are to stay, each as an
/// `Acceptance` or a mapping with its members.
///
/// Raises `ArgumentError` for what is no address, network or port, and for a
/// network with host bits set, which it names; `TypeError` for one `str` where
/// a list is wanted.
#[pyclass(frozen, eq, module = "memsec")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Policy(pub(crate) memsec_core::Policy);

#[pymethods]
impl Policy {
    #[new]
    #[pyo3(signature = (
        *, allow=None, bind=None, udp=None, keep=None, ports=None, accept=None
    ))]
    fn new(
        allow: Option<&Bound<'_, PyAny>>,
        bind: Option<&Bound<'_, PyAny>>,
        udp: Option<bool>,
        keep: Option<&Bound<'_, PyAny>>,
        ports: Option<&Bound<'_, PyAny>>,
        accept: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut policy =
            Self(memsec_core::Policy::new()).add(allow, bind, ports)?;
        policy.0.accept = accept.map_or(Ok(Vec::new()), acceptances)?;
        policy.0.udp = udp.unwrap_or(policy.0.udp);
        if keep.is_some() {
            policy.0.keep = parsed(keep, port)?;
        }
        Ok(policy)
    }

    /// The clients, a tuple of `IPv4Network` and `IPv6Network`.
    #[getter]
    fn allow(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        data(py, "networks", &self.0.allow)
    }

    /// The addresses to listen on, a tuple of `IPv4Address` and `IPv6Address`.
    #[getter]
    fn bind(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        data(py, "addresses", &self.0.bind)
    }

    /// Whether clients use UDP.
    #[getter]
    fn udp(&self) -> bool {
        self.0.udp
    }

    /// The ports that must stay as reachable as they are, each as "tcp/22".
    #[getter]
    fn keep(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        data(py, "ports", &self.0.keep)
    }

    /// The further ports to answer for, each as "tcp/11211".
    #[getter]
    fn ports(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        data(py, "ports", &self.0.ports)
    }

    /// The findings that are known and are to stay.
    #[getter]
    fn accept(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        data(py, "acceptances", &self.0.accept)
    }

    /// A policy with more clients, addresses to listen on, and ports to
    /// answer for. Raises `ArgumentError`, as the constructor does.
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

    /// Reads a policy from JSON, `str` or UTF-8; `source` stands in errors for
    /// the text. Raises `ParseError`.
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

/// What `memsec._data` makes JSON of.
fn acceptances(
    items: &Bound<'_, PyAny>,
) -> PyResult<Vec<memsec_core::Acceptance>> {
    let module = items.py().import("memsec._data")?;
    let json = module.call_method1("acceptances_json", (items,))?;
    serde_json::from_str(&json.extract::<String>()?)
        .map_err(|error| Error::json("accept", &error))
        .map_err(detached::exception)
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
