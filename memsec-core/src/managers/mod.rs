//! The firewall managers: what each will load at its next start, and how one
//! asks it for a rule.

#[cfg(test)]
pub(crate) mod asked_truth;
mod beside;
mod change;
mod command;
pub(crate) mod csf;
pub(crate) mod docker;
mod files;
mod firewalld;
#[cfg(test)]
mod namespace;
#[cfg(test)]
mod random;
mod refusal;
mod restore;
mod saved;
#[cfg(test)]
pub(crate) mod truth;
pub(crate) mod ufw;
pub(crate) mod units;
mod variables;

pub(crate) use change::{Ask, Change};
pub(crate) use files::{guard, stored};
pub(crate) use restore::save;

use beside::Stays;

use crate::{Error, Snapshot, text::Place};

/// The programs that own a firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manager {
    Csf,
    Ufw,
    Firewalld,
    Docker,
    /// netfilter-persistent, iptables-services or nftables.service: files
    /// that are loaded as they are.
    Files,
}

impl Manager {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csf => "csf",
            Self::Ufw => "ufw",
            Self::Firewalld => "firewalld",
            Self::Docker => "docker",
            Self::Files => "the file of saved rules",
        }
    }
}

/// What a manager will load at its next start, read from its own files.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub manager: Manager,
    /// True if it is enabled: the next boot loads it.
    pub enabled: bool,
    /// The rules, in the form in which a dump of them would be.
    pub dumps: Vec<Dump>,
    /// What its files do not tell: shell scripts, lists from elsewhere.
    pub unknown: Vec<(String, Place)>,
}

impl Load {
    /// The same, with what stays beside it on a host.
    pub(crate) fn on(&self, host: &Snapshot) -> Self {
        let dumps = self.dumps.iter().map(|dump| dump.on(host)).collect();
        Self { dumps, ..self.clone() }
    }

    /// Whether a start leaves nothing in the tables of iptables that others
    /// have put there.
    pub(crate) fn empties(&self) -> bool {
        let gone =
            |stays| matches!(stays, Stays::Nothing | Stays::OtherTables(_));
        !self.is_script() && self.dumps.iter().any(|dump| gone(dump.stays))
    }

    /// Whether it is what `nft -f` makes of a file.
    pub(crate) fn is_script(&self) -> bool {
        self.dumps.iter().any(|dump| dump.command == "nft list ruleset")
    }
}

/// Rules as text: what the command of that name would print after the load.
#[derive(Clone, Debug)]
pub(crate) struct Dump {
    /// "iptables-save", "ip6tables-save", "ipset save",
    /// "nft list ruleset" or "nft -j list ruleset".
    pub command: &'static str,
    pub text: String,
    /// For each line of the text, the place in the manager's files that it
    /// is for; as many as lines.
    pub places: Vec<Option<Place>>,
    pub stays: Stays,
}

/// Reads what one manager will load; `None` where it is not installed.
type Read = fn(&Snapshot) -> Result<Option<Load>, Error>;

/// Each manager whose files are read.
const READ: [Read; 3] = [csf::load, ufw::load, firewalld::load];

/// What each manager that left files in a snapshot will load.
///
/// # Errors
///
/// A file that its manager could not read either, with its place.
pub(crate) fn loads(snapshot: &Snapshot) -> Result<Vec<Load>, Error> {
    let mut all = files::loads(snapshot)?;
    for read in READ {
        all.extend(read(snapshot)?);
    }
    Ok(all)
}

/// Asks one manager in its own terms: the narrowest way first. Asked again
/// after that, there is nothing to do.
type Asked = fn(&Snapshot, &Ask<'_>) -> Result<Vec<Change>, Error>;

/// Each manager that can be asked.
const ASKED: [(Manager, Asked); 3] = [
    (Manager::Csf, csf::ask),
    (Manager::Ufw, ufw::ask),
    (Manager::Firewalld, firewalld::ask),
];

/// What it takes for a manager to let only the clients in to a port; `None`
/// if it is not one that is asked.
///
/// # Errors
///
/// What the manager would refuse, or would read otherwise.
pub(crate) fn ask(
    manager: Manager,
    snapshot: &Snapshot,
    wanted: &Ask<'_>,
) -> Option<Result<Vec<Change>, Error>> {
    let asked = ASKED.iter().find(|(known, _)| *known == manager);
    asked.map(|(_, ask)| ask(snapshot, wanted))
}
