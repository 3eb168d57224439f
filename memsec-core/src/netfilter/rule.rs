use std::sync::Arc;

use crate::net::{Family, PortSet, RangeSet};

/// Addresses of one family, as numbers.
pub(crate) type Addresses = Arc<RangeSet<u128>>;

/// A condition of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub negated: bool,
    pub test: Test,
}

impl Match {
    pub(super) fn new(test: Test) -> Self {
        Self { negated: false, test }
    }
}

/// What a [`Match`] looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Family(Family),
    Source(Addresses),
    Destination(Addresses),
    /// Any of the names.
    In(Vec<Name>),
    Out(Vec<Name>),
    Protocol(RangeSet<u8>),
    SourcePort(PortSet),
    DestinationPort(PortSet),
    EitherPort(PortSet),
    State(State),
    Connection {
        of: Connection,
        /// What comes of it, negated or not, where a packet has no
        /// connection: nft breaks off the rule; xt_conntrack.c says yes if
        /// the same match also names states, else no.
        without: bool,
    },
    /// TCP flags: those of `mask` that are set are `value`.
    Flags {
        mask: u8,
        value: u8,
    },
    SourceType(AddressType),
    DestinationType(AddressType),
    Mark {
        mask: u32,
        value: u32,
    },
    /// A header that ordinary packets do not have: without it, xt_rt.c and
    /// its like never match, negated or not.
    Header,
    /// One that is not known, or that time decides.
    Unknown,
}

/// A name of an interface, or the beginning of names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Exact(String),
    Prefix(String),
}

impl Name {
    /// `wildcard` at the end stands for whatever follows.
    pub(super) fn new(text: &str, wildcard: char) -> Self {
        match text.strip_suffix(wildcard) {
            Some(prefix) => Self::Prefix(prefix.to_owned()),
            None => Self::Exact(text.to_owned()),
        }
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }
}

macro_rules! bits {
    ($(#[$doc:meta])* $name:ident { $($bit:ident $text:literal)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $name(pub u16);

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        #[expect(non_upper_case_globals, reason = "they are like variants")]
        #[allow(dead_code, reason = "some are only read from a text")]
        impl $name {
            bits!(@each 0u16; $($bit)*);

            /// The one of a name, in upper or in lower case.
            pub(super) fn named(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($text) {
                    return Some(Self::$bit);
                })*
                None
            }

            pub(crate) fn meets(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }
        }
    };
    (@each $at:expr; $bit:ident $($rest:ident)*) => {
        pub(crate) const $bit: Self = Self(1 << $at);
        bits!(@each $at + 1; $($rest)*);
    };
    (@each $at:expr;) => {};
}

bits! {
    /// Conntrack states, as in xt_conntrack.h; the translations count as
    /// states there.
    State {
        Invalid "invalid"
        Established "established"
        Related "related"
        New "new"
        Untracked "untracked"
        Snat "snat"
        Dnat "dnat"
    }
}

bits! {
    /// Conntrack status, as in nf_conntrack_common.h.
    Status {
        Expected "expected"
        SeenReply "seen-reply"
        Assured "assured"
        Confirmed "confirmed"
        Snat "snat"
        Dnat "dnat"
        Dying "dying"
    }
}

bits! {
    /// What routing says of an address: rtnetlink(7).
    AddressType {
        Unspec "unspec"
        Unicast "unicast"
        Local "local"
        Broadcast "broadcast"
        Anycast "anycast"
        Multicast "multicast"
        Blackhole "blackhole"
        Unreachable "unreachable"
        Prohibit "prohibit"
        Throw "throw"
        Nat "nat"
        Xresolve "xresolve"
    }
}

/// What conntrack knows of the connection of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// True for its answers.
    Reply(bool),
    /// Any of them.
    Status(Status),
    /// The port it was sent to, before any translation.
    OriginalPort(PortSet),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing that decides: counters, logs.
    Continue,
    Accept,
    Drop,
    Reject,
    Return,
    /// The index of a chain of the same table.
    Jump(usize),
    Goto(usize),
    /// Another destination; the ports that it may have then, or none if it
    /// keeps its port.
    Translate(PortSet),
    NoTrack,
    SetMark,
    /// One that is not known, by its name.
    Unknown(String),
}
