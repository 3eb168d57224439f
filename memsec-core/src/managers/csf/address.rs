//! Which words csf takes for addresses: ConfigServer/CheckIP.pm and the
//! module Net::IP that comes with csf.

use std::net::Ipv6Addr;

use crate::net::Family;

/// An address or a network, as csf goes on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub family: Family,
    pub text: String,
}

/// `checkip`: what it takes for 127.0.0.1 or ::1, it takes for nothing.
pub(super) fn check(word: &str) -> Option<Address> {
    let mut parts = word.split('/');
    let address = parts.next()?;
    let bits = parts.next().unwrap_or_default();
    if !bits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if is_v4(address) {
        let good = address != "127.0.0.1" && in_range(bits, 32);
        let text = word.to_owned();
        return good.then_some(Address { family: Family::Ipv4, text });
    }
    let number: Ipv6Addr = address.parse().ok()?;
    // Net::IP counts the colons, and so takes no "::" that is one zero at an
    // end.
    let known = address.bytes().filter(|&byte| byte == b':').count() < 8;
    if !known || is_one(address) || !in_range(bits, 128) {
        return None;
    }
    let text = match bits {
        "" => short(number),
        bits => format!("{}/{bits}", short(number)),
    };
    Some(Address { family: Family::Ipv6, text })
}

/// `if ($cidr)`: "" and "0" are not even looked at.
fn in_range(bits: &str, most: u32) -> bool {
    match bits {
        "" | "0" => true,
        bits => bits.parse().is_ok_and(|n: u32| (1..=most).contains(&n)),
    }
}

/// Four numbers up to 255, of up to three digits.
fn is_v4(text: &str) -> bool {
    let octet = |part: &str| {
        (1..=3).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse().is_ok_and(|n: u32| n <= 255)
    };
    text.split('.').count() == 4 && text.split('.').all(octet)
}

/// What Perl takes for the number 1, once the colons are gone and the zeros
/// in front: "1", "1a5", "1e0".
fn is_one(text: &str) -> bool {
    let digits: String = text.chars().filter(|&c| c != ':').collect();
    let number = digits.trim_start_matches('0');
    let end =
        number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let (whole, rest) = number.split_at(end);
    let fraction = rest.strip_prefix('.').unwrap_or_default();
    let end =
        fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
    let fraction = fraction.get(..end).unwrap_or_default();
    let zeros = |text: &str| text.bytes().all(|byte| byte == b'0');
    whole == "1" && zeros(fraction) && exponent(rest).is_none_or(zeros)
}

/// The digits behind an "e".
fn exponent(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix(['e', 'E'])?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end).filter(|digits| !digits.is_empty())
}

/// Net::IP's short form: the longest run of zeros, by the characters that it
/// takes, becomes "::".
fn short(address: Ipv6Addr) -> String {
    let groups = address.segments();
    let mut longest = 0..0;
    let mut most = 0;
    let mut start = 0;
    for part in groups.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
        let run = start..start + part.len();
        start = run.end;
        let edges =
            usize::from(run.start > 0) + usize::from(run.end < groups.len());
        let length = part.len() * 2 - 1 + edges;
        if part.first() == Some(&0) && part.len() > 1 && length > most {
            (longest, most) = (run, length);
        }
    }
    let text = |groups: &[u16]| {
        let groups = groups.iter().map(|group| format!("{group:x}"));
        groups.collect::<Vec<_>>().join(":")
    };
    if longest.is_empty() {
        return text(&groups);
    }
    let before = groups.get(..longest.start).unwrap_or_default();
    let after = groups.get(longest.end..).unwrap_or_default();
    format!("{}::{}", text(before), text(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! checked {
        ($($name:ident: $word:literal => $text:expr;)*) => {$(
            #[test]
            fn $name() {
                let text = check($word).map(|address| address.text);
                let expected: Option<&str> = $text;
                assert_eq!(text.as_deref(), expected);
            }
        )*};
    }

    checked! {
        an_address: "192.0.2.20" => Some("192.0.2.20");
        zeros_in_front_stay: "192.0.2.020/032" => Some("192.0.2.020/032");
        everybody_slips_through: "1.2.3.4/0" => Some("1.2.3.4/0");
        two_zeros_do_not: "1.2.3.4/00" => None;
        a_slash_alone_does: "1.2.3.4/" => Some("1.2.3.4/");
        a_second_prefix_is_not_looked_at: "1.2.3.4/8/9" => Some("1.2.3.4/8/9");
        loopback_is_nothing: "127.0.0.1" => None;
        a_neighbour_is_something: "127.0.0.2" => Some("127.0.0.2");
        v6_is_made_short: "2001:DB8:0::A/64" => Some("2001:db8::a/64");
        v6_that_begins_with_one: "1a::5" => None;
        v6_with_an_exponent: "1:e0::" => None;
        v6_with_another: "1e:2::" => Some("1e:2::");
        v4_in_v6: "::ffff:192.0.2.20" => Some("::ffff:c000:214");
        v4_that_is_one: "::1.0.2.3" => None;
        eight_colons: "1:2:3:4:5:6:7::" => None;
        a_zone: "fe80::1%eth0" => None;
        a_name: "example" => None;
    }
}
