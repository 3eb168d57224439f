//! Sets of addresses and ports, exact and canonical.

mod ascending;
mod bounded;
mod cidr;
mod cidr_set;
mod held;
mod interface;
mod ip_set;
mod ranges;
mod route;
mod settings;
mod sockets;

pub(crate) use ascending::Ascending;
pub use bounded::Bounded;
pub use cidr::Cidr;
pub use cidr_set::CidrSet;
pub(crate) use held::Held;
pub use interface::{Interface, InterfaceAddress, interfaces};
pub use ip_set::{Family, IpSet};
pub use ranges::RangeSet;
pub(crate) use route::{Policies, policies};
pub use route::{Route, RouteKind, routes};
pub(crate) use settings::Settings;
pub use sockets::{BoundSocket, InetSocket, Local, Owner, sockets};

/// A set of TCP or UDP ports.
pub type PortSet = RangeSet<u16>;
