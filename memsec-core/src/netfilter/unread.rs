//! What a snapshot does not say of the rules.

use super::{Families, nftables::Native};
use crate::{net::Family, text::Place};

/// Rules that are not known.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    pub families: Families,
    /// True if nothing is known; false if some tables are.
    pub everything: bool,
    /// False for a note: it decides nothing about packets for the host.
    pub weighs: bool,
    /// What is not known, for people.
    pub what: String,
    pub place: Place,
}

impl Unread {
    /// Everything of a family.
    pub(super) fn family(family: Family, command: &str) -> Self {
        let what = format!("the firewall: there is no output of {command}");
        Self::new(Families::Only(family), true, what, Place::whole(command))
    }

    /// A table for what is below IP.
    pub(super) fn below(table: &Native) -> Self {
        let Native { family, name, place, .. } = table;
        let what = format!("the table {family} {name}: only IP is read");
        let all = Self::new(Families::Both, false, what, place.clone());
        Self { weighs: false, ..all }
    }

    pub(super) fn new(
        families: Families,
        everything: bool,
        what: String,
        place: Place,
    ) -> Self {
        Self { families, everything, weighs: true, what, place }
    }
}
