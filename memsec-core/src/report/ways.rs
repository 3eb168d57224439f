//! Ways in of which the answer is the same, told once.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use super::words::{FEW, sequence};
use crate::{
    Exposure, Proto,
    net::{CidrSet, Family},
    reach::one_line,
    text::Place,
};

/// An exposure, and the interfaces for which the same is true.
#[derive(Debug)]
pub(super) struct Way<'r> {
    pub exposure: &'r Exposure,
    interfaces: Vec<&'r str>,
    /// The addresses that it is of, where others of this port and interface
    /// have another answer.
    to: &'r [IpAddr],
}

/// A port, by one family.
type Port<'r> = (Option<&'r str>, Proto, u16, Family);
/// Who gets in there, and why.
type Answer<'r> = ([&'r CidrSet; 3], &'r [Place]);

fn port(exposure: &Exposure) -> Port<'_> {
    let Exposure { proto, port, family, .. } = exposure;
    (exposure.instance.as_deref(), *proto, *port, *family)
}

fn answer(exposure: &Exposure) -> Answer<'_> {
    let Exposure { may, except, must, because, .. } = exposure;
    ([may, except, must], because)
}

/// The ways in their order, each answer at the first interface that it is of.
pub(super) fn ways<'r>(
    exposures: impl Iterator<Item = &'r Exposure> + Clone,
) -> Vec<Way<'r>> {
    let mut times: HashMap<_, usize> = HashMap::new();
    for one in exposures.clone() {
        *times.entry((port(one), one.interface.as_deref())).or_default() += 1;
    }
    let mut known = HashMap::new();
    let mut out: Vec<Way<'r>> = Vec::new();
    for exposure in exposures {
        let interface = exposure.interface.as_deref();
        let alone = times.get(&(port(exposure), interface)) == Some(&1);
        let to = match alone {
            true => [].as_slice(),
            false => exposure.destinations.as_slice(),
        };
        let key = (port(exposure), answer(exposure), to);
        let at = *known.entry(key).or_insert(out.len());
        if at == out.len() {
            out.push(Way { exposure, interfaces: Vec::new(), to });
        }
        if let Some(way) = out.get_mut(at) {
            way.interfaces.extend(interface);
        }
    }
    out
}

impl Way<'_> {
    /// "eth0 and eth1", "eth0 to 192.0.2.10"
    pub(super) fn by(&self) -> String {
        let names: BTreeSet<_> = self.interfaces.iter().copied().collect();
        let by = match names.is_empty() {
            true => "any interface".to_owned(),
            false => first_few(names.into_iter().map(one_line).collect()),
        };
        match self.to.is_empty() {
            true => by,
            false => {
                let to = self.to.iter().map(ToString::to_string);
                format!("{by} to {}", first_few(to.collect()))
            }
        }
    }
}

/// "a, b and c", "a, b, c, d and 9 more"
fn first_few(mut words: Vec<String>) -> String {
    if let Some(more @ 1..) = words.len().checked_sub(FEW) {
        words.truncate(FEW);
        words.push(format!("{more} more"));
    }
    sequence(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposure(interface: &str, to: &str, may: &str) -> Exposure {
        let json = format!(
            r#"{{"instance": "memcached", "proto": "tcp", "port": 11211,
                 "family": "ipv4", "interface": "{interface}",
                 "destinations": ["{to}"], "scope": "internet",
                 "exact": true, "may": ["{may}"], "except": [],
                 "must": [], "because": []}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn told(all: &[Exposure]) -> Vec<String> {
        ways(all.iter()).iter().map(Way::by).collect()
    }

    const ALL: &str = "0.0.0.0/0";
    const SOME: &str = "10.0.0.0/8";

    #[test]
    fn the_same_answer_is_told_once() {
        let all = ["eth1", "eth0", "eth2"].map(|by| {
            exposure(by, "192.0.2.1", if by == "eth2" { SOME } else { ALL })
        });
        assert_eq!(told(&all), ["eth0 and eth1", "eth2"]);
    }

    #[test]
    fn two_answers_of_an_interface_are_told_apart() {
        let all = [
            exposure("eth0", "192.0.2.1", ALL),
            exposure("eth0", "10.0.0.1", SOME),
        ];
        assert_eq!(told(&all), ["eth0 to 192.0.2.1", "eth0 to 10.0.0.1"]);
    }

    #[test]
    fn many_interfaces_are_counted() {
        let all =
            (0..9).map(|n| exposure(&format!("veth{n}"), "192.0.2.1", ALL));
        let all: Vec<_> = all.collect();
        assert_eq!(told(&all), ["veth0, veth1, veth2, veth3 and 5 more"]);
    }
}
