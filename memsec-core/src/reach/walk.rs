//! The way of a packet through the base chains of its hooks.

use super::{
    Proto,
    cell::{Address, Cell, Interface, Tuple},
    chain::{self, Budget, TooMuch},
    effect::Effect,
    piecewise::Piecewise,
};
use crate::{
    net::Family,
    netfilter::{
        Action, AddressType, Base, Chain, Hook, Rule, Ruleset, State, Table,
    },
};

/// What may have become of a packet, each as one bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate(u8);

impl Fate {
    /// Under way, and conntrack knows it.
    pub(super) const TRACKED: Self = Self(1);
    /// Under way, and conntrack does not.
    pub(super) const UNTRACKED: Self = Self(2);
    /// Under way, with its destination translated.
    pub(super) const TRANSLATED: Self = Self(4);
    pub(super) const DROPPED: Self = Self(8);
    pub(super) const REJECTED: Self = Self(16);
    /// It met the rule that is asked for.
    pub(super) const PROBED: Self = Self(32);
    const ALIVE: [Self; 3] = [Self::TRACKED, Self::UNTRACKED, Self::TRANSLATED];
    const NOTHING: Self = Self(0);

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if it may come through.
    pub(super) fn alive(self) -> bool {
        self.0 & 7 != 0
    }

    /// True if it is sure to come through as it was sent.
    pub(super) fn sure(self) -> bool {
        self.0 & 3 != 0 && self.0 & !3 == 0
    }

    fn ended(self) -> Self {
        Self(self.0 & !7)
    }

    /// What becomes in a base chain of a packet that is `self`, one of
    /// [`Self::ALIVE`].
    fn after(self, effect: Effect, base: &Base) -> Self {
        let changed = if base.nat {
            Self::TRANSLATED
        } else if base.hook == Hook::Ingress || base.priority <= CONNTRACK {
            Self::UNTRACKED
        } else {
            // What conntrack knows already, NOTRACK cannot make it forget.
            self
        };
        let pick = |holds, fate| if holds { fate } else { Self::NOTHING };
        // A nat chain only runs where conntrack does, so it may not run.
        pick(effect.accepts() || base.nat && effect.drops(), self)
            .or(pick(effect.accepts_changed(), changed))
            .or(pick(effect.drops(), Self::DROPPED))
            .or(pick(effect.rejects(), Self::REJECTED))
            .or(pick(effect.probed(), Self::PROBED))
    }
}

/// The priority at which conntrack looks at packets: NF_IP_PRI_CONNTRACK.
const CONNTRACK: i32 = -200;

/// A packet on its way, in what does not change from hook to hook.
#[derive(Clone, Debug)]
pub(super) struct Flow<'a> {
    pub family: Family,
    pub proto: Proto,
    pub source: Address,
    pub destination: Address,
    pub sport: Option<u16>,
    pub dport: Option<u16>,
    /// Where it comes in, or for what the host sends, where it goes out.
    pub interface: Interface<'a>,
    pub state: Option<State>,
    pub reply: bool,
    pub flags: u8,
    /// What routing says of the destination.
    pub destination_type: Option<AddressType>,
    /// True if some rule sets marks.
    pub marks: bool,
    /// True for a packet with no headers but those it needs.
    pub ordinary: bool,
    /// The rule of which is asked whether packets get to it.
    pub probe: Option<&'a Rule>,
}

impl<'a> Flow<'a> {
    /// As the rules of a base chain see it, if it is `fate` by then.
    pub(super) fn cell(&self, base: &Base, fate: Fate) -> Cell<'a> {
        let translated = fate == Fate::TRANSLATED;
        let sent = matches!(base.hook, Hook::Output | Hook::Postrouting);
        let forward = base.hook == Hook::Forward;
        let nothing = Interface::Named("");
        let lo = self.interface == Interface::Named("lo");
        Cell {
            family: self.family,
            proto: self.proto,
            source: self.source,
            destination: match self.destination {
                Address::Known(_) if translated => Address::Unknown,
                other => other,
            },
            sport: self.sport,
            dport: if translated && forward { None } else { self.dport },
            input: if sent { nothing } else { self.interface },
            output: match (sent, forward) {
                (false, false) => nothing,
                // The answer may take another way than the question.
                (true, _) if lo => self.interface,
                _ => Interface::NotLoopback,
            },
            state: self.state(base, fate),
            reply: self.reply,
            flags: self.flags,
            source_type: lo.then_some(AddressType::Local),
            destination_type: match base.hook {
                Hook::Forward => None,
                _ => self.destination_type,
            },
            dnat: (!translated).then_some(false),
            snat: (!translated).then_some(false),
            mark: (!self.marks).then_some(0),
            connection_mark: (!self.marks).then_some(0),
            original: self.original(translated),
            translated: None,
            reverse: [None; 2],
            ordinary: self.ordinary,
            probe: self.probe,
        }
    }

    /// Its port as it was sent: translations come later, and the answer has
    /// it on the other side.
    fn original(&self, translated: bool) -> Option<Tuple> {
        let dport = if self.reply { self.sport } else { self.dport };
        (!translated).then_some(Tuple {
            source: None,
            sport: None,
            destination: None,
            dport,
        })
    }

    /// nf_conntrack_core.c: before it, packets have no state, which reads as
    /// invalid; packets over lo were seen already.
    fn state(&self, base: &Base, fate: Fate) -> Option<State> {
        let first = matches!(base.hook, Hook::Prerouting | Hook::Output);
        let before =
            base.hook == Hook::Ingress || first && base.priority < CONNTRACK;
        if fate == Fate::UNTRACKED {
            Some(State::Untracked)
        } else if first && base.priority == CONNTRACK {
            None
        } else if before {
            let again = base.hook == Hook::Prerouting
                && self.interface == Interface::Named("lo");
            if again { None } else { Some(State::Invalid) }
        } else {
            self.state
        }
    }

    /// nf_nat_core.c: a packet of no connection, or of one that is there
    /// already, does not see nat chains.
    pub(super) fn sees(&self, base: &Base, fate: Fate) -> bool {
        let first = match self.state {
            None => true,
            Some(state) => state.meets(State::New | State::Related),
        };
        !base.nat || first && fate != Fate::UNTRACKED
    }
}

