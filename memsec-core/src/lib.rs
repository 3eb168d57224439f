//! Who can reach memcached on this host? An exact answer, and a proved plan
//! that makes the answer right.
//!
//! A [`Snapshot`] is what was found on a host, as text; [`audit`] holds it
//! against a [`Policy`] and gives a [`Report`]: who reaches which listener
//! ([`Exposure`]) and what is wrong ([`Finding`]). [`Report::plan`] gives the
//! [`Plan`]: ordered [`Step`]s and their [`Proof`]. [`explain`] follows one
//! [`Packet`], rule by rule. [`packets`] are sets of packets.
//!
//! ```
//! use memsec_core::{Policy, Render, Snapshot, audit};
//!
//! let snapshot = Snapshot::new()
//!     .with_file("/etc/memcached.conf", "-u memcache\n-l 0.0.0.0\n")
//!     .with_command("memcached -V", "memcached 1.6.18\n")
//!     .with_command("iptables-save", "")
//!     .with_command("ip6tables-save", "");
//! let report = audit(&snapshot, &Policy::new())?;
//! assert_eq!(report.findings[0].id, "MEMSEC-FW-001");
//! let diff = report.plan().render(Render::Diff)?;
//! assert!(diff.contains("-l 0.0.0.0\n+-l 127.0.0.1\n"));
//! # Ok::<(), memsec_core::Error>(())
//! ```
//!
//! # Features
//!
//! - `host`: the module `system` reads this machine, and carries plans out on
//!   it. Without it nothing here does any I/O, and a snapshot that was taken
//!   elsewhere gives the same answers.
//! - `schema`: the JSON Schema of each document, by schemars.
//!
//! The minimum supported Rust is 1.85; raising it is a minor release.

#![forbid(unsafe_code)]

mod audit;
mod diff;
mod error;
mod host;
mod json;
#[allow(
    dead_code,
    reason = "for the checks that hold loads against the kernel"
)]
mod managers;
mod memcached;
pub mod net;
mod netfilter;
mod plan;
mod policy;
mod reach;
mod report;
mod schema;
pub mod snapshot;
#[cfg(feature = "host")]
pub mod system;
pub mod text;
#[cfg(test)]
mod truth;
mod verify;

pub use audit::{
    Check, Exposure, Finding, Instance, Report, Scope, Severity, Unknown,
    audit, checks,
};
pub use diff::{Change, Difference, Reaches, diff};
pub use error::{Error, ErrorKind};
pub use host::Host;
pub use memcached::{Exit, Listener, Socket};
pub use net::Cidr;
pub use plan::{
    Basis, Certificate, Checked, Claim, ClaimKind, Considered, Guard,
    HostAddress, HostRoute, Inside, Listening, Networks, Plan, Proof, Render,
    Run, Segment, Step, StepKind, Takes, TextChange, Witness,
};
pub use policy::{
    Acceptance, Date, Keep, Peer, Policy, Port, SETTLED, Strategy,
};
pub use reach::{
    Answer, Delivery, Direction, Explanation, Extension, Fragment, Frame, Met,
    Packet, Proto, Protocol, State, Verdict, explain,
};
pub use report::Style;
pub use schema::{SCHEMA, SCHEMAS};
pub use verify::Verification;

pub mod packets {
    //! Sets of packets, and their algebra.

    pub use crate::reach::packet_set::{
        Boxes, Header, NameSet, PacketBox, PacketSet, Tracking,
    };
}
pub use snapshot::{FileChange, Snapshot};
