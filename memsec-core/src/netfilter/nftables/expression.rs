//! The statements of a rule.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    field::{self, Field},
    set::Set,
    value,
};
use crate::{
    net::{Family, PortSet, RangeSet},
    netfilter::{
        Action, AddressType, Addresses, Connection, Marking, Match, Name,
        State, Status, Test, Translated, Translation,
    },
};

/// What a rule comes to.
#[derive(Clone, Debug)]
pub(super) enum Statement {
    Decides(Action),
    Jump(String),
    Goto(String),
}

/// A rule that is being read.
pub(super) struct Reading<'a> {
    sets: &'a HashMap<String, Set>,
    matches: Vec<Match>,
    last: Option<Statement>,
    /// The branches of a verdict map; only one of them can match.
    branches: Vec<(Vec<Match>, Statement)>,
    /// What it does on the way, each with what stands before.
    before: Vec<(Vec<Match>, Statement)>,
    /// True if iptables-save has no word for something in it.
    pub inexpressible: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn new(sets: &'a HashMap<String, Set>) -> Self {
        Self {
            sets,
            matches: Vec::new(),
            last: None,
            branches: Vec::new(),
            before: Vec::new(),
            inexpressible: false,
        }
    }

    /// The rules it comes to: one for each thing that it does.
    pub(super) fn finish(self) -> Vec<(Vec<Match>, Statement)> {
        let mut all = self.before;
        for (own, statement) in self.branches {
            let matches = self.matches.iter().cloned().chain(own);
            all.push((matches.collect(), statement));
        }
        let last = match self.last {
            Some(last) => last,
            None if all.is_empty() => Statement::Decides(Action::Continue),
            None => return all,
        };
        all.push((self.matches, last));
        all
    }

    fn on_the_way(&mut self, action: Action) {
        self.before.push((self.matches.clone(), Statement::Decides(action)));
    }

    /// Reads the next statement.
    pub(super) fn statement(&mut self, statement: &Value) {
        let entry = statement.as_object().and_then(|o| o.iter().next());
        let Some((kind, value)) = entry else { return self.doubt() };
        match kind.as_str() {
            "match" => self.condition(value),
            "counter" | "log" | "comment" => {}
            "xt" => self.extension(value),
            "vmap" => self.branch(value),
            // iptables-nft writes `-m limit` so; it counts no bytes.
            "limit" => {
                self.inexpressible |= value.get("rate_unit").is_some();
                self.doubt();
            }
            "quota" | "ct count" | "connlimit" | "last" => {
                self.inexpressible = true;
                self.doubt();
            }
            kind => match verdict(kind, value) {
                Some((statement, expressible)) => {
                    self.inexpressible |= !expressible;
                    self.last = Some(statement);
                }
                None => self.effect(kind, value),
            },
        }
    }

    fn doubt(&mut self) {
        self.matches.push(Match::new(Test::Unknown));
    }

    /// A statement after which the rule goes on.
    fn effect(&mut self, kind: &str, value: &Value) {
        self.inexpressible = true;
        match kind {
            "mangle" if value.pointer("/key/meta").is_some() => {
                self.on_the_way(Action::Mark(Marking::Unknown));
            }
            "notrack" => self.on_the_way(Action::NoTrack),
            "mangle" if value.pointer("/key/ct").is_some() => {}
            "ct helper" | "ct timeout" | "ct expectation" | "dup" | "flow" => {}
            // A set that is full ends the rule.
            "set" | "map" => self.doubt(),
            other => {
                let action = Action::Unknown(other.to_owned());
                self.last = Some(Statement::Decides(action));
            }
        }
    }

    /// What iptables-nft made and nft cannot show: only its name is there.
    fn extension(&mut self, value: &Value) {
        let name = value.get("name").and_then(Value::as_str).unwrap_or("");
        let target =
            value.get("type").and_then(Value::as_str) == Some("target");
        let action = match (target, name) {
            (false, "comment") => return,
            (false, _) => return self.doubt(),
            (true, "LOG" | "NFLOG" | "TCPMSS" | "TRACE") => Action::Continue,
            (true, "MARK" | "CONNMARK") => {
                return self.on_the_way(Action::Mark(Marking::Unknown));
            }
            (true, "REJECT") => Action::Reject,
            (true, "MASQUERADE" | "SNAT") => Action::Accept,
            (true, "DNAT" | "REDIRECT") => {
                Action::Translate(translation(Some((0, u16::MAX))))
            }
            (true, name) => Action::Unknown(name.to_owned()),
        };
        self.last = Some(Statement::Decides(action));
    }

    fn branch(&mut self, value: &Value) {
        self.inexpressible = true;
        let branches = self.branches_of(value);
        self.branches = branches.unwrap_or_else(|| {
            let action = Action::Unknown("vmap".to_owned());
            vec![(Vec::new(), Statement::Decides(action))]
        });
    }

    fn branches_of(
        &self,
        value: &Value,
    ) -> Option<Vec<(Vec<Match>, Statement)>> {
        let key = value.get("key")?;
        let pairs = value.pointer("/data/set")?.as_array()?;
        let branch = |pair: &Value| {
            let [data, to] = pair.as_array()?.as_slice() else { return None };
            let (kind, value) = to.as_object()?.iter().next()?;
            let (statement, _) = verdict(kind, value)?;
            Some((self.tests("==", key, data), statement))
        };
        pairs.iter().map(branch).collect()
    }

    fn condition(&mut self, value: &Value) {
        let (Some(left), Some(right)) = (value.get("left"), value.get("right"))
        else {
            return self.doubt();
        };
        let op = value.get("op").and_then(Value::as_str).unwrap_or("==");
        self.inexpressible |= !expressible(op, left, right);
        let tests = self.tests(op, left, right);
        self.matches.extend(tests);
    }

    fn tests(&self, op: &str, left: &Value, right: &Value) -> Vec<Match> {
        let (field, mut matches) = field::read(left);
        let one = self.test(field, op, right);
        matches.push(one.unwrap_or(Match::new(Test::Unknown)));
        matches
    }

    fn test(&self, field: Field, op: &str, right: &Value) -> Option<Match> {
        let negated = op == "!=";
        let plain = matches!(op, "==" | "!=");
        let test = match field {
            Field::Source(family) => {
                plain.then_some(())?;
                Test::Source(self.addresses(family, right)?)
            }
            Field::Destination(family) => {
                plain.then_some(())?;
                Test::Destination(self.addresses(family, right)?)
            }
            Field::SourcePort => Test::SourcePort(self.ports(op, right)?),
            Field::DestinationPort => {
                Test::DestinationPort(self.ports(op, right)?)
            }
            Field::OriginalPort => {
                let ports = self.ports(op, right)?;
                connection(Connection::OriginalPort(ports))
            }
            Field::State => return state(op, right),
            Field::Status => return status(op, right),
            Field::Flags(mask) => return flags(op, mask, right),
            _ if !plain => return None,
            Field::Protocol => Test::Protocol(protocols(right)?),
            Field::Family => Test::Family(family(right)?),
            Field::In => return names(right, negated, Test::In),
            Field::Out => return names(right, negated, Test::Out),
            Field::Direction => {
                let reply = match value::words(right)?.as_slice() {
                    ["reply"] => true,
                    ["original"] => false,
                    _ => return None,
                };
                connection(Connection::Reply(reply))
            }
            Field::SourceType => Test::SourceType(types(right)?),
            Field::DestinationType => Test::DestinationType(types(right)?),
            Field::Mark => {
                let value = u32::try_from(right.as_u64()?).ok()?;
                let values = RangeSet::one(value);
                Test::Mark { mask: u32::MAX, values }
            }
            Field::Unknown => return None,
        };
        Some(Match { negated, test })
    }

    fn named(&self, right: &Value) -> Option<&Set> {
        self.sets.get(right.as_str()?.strip_prefix('@')?)
    }

    fn addresses(&self, family: Family, right: &Value) -> Option<Addresses> {
        match self.named(right) {
            Some(Set::Addresses(of, set)) => {
                (*of == family).then(|| set.clone())
            }
            Some(_) => None,
            None => {
                value::addresses(family, value::elements(right)).map(Arc::new)
            }
        }
    }

    fn ports(&self, op: &str, right: &Value) -> Option<PortSet> {
        let ports = match self.named(right) {
            Some(Set::Ports(ports)) => ports.clone(),
            Some(_) => return None,
            None => value::ports(value::elements(right))?,
        };
        let bound = ports.first()?;
        Some(match op {
            "==" | "!=" | "in" => ports,
            "<=" => PortSet::range(0, bound),
            ">=" => PortSet::range(bound, u16::MAX),
            "<" => PortSet::range(bound, u16::MAX).complement(),
            ">" => PortSet::range(0, bound).complement(),
            _ => return None,
        })
    }
}

