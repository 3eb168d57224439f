use super::{Refusal, number};

/// Types by name, and the first and last code where the name has them:
/// xt_icmp.h of iptables.
const V4: &[(&str, u8, Option<u8>)] = &[
    ("any", 255, None),
    ("echo-reply", 0, None),
    ("pong", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("TOS-network-unreachable", 3, Some(11)),
    ("TOS-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("TOS-network-redirect", 5, Some(2)),
    ("TOS-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("ping", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

const V6: &[(&str, u8, Option<u8>)] = &[
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("ping", 128, None),
    ("echo-reply", 129, None),
    ("pong", 129, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-advertisement", 136, None),
    ("neighbor-advertisement", 136, None),
    ("redirect", 137, None),
];

pub(super) fn v4(text: &str) -> Result<String, Refusal> {
    let shown = kind(V4, text)?;
    Ok(if shown == "255" { "any".to_owned() } else { shown })
}

pub(super) fn v6(text: &str) -> Result<String, Refusal> {
    kind(V6, text)
}

/// A name, or the beginning of just one; or a number, and a code.
fn kind(
    names: &[(&str, u8, Option<u8>)],
    text: &str,
) -> Result<String, Refusal> {
    let begins = |row: &&(&str, u8, Option<u8>)| {
        let start = row.0.get(..text.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    let mut found = names.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some((_, kind, None)), None) => Ok(kind.to_string()),
        (Some((_, kind, Some(code))), None) => Ok(format!("{kind}/{code}")),
        (None, _) => numbered(text),
        _ => Err(Refusal::new(format!("Ambiguous ICMP type `{text}'"))),
    }
}

fn numbered(text: &str) -> Result<String, Refusal> {
    let unknown = || Refusal::new(format!("Unknown ICMP type `{text}'"));
    let (kind, code) = match text.split_once('/') {
        Some((kind, code)) => (kind, Some(code)),
        None => (text, None),
    };
    let kind = number(kind, 255).ok_or_else(unknown)?;
    let code = code.map(|code| number(code, 255).ok_or_else(unknown));
    Ok(match code.transpose()? {
        Some(code) => format!("{kind}/{code}"),
        None => kind.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let all = ["ping", "8", "3/3", "255", "tos-network-unreachable"];
        let shown = all.map(|text| v4(text).unwrap());
        assert_eq!(shown, ["8", "8", "3/3", "any", "3/11"]);
    }

    #[test]
    fn a_beginning_must_be_of_one_name() {
        assert!(v4("echo-").is_err());
        assert_eq!(v4("destination").unwrap(), "3");
        for text in ["256", "8/", "11211", "22,80"] {
            assert!(v4(text).is_err(), "{text}");
        }
    }
}
