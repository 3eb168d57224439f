//! One packet in one base chain, rule by rule, along every way that it may
//! take.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::parcel::Parcel;
use crate::{
    net::Family,
    netfilter::{Action, Chain, Refusal},
    reach::{
        cell::{Address, Cell, Truth},
        chain::{Budget, TooMuch},
        meeting::{Meeting, Outcome},
        stage::Stage,
    },
};

/// How a base chain lets go of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    Pass,
    Drop,
    Reject(Refusal),
}

/// Where a packet is: in which chains, each with the next rule there.
type Stack = Vec<(usize, usize)>;

/// A tour of a base chain.
pub(super) struct Tour<'s, 'a, V, M> {
    pub stage: &'s Stage<'a>,
    pub budget: &'s Budget,
    /// How its rules see a parcel.
    pub view: V,
    /// Hears of all that is met.
    pub meet: M,
    /// Where a redirected packet goes.
    pub here: Option<Address>,
    ways: Vec<(Stack, Parcel)>,
    /// The rules of long chains that may be for a source.
    near: HashMap<(usize, u32), Option<Rc<[usize]>>>,
    seen: HashSet<(Stack, Parcel)>,
    ends: Vec<(End, Parcel)>,
}

impl<'s, 'a, 'c, V, M> Tour<'s, 'a, V, M>
where
    V: Fn(&Parcel) -> Cell<'c>,
    M: FnMut(Meeting<'a>),
{
    pub(super) fn new(
        stage: &'s Stage<'a>,
        budget: &'s Budget,
        view: V,
        meet: M,
        here: Option<Address>,
    ) -> Self {
        let (ways, near, seen, ends) = Default::default();
        Self { stage, budget, view, meet, here, ways, near, seen, ends }
    }

    /// The ends that a parcel may come to, each once.
    pub(super) fn take(
        mut self,
        parcel: Parcel,
    ) -> Result<Vec<(End, Parcel)>, TooMuch> {
        self.ways.push((vec![(self.stage.index, 0)], parcel));
        while let Some((stack, parcel)) = self.ways.pop() {
            self.follow(stack, parcel)?;
        }
        Ok(self.ends)
    }

    /// Goes on to the next rule that holds, or may hold.
    fn follow(
        &mut self,
        mut stack: Stack,
        parcel: Parcel,
    ) -> Result<(), TooMuch> {
        let stage = *self.stage;
        let cell = (self.view)(&parcel);
        loop {
            let Some((at, next)) = stack.last_mut() else {
                self.policy(parcel);
                return Ok(());
            };
            let chain = stage.table.chains.get(*at).unwrap_or(stage.chain);
            let place = self.next(*at, *next, chain, &cell);
            let Some(rule) = place.and_then(|at| chain.rules.get(at)) else {
                stack.pop();
                continue;
            };
            *next = place.unwrap_or(*next) + 1;
            self.budget.spend(1)?;
            let (truth, _) = cell.judge(rule);
            if truth == Truth::No {
                continue;
            }
            let known = truth == Truth::Yes;
            let forks = matches!(rule.action(), Action::Unknown(_));
            if !parcel.sure || !known || forks {
                // Each way is kept with all the calls that led to it.
                self.budget.spend(stack.len())?;
            }
            if !parcel.sure && !self.seen.insert((stack.clone(), parcel)) {
                return Ok(());
            }
            (self.meet)(Meeting {
                chains: stage.table.chains.as_slice(),
                chain,
                what: Outcome::Rule(rule),
                sure: known && parcel.sure,
                known,
            });
            if matches!(rule.action(), Action::Continue) {
                continue;
            }
            let unsure = Parcel { sure: false, ..parcel };
            if !known {
                self.ways.push((stack.clone(), unsure));
            }
            self.act(stack, if known { parcel } else { unsure }, rule.action());
            return Ok(());
        }
    }

    /// The next rule of a chain that may be for a packet, from one on.
    fn next(
        &mut self,
        at: usize,
        next: usize,
        chain: &Chain,
        cell: &Cell<'_>,
    ) -> Option<usize> {
        let source = match (cell.family, cell.source) {
            (Family::Ipv4, Address::Known(source)) => source.try_into().ok(),
            _ => None,
        };
        let order = chain.order().zip(source);
        let Some((order, source)) = order else { return Some(next) };
        let near = self.near.entry((at, source));
        let near =
            near.or_insert_with(|| Some(order.meeting(source, source)?.into()));
        let Some(places) = near else { return Some(next) };
        let start = places.partition_point(|&place| place < next);
        let mut rest = places.get(start..)?.iter().copied();
        let kinds = chain.kinds();
        rest.find(|&place| kinds.may_take(place, cell.dport))
    }

    /// Does what a rule says.
    fn act(&mut self, mut stack: Stack, mut parcel: Parcel, action: &Action) {
        let unsure = Parcel { sure: false, ..parcel };
        match action {
            Action::Accept => return self.end(End::Pass, parcel),
            Action::Drop => return self.end(End::Drop, parcel),
            Action::Reject(how) => {
                return self.end(End::Reject(*how), parcel);
            }
            Action::Translate(to) => {
                let end = match parcel.translate(to, self.here) {
                    true => End::Pass,
                    false => End::Drop,
                };
                return self.end(end, parcel);
            }
            Action::Queue { .. } => {
                self.end(End::Pass, unsure);
                return self.end(End::Drop, unsure);
            }
            Action::Unknown(_) => {
                if self.stage.base.nat {
                    self.end(End::Pass, unsure.elsewhere());
                }
                self.end(End::Pass, unsure);
                self.end(End::Drop, unsure);
                let all = unsure.whatever().map(|one| (stack.clone(), one));
                return self.ways.extend(all);
            }
            Action::Continue => {}
            Action::Return => {
                stack.pop();
            }
            Action::Jump(to) => stack.push((*to, 0)),
            Action::Goto(to) => {
                stack.pop();
                stack.push((*to, 0));
            }
            Action::NoTrack => parcel.untrack(),
            Action::Zone => parcel.set_zone(),
            Action::Mark(marking) => parcel.mark(*marking),
        }
        self.ways.push((stack, parcel));
    }

    fn policy(&mut self, parcel: Parcel) {
        let base = self.stage.base;
        let accepts = base.accepts;
        (self.meet)(Meeting {
            chains: self.stage.table.chains.as_slice(),
            chain: self.stage.chain,
            what: Outcome::Policy { accepts, span: base.span.as_ref() },
            sure: parcel.sure,
            known: true,
        });
        self.end(if accepts { End::Pass } else { End::Drop }, parcel);
    }

    fn end(&mut self, end: End, parcel: Parcel) {
        if !self.ends.contains(&(end, parcel)) {
            self.ends.push((end, parcel));
        }
    }
}
