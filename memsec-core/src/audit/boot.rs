//! Who reaches memcached once the host has started again.

use super::{Reached, next_start::same_way, reached, subject::Subject};
use crate::{
    Error, Proto,
    host::Host,
    managers::{docker, units},
    net::{Family, IpSet},
    snapshot::Output,
    text::{Place, Source},
};

/// A way in that is closed now and not after a boot.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub port: u16,
    pub proto: Proto,
    pub family: Family,
    pub interface: Option<String>,
    /// Those who are not allowed, cannot get in now, and could then.
    pub sources: IpSet,
    /// Whether all of them are sure to.
    pub sure: bool,
    /// The rule that keeps them out now.
    pub place: Place,
}

/// What prints rules, of any tool.
pub(crate) const DUMPS: [&str; 9] = [
    "iptables-save",
    "ip6tables-save",
    "iptables-nft-save",
    "ip6tables-nft-save",
    "iptables-legacy-save",
    "ip6tables-legacy-save",
    "ipset save",
    "nft -j list ruleset",
    "nft list ruleset",
];

/// What a boot opens; nothing where it is not known what it loads.
///
/// # Errors
///
/// Rules that a manager would load and that are none.
pub(crate) fn opened(subject: &Subject<'_>) -> Result<Vec<Opened>, Error> {
    let Some(host) = booted(subject)? else { return Ok(Vec::new()) };
    let then = reached(&host, subject.policy);
    let pairs = subject.reached.iter().flat_map(|now| {
        let then = then.iter().filter(|then| same_way(now, then));
        then.map(move |then| (now, then))
    });
    Ok(pairs.filter_map(|(now, then)| way(subject, now, then)).collect())
}

fn way(subject: &Subject<'_>, now: &Reached, then: &Reached) -> Option<Opened> {
    let new = then.beyond(subject.policy).difference(&now.sources.may);
    (!new.is_empty()).then(|| Opened {
        port: now.port,
        proto: now.proto,
        family: now.family(),
        interface: now.interface.clone(),
        sure: new.is_subset(&then.sources.must),
        sources: new,
        place: now.sources.because.last().cloned().unwrap_or_default(),
    })
}

/// The host with nothing but what is loaded at boot; `None` where the
/// snapshot does not tell what that is.
fn booted(subject: &Subject<'_>) -> Result<Option<Host>, Error> {
    let loads: Vec<_> = subject.loads.iter().filter(|l| l.enabled).collect();
    let units = units::enabled(subject.snapshot, "").is_some();
    let unsure = loads.iter().any(|load| load.dumps.is_empty());
    if unsure || !units && loads.is_empty() {
        return Ok(None);
    }
    let mut after = subject.snapshot.clone();
    for command in DUMPS {
        after.commands.remove(command);
    }
    for command in ["iptables-save", "ip6tables-save"] {
        after.commands.insert(command.to_owned(), Output::default());
    }
    let mut scripts = Vec::new();
    let docker = docker::load(subject.snapshot);
    for load in loads.into_iter().chain(&docker) {
        for dump in load.on(&after).dumps {
            if load.is_script() {
                scripts.push(Source::new(dump.command, &dump.text));
            } else {
                let output = Output { stdout: dump.text.into(), status: 0 };
                after.commands.insert(dump.command.to_owned(), output);
            }
        }
    }
    let mut host = Host::new(&after)?;
    for script in &scripts {
        host.ruleset.add_listed(script)?;
    }
    Ok(Some(host))
}
