//! What loads the guard on a host: nft, or iptables where there is none.

use super::{Guard, script};
use crate::{
    Error, FileChange, Snapshot,
    host::Host,
    managers::{self, Manager},
    net::Family,
    plan::{Run, daemon::words},
};

/// What a shell says of a command that is not there.
pub(in crate::plan) const NOT_FOUND: i32 = 127;

/// What loads the guard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::plan) enum Loader {
    /// One table for both families.
    #[default]
    Nft,
    /// A chain for each of these families.
    Iptables(Vec<Family>),
}

impl Loader {
    /// What can load a guard on this host. One that iptables has loaded is
    /// left to it.
    ///
    /// # Errors
    ///
    /// Why nothing can.
    pub(in crate::plan) fn of(
        snapshot: &Snapshot,
        host: &Host,
    ) -> Result<Self, Error> {
        let rules = &host.ruleset;
        if has_nft(snapshot) && rules.has_guard() == rules.has_native_guard() {
            return Ok(Self::Nft);
        }
        let used = |family: &Family| {
            let dump = snapshot.output(managers::save(*family));
            dump.is_some() && is_used(host, *family)
        };
        let families: Vec<_> = Family::BOTH.into_iter().filter(used).collect();
        if families.is_empty() {
            return Err(Error::unsupported(
                "the guard needs nft or iptables, and neither is on this host",
            ));
        }
        match emptying(snapshot)? {
            None => Ok(Self::Iptables(families)),
            Some(manager) => Err(Error::unsupported(format!(
                "{manager} empties the tables of iptables whenever it starts, \
                 and with them a guard; nft, whose tables stay, is not on \
                 this host"
            ))),
        }
    }

    /// What of the host it cannot guard.
    pub(in crate::plan) fn lacks(&self, host: &Host) -> Option<&'static str> {
        let Self::Iptables(families) = self else { return None };
        let open = |of: &Family| is_used(host, *of) && !families.contains(of);
        Some(match Family::BOTH.into_iter().find(open)? {
            Family::Ipv4 => "nothing guards IPv4: iptables is not on this host",
            Family::Ipv6 => {
                "nothing guards IPv6: ip6tables is not on this host"
            }
        })
    }

    /// Its file.
    pub(super) fn file(&self) -> &'static str {
        match self {
            Self::Nft => super::FILE,
            Self::Iptables(_) => script::FILE,
        }
    }

    /// What stands in its file.
    pub(super) fn text(&self, guard: &Guard) -> String {
        match self {
            Self::Nft => guard.to_nft(),
            Self::Iptables(families) => guard.to_script(families),
        }
    }

    /// What loads its file.
    pub(super) fn command(&self) -> Vec<String> {
        match self {
            Self::Nft => words(&["nft", "-f", self.file()]),
            Self::Iptables(_) => words(&["sh", self.file()]),
        }
    }

    /// Exits with 0 if the guard is there.
    pub(super) fn check(&self) -> Run {
        let command = match self {
            Self::Nft => words(&["nft", "list", "table", "inet", "memsec"]),
            Self::Iptables(families) => script::check(families),
        };
        Run { command }
    }

    /// The guard that was there before comes back from its file.
    pub(super) fn undo(&self, file: &FileChange) -> Run {
        let command = match (self, &file.before) {
            (_, Some(_)) => self.command(),
            (Self::Nft, None) => {
                words(&["nft", "delete", "table", "inet", "memsec"])
            }
            (Self::Iptables(families), None) => script::unload(families),
        };
        Run { command }
    }

    /// How it keeps others out, in a few words.
    pub(super) fn means(&self) -> &'static str {
        match self {
            Self::Nft => "a table of its own",
            Self::Iptables(_) => "a chain of iptables, before all others,",
        }
    }
}

impl Guard {
    /// Has the model show it as it is once it is loaded.
    ///
    /// # Errors
    ///
    /// Rules that are none; there are no such.
    pub(in crate::plan) fn show(
        &self,
        loader: &Loader,
        host: &mut Host,
    ) -> Result<(), Error> {
        match loader {
            Loader::Nft => host.ruleset.load_guard(&self.to_listing()),
            Loader::Iptables(families) => families.iter().try_for_each(|&of| {
                host.ruleset.load_guard_of(of, &self.to_dump(of))
            }),
        }
    }
}

/// Whether nft works on the host, or is not known to be missing. Where its
/// listing in JSON fails it may be that it has no JSON, or that the kernel
/// has no nf_tables.
fn has_nft(snapshot: &Snapshot) -> bool {
    let status = |command: &str| {
        snapshot.commands.get(command).map(|output| output.status)
    };
    match status("nft -j list ruleset") {
        None | Some(0) => true,
        Some(NOT_FOUND) => false,
        Some(_) => matches!(status("nft list ruleset"), None | Some(0)),
    }
}

/// Whether the host has addresses of a family: where IPv6 is off, ip6tables
/// may have no table to load anything into.
fn is_used(host: &Host, family: Family) -> bool {
    let Some(all) = &host.interfaces else { return true };
    all.iter().any(|interface| interface.of(family).next().is_some())
}

/// A manager that leaves nothing in the tables of iptables when it starts,
/// and does not load a guard then.
fn emptying(snapshot: &Snapshot) -> Result<Option<&'static str>, Error> {
    let loads = managers::loads(snapshot)?;
    let script = managers::csf::loading_guard(snapshot)?;
    let mut all = loads.iter().filter(|load| {
        let back = load.manager == Manager::Csf && script.is_some();
        load.enabled && load.empties() && !back
    });
    Ok(all.next().map(|load| load.manager.name()))
}
