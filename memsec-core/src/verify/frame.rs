//! That a plan leaves every packet alone that is not for memcached.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    claims::address,
    guard::is_guard,
    rules::{Action, Chain, Field, Rule, TCP, Table, Test, UDP, has},
    segments::{Range, Segments},
    words::ports,
};
use crate::{Inside, Packet, Policy, Witness};

/// The rules of one moment against those before the plan.
pub(super) struct Frame<'a> {
    pub policy: &'a Policy,
    /// memcached's own ports.
    pub ports: &'a BTreeSet<u16>,
    /// Where it is in containers.
    pub inside: &'a [Inside],
    pub before: &'a [Table],
    pub after: &'a [Table],
}

type Key<'a> = (&'a str, [bool; 2]);

impl Frame<'_> {
    /// What is treated otherwise, or could be.
    pub(super) fn broken(&self) -> Option<Witness> {
        let guard = self.after.iter().filter(|table| is_guard(table));
        let mut new = guard.filter(|now| {
            let mut old = self.before.iter();
            let old = old.find(|t| is_guard(t) && t.families == now.families);
            old.is_none_or(|old| texts(old) != texts(now))
        });
        if let Some(found) = new.find_map(|guard| self.guard_stops(guard)) {
            return Some(found);
        }
        let (old, new) = (keyed(self.before), keyed(self.after));
        if old.keys().ne(new.keys()) {
            return Some(said("a table came or went", None));
        }
        let mut pairs = old.values().zip(new.values());
        pairs.find_map(|(old, new)| self.table(old, new))
    }

    fn guard_stops(&self, guard: &Table) -> Option<Witness> {
        guard.chains.values().find_map(|chain| {
            let base = chain.base.as_ref();
            let here = base.is_some_and(|base| base.hook == "input");
            if base.is_some_and(|base| !base.accepts) {
                return Some(said(
                    "the guard stops what it does not know",
                    None,
                ));
            }
            let mut spared = here;
            chain.rules.iter().find_map(|rule| {
                spared |= spares_others(rule);
                let stops = !goes_on(rule);
                let own = spared && is_for(rule, self.ports)
                    || self.is_for_containers(rule);
                let wrong = stops && !own;
                wrong
                    .then(|| self.stopped(rule, "the guard stops another port"))
            })
        })
    }

    /// Whether a rule is about memcached in containers alone, by addresses
    /// that are theirs.
    fn is_for_containers(&self, rule: &Rule) -> bool {
        self.inside.iter().any(|one| {
            let network = Segments::of([one.network.bounds()]);
            let within = rule.tests.iter().any(|test| match &test.of {
                Field::Destination(set) => {
                    !test.not && Segments::of(set.clone()).is_within(&network)
                }
                _ => false,
            });
            within && is_for(rule, &one.ports.iter().copied().collect())
        })
    }

    /// What a chain says of other packets. Rules in a row that differ in
    /// their ports alone are as one: a range around a port may be two.
    fn others<'r>(&self, chain: &'r Chain) -> Vec<Said<'r>> {
        let own = self.ports.iter().map(|&port| (port.into(), port.into()));
        let own = Segments::of(own);
        let mut all: Vec<Said<'r>> = Vec::new();
        let sends = sends(chain);
        let is_own = |rule: &&Rule| {
            is_for(rule, self.ports) || sends && self.answers_clients(rule)
        };
        for rule in chain.rules.iter().filter(|rule| !is_own(rule)) {
            let mut said = Said::of(rule);
            match (&mut said.ports, all.last_mut()) {
                (None, _) => {}
                (Some(ports), last) => {
                    *ports = std::mem::take(ports).without(&own);
                    let same = last.filter(|last| last.words == said.words);
                    if let Some(known) = same.and_then(|l| l.ports.as_mut()) {
                        known.add(ports);
                        continue;
                    }
                }
            }
            all.push(said);
        }
        all
    }

    fn table(&self, old: &Table, new: &Table) -> Option<Witness> {
        if old.chains.keys().ne(new.chains.keys()) {
            return Some(said("a chain came or went", None));
        }
        let outward = outward(new);
        let pairs = old.chains.iter().zip(new.chains.values());
        let mut pairs = pairs.map(|((name, old), new)| (name, old, new));
        pairs.find_map(|(name, old, new)| {
            self.chain(old, new, !outward.contains(name.as_str()))
        })
    }

    fn chain(&self, old: &Chain, new: &Chain, inward: bool) -> Option<Witness> {
        let way = |chain: &Chain| {
            let base = chain.base.clone()?;
            Some((base.hook, base.priority, base.accepts, base.nat))
        };
        if way(old) != way(new) {
            return Some(said("a chain is entered or left otherwise", None));
        }
        let (known, now) = (self.others(old), self.others(new));
        if known != now {
            let rule = new.rules.iter().find(|rule| {
                let texts = old.rules.iter().map(text);
                !is_for(rule, self.ports)
                    && !texts.clone().any(|known| known == text(rule))
            });
            let message = "a rule for other ports came or went";
            return Some(match rule {
                Some(rule) => self.stopped(rule, message),
                None => said(message, None),
            });
        }
        let known: BTreeSet<_> = old.rules.iter().map(text).collect();
        let mut fresh = new.rules.iter().filter(|rule| {
            let answers = sends(new) && self.answers_clients(rule);
            !known.contains(&text(rule)) && !self.is_beside(rule) && !answers
        });
        fresh.find_map(|rule| match inward {
            false => Some(said(
                "a rule of the plan meets packets for other hosts",
                Some(rule),
            )),
            true => self.lets_in(rule),
        })
    }

    /// Whether a rule lets out what memcached answers to clients of the
    /// policy, and nothing else.
    fn answers_clients(&self, rule: &Rule) -> bool {
        let allow = self.policy.allow.iter().map(|net| net.bounds());
        let allowed = Segments::of(allow);
        let own = |range: &Range| {
            range.0 == range.1
                && u16::try_from(range.0).is_ok_and(|p| self.ports.contains(&p))
        };
        let has = |is: &dyn Fn(&Field) -> bool| {
            rule.tests.iter().any(|test| !test.not && is(&test.of))
        };
        rule.action == Action::Accept
            && !rule.unsure
            && is_carried(rule)
            && has(&|of| matches!(of, Field::Reply(true)))
            && has(&|of| match of {
                Field::SourcePort(set) => set.iter().all(own),
                _ => false,
            })
            && has(&|of| match of {
                Field::Destination(set) => {
                    Segments::of(set.clone()).is_within(&allowed)
                }
                _ => false,
            })
    }

    /// Whether a rule is about other ports alone.
    fn is_beside(&self, rule: &Rule) -> bool {
        rule.tests.iter().any(|test| match &test.of {
            Field::DestinationPort(set) => {
                !test.not && !self.ports.iter().any(|&port| has(set, port))
            }
            _ => false,
        })
    }

    /// A client that is not allowed and that a new rule lets in.
    fn lets_in(&self, rule: &Rule) -> Option<Witness> {
        if rule.action != Action::Accept {
            return None;
        }
        let mut from = rule.tests.iter().filter_map(|test| match &test.of {
            Field::Source(set) if !test.not => Some(Segments::of(set.clone())),
            _ => None,
        });
        let allow = self.policy.allow.iter().map(|net| net.bounds());
        let allowed = Segments::of(allow);
        let beyond = match from.next() {
            Some(from) => from.without(&allowed),
            None => Segments::of([(0, u128::MAX)]).without(&allowed),
        };
        let from = beyond.first()?;
        let six = u32::try_from(from).is_err();
        let message = "a rule of the plan lets in who is not allowed";
        let mut witness = self.stopped(rule, message);
        if let Some(packet) = &mut witness.packet {
            packet.from = address(six, from);
            packet.port = self.ports.first().copied().unwrap_or(11211);
        }
        Some(witness)
    }

    fn stopped(&self, rule: &Rule, message: &str) -> Witness {
        let port = (1..=u16::MAX).rev().find(|p| !self.ports.contains(p));
        let port = match self.policy.kept().first() {
            Some(kept) if !self.ports.contains(&kept.port) => kept.port,
            _ => port.unwrap_or_default(),
        };
        let from = address(false, 0xc000_0202);
        Witness {
            packet: Some(Packet { port, ..Packet::new(from) }),
            ..said(message, Some(rule))
        }
    }
}

