//! How networks and lists are said in a sentence.

use crate::{
    Acceptance, Cidr, Exposure, Proto, Scope,
    net::{Family, IpSet},
};

/// More networks or rules than this are counted, not listed.
pub(super) const FEW: usize = 4;

/// "a, b and c"
pub(crate) fn sequence(mut words: Vec<String>) -> String {
    let Some(last) = words.pop() else { return String::new() };
    match words.is_empty() {
        true => last,
        false => format!("{} and {last}", words.join(", ")),
    }
}

/// "TCP"
pub(crate) fn upper(proto: Proto) -> &'static str {
    match proto {
        Proto::Tcp => "TCP",
        Proto::Udp => "UDP",
    }
}

/// "IPv4"
pub(super) fn family(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

/// The first networks by their names, and how many more there are.
pub(crate) fn few(
    mut networks: impl Iterator<Item = Cidr>,
    none: &str,
) -> String {
    let shown: Vec<_> = networks.by_ref().take(FEW).map(name).collect();
    if shown.is_empty() {
        return none.to_owned();
    }
    match networks.count() {
        0 => sequence(shown),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn name(network: Cidr) -> String {
    match network.prefix() {
        0 => "everyone".to_owned(),
        _ => network.to_string(),
    }
}

impl Acceptance {
    /// "accepted until 2026-12-31: the application empties it"
    pub(super) fn reason(&self) -> String {
        let until = self.until.map(|day| format!(" until {day}"));
        format!("accepted{}: {}", until.unwrap_or_default(), self.because)
    }
}

impl Exposure {
    /// Who gets in: "at most everyone but 192.0.2.0/24; for sure nobody".
    pub(super) fn sources(&self) -> String {
        let may = few(self.may.iter(), "nobody");
        let except = match self.except.is_empty() {
            true => String::new(),
            false => format!(" but {}", few(self.except.iter(), "")),
        };
        match self.scope {
            Scope::Host if !self.may.is_empty() => "this host".to_owned(),
            _ if self.exact => format!("{may}{except}"),
            _ => format!(
                "at most {may}{except}; for sure {}",
                few(self.must.iter(), "nobody")
            ),
        }
    }
}

/// Those of a range that are in a set: "everyone", "everyone but
/// 192.0.2.0/24", "nobody".
pub(super) fn part_of(set: &IpSet, range: &IpSet) -> String {
    let inside: Vec<Cidr> = set.intersection(range).cidrs().collect();
    let missing: Vec<Cidr> = range.difference(set).cidrs().collect();
    match (inside.len(), missing.len()) {
        (0, _) => "nobody".to_owned(),
        (_, 0) => "everyone".to_owned(),
        (few_in, few_out) if few_in > few_out => {
            format!("everyone but {}", few(missing.into_iter(), ""))
        }
        _ => few(inside.into_iter(), "nobody"),
    }
}
