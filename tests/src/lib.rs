//! What the tests that cross crates share.

pub mod namespace;
pub mod requirements;

/// The README: its examples of Rust are run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