fn connection(of: Connection) -> Test {
    Test::Connection { of, without: false }
}

/// A statement that ends the rule, and whether iptables has it too.
fn verdict(kind: &str, value: &Value) -> Option<(Statement, bool)> {
    let target = || value.get("target")?.as_str().map(str::to_owned);
    let action = match kind {
        "jump" => return Some((Statement::Jump(target()?), true)),
        "goto" => return Some((Statement::Goto(target()?), true)),
        "accept" => return Some((Statement::Decides(Action::Accept), true)),
        "drop" => return Some((Statement::Decides(Action::Drop), true)),
        "return" => return Some((Statement::Decides(Action::Return), true)),
        "continue" => Action::Continue,
        "reject" => Action::Reject,
        "masquerade" | "snat" => Action::Accept,
        "redirect" | "dnat" => {
            Action::Translate(translation(translated(value)))
        }
        _ => return None,
    };
    Some((Statement::Decides(action), false))
}

fn translation(ports: Option<(u16, u16)>) -> Translation {
    Translation { of: Translated::Unknown, ports }
}

/// The ports that a translation may lead to, if it does not keep them.
fn translated(value: &Value) -> Option<(u16, u16)> {
    let mapped = |value: &Value| value.get("map").is_some();
    let ports = match value.get("port") {
        Some(port) => {
            value::ports(value::elements(port)).unwrap_or_else(PortSet::all)
        }
        None if value.get("addr").is_some_and(mapped) => PortSet::all(),
        None => return None,
    };
    let (first, last) = (ports.ranges().first()?, ports.ranges().last()?);
    Some((first.0, last.1))
}

