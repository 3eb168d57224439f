use std::iter;

use super::{Refusal, number};
use crate::netfilter::icmp::{Name, V4, V6};

/// The type that stands for all.
const ANY: Name = ("any", 255, None);

pub(super) fn v4(text: &str) -> Result<String, Refusal> {
    let shown = kind(iter::once(&ANY).chain(V4), text)?;
    Ok(if shown == "255" { "any".to_owned() } else { shown })
}

pub(super) fn v6(text: &str) -> Result<String, Refusal> {
    kind(V6.iter(), text)
}

/// A name, or the beginning of just one; or a number, and a code.
fn kind<'a>(
    names: impl Iterator<Item = &'a Name>,
    text: &str,
) -> Result<String, Refusal> {
    let begins = |row: &&Name| {
        let start = row.0.get(..text.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    let mut found = names.filter(begins);
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
