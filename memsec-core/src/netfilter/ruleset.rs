use std::sync::{Arc, OnceLock};

use super::{Action, Kinds, Match, Order, Origin, Unread};
use crate::{
    net::Family,
    text::{At, Place, Source, Span},
};

/// All the rules of a host, whatever loaded them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ruleset {
    /// In the order of their making, as far as that is known.
    pub tables: Vec<Table>,
    /// Those whose place among the tables is known, while they are read.
    pub(super) made: Vec<(usize, Table)>,
    pub(super) unread: Vec<Unread>,
}

/// A table of one loader.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub families: Families,
    pub name: String,
    pub chains: Vec<Chain>,
    /// True if the old back end holds it.
    pub legacy: bool,
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
    /// They stay as they are once they are read, and a host that is copied
    /// shares them.
    pub rules: Arc<Vec<Rule>>,
    /// The text that the rules stand in.
    pub source: Source,
    pub(super) index: Index,
}

/// What tells of the rules of a chain without going through them; made when
/// it is first asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    order: OnceLock<Option<Arc<Order>>>,
    kinds: OnceLock<Arc<Kinds>>,
}

/// Chains with fewer rules are gone through rule by rule.
const SHORT: usize = if cfg!(test) { 2 } else { 48 };

impl Chain {
    /// Its rules in the order of their sources; `None` where they are so few
    /// that this is no help, or too many.
    pub(crate) fn order(&self) -> Option<&Order> {
        if self.rules.len() < SHORT {
            return None;
        }
        let make = || Order::new(&self.rules).map(Arc::new);
        self.index.order.get_or_init(make).as_deref()
    }

    /// Which of its rules say the same but for their sources.
    pub(crate) fn kinds(&self) -> &Kinds {
        self.index.kinds.get_or_init(|| Kinds::new(&self.rules).into())
    }

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
        mut matches: Vec<Match>,
        action: Action,
        at: At,
    ) -> Self {
        matches.shrink_to_fit();
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

    /// What no two rules share that differ in more than the origin.
    pub(crate) fn beside_origin(&self) -> usize {
        Arc::as_ptr(&self.body).addr()
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

impl Ruleset {
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
}