/// Whether iptables-nft itself makes such matches.
fn expressible(op: &str, left: &Value, right: &Value) -> bool {
    let scalar = !matches!(right, Value::Array(_))
        && right.get("set").is_none()
        && !right.as_str().is_some_and(|text| text.starts_with('@'));
    let payload = left.pointer("/payload/protocol").and_then(Value::as_str);
    let meta = left.pointer("/meta/key").and_then(Value::as_str);
    let known = match (payload, meta) {
        (Some(protocol), _) => protocol != "th",
        (_, Some(key)) => {
            matches!(key, "iifname" | "oifname" | "l4proto" | "mark")
        }
        _ => left.get("&").is_some(),
    };
    scalar && known && matches!(op, "==" | "!=")
}

/// `ct state` and its like: "in" is any of the bits.
fn state(op: &str, right: &Value) -> Option<Match> {
    let many = right.is_array();
    let bits = value::words(right)?;
    let bits = bits.into_iter().map(State::named);
    let bits = bits.reduce(|a, b| Some(a? | b?))??;
    let negated = match op {
        "in" => false,
        "==" if !many => false,
        "!=" if !many => true,
        _ => return None,
    };
    Some(Match { negated, test: Test::State(bits) })
}

fn status(op: &str, right: &Value) -> Option<Match> {
    let bits = value::words(right)?.into_iter().map(Status::named);
    let bits = bits.reduce(|a, b| Some(a? | b?))??;
    let test = connection(Connection::Status(bits));
    (op == "in").then(|| Match::new(test))
}

fn flags(op: &str, mask: u8, right: &Value) -> Option<Match> {
    let value = field::flag_bits(right)?;
    let (negated, test) = match op {
        "==" => (false, Test::Flags { mask, value }),
        "!=" => (true, Test::Flags { mask, value }),
        "in" => (true, Test::Flags { mask: mask & value, value: 0 }),
        _ => return None,
    };
    Some(Match { negated, test })
}

fn protocols(right: &Value) -> Option<RangeSet<u8>> {
    let number = |value: &Value| match value {
        Value::String(name) => crate::netfilter::iptables::protocol(name),
        value => u8::try_from(value.as_u64()?).ok(),
    };
    let all = value::elements(right).iter().map(number);
    let all: Option<Vec<u8>> = all.collect();
    Some(RangeSet::from_ranges(all?.into_iter().map(|p| (p, p))))
}

fn family(right: &Value) -> Option<Family> {
    match right.as_str()? {
        "ipv4" | "ip" => Some(Family::Ipv4),
        "ipv6" | "ip6" => Some(Family::Ipv6),
        _ => None,
    }
}

fn names(
    right: &Value,
    negated: bool,
    test: fn(Vec<Name>) -> Test,
) -> Option<Match> {
    let words = value::words(right)?;
    if words.iter().any(|name| name.starts_with('@')) {
        return None;
    }
    let names = words.into_iter().map(|name| Name::new(name, '*'));
    Some(Match { negated, test: test(names.collect()) })
}

fn types(right: &Value) -> Option<AddressType> {
    let types = value::words(right)?.into_iter().map(AddressType::named);
    types.reduce(|a, b| Some(a? | b?))?
}