/// A base chain and the table it is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage<'a> {
    pub table: &'a Table,
    pub index: usize,
    pub chain: &'a Chain,
    pub base: &'a Base,
}

/// The base chains of hooks, in the order that packets meet them.
pub(super) fn stages<'a>(
    ruleset: &'a Ruleset,
    family: Family,
    hooks: &[Hook],
) -> Vec<Stage<'a>> {
    let mut out = Vec::new();
    for hook in hooks {
        let start = out.len();
        let tables = ruleset.tables.iter();
        for table in tables.filter(|table| table.families.contain(family)) {
            for (index, chain) in table.chains.iter().enumerate() {
                if let Some(base) = &chain.base {
                    if base.hook == *hook {
                        out.push(Stage { table, index, chain, base });
                    }
                }
            }
        }
        if let Some(of_hook) = out.get_mut(start..) {
            // net/netfilter/core.c, nf_hook_entries_grow(): of equal
            // priorities the one that was registered later runs first.
            of_hook.reverse();
            of_hook.sort_by_key(|stage: &Stage<'_>| stage.base.priority);
        }
    }
    out
}

/// What becomes in `stages` of packets that are `fate` before.
pub(super) fn walk(
    stages: &[Stage<'_>],
    flow: &Flow<'_>,
    fate: Piecewise<Fate>,
    budget: &Budget,
) -> Result<Piecewise<Fate>, TooMuch> {
    stages.iter().try_fold(fate, |fate, stage| pass(stage, flow, &fate, budget))
}

fn pass(
    stage: &Stage<'_>,
    flow: &Flow<'_>,
    fate: &Piecewise<Fate>,
    budget: &Budget,
) -> Result<Piecewise<Fate>, TooMuch> {
    budget.spend(fate.len())?;
    let mut after = fate.map(Fate::ended);
    for one in Fate::ALIVE.into_iter().filter(|&one| fate.any(|f| f.has(one))) {
        let own = if flow.sees(stage.base, one) {
            let cell = flow.cell(stage.base, one);
            let effect = chain::base(stage.table, stage.index, &cell, budget)?;
            effect.map(|effect| one.after(effect, stage.base))
        } else {
            Piecewise::constant(one)
        };
        let own =
            fate.zip(
                &own,
                |fate, own| {
                    if fate.has(one) { own } else { Fate::NOTHING }
                },
            );
        after = after.zip(&own, Fate::or);
    }
    Ok(after)
}

/// What becomes of one packet in a stage, by the effects that `effect` gives
/// for each thing that it may be.
pub(super) fn step(
    stage: &Stage<'_>,
    flow: &Flow<'_>,
    fate: Fate,
    mut effect: impl FnMut(Fate) -> Effect,
) -> Fate {
    let alive = Fate::ALIVE.into_iter().filter(|&one| fate.has(one));
    alive.fold(fate.ended(), |after, one| {
        let own = if flow.sees(stage.base, one) {
            one.after(effect(one), stage.base)
        } else {
            one
        };
        after.or(own)
    })
}

/// True if a rule sets marks, so that they are not known.
pub(super) fn sets_marks(ruleset: &Ruleset) -> bool {
    let chains = ruleset.tables.iter().flat_map(|table| &table.chains);
    let mut rules = chains.flat_map(|chain| &chain.rules);
    rules.any(|rule| {
        matches!(rule.action(), Action::Mark(_) | Action::Unknown(_))
    })
}
