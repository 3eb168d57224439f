//! The C library. Its contract with C is the preamble of `include/memsec.h`.
//!
//! The order of the modules is the order of the header; the empty lines keep
//! rustfmt from sorting them.

#![expect(non_camel_case_types, reason = "the names are those of C")]
#![expect(
    clippy::missing_safety_doc,
    reason = "the preamble of the header states it once, for C"
)]

mod boundary;

mod version;
pub use version::*;

mod status;
pub use status::*;

mod error;
pub use error::*;

mod string;
pub use string::*;

mod snapshot;
pub use snapshot::*;

mod policy;
pub use policy::*;

mod report;
pub use report::*;

mod exposure;
pub use exposure::*;

mod finding;
pub use finding::*;

mod explain;
pub use explain::*;

mod plan;
pub use plan::*;

mod step;
pub use step::*;

mod claim;
pub use claim::*;

mod verification;
pub use verification::*;

mod run;

mod outcome;
pub use outcome::*;

mod check;
pub use check::*;

mod schema;
pub use schema::*;
