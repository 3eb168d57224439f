use std::{collections::HashMap, sync::Arc};

use memchr::memmem;

use super::{Action, Match, Test, Unread, ipset::Sets, iptables, nftables};
use crate::{
    Error, Snapshot,
    net::{Family, RangeSet},
    text::{At, Place, Source, Span},
};

/// All the rules of a host, whatever loaded them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ruleset {
    pub tables: Vec<Table>,
    unread: Vec<Unread>,
}

/// A table of one loader.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub families: Families,
    pub name: String,
    pub chains: Vec<Chain>,
}

/// The packets that a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    Only(Family),
    Both,
}

impl Families {
    pub(crate) fn contain(self, family: Family) -> bool {
        self == Self::Both || self == Self::Only(family)
    }
}

/// Rules in their order.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub name: String,
    /// Where the kernel enters it; `None` if only rules lead to it.
    pub base: Option<Base>,
    pub rules: Vec<Rule>,
    /// The text that the rules stand in.
    pub source: Source,
}

impl Chain {
    /// Where a rule of this chain stands.
    pub(crate) fn span(&self, rule: &Rule) -> Span {
        self.source.span(rule.at)
    }

    /// The same as data.
    pub(crate) fn place(&self, rule: &Rule) -> Place {
        self.span(rule).place()
    }
}

/// How the kernel enters a chain.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub hook: Hook,
    /// The lower, the earlier.
    pub priority: i32,
    /// What becomes of packets that no rule decides: true to let them pass.
    pub accepts: bool,
    /// True if only the first packet of a connection sees it.
    pub nat: bool,
    /// Where the policy stands.
    pub span: Option<Span>,
}

/// Where in the kernel packets meet rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Ingress,
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

impl Hook {
    /// The lower-case name, as nft has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Ingress,
            Self::Prerouting,
            Self::Input,
            Self::Forward,
            Self::Output,
            Self::Postrouting,
        ];
        all.into_iter().find(|hook| name.eq_ignore_ascii_case(hook.name()))
    }
}

/// A rule. Firewalls have a million that differ in the source alone, so
/// that stands apart, and rules share the rest.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub origin: Origin,
    body: Arc<Body>,
    at: At,
}

/// What a rule says beside its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Body {
    matches: Vec<Match>,
    action: Action,
}

/// A condition on the source address: from the first to the last number of
/// it, see [`Family::number`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// None, or one among [`Rule::matches`].
    Any,
    /// Numbers that fit: all those of IPv4.
    V4 { negated: bool, first: u32, last: u32 },
    /// Others.
    V6(Box<Wide>),
}

/// An [`Origin`] of addresses of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wide {
    pub negated: bool,
    pub first: u128,
    pub last: u128,
}

impl Rule {
    pub(super) fn new(mut matches: Vec<Match>, action: Action, at: At) -> Self {
        let found = matches.iter().enumerate().find_map(|(index, one)| {
            Origin::of(one).map(|origin| (index, origin))
        });
        let origin = found.map_or(Origin::Any, |(index, origin)| {
            matches.remove(index);
            origin
        });
        Self::of(origin, matches, action, at)
    }

    /// A rule whose origin stands apart already.
    pub(super) fn of(
        origin: Origin,
        matches: Vec<Match>,
        action: Action,
        at: At,
    ) -> Self {
        let body = Arc::new(Body { matches, action });
        Self { origin, body, at }
    }

    /// One that says the same at another place, of another origin if one is
    /// given.
    pub(super) fn with(&self, origin: Option<Origin>, at: At) -> Self {
        let origin = origin.unwrap_or_else(|| self.origin.clone());
        Self { origin, body: self.body.clone(), at }
    }

    /// The conditions beside the origin; all must hold.
    pub(crate) fn matches(&self) -> &[Match] {
        &self.body.matches
    }

    /// What it does.
    pub(crate) fn action(&self) -> &Action {
        &self.body.action
    }

    /// This rule with another action.
    pub(super) fn acting(&self, action: Action) -> Self {
        let matches = self.body.matches.clone();
        let body = Arc::new(Body { matches, action });
        Self { body, ..self.clone() }
    }

    /// Whether it matches the same, and does the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.origin == other.origin && self.body == other.body
    }
}

impl Origin {
    fn of(condition: &Match) -> Option<Self> {
        let Test::Source(set) = &condition.test else { return None };
        let [range] = *set.ranges() else { return None };
        Some(Self::of_range(condition.negated, range))
    }

    /// What is, or if `negated` is not, from the first to the last.
    pub(super) fn of_range(negated: bool, (first, last): (u128, u128)) -> Self {
        match (u32::try_from(first), u32::try_from(last)) {
            (Ok(first), Ok(last)) => Self::V4 { negated, first, last },
            _ => Self::V6(Box::new(Wide { negated, first, last })),
        }
    }

    /// The addresses, as numbers; `None` for all.
    pub(crate) fn addresses(&self) -> Option<RangeSet<u128>> {
        let (negated, first, last) = match self {
            Self::Any => return None,
            Self::V4 { negated, first, last } => {
                (*negated, u128::from(*first), u128::from(*last))
            }
            Self::V6(wide) => (wide.negated, wide.first, wide.last),
        };
        let set = RangeSet::range(first, last);
        Some(if negated { set.complement() } else { set })
    }
}

const NFT: &str = "nft -j list ruleset";
const TEXT: &str = "nft list ruleset";

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
            if native.is_below() {
                all.unread.push(Unread::below(&native));
            } else {
                all.tables.push(native.table);
            }
        }
        Ok(all)
    }

    /// True if the snapshot says nothing of the rules of a family.
    pub(crate) fn missing(&self, family: Family) -> bool {
        self.unread(family).any(|unread| unread.everything)
    }

    /// What the snapshot does not say of the rules.
    pub(super) fn all_unread(&self) -> impl Iterator<Item = &Unread> + '_ {
        self.unread.iter()
    }

    /// What the snapshot does not say of the rules of a family.
    pub(crate) fn unread(
        &self,
        family: Family,
    ) -> impl Iterator<Item = &Unread> + '_ {
        let all = self.unread.iter().filter(|unread| unread.weighs);
        all.filter(move |unread| unread.families.contain(family))
    }

    /// Takes note of rules of the old back end that are there, and that
    /// nothing shows.
    fn warned(&mut self, family: Family, save: &Source, legacy: bool) {
        const WARNING: &str = "legacy tables present";
        let known = legacy || iptables::is_legacy(save.text());
        // Most dumps have none, and a million lines.
        if known || !save.text().contains(WARNING) {
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
        let Some(native) = native else {
            if let Some(what) = dump.incompatible {
                let (families, place) =
                    (Families::Only(family), Place::whole(source.name()));
                self.unread.push(Unread::new(families, true, what, place));
            }
            self.tables.extend(dump.tables.into_iter().map(|(_, t)| t));
            return;
        };
        for (name, table) in dump.tables {
            let same = native
                .iter()
                .position(|native| shared && native.is(family, &name));
            match same.and_then(|at| native.get(at)) {
                Some(native) if native.inexpressible => {}
                Some(native) if native.dormant => {}
                _ => {
                    same.map(|at| native.swap_remove(at));
                    self.tables.push(table);
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
    let Some(json) = json else {
        return text.as_ref().map(nftables::listed).transpose();
    };
    let mut natives = nftables::tables(&json)?;
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
            let rest = save.text().get(at..)?.lines().next()?;
            // The target may be there once, its name more often.
            let first = at >= past;
            past = past.max(at + rest.len());
            first.then_some(rest)
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
