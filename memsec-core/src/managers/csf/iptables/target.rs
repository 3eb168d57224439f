use super::Refusal;
use crate::net::Family;

/// Targets that need no chain, and the options that csf gives them: how many
/// words follow each.
const TARGETS: &[(&str, &[(&str, usize)])] = &[
    ("ACCEPT", &[]),
    ("DROP", &[]),
    ("QUEUE", &[]),
    ("RETURN", &[]),
    ("MASQUERADE", &[("--random", 0), ("--to-ports", 1)]),
    ("LOG", &[("--log-prefix", 1), ("--log-level", 1), ("--log-uid", 0)]),
    ("REJECT", &[("--reject-with", 1)]),
    ("REDIRECT", &[("--to-ports", 1), ("--to-port", 1)]),
    ("DNAT", &[("--to-destination", 1)]),
    ("SNAT", &[("--to-source", 1)]),
    ("CT", &[("--helper", 1), ("--notrack", 0)]),
    ("NOTRACK", &[]),
    ("TARPIT", &[]),
];

/// A known target as iptables-save prints it; `None` for a chain.
pub(super) fn target(
    family: Family,
    name: &str,
    options: &[String],
) -> Result<Option<String>, Refusal> {
    let Some((_, known)) = TARGETS.iter().find(|row| row.0 == name) else {
        return match options.first() {
            None => Ok(None),
            Some(option) => {
                Err(Refusal::new(format!("unknown option \"{option}\"")))
            }
        };
    };
    let mut given = Vec::new();
    let mut words = options.iter();
    while let Some(option) = words.next() {
        let row = known.iter().position(|row| row.0 == option);
        let arity = row.and_then(|at| known.get(at)).map(|row| row.1);
        let (Some(at), Some(arity)) = (row, arity) else {
            return Err(Refusal::new(format!("unknown option \"{option}\"")));
        };
        let values: Vec<_> = words.by_ref().take(arity).collect();
        if values.len() < arity {
            return Err(Refusal::new(format!("option \"{option}\" is cut")));
        }
        let values: Vec<_> =
            values.into_iter().map(|value| quoted(value)).collect();
        given.push((at, [&[option.clone()][..], &values].concat()));
    }
    if name == "REJECT" && given.is_empty() {
        let with = match family {
            Family::Ipv4 => "icmp-port-unreachable",
            Family::Ipv6 => "icmp6-port-unreachable",
        };
        given.push((0, vec!["--reject-with".into(), with.into()]));
    }
    given.sort_by_key(|(at, _)| *at);
    let options = given.into_iter().flat_map(|(_, words)| words);
    let all: Vec<_> = std::iter::once(name.to_owned()).chain(options).collect();
    Ok(Some(all.join(" ")))
}

/// `xtables_save_string`: in quotes if it has more than plain characters.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let escaped: String = text
        .chars()
        .flat_map(|c| {
            let slash = matches!(c, '"' | '\\').then_some('\\');
            slash.into_iter().chain([c])
        })
        .collect();
    format!("\"{escaped}\"")
}