fn said(message: &str, rule: Option<&Rule>) -> Witness {
    Witness {
        message: message.to_owned(),
        because: rule.map(|rule| rule.place.clone()).into_iter().collect(),
        packet: None,
    }
}

/// What a rule says, its ports apart where they can be told.
#[derive(PartialEq)]
struct Said<'a> {
    words: Vec<&'a str>,
    ports: Option<Segments>,
}

impl<'a> Said<'a> {
    fn of(rule: &'a Rule) -> Self {
        let mut words: Vec<_> = text(rule).split(' ').collect();
        let at = words.iter().position(|word| *word == "--dport");
        let at = at.filter(|at| {
            let before = at.checked_sub(1).and_then(|i| words.get(i));
            before.is_some_and(|word| *word != "!")
        });
        let place = at.and_then(|at| words.get_mut(at + 1));
        let ports = place.and_then(|word| {
            let ports = ports(std::mem::take(word))?;
            Some(Segments::of(ports))
        });
        match ports {
            Some(_) => Self { words, ports },
            None => Self { words: vec![text(rule)], ports: None },
        }
    }
}

/// Whether a rule is about some ports alone, over TCP or UDP.
fn is_for(rule: &Rule, of: &BTreeSet<u16>) -> bool {
    let own = |range: &Range| {
        range.1 - range.0 < 1 << 10
            && (range.0..=range.1)
                .all(|port| u16::try_from(port).is_ok_and(|p| of.contains(&p)))
    };
    let ports = rule.tests.iter().any(|test| match &test.of {
        Field::DestinationPort(set) => {
            // None of an empty set is met.
            !test.not && set.iter().all(own)
        }
        _ => false,
    });
    is_carried(rule) && ports
}

