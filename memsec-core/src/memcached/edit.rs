use std::net::IpAddr;

use super::Instance;
use crate::{Error, FileChange, Snapshot};

/// What a daemon should listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The addresses, in the order in which they are written.
    pub listen: Vec<IpAddr>,
    /// False writes `-U 0`; true leaves UDP as it is.
    pub udp: bool,
}

/// The smallest change to the file of an instance after which it listens on
/// just what is wanted, on the ports that it has.
pub(crate) fn edit(
    snapshot: &Snapshot,
    instance: &Instance,
    wanted: &Wanted,
) -> Result<FileChange, Error> {
    let _ = (snapshot, wanted);
    Err(Error::unsupported(format!("{}: cannot be edited", instance.source)))
}
