//! The lists of ports in csf.conf.

use super::{Ask, text};
use crate::{
    Error, FileChange, Snapshot,
    managers::csf::{
        collect::{LEFT_OUT, SECRETS},
        conf::{self, PATH},
        iptables::number,
        text::lines,
    },
};

/// csf.conf without the port in the lists that open it to everybody.
pub(super) fn close(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
) -> Result<Option<FileChange>, Error> {
    let Some(before) = text(snapshot, PATH)? else { return Ok(None) };
    let keys: Vec<String> = ask.closed.iter().flat_map(keys).collect();
    let mut after = String::new();
    let mut copied = 0;
    for line in lines(PATH, before.as_bytes()) {
        if !conf::name(&line).is_some_and(|name| keys.contains(&name)) {
            continue;
        }
        let Some(value) = conf::value_range(&line) else { continue };
        let old = before.get(value.clone()).unwrap_or_default();
        after.push_str(before.get(copied..value.start).unwrap_or_default());
        after.push_str(&without(old, ask.port));
        copied = value.end;
    }
    after.push_str(before.get(copied..).unwrap_or_default());
    if after == before {
        return Ok(None);
    }
    if lacks_secrets(&before) {
        return Err(Error::unsupported(format!(
            "the snapshot leaves out the secrets of {PATH}: take port {} out \
             of {} by hand",
            ask.port,
            keys.join(" and ")
        )));
    }
    let path = PATH.to_owned();
    Ok(Some(FileChange { path, before: Some(before), after: Some(after) }))
}

/// Whether the text of csf.conf lacks a secret: it cannot be written back.
fn lacks_secrets(text: &str) -> bool {
    lines(PATH, text.as_bytes()).iter().any(|line| {
        let name = conf::name(line).unwrap_or_default();
        let value = conf::value(line).unwrap_or_default();
        SECRETS.contains(&name.as_str()) && value == LEFT_OUT.as_bytes()
    })
}

/// The lists that open ports of a protocol.
pub(in super::super) fn keys(proto: &crate::Proto) -> [String; 2] {
    let name = proto.name().to_ascii_uppercase();
    [format!("{name}_IN"), format!("{name}6_IN")]
}

/// A list of ports without one of them; the rest stays as it is.
pub(super) fn without(list: &str, port: u16) -> String {
    let parts = list.split(',').filter_map(|part| {
        let Some((first, last)) = range(part) else {
            return Some(part.to_owned());
        };
        if !(first..=last).contains(&port) {
            return Some(part.to_owned());
        }
        let below = (first < port).then(|| shown(first, port - 1));
        let above = (port < last).then(|| shown(port + 1, last));
        let rest: Vec<_> = below.into_iter().chain(above).collect();
        (!rest.is_empty()).then(|| rest.join(","))
    });
    parts.collect::<Vec<_>>().join(",")
}

fn shown(first: u16, last: u16) -> String {
    if first == last { first.to_string() } else { format!("{first}:{last}") }
}

/// The ports that a part of a list opens, as iptables reads it.
pub(in super::super) fn range(part: &str) -> Option<(u16, u16)> {
    let part: String =
        part.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let port = |text: &str, otherwise: u16| match text {
        "" => Some(otherwise),
        text => number(text, 65535).and_then(|port| u16::try_from(port).ok()),
    };
    match part.split_once(':') {
        Some((first, last)) => Some((port(first, 0)?, port(last, u16::MAX)?)),
        None if part.is_empty() => None,
        None => port(&part, 0).map(|port| (port, port)),
    }
}
