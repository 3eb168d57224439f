//! What a chain does to packets, as bits.

use crate::netfilter::Action;

/// What may come of a packet in a chain, each as one bit: the ends it may
/// meet, and whether it may fall through. Effects compose in the order of
/// the rules; falling through untouched is the neutral one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect(u8);

const ACCEPT: u8 = 1;
const DROP: u8 = 1 << 1;
const REJECT: u8 = 1 << 2;
const RETURN: u8 = 1 << 3;
const PASS: u8 = 1 << 4;

impl Effect {
    /// Nothing: it falls through.
    pub(super) const NONE: Self = Self(PASS);
    /// It stands for one that is not told.
    pub(super) const UNTOLD: Self = Self(0);
    /// Whatever there is.
    pub(super) const ANY: Self = Self(ACCEPT | DROP | REJECT | RETURN | PASS);

    /// What an action does that ends a packet's way through a chain, or has
    /// no effect; `None` of those that change the packet, and of calls.
    pub(super) fn of(action: &Action) -> Option<Self> {
        Some(Self(match action {
            Action::Accept => ACCEPT,
            Action::Drop => DROP,
            Action::Reject(_) => REJECT,
            Action::Return => RETURN,
            Action::Queue { .. } => ACCEPT | DROP,
            Action::Continue => PASS,
            Action::Translate(_)
            | Action::NoTrack
            | Action::Zone
            | Action::Unknown(_)
            | Action::Mark(_)
            | Action::Jump(_)
            | Action::Goto(_) => return None,
        }))
    }

    /// The ends that a packet may meet, each by itself.
    pub(super) const ENDS: [Self; 4] =
        [Self(ACCEPT), Self(DROP), Self(REJECT), Self(RETURN)];

    /// The answers to a question, of which each effect is asked once.
    pub(super) fn asked(
        question: impl Fn(Self) -> bool,
    ) -> impl Fn(Self) -> bool {
        let answers: [bool; 32] =
            std::array::from_fn(|bits| question(Self(bits as u8)));
        move |effect| answers.get(usize::from(effect.0)) == Some(&true)
    }

    /// True if all that may come of a packet by `other` may come of it here.
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// First this, then `next`.
    pub(super) fn then(self, next: Self) -> Self {
        match self.passes() {
            true => Self(self.0 & !PASS | next.0),
            false => self,
        }
    }

    /// Either.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if a packet may fall through.
    pub(super) fn passes(self) -> bool {
        self.0 & PASS != 0
    }

    /// True if it is told, and no packet may fall through.
    pub(super) fn ends(self) -> bool {
        self != Self::UNTOLD && !self.passes()
    }

    /// A whole chain, called: what returns falls through.
    pub(super) fn called(self) -> Self {
        let pass = if self.returns() { PASS } else { 0 };
        Self(self.0 & !RETURN | pass)
    }

    /// A whole chain, gone to: what falls through returns from the chain
    /// that it came from.
    pub(super) fn gone_to(self) -> Self {
        self.called().then(Self(RETURN))
    }

    pub(super) fn accepts(self) -> bool {
        self.0 & ACCEPT != 0
    }

    pub(super) fn returns(self) -> bool {
        self.0 & RETURN != 0
    }

    /// True if a packet may come out at the end, or return.
    pub(super) fn leaves(self) -> bool {
        self.passes() || self.returns()
    }

    pub(super) fn stops(self) -> bool {
        self.0 & (DROP | REJECT) != 0
    }
}
