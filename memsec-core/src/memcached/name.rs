//! `getaddrinfo`: a text to addresses, as glibc has it.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::distribution::is_musl;
use crate::{Error, Snapshot};

/// The names that a host knows.
#[derive(Debug, Default)]
pub(super) struct Names {
    hosts: HashMap<String, Vec<IpAddr>>,
    /// Whether a name server may know more.
    pub resolver: bool,
    /// Whether musl looks them up, and not glibc.
    pub musl: bool,
}

/// What a text stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// Addresses, and the interface that an address is of.
    Addresses(Vec<IpAddr>, Option<String>),
    /// Whatever a name server says.
    Elsewhere,
    Nothing,
}

pub(super) const WILDCARDS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];

impl Names {
    pub(super) fn new(snapshot: &Snapshot) -> Result<Self, Error> {
        let musl = is_musl(snapshot);
        let mut names = Self { musl, ..Self::default() };
        match snapshot.text("/etc/hosts")? {
            Some(hosts) => hosts.text().lines().for_each(|l| names.line(l)),
            None => {
                let loopback =
                    [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                names.hosts.insert("localhost".to_owned(), loopback.into());
            }
        }
        if let Some(conf) = snapshot.text("/etc/resolv.conf")? {
            names.resolver =
                conf.text().lines().any(|line| line.starts_with("nameserver"));
        }
        Ok(names)
    }

    /// A line of hosts(5). What is no address is skipped, as glibc does.
    fn line(&mut self, line: &str) {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let address = words.next().and_then(|word| word.parse().ok());
        let Some(address) = address else { return };
        for name in words {
            let name = name.to_ascii_lowercase();
            let addresses = self.hosts.entry(name).or_default();
            if addresses.last() != Some(&address) {
                addresses.push(address);
            }
        }
    }

    pub(super) fn resolve(&self, text: &str) -> Resolved {
        if text == "*" && !self.musl {
            return Resolved::Addresses(WILDCARDS.into(), None);
        }
        if let Some(address) = inet_aton(text) {
            return Resolved::Addresses(vec![address.into()], None);
        }
        let (address, scope) = match text.split_once('%') {
            Some((address, scope)) => (address, Some(scope.to_owned())),
            None => (text, None),
        };
        if let Ok(address) = address.parse::<Ipv6Addr>() {
            return Resolved::Addresses(vec![address.into()], scope);
        }
        match self.hosts.get(&text.to_ascii_lowercase()) {
            Some(addresses) => Resolved::Addresses(addresses.clone(), None),
            None if self.resolver && is_name(text) => Resolved::Elsewhere,
            None => Resolved::Nothing,
        }
    }
}

/// Whether a text can be a host name; glibc asks no server for others.
fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(good)
}

/// `inet_aton`: one to four numbers, in decimal, octal or hexadecimal, the
/// last of which fills what is left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> =
        text.splitn(5, '.').map(aton_part).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|&part| part > 255) {
        return None;
    }
    let left = 32 - 8 * u32::try_from(first.len()).ok()?;
    if u64::from(*last) >= 1_u64 << left {
        return None;
    }
    let high =
        first.iter().fold(0_u64, |sum, &part| sum << 8 | u64::from(part));
    let address = high << left | u64::from(*last);
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

fn aton_part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix('0') {
        None => (text, 10),
        Some("") => ("0", 10),
        Some(rest) => match rest.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16),
            None => (rest, 8),
        },
    };
    let good = digits.chars().all(|c| c.is_digit(radix));
    if good { u32::from_str_radix(digits, radix).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_inet_aton_has_them() {
        let table = [
            ("0", Some("0.0.0.0")),
            ("127.1", Some("127.0.0.1")),
            ("2130706433", Some("127.0.0.1")),
            ("0x7f000001", Some("127.0.0.1")),
            ("0177.0.0.1", Some("127.0.0.1")),
            ("010.0.0.1", Some("8.0.0.1")),
            ("1.2.65535", Some("1.2.255.255")),
            ("1.2.65536", None),
            ("127.0.0.1.", None),
            ("08", None),
            ("0x", None),
            ("256.1", None),
            ("1.2.3.4.5", None),
            ("", None),
            ("+1", None),
        ];
        for (text, address) in table {
            let address = address.map(|text| text.parse().unwrap());
            assert_eq!(inet_aton(text), address, "{text:?}");
        }
    }
}
