//! Random rule sets, all of which always decide the same packet the same
//! way.

mod ipset;
mod iptables;
mod nft;
mod words;

use fastrand::Rng;
use memsec_core::net::Family;

use crate::oracle::{Load, Tool};

pub use words::{address, once, one, port};

/// The dialects, each with the tools of its two families.
const IPTABLES: [[Tool; 2]; 2] = [
    [Tool::Iptables, Tool::Ip6tables],
    [Tool::IptablesLegacy, Tool::Ip6tablesLegacy],
];

/// A random rule set: of iptables in one of its two back ends, of nft, or
/// now and then of both.
pub fn random(rng: &mut Rng) -> Vec<Load> {
    let mut loads = Vec::new();
    let kind = rng.usize(..10);
    if kind < 7 {
        let tools = IPTABLES[kind % 2];
        iptables(rng, tools, &mut loads);
    }
    if kind >= 6 {
        loads.push(Load { tool: Tool::Nft, text: nft::text(rng) });
    }
    loads
}

fn iptables(rng: &mut Rng, tools: [Tool; 2], loads: &mut Vec<Load>) {
    let families = match rng.usize(..6) {
        0 => &[(Family::Ipv4, 0), (Family::Ipv6, 1)][..],
        1 => &[(Family::Ipv6, 1)],
        _ => &[(Family::Ipv4, 0)],
    };
    let mut all = String::new();
    let mut texts = Vec::new();
    for &(family, index) in families {
        let (sets, text) = match once(rng, 3) {
            true => ipset::sets(rng, family),
            false => Default::default(),
        };
        all += &text;
        let text = iptables::text(rng, family, &sets);
        texts.push(Load { tool: tools[index], text });
    }
    if !all.is_empty() {
        loads.push(Load { tool: Tool::Ipset, text: all });
    }
    loads.append(&mut texts);
}