/// Whether it is about TCP or UDP alone.
fn is_carried(rule: &Rule) -> bool {
    let known = |number: &u8| [TCP, UDP].contains(number);
    rule.tests.iter().any(|test| match &test.of {
        Field::Protocol(all) => !test.not && all.iter().all(known),
        _ => false,
    })
}

/// Whether the kernel enters a chain with what the host itself sends.
fn sends(chain: &Chain) -> bool {
    chain.base.as_ref().is_some_and(|base| base.hook == "output")
}

/// Whether it lets go on what is for another host.
fn spares_others(rule: &Rule) -> bool {
    let others = match rule.tests.as_slice() {
        [test] => is_for_others(test),
        [first, second] => is_no_group(first) && is_for_others(second),
        _ => false,
    };
    let ends = matches!(rule.action, Action::Accept | Action::Return);
    ends && !rule.unsure && others
}

fn is_for_others(test: &Test) -> bool {
    let Field::DestinationType(kinds) = &test.of else { return false };
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    match test.not {
        true => matches!(kinds[..], ["local"] | ["local", "anycast"]),
        false => kinds == ["unicast"],
    }
}

/// Whether it leaves out nothing but the groups of IPv6.
fn is_no_group(test: &Test) -> bool {
    let Field::Destination(set) = &test.of else { return false };
    test.not && *set == [(0xff << 120, u128::MAX)]
}

/// Whether what it meets goes on: the guard's own chains are all looked at.
fn goes_on(rule: &Rule) -> bool {
    use Action::{Accept, Jump, Return};
    matches!(rule.action, Accept | Jump(_) | Return)
}

