//! What stands in csf's files that deserves a word of its own.

use super::{
    conf::{Conf, PATH},
    edit::{open_keys, range},
    text::{Line, Read, lines, read},
};
use crate::{Proto, Snapshot, text::Place};

/// Where csf keeps why its last start failed.
const ERROR: &str = "/etc/csf/csf.error";

/// The settings, where csf can read them.
fn conf(snapshot: &Snapshot) -> Option<Conf> {
    let Read::Bytes(bytes) = read(snapshot, PATH) else { return None };
    Conf::read(&lines(PATH, bytes)).ok()
}

/// The lists of csf.conf that open a port to everybody: their names and
/// lines.
pub(crate) fn open_lists(
    snapshot: &Snapshot,
    proto: Proto,
    port: u16,
) -> Vec<(String, Place)> {
    let Some(conf) = conf(snapshot) else { return Vec::new() };
    let keys = open_keys(&proto).into_iter();
    let read = |key: &String| !key.contains('6') || conf.on("IPV6");
    let opens = |key: &String| {
        let parts = conf.list(key);
        let mut ranges = parts.iter().filter_map(|part| range(part));
        ranges.any(|(first, last)| (first..=last).contains(&port))
    };
    keys.filter(|key| read(key) && opens(key))
        .filter_map(|key| conf.place(&key).map(|place| (key, place)))
        .collect()
}

/// The line that makes csf switch itself off every few minutes.
pub(crate) fn testing(snapshot: &Snapshot) -> Option<Place> {
    let conf = conf(snapshot)?;
    conf.on("TESTING").then(|| conf.place("TESTING")).flatten()
}

/// What csf wrote when its last start failed.
pub(crate) fn failed(snapshot: &Snapshot) -> Option<Place> {
    let Read::Bytes(bytes) = read(snapshot, ERROR) else { return None };
    let first = lines(ERROR, bytes).first().map(Line::place);
    Some(first.unwrap_or_else(|| Place::whole(ERROR)))
}
