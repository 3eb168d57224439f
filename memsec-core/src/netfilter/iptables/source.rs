use std::net::Ipv6Addr;

use memchr::memchr;

use crate::{net::Family, netfilter::Origin};

/// Takes the source address off the front of a rule, as iptables-save
/// writes it: " -s 10.0.0.0/8" or " ! -s 10.0.0.0/8". `None` if there is
/// none, or one in another form.
pub(super) fn split(family: Family, text: &str) -> Option<(Origin, &str)> {
    let (negated, rest) = match text.strip_prefix(" -s ") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix(" ! -s ")?),
    };
    let end = memchr(b' ', rest.as_bytes()).unwrap_or(rest.len());
    let (word, tail) = (rest.get(..end)?, rest.get(end..)?);
    let origin = match family {
        Family::Ipv4 => {
            let (first, last) = network(word.as_bytes())?;
            Origin::V4 { negated, first, last }
        }
        Family::Ipv6 => Origin::of_range(negated, long(word)?),
    };
    Some((origin, tail))
}

/// The first and the last address of "2001:db8::/32".
fn long(text: &str) -> Option<(u128, u128)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "128"));
    let address = address.parse::<Ipv6Addr>().ok()?.to_bits();
    let bits = bits.parse().ok().filter(|bits| *bits <= u128::BITS)?;
    let host = u128::MAX.checked_shr(bits).unwrap_or(0);
    Some((address & !host, address | host))
}

/// The first and the last address of "10.0.0.0/8".
pub(in crate::netfilter) fn network(text: &[u8]) -> Option<(u32, u32)> {
    let mut rest = text;
    let mut address = 0;
    for at in 0..4 {
        let (byte, after) = number(rest, 255)?;
        address = address << 8 | byte;
        rest = after;
        if at < 3 {
            rest = rest.strip_prefix(b".")?;
        }
    }
    if rest.is_empty() {
        return Some((address, address));
    }
    let (bits, rest) = number(rest.strip_prefix(b"/")?, 32)?;
    let host = u32::MAX.checked_shr(bits).unwrap_or(0);
    rest.is_empty().then_some((address & !host, address | host))
}

/// A decimal number of at most three digits, without zeros in front.
fn number(text: &[u8], most: u32) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    let zero = number.first() == Some(&b'0') && digits > 1;
    if digits == 0 || digits > 3 || zero {
        return None;
    }
    let value = number.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    (value <= most).then_some((value, rest))
}
