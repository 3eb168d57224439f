//! What an IP packet carries.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Proto;
use crate::{Error, net::Family, netfilter};

/// The protocol of a packet, by the number that its IP header has. In JSON it
/// is a name ("tcp", "udp", "icmp", "icmpv6", "sctp", ...) or the number.
///
/// ```
/// use memsec_core::{Proto, Protocol};
///
/// assert_eq!("udp".parse(), Ok(Protocol::from(Proto::Udp)));
/// assert_eq!("47".parse::<Protocol>().unwrap().number(), 47);
/// assert_eq!(Protocol::ICMPV6.to_string(), "icmpv6");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protocol(u8);

impl Protocol {
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMP, of IPv4.
    pub const ICMP: Self = Self(1);
    /// ICMPv6.
    pub const ICMPV6: Self = Self(58);

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The messages of a family about itself.
    pub(super) fn icmp(family: Family) -> Self {
        match family {
            Family::Ipv4 => Self::ICMP,
            Family::Ipv6 => Self::ICMPV6,
        }
    }

    /// Whether its header begins with two ports: TCP, UDP, DCCP, SCTP,
    /// UDP-Lite.
    pub(super) fn has_ports(self) -> bool {
        matches!(self.0, 6 | 17 | 33 | 132 | 136)
    }

    /// Which of the two that memcached speaks it is.
    pub(crate) fn spoken(self) -> Option<Proto> {
        [Proto::Tcp, Proto::Udp].into_iter().find(|proto| self == *proto)
    }

    /// Whether what the kernel makes of its checksum does not depend on what
    /// is in it: TCP, UDP, ICMP, and those that are not checked.
    pub(super) fn is_checked(self) -> bool {
        let free = matches!(self.0, 33 | 47 | 50 | 51 | 132 | 136);
        free || matches!(self, Self::TCP | Self::UDP)
            || matches!(self, Self::ICMP | Self::ICMPV6)
    }
}

impl From<Proto> for Protocol {
    fn from(proto: Proto) -> Self {
        Self(proto.number())
    }
}

impl PartialEq<Proto> for Protocol {
    fn eq(&self, proto: &Proto) -> bool {
        self.0 == proto.number()
    }
}

impl FromStr for Protocol {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        netfilter::protocol(text).map(Self).ok_or_else(|| {
            let message = format!(
                "{text:?} is no protocol: expected tcp, udp, icmp, icmpv6, \
                 another's name or its number"
            );
            Error::argument(message)
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match netfilter::protocol_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Number(u8),
            Name(String),
        }
        match Given::deserialize(value)? {
            Given::Number(number) => Ok(Self(number)),
            Given::Name(name) => name.parse().map_err(de::Error::custom),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Protocol {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Protocol".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "integer"],
            "description": "The protocol, by its name or its number.",
            "examples": ["tcp", "udp", "icmp", "icmpv6", 132],
        })
    }
}
