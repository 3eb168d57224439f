//! Who can reach memcached on this host? An exact answer, and a proved plan
//! that makes the answer right.

#![forbid(unsafe_code)]

mod audit;
mod error;
mod host;
mod json;
mod memcached;
pub mod net;
mod netfilter;
mod plan;
mod policy;
mod reach;
mod schema;
pub mod snapshot;
#[cfg(feature = "host")]
pub mod system;
pub mod text;

pub use audit::{
    Check, Exposure, Finding, Instance, Report, Scope, Severity, Unknown,
    audit, checks,
};
pub use error::{Error, ErrorKind};
pub use memcached::{Exit, Listener, Socket};
pub use net::Cidr;
pub use plan::{
    Claim, ClaimKind, Guard, Plan, Proof, Render, Run, Step, StepKind, Witness,
};
pub use policy::{Keep, Policy, Port};
pub use reach::{
    Answer, Delivery, Explanation, Met, Packet, Proto, State, Verdict, explain,
};
pub use schema::SCHEMA;
pub use snapshot::{FileChange, Snapshot};
