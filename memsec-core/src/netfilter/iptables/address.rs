use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::{Family, RangeSet};

/// More ranges than this are not written out.
const RANGES: u32 = 256;

/// What an address with a mask stands for.
#[derive(Debug)]
pub(in crate::netfilter) enum Parsed {
    Set(RangeSet<u128>),
    /// A mask with so many holes that nobody means it.
    TooMany,
}

/// Reads "ADDRESS", "ADDRESS/PREFIX" or "ADDRESS/MASK", or several of them
/// with commas between; host bits are masked. `None` if it is none.
pub(in crate::netfilter) fn list(family: Family, text: &str) -> Option<Parsed> {
    let mut ranges = Vec::new();
    for part in text.split(',') {
        let (address, mask) = network(family, part.trim())?;
        let free = family.last() & !mask;
        match masked(address & mask, free) {
            Some(all) => ranges.extend(all),
            None => return Some(Parsed::TooMany),
        }
    }
    Some(Parsed::Set(RangeSet::from_ranges(ranges)))
}

/// The numbers that are `base` but for the bits of `free`, which may be
/// anything, as ranges; `None` if they are too many.
pub(in crate::netfilter) fn masked(
    base: u128,
    free: u128,
) -> Option<impl Iterator<Item = (u128, u128)>> {
    // The bits that are free below the lowest fixed one are one range; each
    // free bit above doubles the number of ranges.
    let low = (!free).trailing_zeros();
    let high = free.count_ones() - low;
    let many = 1_u64.checked_shl(high).is_none_or(|n| n > u64::from(RANGES));
    (!many).then(|| spread(base, free, low))
}

/// The ranges of an address whose `free` bits may be anything, the lowest
/// `low` of them in a row from bit 0.
fn spread(
    base: u128,
    free: u128,
    low: u32,
) -> impl Iterator<Item = (u128, u128)> {
    let bottom = 1_u128.checked_shl(low).map_or(u128::MAX, |bit| bit - 1);
    let high = free & !bottom;
    // Counts through the subsets of `high`, from none to all.
    let mut next = Some(0_u128);
    std::iter::from_fn(move || {
        let bits = next?;
        let following = bits.wrapping_sub(high) & high;
        next = (following != 0).then_some(following);
        Some((base | bits, base | bits | bottom))
    })
}

fn width(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

fn network(family: Family, text: &str) -> Option<(u128, u128)> {
    let Some((address, mask)) = text.split_once('/') else {
        return Some((number(family, text)?, family.last()));
    };
    let mask = match mask.parse::<u32>() {
        Ok(bits) if bits <= width(family) => {
            let host = family.last().checked_shr(bits).unwrap_or(0);
            family.last() & !host
        }
        Ok(_) => return None,
        Err(_) => number(family, mask)?,
    };
    let address = match family {
        Family::Ipv4 => number(family, &completed(address))?,
        Family::Ipv6 => number(family, address)?,
    };
    Some((address, mask))
}

/// A network may leave out the bytes at its end: xtables.c, "autocomplete".
fn completed(address: &str) -> String {
    let missing = 3_usize.saturating_sub(address.matches('.').count());
    format!("{address}{}", ".0".repeat(missing))
}

/// An address of a family, as a number.
pub(in crate::netfilter) fn number(family: Family, text: &str) -> Option<u128> {
    let address = match family {
        Family::Ipv4 => IpAddr::V4(match text.parse::<Ipv4Addr>() {
            Ok(address) => address,
            Err(_) => based(text)?,
        }),
        Family::Ipv6 => IpAddr::V6(text.parse::<Ipv6Addr>().ok()?),
    };
    Some(Family::number(address))
}

/// Bytes in octal behind "0" and in hexadecimal behind "0x":
/// xtables_numeric_to_ipaddr.
fn based(text: &str) -> Option<Ipv4Addr> {
    let byte = |part: &str| match part.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None if part.starts_with('0') => u8::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    };
    let bytes = text.split('.').map(byte).collect::<Option<Vec<_>>>()?;
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?))
}

/// True for what can only be meant as an address, and not as a name that is
/// looked up when it is loaded.
pub(super) fn is_numeric(text: &str) -> bool {
    let numeric = |c: char| c.is_ascii_digit() || "./:,".contains(c);
    text.chars().all(numeric) || text.contains(':')
}

/// Reads "FIRST-LAST", or one address.
pub(in crate::netfilter) fn range(
    family: Family,
    text: &str,
) -> Option<RangeSet<u128>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first = number(family, first)?;
    Some(RangeSet::range(first, number(family, last)?))
}
