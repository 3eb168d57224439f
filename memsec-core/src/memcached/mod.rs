//! memcached: what an argv opens, and how a host makes the argv.

mod edit;
mod instance;
mod listener;
mod version;

pub(crate) use edit::{Wanted, edit};
pub(crate) use instance::{
    Instance, Launcher, Running, Start, Word, instances,
};
pub use listener::{Exit, Listener, Socket};
pub(crate) use version::Version;
