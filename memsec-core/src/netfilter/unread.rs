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

    /// A file that another one names.
    pub(super) fn included(path: &str, place: &Place) -> Self {
        let what = format!("the file {path}: it is not at hand");
        Self::new(Families::Both, false, what, place.clone())
    }

    /// A table that the kernel does not have.
    pub(super) fn table(family: Family, name: &str, place: Place) -> Self {
        let what = format!("the table {name}: there is none of that name");
        Self::new(Families::Only(family), false, what, place)
    }

    /// Text around a dump that is no part of it.
    pub(super) fn around(family: Family, place: Place) -> Self {
        let what = "text around the tables is passed over".to_owned();
        let all = Self::new(Families::Only(family), false, what, place);
        Self { weighs: false, ..all }
    }

    /// Rules that another tool would show.
    pub(super) fn hidden(family: Family, command: &str, place: Place) -> Self {
        let what = format!("more of the firewall: no output of {command}");
        Self::new(Families::Only(family), false, what, place)
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
