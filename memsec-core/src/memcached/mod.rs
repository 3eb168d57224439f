//! memcached: what an argv opens, and how a host makes the argv.

mod advisory;
mod argv;
mod bind;
mod edit;
mod element;
mod getopt;
mod instance;
mod launch;
mod listener;
mod name;
mod number;
mod options;
mod running;
mod settings;
mod spoken;
mod suboptions;
#[cfg(test)]
mod truth;
mod version;
mod word;

pub(crate) use advisory::{ADVISORIES, Advisory, Applies, Kind, Rating};
pub(crate) use edit::{Wanted, edit};
pub(crate) use instance::{Instance, Launcher, Running, Start, instances};
pub use listener::{Exit, Listener, Socket};
pub(crate) use version::Version;
pub(crate) use word::Word;
