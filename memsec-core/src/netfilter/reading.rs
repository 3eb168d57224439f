//! The rules in a snapshot, joined from what each tool says of them.

use std::collections::HashMap;

use memchr::memmem;

use super::{Families, Ruleset, Unread, ipset::Sets, iptables, nftables};
use crate::{
    Error, Snapshot,
    net::Family,
    text::{Place, Source},
};

const NFT: &str = "nft -j list ruleset";
const TEXT: &str = "nft list ruleset";

/// The priority that iptables-nft gives the chains of its table `security`
/// (iptables/nft.c), which is not that of the old back end.
const SECURITY: i32 = 150;

/// What shows the rules of either back end, or of one.
fn saves(family: Family) -> [&'static str; 3] {
    match family {
        Family::Ipv4 => {
            ["iptables-save", "iptables-nft-save", "iptables-legacy-save"]
        }
        Family::Ipv6 => {
            ["ip6tables-save", "ip6tables-nft-save", "ip6tables-legacy-save"]
        }
    }
}

impl Ruleset {
    /// Reads the rules in a snapshot.
    ///
    /// # Errors
    ///
    /// A text that no tool that dumps rules prints; a jump that leads
    /// nowhere, or in a circle.
    pub(crate) fn new(snapshot: &Snapshot) -> Result<Self, Error> {
        let mut all = Self::default();
        let mut native = natives(snapshot)?;
        let sets = sets(snapshot)?;
        for family in Family::BOTH {
            let [save, nft, legacy] = saves(family).map(|c| snapshot.output(c));
            let none = save.is_none() && nft.is_none() && legacy.is_none();
            if none && native.is_none() {
                all.unread.push(Unread::family(family, saves(family)[0]));
            }
            let own = save.iter().chain(other(save.as_ref(), &nft, true));
            for source in own {
                let dump = iptables::dump(family, source, &sets)?;
                all.warned(family, source, legacy.is_some());
                all.take(family, dump, true, native.as_mut(), source);
            }
            if let Some(source) = other(save.as_ref(), &legacy, false) {
                let dump = iptables::dump(family, source, &sets)?;
                all.take(family, dump, false, native.as_mut(), source);
            }
        }
        for native in native.into_iter().flatten() {
            if native.dormant {
                continue;
            }
            match native.unread() {
                Some(unread) => all.unread.push(unread),
                None => all.made.push((native.order, native.table)),
            }
        }
        all.made.sort_by_key(|(order, _)| *order);
        let made = std::mem::take(&mut all.made);
        all.tables.extend(made.into_iter().map(|(_, table)| table));
        Ok(all)
    }

    /// Takes note of rules of the old back end that are there, and that
    /// nothing shows.
    fn warned(&mut self, family: Family, save: &Source, legacy: bool) {
        const WARNING: &str = "legacy tables present";
        let known = legacy || iptables::is_legacy(save.text());
        // Most dumps have none, and a million lines.
        let said = memmem::find(save.text().as_bytes(), WARNING.as_bytes());
        if known || said.is_none() {
            return;
        }
        let comments = save.lines().filter(|line| line.text().starts_with('#'));
        let mut warnings = comments.filter(|c| c.text().contains(WARNING));
        if let Some(line) = warnings.next() {
            let command = saves(family)[2];
            let hidden = Unread::hidden(family, command, line.place());
            self.unread.push(hidden);
        }
    }

