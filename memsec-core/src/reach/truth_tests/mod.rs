//! The model against what real kernels did.

mod hosts;
mod kernel;
mod relation;
mod verified;

use std::net::IpAddr;

use super::{
    Proto,
    sources::{Query, Sources, sources},
};
use crate::{Host, net::Family};

/// The bounds of who reaches a port of an address by an interface.
fn bounds(
    host: &Host,
    interface: Option<&str>,
    to: IpAddr,
    proto: Proto,
    port: u16,
) -> Sources {
    let query = Query {
        interface,
        family: Family::of(to),
        to: Some(to),
        wildcard: true,
        taker: Default::default(),
        proto,
        port,
    };
    sources(host, &query)
}

/// Prints what is wrong, and fails if something is.
fn none_is(wrong: &[String]) {
    for line in wrong {
        println!("  {line:.300}");
    }
    assert!(wrong.is_empty());
}
