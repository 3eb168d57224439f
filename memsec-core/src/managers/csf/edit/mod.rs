//! What to write into csf's files, so that only given clients reach a port.

mod clients;
mod ports;
#[cfg(test)]
mod tests;

pub(super) use ports::{keys as open_keys, range};

use super::{
    Stop,
    conf::{self, Conf},
    outcome,
    start::Start,
    text::{Read, lines, read},
};
use crate::{Cidr, Error, FileChange, Proto, Snapshot, snapshot::Content};

/// What csf is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub port: u16,
    pub protos: &'a [Proto],
    /// The protocols for which others lose the port.
    pub closed: &'a [Proto],
    pub clients: &'a [Cidr],
    /// True to leave TCP_IN and its like as they are, and to deny the port
    /// to everybody whom csf.allow does not let in.
    pub by_denying: bool,
}

/// The changes, those that let in before those that shut out; none if there
/// is nothing to do. csf loads them with `csf -r`, which leaves everything
/// open for about a second.
///
/// # Errors
///
/// What csf would not do: a client that it takes for something else, IPv6
/// where it leaves IPv6 alone, a client whose answers csf.deny stops, a file
/// that makes it stop and leave everything open.
pub(crate) fn admit(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
) -> Result<Vec<FileChange>, Error> {
    let found = outcome(snapshot)?;
    let found = found.ok_or_else(|| Error::unsupported("there is no csf"))?;
    if let Some(stop) = &found.stop {
        return Err(refused(stop));
    }
    clients::check(snapshot, ask)?;
    let mut changes = vec![clients::allow(snapshot, ask)?];
    changes.push(match ask.by_denying {
        true => clients::deny(snapshot, ask)?,
        false => ports::close(snapshot, ask)?,
    });
    let changes: Vec<_> = changes.into_iter().flatten().collect();
    let after = applied(snapshot, &changes);
    match outcome(&after)?.and_then(|outcome| outcome.stop) {
        Some(stop) => Err(refused(&stop)),
        None => Ok(changes),
    }
}

/// A start before its first command.
///
/// # Errors
///
/// An output of `ip -j address` that is not one; settings that csf cannot read.
fn settings(snapshot: &Snapshot) -> Result<Start<'_>, Error> {
    let Read::Bytes(bytes) = read(snapshot, conf::PATH) else {
        return Err(Error::unsupported("csf.conf is not known"));
    };
    let conf = Conf::read(&lines(conf::PATH, bytes)).map_err(|stop| {
        Error::unsupported(format!("{}: {}", stop.place, stop.reason))
    })?;
    Start::new(snapshot, conf)
}

fn refused(stop: &Stop) -> Error {
    let (place, reason) = (&stop.place, &stop.reason);
    Error::unsupported(format!(
        "csf would stop and leave everything open: {place}: {reason}"
    ))
}

/// A snapshot with the files changed.
pub(super) fn applied(snapshot: &Snapshot, changes: &[FileChange]) -> Snapshot {
    let mut after = snapshot.clone();
    for change in changes {
        let Some(text) = &change.after else { continue };
        let content = Content::Text(text.clone());
        match after.files.get_mut(&change.path) {
            Some(file) => file.content = content,
            None => {
                after.files.insert(change.path.clone(), content.into());
            }
        }
    }
    after
}

/// The text of a file; `None` where there is none.
fn text(snapshot: &Snapshot, path: &str) -> Result<Option<String>, Error> {
    if let Some(Content::Error(reason)) =
        snapshot.files.get(path).map(|file| &file.content)
    {
        let message = format!("{path} could not be read: {reason}");
        return Err(Error::unsupported(message));
    }
    Ok(snapshot.text(path)?.map(|source| source.text().to_owned()))
}

/// A file with lines behind its last; `None` if there are none to add.
fn appended(
    snapshot: &Snapshot,
    path: &str,
    lines: &[String],
) -> Result<Option<FileChange>, Error> {
    if lines.is_empty() {
        return Ok(None);
    }
    let before = text(snapshot, path)?;
    let mut after = before.clone().unwrap_or_default();
    let end = if after.contains("\r\n") { "\r\n" } else { "\n" };
    if !after.is_empty() && !after.ends_with(['\n', '\r']) {
        after.push_str(end);
    }
    for line in lines {
        after.push_str(line);
        after.push_str(end);
    }
    let path = path.to_owned();
    Ok(Some(FileChange { path, before, after: Some(after) }))
}