    /// Joins what iptables-save says with what nft says of the same tables:
    /// each counts once.
    fn take(
        &mut self,
        family: Family,
        mut dump: iptables::Dump,
        from_save: bool,
        native: Option<&mut Vec<nftables::Native>>,
        source: &Source,
    ) {
        self.unread.append(&mut dump.unread);
        let shared = from_save && !dump.legacy;
        for (_, table) in &mut dump.tables {
            table.legacy = !shared;
        }
        if shared {
            let tables = dump.tables.iter_mut();
            let security = tables.filter(|(name, _)| name == "security");
            let bases = security.flat_map(|(_, table)| &mut table.chains);
            for base in bases.filter_map(|chain| chain.base.as_mut()) {
                base.priority = SECURITY;
            }
        }
        let Some(native) = native else {
            if let Some(what) = dump.incompatible {
                let (families, place) =
                    (Families::Only(family), Place::whole(source.name()));
                self.unread.push(Unread::new(families, true, what, place));
            }
            for (_, mut table) in dump.tables {
                let guard = table.part_guard();
                self.tables.extend([table].into_iter().chain(guard));
            }
            return;
        };
        for (name, mut table) in dump.tables {
            let guard = table.part_guard();
            let same = native
                .iter()
                .position(|native| shared && native.is(family, &name));
            match same.and_then(|at| native.get(at)) {
                Some(native) if native.inexpressible => {}
                Some(native) if native.dormant => {}
                _ => {
                    self.tables.extend(guard);
                    match same.map(|at| native.swap_remove(at)) {
                        Some(same) => self.made.push((same.order, table)),
                        None => self.tables.push(table),
                    }
                }
            }
        }
    }
}

/// What nft lists: its JSON, and where that does not show all of a table,
/// the text, if that does.
fn natives(
    snapshot: &Snapshot,
) -> Result<Option<Vec<nftables::Native>>, Error> {
    let (json, text) = (snapshot.output(NFT), snapshot.output(TEXT));
    let ordered = |mut all: Vec<nftables::Native>| {
        for (order, native) in all.iter_mut().enumerate() {
            native.order = order;
        }
        all
    };
    let Some(json) = json else {
        let listed = text.as_ref().map(nftables::listed).transpose()?;
        return Ok(listed.map(ordered));
    };
    let mut natives = ordered(nftables::tables(&json)?);
    let hidden = natives.iter().any(|native| native.hidden);
    let listed = text.filter(|_| hidden).and_then(|text| {
        // It only adds to what is known already.
        nftables::listed(&text).ok()
    });
    let listed = listed.into_iter().flatten().filter(|table| !table.hidden);
    let mut listed: HashMap<_, _> =
        listed.map(|native| (native.key(), native.table)).collect();
    for native in natives.iter_mut().filter(|native| native.hidden) {
        if let Some(table) = listed.remove(&native.key()) {
            native.table = table;
        }
    }
    Ok(Some(natives))
}

/// The sets that rules ask, but for those that rules change.
fn sets(snapshot: &Snapshot) -> Result<Sets, Error> {
    let Some(source) = snapshot.output("ipset save") else {
        return Ok(Sets::default());
    };
    let saves = Family::BOTH.into_iter().flat_map(saves);
    let saves: Vec<_> = saves.filter_map(|c| snapshot.output(c)).collect();
    let rules = saves.iter().flat_map(|save| {
        let all = memmem::find_iter(save.text().as_bytes(), " SET ");
        let mut past = 0;
        all.filter_map(move |at| {
            // A line may have the word more often.
            if at < past {
                return None;
            }
            let rest = save.text().get(at..)?.lines().next()?;
            past = at + rest.len();
            Some(rest)
        })
    });
    let changed = rules.flat_map(|rule| {
        let words = rule.split_whitespace();
        let names = words.clone().skip(1);
        let each = words.zip(names);
        let each = each.filter(|(option, _)| option.ends_with("-set"));
        each.map(|(_, name)| name.to_owned())
    });
    Sets::new(&source, &changed.collect::<Vec<_>>())
}

/// The dump of a back end alone, unless it is the same as the first one
/// again.
fn other<'a>(
    save: Option<&Source>,
    other: &'a Option<Source>,
    of_nft: bool,
) -> Option<&'a Source> {
    let other = other.as_ref()?;
    let Some(save) = save else { return Some(other) };
    let nft = iptables::is_nft(save.text());
    let again = iptables::essence(save).eq(iptables::essence(other));
    let same = if of_nft { nft || again } else { again && !nft };
    (!same).then_some(other)
}
