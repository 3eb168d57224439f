//! What the tests that cross crates share.

pub mod namespace;
pub mod requirements;
