//! What a chain does to packets, as bits.

use crate::netfilter::{Action, Translated, Translation};

/// What may come of a packet in a chain, each as one bit: the ends it may
/// meet, and whether it may fall through. Effects compose in the order of
/// the rules; falling through untouched is the neutral one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect(u16);

/// An end, for packets that no rule changed; [`Effect::CHANGED`] bits
/// further up for those that one did (by NOTRACK, or another destination).
const ACCEPT: u16 = 1;
const DROP: u16 = 1 << 1;
const REJECT: u16 = 1 << 2;
const RETURN: u16 = 1 << 3;
const ENDS: u16 = ACCEPT | DROP | REJECT | RETURN;
const CHANGED: u32 = 4;
const PASS: u16 = 1 << 8;
const PASS_CHANGED: u16 = 1 << 9;
/// It may have got to the rule that is asked for.
const PROBED: u16 = 1 << 10;

impl Effect {
    /// Nothing: it falls through.
    pub(super) const NONE: Self = Self(PASS);
    /// Whatever there is.
    pub(super) const ANY: Self = Self((1 << 10) - 1);

    /// What the rule that is asked for does: it takes note, and ends.
    pub(super) const PROBE: Self = Self(PROBED);

    /// What an action does that is no call.
    pub(super) fn of(action: &Action) -> Self {
        Self(match action {
            Action::Accept => ACCEPT,
            Action::Drop => DROP,
            Action::Reject => REJECT,
            Action::Return => RETURN,
            // The source decides nothing about where it is delivered.
            Action::Translate(Translation {
                of: Translated::Source, ..
            }) => ACCEPT,
            Action::Translate(_) => ACCEPT << CHANGED,
            Action::NoTrack => PASS_CHANGED,
            Action::Unknown(_) | Action::Queue { .. } => return Self::ANY,
            Action::Continue
            | Action::Mark(_)
            | Action::Jump(_)
            | Action::Goto(_) => PASS,
        })
    }

    /// The policy of a base chain.
    pub(super) fn policy(accepts: bool) -> Self {
        Self(if accepts { ACCEPT } else { DROP })
    }

    /// First this, then `next`.
    pub(super) fn then(self, next: Self) -> Self {
        let mut out = self.0 & !(PASS | PASS_CHANGED);
        if self.0 & PASS != 0 {
            out |= next.0;
        }
        if self.0 & PASS_CHANGED != 0 {
            out |= next.changed().0;
        }
        Self(out)
    }

    /// The same of a packet that is changed already.
    fn changed(self) -> Self {
        let ends = (self.0 | self.0 >> CHANGED) & ENDS;
        let passes = if self.passes() { PASS_CHANGED } else { 0 };
        Self(ends << CHANGED | passes | self.0 & PROBED)
    }

    /// Either.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if a packet may fall through.
    pub(super) fn passes(self) -> bool {
        self.0 & (PASS | PASS_CHANGED) != 0
    }

    /// Only whether it may fall through, changed or not.
    pub(super) fn passing(self) -> Self {
        Self(self.0 & (PASS | PASS_CHANGED))
    }

    /// A whole chain, called: what returns falls through.
    pub(super) fn called(self) -> Self {
        let plain = if self.0 & RETURN != 0 { PASS } else { 0 };
        let changed = self.0 & RETURN << CHANGED != 0;
        let changed = if changed { PASS_CHANGED } else { 0 };
        let rest = self.0 & !(RETURN | RETURN << CHANGED);
        Self(rest | plain | changed)
    }

    /// A whole chain, gone to: what falls through returns from the chain
    /// that it came from.
    pub(super) fn gone_to(self) -> Self {
        let called = self.called();
        called.then(Self(RETURN))
    }

    /// A whole base chain: what falls through meets the policy.
    pub(super) fn base(self, accepts: bool) -> Self {
        self.called().then(Self::policy(accepts))
    }

    pub(super) fn accepts(self) -> bool {
        self.0 & ACCEPT != 0
    }

    pub(super) fn accepts_changed(self) -> bool {
        self.0 & ACCEPT << CHANGED != 0
    }

    pub(super) fn probed(self) -> bool {
        self.0 & PROBED != 0
    }

    pub(super) fn drops(self) -> bool {
        self.0 & (DROP | DROP << CHANGED) != 0
    }

    pub(super) fn rejects(self) -> bool {
        self.0 & (REJECT | REJECT << CHANGED) != 0
    }
}
