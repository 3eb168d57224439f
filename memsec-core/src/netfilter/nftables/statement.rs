//! The statements of a rule: libnftables-json(5), "statements".

use serde_json::Value;

use super::{
    Piece,
    changes::Changes,
    condition,
    effect::{self, Way},
    left::Left,
    own,
    set::Sets,
};
use crate::netfilter::{Action, Families, Marking, Match, Refusal, Test};

/// What a rule comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Statement {
    Decides(Action),
    Jump(String),
    Goto(String),
}

/// The conditions of a rule of the model, and what it does.
pub(super) type Line = (Vec<Match>, Statement);

/// A rule that is being read.
pub(super) struct Reading<'r, 'a> {
    families: Families,
    sets: &'r Sets<'a>,
    matches: Vec<Match>,
    /// Those of them that other conditions implied.
    implied: Vec<Match>,
    /// What it does on the way, each with what stands before.
    before: Vec<Line>,
    last: Option<Statement>,
    /// True if nothing behind is reached.
    ended: bool,
    /// True if nft does not show all of it.
    pub hidden: bool,
    /// True if iptables-save has no word for something in it.
    pub inexpressible: bool,
}

impl<'r, 'a> Reading<'r, 'a> {
    pub(super) fn new(families: Families, sets: &'r Sets<'a>) -> Self {
        Self {
            families,
            sets,
            matches: Vec::new(),
            implied: Vec::new(),
            before: Vec::new(),
            last: None,
            ended: false,
            hidden: false,
            inexpressible: false,
        }
    }

    /// The rules it comes to: one for each thing that it does.
    pub(super) fn finish(self) -> Vec<Line> {
        let mut all = self.before;
        let last = match self.last {
            _ if self.ended => None,
            None => all.is_empty().then(continues),
            last => last,
        };
        all.extend(last.map(|last| (self.matches, last)));
        let all = all.into_iter();
        all.map(|(matches, to)| (neighbours(matches), to)).collect()
    }

    /// Reads the next statement.
    pub(super) fn statement(&mut self, statement: &Value) {
        if self.ended || self.last.is_some() {
            return;
        }
        let entry = statement.as_object().and_then(|o| o.iter().next());
        let Some((kind, value)) = entry else { return self.not_known("?") };
        match kind.as_str() {
            "match" => self.condition(value),
            "counter" | "log" | "comment" => {}
            "xt" => self.extension(value),
            "vmap" => self.branch(value),
            "limit" | "quota" | "ct count" | "connlimit" | "last" | "set"
            | "map" | "meter" => self.undecided(kind, value),
            kind => self.effect(kind, value),
        }
    }

    /// Time decides, or what came before: also a set that is full ends the
    /// rule.
    fn undecided(&mut self, kind: &str, value: &Value) {
        // iptables-nft writes `-m limit` so; it counts no bytes.
        let shown = kind == "limit" && value.get("rate_unit").is_none();
        self.inexpressible |= !shown;
        self.matches.push(Match::new(Test::Undecided));
    }

    fn on_the_way(&mut self, action: Action) {
        let one = (Vec::new(), Statement::Decides(action));
        self.one_of(vec![one], Vec::new());
    }

    /// One that is not known may match or not, and do anything.
    fn not_known(&mut self, kind: &str) {
        self.inexpressible = true;
        self.matches.push(Match::new(Test::Unknown));
        let action = Action::Unknown(kind.to_owned());
        self.last = Some(Statement::Decides(action));
    }

    fn effect(&mut self, kind: &str, value: &Value) {
        if let Some(verdict) = verdict(kind, value) {
            self.inexpressible |= verdict == continues();
            self.last = Some(verdict);
            return;
        }
        self.inexpressible = true;
        match effect::way(kind, value, self.families, self.sets) {
            Way::Nothing => {}
            Way::Passes(action) => self.on_the_way(action),
            Way::Looks(all, any) => {
                let all = all.into_iter();
                let all = all.map(|(own, to)| (own, Statement::Decides(to)));
                self.one_of(all.collect(), any);
            }
            Way::Ends(condition, action) => {
                self.matches.extend(condition);
                self.last = Some(Statement::Decides(action));
            }
            Way::Branches(all) => {
                for (own, action) in all {
                    self.only(own, Statement::Decides(action));
                }
                self.ended = true;
            }
            Way::Unknown => self.not_known(kind),
        }
    }

    /// A rule for those of the packets that meet some conditions more.
    fn only(&mut self, own: Vec<Match>, statement: Statement) {
        let matches = self.matches.iter().cloned().chain(own);
        self.before.push((matches.collect(), statement));
    }

