//! firewalld 1.3: what its daemon loads when it starts.

mod ask;
mod build;
mod chains;
mod check;
#[cfg(test)]
mod check_tests;
mod config;
mod direct;
mod icmp;
mod iptables;
mod nft;
mod object;
#[cfg(test)]
mod real;
mod rich;
mod settings;
mod stock;
mod value;
mod xml;

pub(super) use ask::ask;

use super::{Dump, Load, Manager, units};
use crate::{Error, Snapshot, net::Family, text::Place};
use config::{Config, Failed};
use direct::Direct;

/// Why firewalld refuses a file, and at which line.
#[derive(Clone, Debug)]
struct Broken {
    what: String,
    place: Place,
}

/// What firewalld loads when it starts; `None` if it is not installed. A
/// file at fault makes it fall back to all of its stock configuration.
pub(super) fn load(snapshot: &Snapshot) -> Result<Option<Load>, Error> {
    let mut own = snapshot.files.range("/etc/firewalld/".to_owned()..);
    let there = own.next().is_some_and(|f| f.0.starts_with("/etc/firewalld/"));
    if !there {
        return Ok(None);
    }
    let mut unknown = Vec::new();
    let (dumps, direct) = match tried(snapshot, &mut unknown)? {
        Ok(both) => both,
        Err(broken) => {
            let what = format!(
                "firewalld refuses its configuration ({}) and falls back to \
                 the stock one",
                broken.what
            );
            unknown.push((what, broken.place));
            match Config::new(snapshot, false) {
                Ok(config) => (dumps(&config, &Direct::default()), false),
                Err(Failed::Error(error)) => return Err(error),
                // Then it exits, and nothing is loaded.
                Err(Failed::Broken(_)) => (Vec::new(), false),
            }
        }
    };
    if direct {
        let what = "what commands in direct.xml do is followed in part";
        let place = Place::whole("/etc/firewalld/direct.xml");
        unknown.push((what.to_owned(), place));
    }
    let enabled = units::enabled(snapshot, "firewalld.service");
    let enabled = enabled.unwrap_or(true);
    Ok(Some(Load { manager: Manager::Firewalld, enabled, dumps, unknown }))
}

/// The user's configuration, and whether it has direct rules.
fn tried(
    snapshot: &Snapshot,
    unknown: &mut Vec<(String, Place)>,
) -> Result<Result<(Vec<Dump>, bool), Broken>, Error> {
    let config = match Config::new(snapshot, true) {
        Ok(config) => config,
        Err(Failed::Broken(broken)) => return Ok(Err(broken)),
        Err(Failed::Error(error)) => return Err(error),
    };
    let source = snapshot.text("/etc/firewalld/direct.xml")?;
    let (direct, broken) =
        source.map(|source| Direct::read(&source)).unwrap_or_default();
    unknown.extend(broken.map(|broken| (broken.what, broken.place)));
    let any = !direct.is_empty();
    Ok(Ok((dumps(&config, &direct), any)))
}

fn dumps(config: &Config, direct: &Direct) -> Vec<Dump> {
    let chains = build::chains(config);
    let mut all = Vec::new();
    if config.conf.nftables {
        all.push(nft::dump(&chains, &config.sets));
    }
    for family in Family::BOTH {
        all.push(match config.conf.nftables {
            true => iptables::direct(family, direct),
            false => iptables::dump(family, &chains, &config.sets, direct),
        });
    }
    if !config.sets.is_empty() && (!config.conf.nftables || !direct.is_empty())
    {
        all.push(iptables::sets(&config.sets));
    }
    all
}
