//! The model beside the kernel.

use ipnet::IpNet;
use memsec_core::{
    Explanation, Host, Packet, Protocol, Snapshot, Verdict, snapshot::Process,
};

use crate::{
    case::word,
    oracle::{Fate, destination},
};

/// The port that the snapshot's memcached listens on, at every address.
pub const MEMCACHED: u16 = 11211;

/// What the model says of a host.
#[derive(Debug)]
pub struct Model(Host);

/// How an answer of the model stands beside the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is sure of what the kernel does.
    Certain,
    /// It leaves room for what the kernel does.
    Possible,
    /// It is wrong.
    Contradiction(String),
}

impl Model {
    /// Reads the snapshot, with a memcached that listens everywhere.
    pub fn new(snapshot: Snapshot) -> Result<Self, String> {
        let listens = ["-l", "0.0.0.0,::", "-U", "11211"];
        let snapshot = snapshot.with_process(Process {
            pid: 1,
            exe: "/usr/bin/memcached".to_owned(),
            argv: listens.map(str::to_owned).to_vec(),
            uid: Some(110),
            version: Some("1.6.18".to_owned()),
            ..Process::default()
        });
        Host::new(&snapshot).map(Self).map_err(|error| error.to_string())
    }

    /// Holds the model's answer against the kernel's.
    pub fn standing(&self, packet: &Packet, fate: Fate) -> Standing {
        match self.0.explain(packet) {
            Ok(answer) => judge(&answer, packet, fate),
            Err(error) => Standing::Contradiction(error.to_string()),
        }
    }
}

fn judge(answer: &Explanation, packet: &Packet, fate: Fate) -> Standing {
    let right = match answer.certain {
        true => agrees(answer, packet, fate),
        false => leaves_room(answer.verdict, fate),
    };
    match (right, answer.certain) {
        (true, true) => Standing::Certain,
        (true, false) => Standing::Possible,
        (false, certain) => {
            let how = if certain { "surely" } else { "at most" };
            let (kernel, model) = (word(fate), answer.verdict);
            let path: Vec<_> = answer
                .path
                .iter()
                .map(|met| {
                    let line =
                        met.rule.as_ref().and_then(|rule| rule.text.as_deref());
                    format!(
                        "  {} {} {} [{}]\n",
                        met.hook,
                        met.chain,
                        met.outcome,
                        line.unwrap_or_default()
                    )
                })
                .collect();
            Standing::Contradiction(format!(
                "kernel: {kernel} {fate:?}; model: {how} {model:?}\n{}",
                path.concat()
            ))
        }
    }
}

/// A certain answer: the same end, and the same port there.
fn agrees(answer: &Explanation, packet: &Packet, fate: Fate) -> bool {
    match (fate, answer.verdict) {
        (Fate::Dropped, Verdict::Dropped)
        | (Fate::Rejected { .. }, Verdict::Rejected)
        | (Fate::Rejected { heard: false }, Verdict::Dropped)
        | (Fate::Forwarded(_), Verdict::Forwarded) => true,
        (Fate::Dropped, Verdict::Rejected) => !is_told(packet),
        (Fate::Delivered(_), Verdict::Delivered) if !has_port(packet) => true,
        (Fate::Delivered(_), Verdict::NobodyListens) if !has_port(packet) => {
            true
        }
        (Fate::Delivered(to), Verdict::Delivered) => to.port() == MEMCACHED,
        (Fate::Delivered(to), Verdict::NobodyListens) => {
            to.port() != MEMCACHED || !is_heard(packet)
        }
        _ => false,
    }
}

/// Whether it has the ports that tell who hears it.
fn has_port(packet: &Packet) -> bool {
    let ports = [Protocol::TCP, Protocol::UDP].contains(&packet.proto);
    ports && packet.fragment.is_none()
}

/// Whether somebody can be told: a host of a network that the kernel has a
/// route to, of what was for one host alone.
fn is_told(packet: &Packet) -> bool {
    let neighbours: [IpNet; 4] = [
        "198.51.100.0/24".parse(),
        "203.0.113.0/24".parse(),
        "10.0.0.0/24".parse(),
        "2001:db8:99::/48".parse(),
    ]
    .map(|network| network.expect("a network"));
    let from = packet.from;
    is_heard(packet)
        && !destination(packet).is_loopback()
        && !destination(packet).is_unspecified()
        && !destination(packet).to_string().starts_with("::ffff:")
        && neighbours.iter().any(|network| {
            network.contains(&from)
                && from != network.network()
                && from != network.broadcast()
        })
}

/// Whether a socket of TCP would hear the packet: it is for one host.
fn is_heard(packet: &Packet) -> bool {
    let to = destination(packet);
    !to.is_multicast() && !to.to_string().ends_with(".255")
}

/// An answer that is not certain lets through what the kernel lets through.
fn leaves_room(most: Verdict, fate: Fate) -> bool {
    let through = matches!(
        most,
        Verdict::Delivered | Verdict::Forwarded | Verdict::NobodyListens
    );
    match fate {
        Fate::Delivered(_) | Fate::Forwarded(_) => through,
        Fate::Rejected { .. } => through || most == Verdict::Rejected,
        Fate::Dropped => true,
    }
}
