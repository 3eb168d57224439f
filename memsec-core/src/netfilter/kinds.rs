//! The rules of a chain, by what they say beside their sources.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::{Action, Chain, Rule, Test};

/// Which rules of a chain say the same but for their sources. Of a million
/// rules most say one of a few things, so that whoever asks what rules say
/// asks one of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Kinds {
    /// By kind, the place of its first rule; ascending.
    firsts: Vec<usize>,
    /// By kind, what its rules are about.
    about: Vec<About>,
    /// By kind, the first and the last destination port that its rules are
    /// for, all of them where they ask for none.
    ports: Vec<(u16, u16)>,
    /// By place, the kind.
    of: Vec<u32>,
}

/// What rules ask or do, of the little that all rules are searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct About(u8);

impl About {
    /// The interface that a packet comes in by, or its source port.
    pub(crate) const ORIGIN: Self = Self(1);
    /// Its destination port.
    pub(crate) const PORT: Self = Self(2);
    /// Another chain.
    pub(crate) const CALL: Self = Self(4);

    fn of(rule: &Rule) -> Self {
        let call = matches!(rule.action(), Action::Jump(_) | Action::Goto(_));
        let asks = rule.matches().iter().map(|one| match one.test {
            Test::In(_) | Test::SourcePort(_) => Self::ORIGIN.0,
            Test::DestinationPort(_) => Self::PORT.0,
            Test::EitherPort(_) => Self::ORIGIN.0 | Self::PORT.0,
            _ => 0,
        });
        let call = if call { Self::CALL.0 } else { 0 };
        Self(asks.fold(call, |all, one| all | one))
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The first and the last destination port that a rule is for. Most of a
/// million rules are told apart by it, without a look at each of them.
fn ports(rule: &Rule) -> (u16, u16) {
    let sets = rule.matches().iter().filter_map(|one| match &one.test {
        Test::DestinationPort(set) if !one.negated => Some(set),
        _ => None,
    });
    let ends = sets.filter_map(|set| set.first().zip(set.last()));
    ends.fold((0, u16::MAX), |all, own| (all.0.max(own.0), all.1.min(own.1)))
}

impl Kinds {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut known: HashMap<usize, u32, RandomState> = HashMap::default();
        let (mut firsts, mut about) = (Vec::new(), Vec::new());
        let mut destined = Vec::new();
        let mut of = Vec::with_capacity(rules.len());
        let mut last = (0, 0);
        for (at, rule) in rules.iter().enumerate() {
            let body = rule.beside_origin();
            if last.0 != body || at == 0 {
                // There is no room for more rules than have numbers.
                let next = u32::try_from(firsts.len()).unwrap_or(u32::MAX);
                let kind = *known.entry(body).or_insert(next);
                if kind == next {
                    firsts.push(at);
                    about.push(About::of(rule));
                    destined.push(ports(rule));
                }
                last = (body, kind);
            }
            of.push(last.1);
        }
        Self { firsts, about, ports: destined, of }
    }

    /// How many there are of the rules before a place: the first ones.
    pub(crate) fn before(&self, place: usize) -> usize {
        self.firsts.partition_point(|first| *first < place)
    }

    /// False if the rules of a kind are for other destination ports.
    pub(crate) fn may_be_for(&self, kind: usize, port: u16) -> bool {
        let ports = self.ports.get(kind);
        ports.is_none_or(|(first, last)| (*first..=*last).contains(&port))
    }

    /// The kind of a rule at a place.
    pub(crate) fn at(&self, place: usize) -> Option<usize> {
        self.of.get(place).map(|&kind| kind as usize)
    }

    /// False if the rule at a place is for other destination ports.
    pub(crate) fn may_take(&self, place: usize, port: Option<u16>) -> bool {
        let both = self.at(place).zip(port);
        both.is_none_or(|(kind, port)| self.may_be_for(kind, port))
    }

    /// The kinds of the rules from one place to another, in their order.
    pub(crate) fn within(
        &self,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = usize> + '_ {
        let part = self.of.get(from..to).unwrap_or_default();
        part.iter().map(|&kind| kind as usize)
    }
}

impl Chain {
    /// One rule of each kind, in the order of the first ones.
    pub(crate) fn each_kind(&self) -> impl Iterator<Item = &Rule> {
        let firsts = self.kinds().firsts.iter();
        firsts.filter_map(|&at| self.rules.get(at))
    }

    /// One rule of each kind that is about something.
    pub(crate) fn each_about(
        &self,
        about: About,
    ) -> impl Iterator<Item = &Rule> {
        let kinds = self.kinds();
        let all = kinds.firsts.iter().zip(&kinds.about);
        let all = all.filter(move |(_, own)| own.meets(about));
        all.filter_map(|(&at, _)| self.rules.get(at))
    }

    /// The rule that a kind is known by.
    pub(crate) fn of_kind(&self, kind: usize) -> Option<&Rule> {
        self.rules.get(*self.kinds().firsts.get(kind)?)
    }

    /// The rules that say something, whatever their sources: `says` is asked
    /// of one of a kind.
    pub(crate) fn that_say(&self, says: impl Fn(&Rule) -> bool) -> Vec<&Rule> {
        self.of_kinds(|_, rule| says(rule))
    }

    /// The same of rules that may be for one of some destination ports.
    pub(crate) fn that_say_of(
        &self,
        ports: &[u16],
        says: impl Fn(&Rule) -> bool,
    ) -> Vec<&Rule> {
        let kinds = self.kinds();
        let may = |kind| ports.iter().any(|port| kinds.may_be_for(kind, *port));
        self.of_kinds(|kind, rule| may(kind) && says(rule))
    }

    fn of_kinds(&self, wanted: impl Fn(usize, &Rule) -> bool) -> Vec<&Rule> {
        let kinds = self.kinds();
        let firsts = kinds.firsts.iter().filter_map(|&at| self.rules.get(at));
        let wanted: Vec<bool> =
            (0..).zip(firsts).map(|(kind, rule)| wanted(kind, rule)).collect();
        if !wanted.contains(&true) {
            return Vec::new();
        }
        let both = kinds.within(0, self.rules.len()).zip(self.rules.iter());
        both.filter(|(kind, _)| wanted.get(*kind) == Some(&true))
            .map(|(_, rule)| rule)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        net::PortSet,
        netfilter::{Action, Match, Origin, Test},
        text::At,
    };

    proptest! {
        #[test]
        fn a_rule_is_of_the_kind_that_says_the_same(
            all in prop::collection::vec((0..4_usize, any::<u32>()), 0..40),
        ) {
            let bodies: Vec<Rule> = (0..4_u16).map(|port| {
                let test = Test::DestinationPort(PortSet::one(port));
                let matches = vec![Match::new(test)];
                Rule::of(Origin::Any, matches, Action::Drop, At::new(0, 0))
            }).collect();
            let rules: Vec<Rule> = all.iter().map(|&(body, first)| {
                let origin = Origin::V4 { negated: false, first, last: first };
                bodies[body].with(Some(origin), At::new(0, 0))
            }).collect();
            let kinds = Kinds::new(&rules);
            prop_assert!(kinds.firsts.is_sorted());
            prop_assert_eq!(kinds.within(0, rules.len()).count(), rules.len());
            for (at, rule) in rules.iter().enumerate() {
                let first = kinds.firsts[kinds.at(at).unwrap()];
                prop_assert!(first <= at);
                prop_assert_eq!(
                    rules[first].beside_origin(),
                    rule.beside_origin()
                );
            }
        }
    }
}