/// The tables but the guard, by what they see and their name. Tables of both
/// back ends may have one name.
fn keyed(tables: &[Table]) -> BTreeMap<(Key<'_>, usize), &Table> {
    let mut all = BTreeMap::new();
    for table in tables.iter().filter(|table| !is_guard(table)) {
        let key = (table.name.as_str(), table.families);
        let mut nth = 0;
        while all.contains_key(&(key, nth)) {
            nth += 1;
        }
        all.insert((key, nth), table);
    }
    all
}

fn texts(table: &Table) -> Vec<String> {
    let chains = table.chains.values();
    let rules = chains.flat_map(|chain| &chain.rules);
    rules.map(|rule| format!("{:?} {:?}", rule.tests, rule.action)).collect()
}

/// A rule as it is written, without its counters.
fn text(rule: &Rule) -> &str {
    let text = rule.place.text.as_deref().unwrap_or_default();
    let bare = text.split_once("] ").filter(|_| text.starts_with('['));
    bare.map_or(text, |(_, rule)| rule)
}

/// The chains that other packets come to than those for this host.
fn outward(table: &Table) -> BTreeSet<&str> {
    let base = |chain: &Chain| {
        chain.base.as_ref().is_some_and(|base| base.hook != "input")
    };
    let all = table.chains.iter();
    let mut open: Vec<&str> =
        all.filter(|(_, c)| base(c)).map(|(name, _)| name.as_str()).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name) {
            continue;
        }
        let rules = table.chains.get(name).map(|chain| &chain.rules);
        open.extend(rules.into_iter().flatten().filter_map(|rule| {
            match &rule.action {
                Action::Jump(to) | Action::Goto(to) => Some(to.as_str()),
                _ => None,
            }
        }));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{iptables::dump, sets::Sets};

    /// Whether the chains of two dumps say the same of other ports.
    fn alike(one: &str, other: &str) -> bool {
        let ports = BTreeSet::from([11211]);
        let policy = Policy::new().allow("10.0.0.0/8".parse().unwrap());
        let tables = [one, other].map(|rules| {
            let text = format!(
                "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n\
                 :OUTPUT ACCEPT [0:0]\n{rules}COMMIT\n"
            );
            dump("dump", &text, false, &Sets::default()).unwrap().tables
        });
        let [before, after] = &tables;
        let frame = Frame {
            policy: &policy,
            ports: &ports,
            inside: &[],
            before,
            after,
        };
        frame.broken().is_none()
    }

    #[test]
    fn a_range_may_be_parted_at_the_port_of_memcached() {
        let rule = |ports: &str, what: &str| {
            format!("-A INPUT -p tcp -m tcp --dport {ports} -j {what}\n")
        };
        let whole = rule("11000:12000", "ACCEPT");
        let below = rule("11000:11210", "ACCEPT");
        let parted = below.clone() + &rule("11212:12000", "ACCEPT");
        assert!(alike(&whole, &parted));
        for other in [
            below.clone(),
            below.clone() + &rule("11213:12000", "ACCEPT"),
            below.clone() + &rule("11212:12000", "DROP"),
            rule("11212:12000", "ACCEPT") + &rule("22", "DROP") + &below,
        ] {
            assert!(!alike(&whole, &other), "{other}");
        }
    }

    #[test]
    fn only_the_answers_to_clients_may_be_let_out() {
        let answer = "OUTPUT -d 10.1.0.0/16 -p tcp --sport 11211 -m conntrack \
                      --ctdir REPLY -j ACCEPT";
        let added = |rule: String| alike("", &format!("-A {rule}\n"));
        assert!(added(answer.to_owned()));
        for (part, other) in [
            ("OUTPUT", "FORWARD"),
            ("-d 10.1.0.0/16 ", ""),
            ("10.1.0.0/16", "11.0.0.0/8"),
            ("--sport 11211", "--sport 22"),
            ("--sport 11211", "--sport 11211:11212"),
            (" -m conntrack --ctdir REPLY", ""),
            ("REPLY", "ORIGINAL"),
            ("ACCEPT", "DROP"),
        ] {
            let rule = answer.replace(part, other);
            assert!(!added(rule.clone()), "{rule}");
        }
    }
}
