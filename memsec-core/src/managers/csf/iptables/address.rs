use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Refusal, number};
use crate::net::Family;

/// A network as iptables-save prints it behind -s or -d; `None` for all
/// addresses, of which it prints nothing.
pub(in super::super) fn network(
    family: Family,
    text: &str,
) -> Result<Option<String>, Refusal> {
    let (address, mask) = match text.rsplit_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let whole = width(family);
    let mask = match mask {
        None => ones(whole, whole),
        Some(mask) => mask_bits(family, mask)
            .ok_or_else(|| Refusal::new(format!("invalid mask `{mask}'")))?,
    };
    if mask == 0 {
        return Ok(None);
    }
    let address = host(family, address).ok_or_else(|| {
        Refusal::new(format!("host/network `{address}' not found"))
    })?;
    let shown = family.address(address & mask);
    let bits = mask.count_ones();
    let mask = match mask == ones(bits, whole) {
        true => bits.to_string(),
        false => family.address(mask).to_string(),
    };
    Ok(Some(format!("{shown}/{mask}")))
}

fn width(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

/// So many ones at the top of so many bits.
fn ones(bits: u32, whole: u32) -> u128 {
    let all = u128::MAX >> (128 - whole);
    all & !all.checked_shr(bits).unwrap_or(0)
}

fn mask_bits(family: Family, text: &str) -> Option<u128> {
    let whole = width(family);
    match number(text, u64::from(whole)) {
        Some(bits) => Some(ones(u32::try_from(bits).ok()?, whole)),
        None => host(family, text),
    }
}

/// The numeric form only: a name would be asked of a resolver.
pub(super) fn host(family: Family, text: &str) -> Option<u128> {
    let address = match family {
        Family::Ipv4 => IpAddr::V4(v4(text)?),
        Family::Ipv6 => IpAddr::V6(text.parse::<Ipv6Addr>().ok()?),
    };
    Some(Family::number(address))
}

/// Four numbers in C's notation, so that 020 is 16.
fn v4(text: &str) -> Option<Ipv4Addr> {
    let octets = text.split('.').map(|octet| {
        let value = number(octet, 255).filter(|_| !octet.is_empty())?;
        u8::try_from(value).ok()
    });
    let octets: Option<Vec<u8>> = octets.collect();
    let octets: [u8; 4] = octets?.try_into().ok()?;
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(text: &str) -> Option<String> {
        let family =
            if text.contains(':') { Family::Ipv6 } else { Family::Ipv4 };
        network(family, text).ok().flatten()
    }

    macro_rules! printed {
        ($($name:ident: $text:literal => $saved:expr;)*) => {$(
            #[test]
            fn $name() {
                let expected: Option<&str> = $saved;
                assert_eq!(saved($text).as_deref(), expected);
            }
        )*};
    }

    printed! {
        a_host: "192.0.2.20" => Some("192.0.2.20/32");
        host_bits_go: "192.0.2.77/24" => Some("192.0.2.0/24");
        zeros_in_front_are_octal: "192.0.2.020" => Some("192.0.2.16/32");
        so_they_are_in_a_mask: "192.0.2.20/032" => Some("192.0.2.0/26");
        all_is_nothing: "192.0.2.20/0" => None;
        eight_is_no_octal_digit: "192.0.2.08" => None;
        an_empty_mask: "192.0.2.20/" => None;
        a_dotted_mask: "10.0.0.1/255.0.0.0" => Some("10.0.0.0/8");
        a_v6_network: "2001:db8::1/32" => Some("2001:db8::/32");
    }
}