    /// What iptables-nft made and nft cannot show: only its name is there.
    fn extension(&mut self, value: &Value) {
        let text = |key| value.get(key).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        let target = text("type") == Some("target");
        if !target && name == "comment" {
            return;
        }
        self.hidden = true;
        let action = match (target, name) {
            (false, _) => {
                self.matches.push(Match::new(Test::Unknown));
                return;
            }
            (true, "LOG" | "NFLOG" | "TCPMSS" | "TRACE") => return,
            (true, "MARK" | "CONNMARK") => {
                return self.on_the_way(Action::Mark(Marking::Unknown));
            }
            (true, "REJECT") => Action::Reject(Refusal::Hidden),
            (true, "MASQUERADE" | "SNAT") => effect::source(),
            (true, "DNAT" | "NETMAP" | "REDIRECT") => effect::somewhere(),
            (true, name) => Action::Unknown(name.to_owned()),
        };
        self.last = Some(Statement::Decides(action));
    }

    /// Does one of some things, each under conditions of its own, and goes on
    /// if `rest` holds. All are asked before any is done.
    fn one_of(&mut self, all: Vec<Line>, mut rest: Vec<Match>) {
        let mut changed = Changes::default();
        for (own, statement) in all {
            let mut matches: Vec<Match> =
                self.matches.iter().cloned().chain(own).collect();
            changed.outdate(&mut matches);
            changed = changed.and(Changes::of(&statement));
            self.before.push((matches, statement));
        }
        self.matches.append(&mut rest);
        changed.outdate(&mut self.matches);
    }

    /// A verdict map: one rule for each verdict. What goes on with
    /// "continue" meets the rest of the rule, and nothing else does.
    fn branch(&mut self, value: &Value) {
        self.inexpressible = true;
        let Some(branches) = self.branches(value) else {
            return self.not_known("vmap");
        };
        let (on, mut off): (Vec<_>, Vec<_>) =
            branches.into_iter().partition(|(_, to)| *to == continues());
        // What only calls a chain comes back.
        off.sort_by_key(|(_, to)| matches!(to, Statement::Jump(_)));
        self.ended = on.is_empty();
        let on = on.into_iter().flat_map(|(own, _)| own).collect();
        self.one_of(off, on);
    }

    fn branches(&self, value: &Value) -> Option<Vec<Line>> {
        let key = Left::new(value.get("key")?, self.families);
        let groups = effect::grouped(value.get("data")?, self.sets)?;
        let branch = |(keys, to): (Vec<Piece<'_>>, &Value)| {
            let (kind, value) = to.as_object()?.iter().next()?;
            let matches = condition::keyed(&key, &keys)?;
            Some((matches, verdict(kind, value)?))
        };
        groups.into_iter().map(branch).collect()
    }

    fn condition(&mut self, value: &Value) {
        let (Some(left), Some(right)) = (value.get("left"), value.get("right"))
        else {
            return self.matches.push(Match::new(Test::Unknown));
        };
        let op = value.get("op").and_then(Value::as_str).unwrap_or("==");
        self.inexpressible |= !own::expressible(op, left, right);
        let left = Left::new(left, self.families);
        let right = Piece::of(right);
        let own = condition::matches(&left, op, &right, self.sets);
        for implied in left.implied {
            if !self.implied.contains(&implied) {
                self.implied.push(implied.clone());
                self.matches.push(implied);
            }
        }
        self.matches.extend(own);
    }
}

fn continues() -> Statement {
    Statement::Decides(Action::Continue)
}

/// A statement that ends the rule.
fn verdict(kind: &str, value: &Value) -> Option<Statement> {
    let target = || value.get("target")?.as_str().map(str::to_owned);
    Some(match kind {
        "jump" => Statement::Jump(target()?),
        "goto" => Statement::Goto(target()?),
        "accept" => Statement::Decides(Action::Accept),
        "drop" => Statement::Decides(Action::Drop),
        "return" => Statement::Decides(Action::Return),
        "continue" => continues(),
        _ => return None,
    })
}

/// nft joins "!=" of two fields that are next to each other in a header
/// (rule.c, payload_try_merge(), of 1.0.6 and before): the kernel then asks
/// whether not both are equal, and the listing shows the same as ever. Newer
/// ones ask for each.
fn neighbours(mut matches: Vec<Match>) -> Vec<Match> {
    type Field = fn(&Test) -> bool;
    const PAIRS: [[Field; 2]; 2] = [
        [
            |test| matches!(test, Test::SourcePort(_)),
            |test| matches!(test, Test::DestinationPort(_)),
        ],
        [
            |test| matches!(test, Test::Source(_)),
            |test| matches!(test, Test::Destination(_)),
        ],
    ];
    for [one, other] in PAIRS {
        let negated = |field: Field, matches: &[Match]| {
            matches.iter().position(|m| m.negated && field(&m.test))
        };
        let both = (negated(one, &matches), negated(other, &matches));
        let (Some(first), Some(second)) = both else { continue };
        let (low, high) = (first.min(second), first.max(second));
        let (b, a) = (matches.remove(high), matches.remove(low));
        let doubt = Match::new(Test::Undecided);
        let lists = [
            vec![a.clone(), b.clone()],
            vec![a, doubt.clone()],
            vec![b, doubt],
        ];
        matches.insert(low, Match::new(Test::Either(lists.into())));
    }
    matches
}
