//! ConfigServer Firewall: csf 15.00, and the forks that carry it on.

mod address;
mod ask;
#[cfg_attr(
    not(feature = "host"),
    allow(dead_code, reason = "only a collector needs the rest")
)]
mod collect;
mod conf;
pub(crate) mod edit;
#[cfg(test)]
mod host_tests;
mod iptables;
mod line;
mod listed;
mod pre;
mod sets;
mod start;
mod text;
#[cfg(test)]
mod truth_tests;

pub(super) use ask::ask;
pub(crate) use ask::for_next_start;
#[cfg(feature = "host")]
pub(crate) use collect::{SECRET_SETTINGS, included, leave_out_secrets};
#[cfg(test)]
pub(super) use host_tests::files as case_files;
pub(crate) use listed::{failed, open_lists, testing};
pub(crate) use pre::loading_guard;

use super::{Dump, Load, Manager, Stays};
use crate::{Error, Snapshot, text::Place};
use conf::Conf;
use iptables::{Kept, Tables};
use start::Start;
use text::{Read, lines, read};

/// Why a start does not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    pub reason: String,
    pub place: Place,
}

impl Stop {
    fn new(reason: String, place: Place) -> Self {
        Self { reason, place }
    }
}

/// What csf will load at its next start.
///
/// # Errors
///
/// An output of `ip -j address` that is not one.
pub(crate) fn load(snapshot: &Snapshot) -> Result<Option<Load>, Error> {
    Ok(outcome(snapshot)?.map(|outcome| outcome.load))
}

/// What comes of the next start.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub load: Load,
    /// What stops it: csf then leaves everything open.
    pub stop: Option<Stop>,
}

/// What comes of csf's next start; `None` where there is no csf.
///
/// # Errors
///
/// As of [`load`].
pub(crate) fn outcome(snapshot: &Snapshot) -> Result<Option<Outcome>, Error> {
    let bytes = match read(snapshot, conf::PATH) {
        Read::Absent => return Ok(None),
        Read::Unread => return Ok(Some(unread())),
        Read::Bytes(bytes) => bytes,
    };
    let enabled = is_enabled(snapshot);
    let conf = match Conf::read(&lines(conf::PATH, bytes)) {
        Ok(conf) => conf,
        // It ends before it has called iptables: nothing is loaded.
        Err(stop) => {
            let dumps = vec![dump("iptables-save", Vec::new())];
            return Ok(Some(stopped(enabled, dumps, stop)));
        }
    };
    let mut start = Start::new(snapshot, conf)?;
    let stop = start.run().err();
    if stop.is_some() {
        start.tables = [Tables::new(), Tables::new()];
        start.sets = Default::default();
    } else if let Some(place) = start.doubt.take() {
        open_perhaps(&mut start.tables, &place);
    }
    let dumps = dumps(&start);
    if let Some(stop) = stop {
        return Ok(Some(stopped(enabled, dumps, stop)));
    }
    let unknown = start.unknown;
    let load = Load { manager: Manager::Csf, enabled, dumps, unknown };
    Ok(Some(Outcome { load, stop: None }))
}

/// Whether csf, where it is, starts at all.
fn is_enabled(snapshot: &Snapshot) -> bool {
    !snapshot.files.contains_key("/etc/csf/csf.disable")
}

fn unread() -> Outcome {
    let what = "csf's settings could not be read".to_owned();
    Outcome {
        load: Load {
            manager: Manager::Csf,
            enabled: true,
            dumps: Vec::new(),
            unknown: vec![(what, Place::whole(conf::PATH))],
        },
        stop: None,
    }
}

fn stopped(enabled: bool, dumps: Vec<Dump>, stop: Stop) -> Outcome {
    let (manager, unknown) = (Manager::Csf, Vec::new());
    let load = Load { manager, enabled, dumps, unknown };
    Outcome { load, stop: Some(stop) }
}

/// Both ways are counted where it is not known whether csf stops, and so
/// leaves everything open.
fn open_perhaps(tables: &mut [Tables; 2], place: &Place) {
    for tables in tables {
        for chain in ["INPUT", "FORWARD", "OUTPUT"] {
            let text = "-m time -j ACCEPT".to_owned();
            let place = Some(place.clone());
            tables.put_first(chain, Kept { text, place });
        }
    }
}

/// A table that csf does not touch is in no dump.
fn dumps(start: &Start<'_>) -> Vec<Dump> {
    let [v4, v6] = &start.tables;
    let mut dumps = vec![dump("iptables-save", v4.lines())];
    if start.setup.ipv6 {
        dumps.push(dump("ip6tables-save", v6.lines()));
    }
    if start.setup.ipset {
        let size = start.conf.get("LF_IPSET_HASHSIZE");
        let most = start.conf.get("LF_IPSET_MAXELEM");
        let size = if matches!(size, "" | "0") { "1024" } else { size };
        let most = if matches!(most, "" | "0") { "65536" } else { most };
        dumps.push(dump("ipset save", start.sets.lines(size, most)));
    }
    dumps
}

fn dump(command: &'static str, lines: Vec<Kept>) -> Dump {
    let text = lines.iter().map(|line| format!("{}\n", line.text)).collect();
    let places = lines.into_iter().map(|line| line.place).collect();
    Dump { command, text, places, stays: Stays::Nothing }
}
