//! The values in firewalld's files: functions.py.

use std::net::IpAddr;

use crate::net::Family;

/// An address of a rule, or the network it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub address: IpAddr,
    /// `None` for a single address.
    pub prefix: Option<u8>,
}

impl Address {
    /// Reads "ADDRESS", "ADDRESS/PREFIX" or "ADDRESS/MASK".
    pub(super) fn new(text: &str) -> Option<Self> {
        let (address, mask) = match text.split_once('/') {
            Some((address, mask)) => (address, Some(mask)),
            None => (text, None),
        };
        let bare = address.trim_start_matches('[').trim_end_matches(']');
        let (address, width) = match address.parse() {
            Ok(address @ IpAddr::V4(_)) => (address, 32),
            _ => (IpAddr::V6(bare.parse().ok()?), 128),
        };
        let prefix = match mask {
            Some(mask) if mask.contains('.') && width == 32 => {
                Some(dotted(mask)?)
            }
            Some(mask) => Some(mask.parse().ok().filter(|&p| p <= width)?),
            None => None,
        };
        Some(Self { address, prefix })
    }

    pub(super) fn family(&self) -> Family {
        Family::of(self.address)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.address)?;
        self.prefix.map_or(Ok(()), |prefix| write!(f, "/{prefix}"))
    }
}

/// A mask whose ones stand first.
fn dotted(mask: &str) -> Option<u8> {
    let bits = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
    let ones = u8::try_from(bits.leading_ones()).ok()?;
    (u32::from(ones) == bits.count_ones()).then_some(ones)
}

/// A port, or the first and the last of a range.
pub(super) fn ports(text: &str) -> Option<(u16, u16)> {
    match text.split_once('-') {
        Some((first, last)) => {
            let ends = (first.parse().ok()?, last.parse().ok()?);
            (ends.0 < ends.1).then_some(ends)
        }
        None => text.trim().parse().ok().map(|port| (port, port)),
    }
}

/// The protocols that have ports.
pub(super) fn has_ports(protocol: &str) -> bool {
    matches!(protocol, "tcp" | "udp" | "sctp" | "dccp")
}

pub(super) fn is_protocol(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-.+".contains(c);
    match text.parse::<u32>() {
        Ok(number) => number <= 255,
        Err(_) => !text.is_empty() && text.chars().all(good),
    }
}

pub(super) fn is_mac(text: &str) -> bool {
    let byte = |part: &str| {
        part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit())
    };
    text.split(':').count() == 6 && text.split(':').all(byte)
}

pub(super) fn is_true(text: Option<&str>) -> bool {
    text.is_some_and(|text| {
        matches!(text.to_lowercase().as_str(), "yes" | "true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let of = |text| Address::new(text).map(|a| a.to_string());
        assert_eq!(of("192.0.2.77/24").unwrap(), "192.0.2.77/24");
        assert_eq!(of("10.0.0.0/255.0.0.0").unwrap(), "10.0.0.0/8");
        assert_eq!(of("[2001:db8::1]").unwrap(), "2001:db8::1");
        for wrong in ["h", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "1/2/3"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_range_ends_behind_its_start() {
        assert_eq!(ports("80"), Some((80, 80)));
        assert_eq!(ports("1-2"), Some((1, 2)));
        assert_eq!([ports("2-1"), ports("11211x"), ports("65536")], [None; 3]);
    }
}
