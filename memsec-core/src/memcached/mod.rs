//! memcached: what an argv opens, and how a host makes the argv.

mod advisory;
mod argv;
mod behaviour;
mod bind;
mod credentials;
mod distribution;
mod edit;
mod element;
mod getopt;
mod instance;
mod launch;
mod listen;
mod listener;
mod name;
mod number;
mod options;
mod ports;
mod possible;
mod running;
mod settings;
mod sizes;
mod spoken;
mod suboptions;
#[cfg(test)]
mod truth;
mod version;
mod word;

pub(crate) use advisory::{ADVISORIES, Advisory, Applies, Kind, Rating};
pub(crate) use edit::{Wanted, edit, edited, is_unit};
pub(crate) use element::Element;
pub(crate) use instance::{Instance, Running, Start, instances};
pub(crate) use launch::{
    Directive, InitScripts, Launcher, Network, Room, directives,
    ignored_by_debian, ignored_by_systemd, init_scripts, networks,
};
#[cfg(feature = "host")]
pub(crate) use launch::{UNIT_DIRECTORIES, environment_files, part_matches};
pub use listener::{Exit, Listener, Socket};
pub(crate) use version::Version;
pub(crate) use word::Word;
