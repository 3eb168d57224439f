//! Lines of csf.allow and csf.deny.

use std::collections::BTreeSet;

use super::{Ask, appended, settings, text};
use crate::{
    Cidr, Error, FileChange, Proto, Snapshot,
    managers::csf::{
        address::check as checked,
        iptables::network,
        line::{Command, List},
        start::Start,
        text::{latin, lines},
    },
    net::{Family, IpSet},
};

const ALLOW: &str = "/etc/csf/csf.allow";
const DENY: &str = "/etc/csf/csf.deny";

/// Whether csf does for the clients what is asked of it.
pub(super) fn check(snapshot: &Snapshot, ask: &Ask<'_>) -> Result<(), Error> {
    let mut start = settings(snapshot)?;
    for client in ask.clients {
        if client.prefix() == 0 {
            return Err(Error::unsupported(format!(
                "{client} is everybody: that is what TCP_IN is for"
            )));
        }
        if client.family() == Family::Ipv6 && !start.setup.ipv6 {
            return Err(Error::unsupported(format!(
                "IPV6 is off in csf.conf: csf ignores {client}, and leaves \
                 IPv6 open to everybody"
            )));
        }
        if checked(&written(*client)).is_none() {
            return Err(Error::unsupported(format!(
                "csf takes {client} for this host, and ignores it"
            )));
        }
        stopped_answers(&mut start, *client)?;
    }
    Ok(())
}

/// An address that csf.deny names stops what is sent to it, too.
fn stopped_answers(start: &mut Start<'_>, client: Cidr) -> Result<(), Error> {
    if start.setup.block_in_only {
        return Ok(());
    }
    let wanted = IpSet::of(client.family(), [client]);
    for (entry, place) in entries(start, DENY) {
        let address = checked(&entry).filter(|a| a.family == client.family());
        let Some(address) = address else { continue };
        let denied = match network(address.family, &address.text) {
            Ok(Some(net)) => net.parse::<Cidr>().ok(),
            Ok(None) => Some(Cidr::everything(address.family)),
            Err(_) => None,
        };
        let Some(denied) = denied else { continue };
        let denied = IpSet::of(denied.family(), [denied]);
        if wanted.difference(&denied) != wanted {
            return Err(Error::unsupported(format!(
                "{place}: csf.deny stops the answers to {client}"
            )));
        }
    }
    Ok(())
}

/// The entries of a list with its Includes, and their places.
fn entries(
    start: &mut Start<'_>,
    path: &str,
) -> Vec<(String, crate::text::Place)> {
    let lines = start.lines(path).unwrap_or_default();
    let entries = lines.iter().filter_map(|line| {
        let entry = latin(line.entry()?);
        Some((entry, line.place()))
    });
    entries.collect()
}

/// A network without the prefix of one address.
fn written(client: Cidr) -> String {
    client.to_string()
}

fn line(proto: Proto, port: u16, source: &str) -> String {
    format!("{}|in|d={port}|s={source}", proto.name())
}

/// Lines that let the clients in, and none that lets others in to that port
/// alone.
pub(super) fn allow(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
) -> Result<Option<FileChange>, Error> {
    let sources: Vec<_> = ask.clients.iter().map(|c| written(*c)).collect();
    let more = missing(snapshot, ask, (ALLOW, List::Allow), &sources)?;
    let before = text(snapshot, ALLOW)?;
    let Some(old) = &before else { return Ok(more) };
    let after = more.and_then(|change| change.after);
    let after = after.as_ref().unwrap_or(old);
    let start = settings(snapshot)?;
    let after = without_others(&start, ask, after);
    let path = ALLOW.to_owned();
    let changed = after != *old;
    Ok(changed.then_some(FileChange { path, before, after: Some(after) }))
}

/// The text without the lines that let others in to the port and to nothing
/// besides.
fn without_others(start: &Start<'_>, ask: &Ask<'_>, text: &str) -> String {
    let mut after = text.to_owned();
    for line in lines(ALLOW, text.as_bytes()).into_iter().rev() {
        let entry = line.entry().map(latin).unwrap_or_default();
        let rules = rules(start, List::Allow, &entry);
        let [(_, rule)] = rules.as_slice() else { continue };
        if !lets_others_in(ask, rule) {
            continue;
        }
        let end = line.at + line.bytes.len();
        let rest = text.get(end..).unwrap_or_default();
        let mut ends = 0;
        if rest.starts_with("\r\n") {
            ends = 2;
        } else if let Some(last) = rest.chars().next() {
            ends = last.len_utf8();
        }
        if after.get(line.at..end + ends).is_some() {
            after.replace_range(line.at..end + ends, "");
        }
    }
    after
}

/// Whether a rule as iptables saves it lets others than the clients in to
/// the port alone.
fn lets_others_in(ask: &Ask<'_>, rule: &str) -> bool {
    let words: Vec<&str> = rule.split_whitespace().collect();
    let after = |option: &str| {
        let at = words.iter().position(|word| *word == option)?;
        words.get(at + 1).copied()
    };
    let port = ask.port.to_string();
    let of = |proto: &&Proto| after("-p") == Some(proto.name());
    let closed = ask.closed.iter().find(of);
    let source = after("-s").and_then(|text| text.parse::<Cidr>().ok());
    let (Some(proto), Some(source)) = (closed, source) else { return false };
    let clients = ask.clients.iter().copied();
    let clients = IpSet::of(source.family(), clients);
    let sources = IpSet::of(source.family(), [source]);
    let is_client = ask.protos.contains(proto) && sources.is_subset(&clients);
    words.first() == Some(&"ALLOWIN")
        && after("--dport") == Some(&port)
        && after("-d").is_none()
        && !is_client
}

/// Lines that stop everybody else.
pub(super) fn deny(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
) -> Result<Option<FileChange>, Error> {
    let start = settings(snapshot)?;
    let mut sources = vec!["0.0.0.0/0".to_owned()];
    if start.setup.ipv6 {
        sources.push("::/0".to_owned());
    }
    missing(snapshot, ask, (DENY, List::Deny), &sources)
}

/// The lines that no line of the file is the same as.
fn missing(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    (path, list): (&str, List),
    sources: &[String],
) -> Result<Option<FileChange>, Error> {
    let mut start = settings(snapshot)?;
    let known = entries(&mut start, path);
    let known = known.iter().flat_map(|(entry, _)| rules(&start, list, entry));
    let mut known: BTreeSet<_> = known.collect();
    let mut lines = Vec::new();
    for proto in ask.protos {
        for source in sources {
            let line = line(*proto, ask.port, source);
            let rules = rules(&start, list, &line);
            if rules.iter().any(|rule| !known.contains(rule)) {
                known.extend(rules);
                lines.push(line);
            }
        }
    }
    appended(snapshot, path, &lines)
}

/// What iptables would save of a line.
fn rules(start: &Start<'_>, list: List, entry: &str) -> Vec<(Family, String)> {
    let commands = start.setup.commands(list, entry).into_iter();
    let saved = commands.filter_map(|command| match command {
        Command::Rule(family, words) => {
            Some((family, start.saved(family, &words)?))
        }
        Command::Add { .. } => None,
    });
    saved.collect()
}
