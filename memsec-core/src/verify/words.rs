//! Words of a line, and what they stand for.

use std::net::IpAddr;

use super::segments::Range;

/// Splits a line as a shell would, where quotes are the only thing special.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        match c {
            _ if escaped => {
                word.get_or_insert_default().push(c);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => all.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    all.extend(word);
    all
}

/// An address, a network or a range of addresses.
pub(super) fn addresses(text: &str) -> Option<Range> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (number(first)?, number(last)?);
        return (first.0 == last.0).then_some((first.1, last.1));
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (number(address)?, Some(prefix)),
        None => (number(text)?, None),
    };
    let bits: u32 = if address.0 { 128 } else { 32 };
    let prefix = match prefix {
        None => bits,
        Some(mask) if mask.contains('.') => prefix_of(mask)?,
        Some(prefix) => prefix.parse().ok().filter(|p| *p <= bits)?,
    };
    let rest = bits - prefix;
    let free = 1u128.checked_shl(rest).map_or(u128::MAX, |one| one - 1);
    Some((address.1 & !free, address.1 | free))
}

/// The length of a mask of one piece.
fn prefix_of(mask: &str) -> Option<u32> {
    let mask: std::net::Ipv4Addr = mask.parse().ok()?;
    let bits = u32::from(mask);
    (bits.leading_ones() + bits.trailing_zeros() >= 32)
        .then(|| bits.leading_ones())
}

/// Whether an address is one of IPv6, and its number.
pub(super) fn number(text: &str) -> Option<(bool, u128)> {
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(four) => (false, u32::from(four).into()),
        IpAddr::V6(six) => (true, six.into()),
    })
}

/// The address and the port of where packets are turned to:
/// "192.0.2.1:11211", "[2001:db8::1]:11211", or one of the two alone.
pub(super) fn destination(text: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) =
        text.strip_prefix('[').and_then(|text| text.split_once(']'))
    {
        return (address, rest.strip_prefix(':'));
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => (address, Some(port)),
        _ => (text, None),
    }
}

/// Ports and ranges of ports, with a comma between them.
pub(super) fn ports(text: &str) -> Option<Vec<Range>> {
    text.split(',').map(port_range).collect()
}

fn port_range(text: &str) -> Option<Range> {
    let (first, last) = text
        .split_once([':', '-'])
        .map_or((text, text), |(first, last)| (first, last));
    let port = |text: &str, none: u16| match text {
        "" => Some(none),
        text => text.parse::<u16>().ok(),
    };
    Some((port(first, 0)?.into(), port(last, u16::MAX)?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        let line = r#"-A IN -m comment --comment "a \"b\" c" -j DROP"#;
        let all = words(line);
        assert_eq!(all[5], "a \"b\" c");
        assert_eq!(all.len(), 8);
    }

    #[test]
    fn networks_are_ranges() {
        let four = |a: [u8; 4]| u128::from(u32::from_be_bytes(a));
        let office = (four([10, 0, 0, 0]), four([10, 0, 0, 255]));
        assert_eq!(addresses("10.0.0.0/24"), Some(office));
        assert_eq!(addresses("10.0.0.0/255.255.255.0"), Some(office));
        assert_eq!(addresses("10.0.0.0-10.0.0.255"), Some(office));
        assert_eq!(addresses("::/0"), Some((0, u128::MAX)));
        assert_eq!(addresses("10.0.0.0/33"), None);
        assert_eq!(addresses("localhost"), None);
    }

    #[test]
    fn a_destination_has_an_address_or_a_port_or_both() {
        let parts =
            ["10.0.0.1:80", "10.0.0.1", ":80", "[fd00::1]:80", "fd00::1"]
                .map(destination);
        assert_eq!(
            parts,
            [
                ("10.0.0.1", Some("80")),
                ("10.0.0.1", None),
                ("", Some("80")),
                ("fd00::1", Some("80")),
                ("fd00::1", None),
            ]
        );
    }

    #[test]
    fn lists_of_ports() {
        assert_eq!(ports("22,80:90"), Some(vec![(22, 22), (80, 90)]));
        assert_eq!(ports(":5"), Some(vec![(0, 5)]));
        assert_eq!(ports("ssh"), None);
    }
}
