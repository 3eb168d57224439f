//! Where the parts of a datagram wait for each other.

use super::Journey;
use crate::{
    net::Family,
    netfilter::{Base, Hook},
    reach::cell::Truth,
};

/// The priority at which fragments are joined: NF_IP_PRI_CONNTRACK_DEFRAG.
const DEFRAGMENTATION: i32 = -400;

impl Journey<'_> {
    /// Whether a part of a datagram waits for the rest at the first hook:
    /// conntrack wants datagrams whole (nf_defrag_ipv4.c, nf_defrag_ipv6.c).
    pub(in crate::reach) fn waits(&self) -> Truth {
        if self.shape.is_part() { self.tracks() } else { Truth::No }
    }

    /// Whether a part of a datagram for this host waits for the rest before
    /// the rules of input: ip_local_deliver(). IPv6 joins it behind them.
    pub(in crate::reach) fn joins(&self) -> Truth {
        Truth::of(self.shape.is_part() && self.family == Family::Ipv4)
    }

    /// False where the parts of a datagram are joined before they come to a
    /// base chain.
    pub(super) fn comes_whole(&self, base: &Base) -> bool {
        is_early(base) || self.waits() != Truth::Yes
    }
}

/// Whether packets come to a base chain before fragments are joined.
pub(super) fn is_early(base: &Base) -> bool {
    let first = matches!(base.hook, Hook::Prerouting | Hook::Output);
    base.hook == Hook::Ingress || first && base.priority <= DEFRAGMENTATION
}
