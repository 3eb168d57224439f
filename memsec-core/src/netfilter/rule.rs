use std::sync::Arc;

use crate::net::{Family, PortSet, RangeSet};

/// Addresses of one family, as numbers.
pub(crate) type Addresses = RangeSet<u128>;

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
    /// The mark of the packet, under a mask.
    Mark {
        mask: u32,
        values: RangeSet<u32>,
    },
    /// The mark of its connection, under a mask. Without a connection it
    /// does not match, negated or not (xt_connmark.c, nft_ct.c).
    ConnectionMark {
        mask: u32,
        values: RangeSet<u32>,
    },
    /// ICMP or ICMPv6 types, each with a range of codes: first and last.
    Icmp(Vec<IcmpType>),
    /// Any of several lists of conditions, of each list all: what a set of
    /// several dimensions holds.
    Either(Arc<[Vec<Match>]>),
    /// A fragment behind the first: IPv4's fragment offset is not 0.
    LaterFragment,
    /// Routing would send an answer to the source out of the interface that
    /// the packet came in by: xt_rpfilter.c and nft_fib.c. If `loose`, out
    /// of any.
    ReversePath {
        loose: bool,
    },
    /// As [`Self::SourceType`] or [`Self::DestinationType`], where routing is
    /// asked about the interface alone that the packet came in by (or goes
    /// out by, behind routing): nft_fib.c with "iif", xt_addrtype.c with
    /// "--limit-iface-in".
    TypeHere {
        source: bool,
        types: AddressType,
    },
    /// Whom the frame was sent to: xt_pkttype.c, `meta pkttype`.
    PacketType(PacketType),
    /// The first next-header field of IPv6: the protocol, unless extension
    /// headers stand before it.
    NextHeader(RangeSet<u8>),
    /// It came in through IPsec: xt_policy.c.
    Ipsec,
    /// A header that ordinary packets do not have: without it, xt_rt.c and
    /// its like never match, negated or not.
    Header,
    /// One that is known, and that time, chance or something else decides
    /// which is not asked: a limit, a MAC address, the owner of a socket.
    Undecided,
    /// One that is not known.
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
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

bits! {
    /// Whom a frame was sent to, as in linux/if_packet.h: its MAC address
    /// tells, and not the IP address.
    PacketType {
        Host "host"
        Broadcast "broadcast"
        Multicast "multicast"
        OtherHost "otherhost"
        Outgoing "outgoing"
        Loopback "loopback"
    }
}

/// What conntrack knows of the connection of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    /// True for its answers.
    Reply(bool),
    /// Any of them.
    Status(Status),
    /// An address of its original direction, before any translation.
    OriginalSource(Addresses),
    OriginalDestination(Addresses),
    OriginalProtocol(RangeSet<u8>),
    /// A port of its original direction, before any translation.
    OriginalSourcePort(PortSet),
    OriginalPort(PortSet),
    /// An address of the answers: the source is where it really goes.
    ReplySource(Addresses),
    ReplyDestination(Addresses),
    ReplySourcePort(PortSet),
    ReplyPort(PortSet),
    /// Nothing but that there is one.
    Any,
}

/// A type of ICMP messages, and the codes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IcmpType {
    pub kind: u8,
    pub codes: (u8, u8),
}

impl IcmpType {
    /// Whether it is about a message.
    pub(crate) fn has(self, kind: u8, code: u8) -> bool {
        let (first, last) = self.codes;
        self.kind == kind && (first..=last).contains(&code)
    }
}

/// What becomes of a mark: `mark & keep ^ flip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MarkChange {
    pub keep: u32,
    pub flip: u32,
}

/// Which mark changes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marking {
    Packet(MarkChange),
    Connection(MarkChange),
    /// The packet's mark goes to its connection: the connection's mark
    /// becomes `mark & !to ^ packet's & from` (xt_connmark.c).
    Save {
        from: u32,
        to: u32,
    },
    /// The connection's mark goes to the packet: its mark becomes
    /// `mark & !to ^ connection's & from`.
    Restore {
        from: u32,
        to: u32,
    },
    /// To something that is not known.
    Unknown,
}

/// A translation of addresses and ports. What is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Translation {
    pub of: Translated,
    /// The ports that it may have then, first and last.
    pub ports: Option<(u16, u16)>,
}

/// What a translation does to the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Translated {
    /// The destination, to one of these addresses; `None` keeps it.
    Destination(Option<(u128, u128)>),
    /// The destination, to an address of the interface it came in by (and
    /// for what the host sends, to 127.0.0.1 or ::1).
    Redirect,
    /// The network part of the destination: the new bits, and how many.
    Network { address: u128, prefix: u8 },
    /// The source: nothing that decides what is delivered here.
    Source,
    /// The destination, to somewhere that is not known.
    Unknown,
}

/// How a sender is told that its packet is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// By an error of ICMP or ICMPv6.
    Error,
    /// By a TCP segment with RST.
    Reset,
    /// By either: nft does not show which.
    Hidden,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing that decides: counters, logs.
    Continue,
    Accept,
    Drop,
    Reject(Refusal),
    Return,
    /// The index of a chain of the same table.
    Jump(usize),
    Goto(usize),
    /// Another address or port, if this is the first packet of its
    /// connection; the chain ends.
    Translate(Translation),
    NoTrack,
    /// Its connections are apart from those of other zones.
    Zone,
    Mark(Marking),
    /// Off to a program, or accepted if none listens and `bypass` is set.
    Queue {
        bypass: bool,
    },
    /// One that is not known, by its name.
    Unknown(String),
}
