//! Rules that are kept in files as they are, and loaded at boot by
//! netfilter-persistent, iptables-services or a script of an interface.

mod boot_script;
pub(crate) mod guard;
mod script;

use super::{Dump, Load, Manager, Stays, restore::Tables, units};
use crate::{Error, Snapshot, net::Family, netfilter::Ruleset, text::Place};
use script::Script;

/// Files of iptables-restore, by what loads them.
struct Store {
    /// The file, and the unit that loads it, of each family.
    files: [(Family, &'static str, &'static str); 2],
    /// Whether it is taken to be loaded where no units are known.
    usual: bool,
}

const STORES: [Store; 3] = [
    Store {
        files: [
            (
                Family::Ipv4,
                "/etc/iptables/rules.v4",
                "netfilter-persistent.service",
            ),
            (
                Family::Ipv6,
                "/etc/iptables/rules.v6",
                "netfilter-persistent.service",
            ),
        ],
        usual: true,
    },
    Store {
        files: [
            (Family::Ipv4, "/etc/sysconfig/iptables", "iptables.service"),
            (Family::Ipv6, "/etc/sysconfig/ip6tables", "ip6tables.service"),
        ],
        usual: true,
    },
    // Arch leaves its units switched off.
    Store {
        files: [
            (Family::Ipv4, "/etc/iptables/iptables.rules", "iptables.service"),
            (
                Family::Ipv6,
                "/etc/iptables/ip6tables.rules",
                "ip6tables.service",
            ),
        ],
        usual: false,
    },
];

/// The file of rules that the next boot loads for a family, if there is one
/// and iptables-restore takes it. One of two that the same unit loads need
/// not be there yet.
pub(crate) fn stored(snapshot: &Snapshot, family: Family) -> Option<String> {
    let of_units = STORES.iter().find_map(|store| {
        let (_, path, unit) = store.files.iter().find(|f| f.0 == family)?;
        let there = store.files.iter().any(|(_, path, other)| {
            other == unit && snapshot.files.contains_key(*path)
        });
        let known = || units::enabled(snapshot, unit).unwrap_or(store.usual);
        (there && known()).then(|| (*path).to_owned())
    });
    let path = of_units.or_else(|| boot_script::stored(snapshot, family))?;
    let mut tables = Tables::new(family);
    let taken = match snapshot.text(&path).ok()? {
        Some(source) => tables.restore(&source, true).is_ok(),
        None => !snapshot.files.contains_key(&path),
    };
    taken.then_some(path)
}

/// Files of `nft -f`, and the units that load them.
const SCRIPTS: [(&str, &str); 3] = [
    ("/etc/nftables.conf", "nftables.service"),
    ("/etc/sysconfig/nftables.conf", "nftables.service"),
    ("/etc/memsec/guard.nft", guard::UNIT),
];

/// What each of the stores will load, one for each file: their units may
/// differ.
pub(super) fn loads(snapshot: &Snapshot) -> Result<Vec<Load>, Error> {
    let mut all = Vec::new();
    for store in &STORES {
        for (family, path, unit) in store.files {
            let Some(source) = snapshot.text(path)? else { continue };
            let mut tables = Tables::new(family);
            let refused = tables.restore(&source, true).err();
            let mut unknown = std::mem::take(&mut tables.unknown);
            unknown.extend(refused.map(|refused| {
                let what = format!("{path} is refused: {}", refused.what);
                (what, refused.place)
            }));
            let known = units::enabled(snapshot, unit);
            if known.is_none() {
                let what = format!("whether {unit} is enabled");
                unknown.push((what, Place::whole(path)));
            }
            all.push(Load {
                manager: Manager::Files,
                enabled: known.unwrap_or(store.usual),
                dumps: vec![tables.dump()],
                unknown,
            });
        }
    }
    all.extend(boot_script::loads(snapshot)?);
    all.extend(guard::load(snapshot)?);
    for (path, unit) in SCRIPTS {
        if let Some(script) = Script::read(snapshot, path)? {
            all.push(scripted(snapshot, path, unit, script));
        }
    }
    Ok(all)
}

/// Debian ships the file, and leaves its unit switched off.
fn scripted(
    snapshot: &Snapshot,
    path: &str,
    unit: &str,
    script: Script,
) -> Load {
    const COMMAND: &str = "nft list ruleset";
    let (text, places) = script.listing();
    let mut unknown = script.unknown;
    let trial = Snapshot::new().with_command(COMMAND, &text);
    if let Err(error) = Ruleset::new(&trial) {
        unknown.push((error.message().to_owned(), Place::whole(path)));
    }
    let known = units::enabled(snapshot, unit);
    if known.is_none() {
        let what = format!("whether {unit} is enabled");
        unknown.push((what, Place::whole(path)));
    }
    let good = unknown.len() == usize::from(known.is_none());
    let stays = Stays::Nothing;
    let dump = Dump { command: COMMAND, text, places, stays };
    Load {
        manager: Manager::Files,
        enabled: known.unwrap_or(unit != "nftables.service"),
        dumps: if good { vec![dump] } else { Vec::new() },
        unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_loaded_if_its_unit_is_enabled() {
        let wants = "/etc/systemd/system/multi-user.target.wants";
        let rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n";
        let snapshot = Snapshot::new()
            .with_file("/etc/iptables/rules.v4", rules)
            .with_file("/etc/sysconfig/ip6tables", "*filter\n-A X\nCOMMIT\n")
            .with_file(&format!("{wants}/ip6tables.service"), "");
        let all = loads(&snapshot).unwrap();
        let [v4, v6] = all.as_slice() else { panic!("{all:?}") };
        assert!(!v4.enabled && v6.enabled);
        assert!(v4.dumps[0].text.contains("-A INPUT -j ACCEPT"));
        assert_eq!(v6.unknown.len(), 1, "{v6:?}");
        assert_eq!(v6.dumps[0].text, "");
    }
}
