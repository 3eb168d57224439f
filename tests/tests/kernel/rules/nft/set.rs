//! Sets and maps.

use std::fmt::Write;

use memsec_core::net::Family;

use super::{
    super::words::{address, disjoint, network, one, port},
    Table,
};

/// What the elements of a set are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Addresses(Family),
    Ports,
    Both(Family),
    Verdicts(Family),
}

impl Table<'_> {
    /// Writes a set or a map.
    pub fn set(&mut self, number: usize) {
        let family = one(self.rng, self.families());
        let kind = one(
            self.rng,
            &[
                Kind::Addresses(family),
                Kind::Addresses(family),
                Kind::Ports,
                Kind::Both(family),
                Kind::Verdicts(family),
            ],
        );
        let name = format!("set{number}");
        let (word, kinds, flags) = match kind {
            Kind::Addresses(_) if self.rng.bool() => {
                ("set", kind.types(), "flags interval; auto-merge;")
            }
            Kind::Addresses(_) => ("set", kind.types(), "flags interval;"),
            Kind::Ports => ("set", kind.types(), ""),
            Kind::Both(_) => ("set", kind.types(), ""),
            Kind::Verdicts(_) => ("map", kind.types(), "flags interval;"),
        };
        let _ = writeln!(
            self.text,
            "{word} {name} {{\ntype {kinds}; {flags}\nelements = {{"
        );
        for element in self.elements(kind, flags.contains("merge")) {
            let _ = writeln!(self.text, "{element},");
        }
        self.text += "}\n}\n";
        self.sets.push((name, kind));
    }

    fn elements(&mut self, kind: Kind, merge: bool) -> Vec<String> {
        match kind {
            Kind::Addresses(family) if merge => {
                let count = self.rng.usize(1..6);
                (0..count).map(|_| network(self.rng, family)).collect()
            }
            Kind::Addresses(family) => disjoint(self.rng, family, 6),
            Kind::Ports => {
                let count = self.rng.usize(1..6);
                (0..count).map(|_| port(self.rng).to_string()).collect()
            }
            Kind::Both(family) => {
                let count = self.rng.usize(1..6);
                let pair = |_| {
                    let address = address(self.rng, family);
                    format!("{address} . {}", port(self.rng))
                };
                (0..count).map(pair).collect()
            }
            Kind::Verdicts(family) => {
                let networks = disjoint(self.rng, family, 4);
                let pair =
                    |network| format!("{network} : {}", self.verdict(""));
                networks.into_iter().map(pair).collect()
            }
        }
    }

    /// The name of a set of this kind.
    pub fn named(&self, kind: Kind) -> Option<String> {
        let found = self.sets.iter().find(|set| set.1 == kind);
        found.map(|set| set.0.clone())
    }
}

impl Kind {
    fn types(self) -> &'static str {
        match self {
            Self::Addresses(Family::Ipv4) => "ipv4_addr",
            Self::Addresses(Family::Ipv6) => "ipv6_addr",
            Self::Ports => "inet_service",
            Self::Both(Family::Ipv4) => "ipv4_addr . inet_service",
            Self::Both(Family::Ipv6) => "ipv6_addr . inet_service",
            Self::Verdicts(Family::Ipv4) => "ipv4_addr : verdict",
            Self::Verdicts(Family::Ipv6) => "ipv6_addr : verdict",
        }
    }
}
