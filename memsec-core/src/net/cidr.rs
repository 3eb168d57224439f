use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Family;
use crate::Error;

/// A network: an address and a prefix length, with no host bits set. A bare
/// address is the network of that one address.
///
/// ```
/// use memsec_core::Cidr;
///
/// let office: Cidr = "10.20.0.0/24".parse().unwrap();
/// assert!(office.contains("10.20.0.7".parse().unwrap()));
/// assert_eq!("10.20.0.7".parse::<Cidr>().unwrap().to_string(), "10.20.0.7");
/// assert_eq!(
///     "10.20.0.7/24".parse::<Cidr>().unwrap_err().to_string(),
///     "10.20.0.7/24 has host bits set: the network is 10.20.0.0/24",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(IpNet);

impl Cidr {
    /// The network of one address.
    pub fn host(address: IpAddr) -> Self {
        Self(IpNet::from(address))
    }

    /// The network of an address and a prefix length; host bits are cleared.
    ///
    /// # Errors
    ///
    /// A prefix longer than the address.
    pub fn truncated(address: IpAddr, prefix: u8) -> Result<Self, Error> {
        IpNet::new(address, prefix).map(|net| Self(net.trunc())).map_err(|_| {
            Error::argument(format!("{address} has no prefix of {prefix} bits"))
        })
    }

    /// The network that begins at an address; `None` where the prefix is
    /// longer than the address.
    pub(super) fn block(first: IpAddr, prefix: u8) -> Option<Self> {
        IpNet::new(first, prefix).ok().map(Self)
    }

    /// Every address of a family.
    pub fn everything(family: Family) -> Self {
        let zero: IpAddr = match family {
            Family::Ipv4 => [0; 4].into(),
            Family::Ipv6 => [0; 16].into(),
        };
        Self(IpNet::new_assert(zero, 0))
    }

    /// Which family it is of.
    pub fn family(self) -> Family {
        Family::of(self.0.addr())
    }

    /// The first address.
    pub fn address(self) -> IpAddr {
        self.0.addr()
    }

    /// The number of bits that all its addresses share.
    pub fn prefix(self) -> u8 {
        self.0.prefix_len()
    }

    /// With its length also where it is one address, as iptables-save prints
    /// it.
    pub(crate) fn in_full(self) -> String {
        self.0.to_string()
    }

    /// True if `address` is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// The first and the last address, as numbers.
    pub fn bounds(self) -> (u128, u128) {
        let number = |address| Family::number(address);
        (number(self.0.network()), number(self.0.broadcast()))
    }
}

impl FromStr for Cidr {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::host(address));
        }
        let net: IpNet = text.parse().map_err(|_| {
            Error::argument(format!("{text:?} is not an address or a network"))
        })?;
        if net != net.trunc() {
            let right = Self(net.trunc());
            return Err(Error::argument(format!(
                "{text} has host bits set: the network is {right}"
            )));
        }
        Ok(Self(net))
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            IpNet::V4(net) => out.serialize_str(Dotted::of(net).text()),
            IpNet::V6(_) => out.collect_str(self),
        }
    }
}

/// The text of a network of IPv4. A report may have thousands of them, and
/// the macros for formatting take most of its time.
struct Dotted {
    bytes: [u8; 20],
    len: usize,
}

/// A number in decimal with a dot behind it, and how many digits it has.
fn decimal(number: u8) -> ([u8; 4], usize) {
    let [a, b, c] = [100, 10, 1].map(|unit| b'0' + number / unit % 10);
    match number {
        100.. => ([a, b, c, b'.'], 3),
        10.. => ([b, c, b'.', 0], 2),
        _ => ([c, b'.', 0, 0], 1),
    }
}

impl Dotted {
    fn of(net: Ipv4Net) -> Self {
        let mut out = Self { bytes: [0; 20], len: 0 };
        for octet in net.addr().octets() {
            out.number(octet);
            out.len += 1;
        }
        out.len -= 1;
        if net.prefix_len() < net.max_prefix_len() {
            if let Some(slot) = out.bytes.get_mut(out.len) {
                *slot = b'/';
            }
            out.len += 1;
            out.number(net.prefix_len());
        }
        out
    }

    /// Writes a number and a dot, and goes on behind the number.
    fn number(&mut self, number: u8) {
        let (digits, len) = decimal(number);
        if let Some(slot) = self.bytes.get_mut(self.len..self.len + 4) {
            slot.copy_from_slice(&digits);
        }
        self.len += len;
    }

    fn text(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(text)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Cidr {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cidr".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An address, or a network without host bits.",
            "examples": ["10.20.0.0/24", "2001:db8:1::20"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn its_json_is_its_text(address: std::net::Ipv4Addr, prefix in 0..=32_u8) {
            let net = Cidr::truncated(address.into(), prefix).unwrap();
            let json = serde_json::to_string(&net).unwrap();
            prop_assert_eq!(json, format!("\"{net}\""));
        }
    }
}
