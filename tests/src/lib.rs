//! What the tests that cross crates share.

pub mod client;
pub mod firewall;
pub mod namespace;
pub mod probe;
pub mod requirements;
pub mod server;

/// The README: its examples of Rust are run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
