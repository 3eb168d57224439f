//! The firewall managers: what each will load at its next start, and how one
//! asks it for a rule.

mod csf;

use crate::text::Place;

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

/// Rules as text: what the command of that name would print after the load.
#[derive(Clone, Debug)]
pub(crate) struct Dump {
    /// "iptables-save", "ip6tables-save", "ipset save" or
    /// "nft list ruleset".
    pub command: &'static str,
    pub text: String,
    /// For each line of the text, the place in the manager's files that it
    /// is for; as many as lines.
    pub places: Vec<Option<Place>>,
}
