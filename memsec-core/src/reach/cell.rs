//! A packet of which some things are known, and what a rule says to it.

use super::{Fragment, Protocol, shape::Shape, within::Within};
use crate::{
    net::{Family, PortSet, RangeSet},
    netfilter::{
        Action, AddressType, Connection, Match, Name, Rule, State, Status, Test,
    },
};

/// A packet, or all packets that have these things in common.
#[derive(Clone, Debug)]
pub(super) struct Cell<'a> {
    pub family: Family,
    pub proto: Protocol,
    pub source: Address,
    pub destination: Address,
    pub sport: Option<u16>,
    pub dport: Option<u16>,
    pub input: Interface<'a>,
    pub output: Interface<'a>,
    /// The one state that conntrack gives it.
    pub state: Option<State>,
    /// True for the answers of a connection.
    pub reply: bool,
    /// True if its connection is past the last hook of its first packet.
    pub confirmed: bool,
    /// The byte of TCP flags.
    pub flags: u8,
    pub source_type: Option<AddressType>,
    pub destination_type: Option<AddressType>,
    /// Whether its connection has another destination, or another source.
    pub dnat: Option<bool>,
    pub snat: Option<bool>,
    pub mark: Option<u32>,
    pub connection_mark: Option<u32>,
    /// Its connection, as it was sent, and as it is after translations.
    pub original: Option<Tuple>,
    pub translated: Option<Tuple>,
    /// Whether routing would send an answer out where it came in, and
    /// anywhere at all.
    pub reverse: [Option<bool>; 2],
    /// Takes note of a rule that asks what routing says of the other end.
    pub asked: &'a std::cell::Cell<bool>,
    /// What it is beside.
    pub shape: Shape,
    /// True where extensions of the old kind read it: those look for ports
    /// in no fragment but the first.
    pub legacy: bool,
}

/// The addresses and ports of a connection, in the direction that it was
/// opened in. What is `None` is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub source: Address,
    pub sport: Option<u16>,
    pub destination: Address,
    pub dport: Option<u16>,
}

/// What is known of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Address {
    Known(u128),
    /// It is what the answer is a function of.
    Symbolic,
    Unknown,
}

/// What is known of an interface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Interface<'a> {
    /// Its name; "" where the hook has none.
    Named(&'a str),
    /// Any but the loopback.
    NotLoopback,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Maybe,
}

impl Truth {
    pub(super) fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Maybe,
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    fn known(value: Option<bool>) -> Self {
        value.map_or(Self::Maybe, Self::of)
    }
}

impl Cell<'_> {
    /// Whether the conditions of a rule hold, and for which addresses.
    pub(super) fn judge(&self, rule: &Rule) -> (Truth, Within) {
        let (truth, within) = self.origin(rule);
        if truth == Truth::No {
            return (truth, Within::All);
        }
        self.beside(rule, truth, within)
    }

    /// The same of all but the origin of a rule.
    pub(super) fn beside_origin(&self, rule: &Rule) -> (Truth, Within) {
        self.beside(rule, Truth::Yes, Within::All)
    }

    fn beside(
        &self,
        rule: &Rule,
        mut truth: Truth,
        mut within: Within,
    ) -> (Truth, Within) {
        for condition in rule.matches() {
            match self.symbolic(condition) {
                _ if condition.test == Test::Header => {
                    truth = truth.and(self.header(rule));
                }
                Some(set) => within = within.and(set, condition.negated),
                None => truth = truth.and(self.test(condition)),
            }
            if truth == Truth::No {
                return (truth, Within::All);
            }
        }
        (truth, within)
    }

    /// Whoever wants to get in may add a header; who wants to be served does
    /// not add one that is dropped.
    fn header(&self, rule: &Rule) -> Truth {
        let stops = matches!(rule.action(), Action::Drop | Action::Reject(_));
        match self.shape.header {
            Some(first) if first != self.proto.number() => Truth::Maybe,
            Some(first) if EXTENSIONS.contains(&first) => Truth::Maybe,
            None if !stops => Truth::Maybe,
            _ => Truth::No,
        }
    }

    fn origin(&self, rule: &Rule) -> (Truth, Within) {
        let Some((negated, range)) = rule.origin.range() else {
            return (Truth::Yes, Within::All);
        };
        match self.source {
            Address::Symbolic if negated => {
                let (first, last) = range;
                let set = RangeSet::range(first, last).complement();
                (Truth::Yes, Within::Set(set))
            }
            Address::Symbolic => (Truth::Yes, Within::Range(range)),
            Address::Known(number) => {
                let holds = range.0 <= number && number <= range.1;
                (Truth::of(holds != negated), Within::All)
            }
            Address::Unknown => (Truth::Maybe, Within::All),
        }
    }

    fn symbolic<'r>(&self, condition: &'r Match) -> Option<&'r RangeSet<u128>> {
        match &condition.test {
            Test::Source(set) if self.source == Address::Symbolic => Some(set),
            Test::Destination(set) if self.destination == Address::Symbolic => {
                Some(set)
            }
            Test::Connection { of, .. } if self.connected() => self.opener(of),
            _ => None,
        }
    }

    fn connected(&self) -> bool {
        self.state.is_some_and(|state| !state.meets(NO_ENTRY))
    }

    /// The set that the source of the connection is asked for.
    fn opener<'r>(&self, of: &'r Connection) -> Option<&'r RangeSet<u128>> {
        let symbolic = |tuple: Option<Tuple>| {
            tuple.is_some_and(|tuple| tuple.source == Address::Symbolic)
        };
        match of {
            Connection::OriginalSource(set) => {
                symbolic(self.original).then_some(set)
            }
            Connection::ReplyDestination(set) => {
                symbolic(self.translated).then_some(set)
            }
            _ => None,
        }
    }

    fn test(&self, condition: &Match) -> Truth {
        if let Test::Connection { of, without } = &condition.test {
            let known = self.state.map(|state| !state.meets(NO_ENTRY));
            let holds = self.connection(of);
            let holds = if condition.negated { holds.not() } else { holds };
            return match known {
                Some(true) => holds,
                Some(false) => Truth::of(*without),
                None => Truth::Maybe,
            };
        }
        if self.unread(&condition.test) {
            return Truth::No;
        }
        let truth = self.plain(&condition.test);
        let truth = if condition.negated { truth.not() } else { truth };
        // xt_connmark.c, nft_ct.c: no connection has no mark.
        match (&condition.test, self.state) {
            (Test::ConnectionMark { .. }, Some(state))
                if state.meets(NO_ENTRY) =>
            {
                Truth::No
            }
            (Test::ConnectionMark { .. }, None) => truth.and(Truth::Maybe),
            _ => truth,
        }
    }

    /// True for what a later fragment does not have, where that is looked
    /// at: xt_tcpudp.c and ip_tables.c. (nft_payload_fast_eval() of nftables
    /// reads whatever stands there.)
    fn unread(&self, test: &Test) -> bool {
        let of_header = matches!(
            test,
            Test::SourcePort(_)
                | Test::DestinationPort(_)
                | Test::EitherPort(_)
                | Test::Flags { .. }
                | Test::Icmp(_)
        );
        of_header && self.legacy && self.is_later()
    }

    fn is_later(&self) -> bool {
        self.shape.fragment == Some(Fragment::Later)
    }

    /// Of each list all must hold; a source that is a symbol is not decided
    /// here.
    fn either(&self, lists: &[Vec<Match>]) -> Truth {
        let all = |list: &Vec<Match>| {
            list.iter().map(|one| self.test(one)).fold(Truth::Yes, Truth::and)
        };
        lists.iter().map(all).fold(Truth::No, Truth::or)
    }

    fn plain(&self, test: &Test) -> Truth {
        match test {
            Test::Family(family) => Truth::of(*family == self.family),
            Test::Source(set) => self.source.within(set),
            Test::Destination(set) => self.destination.within(set),
            Test::In(names) => self.input.named(names),
            Test::Out(names) => self.asked(self.output.named(names)),
            Test::Protocol(set) => Truth::of(set.contains(self.proto.number())),
            Test::SourcePort(set) => {
                Truth::known(self.sport.map(|port| set.contains(port)))
            }
            Test::DestinationPort(set) => {
                Truth::known(self.dport.map(|port| set.contains(port)))
            }
            Test::EitherPort(set) => {
                let port = |port: Option<u16>| {
                    Truth::known(port.map(|port| set.contains(port)))
                };
                port(self.sport).or(port(self.dport))
            }
            Test::State(set) => self.state(*set),
            Test::Connection { of, .. } => self.connection(of),
            Test::Flags { .. } if self.proto != Protocol::TCP => Truth::No,
            Test::Flags { .. } | Test::Icmp(_) if self.is_later() => {
                Truth::Maybe
            }
            Test::Flags { mask, value } => {
                Truth::of(self.flags & mask == *value)
            }
            Test::SourceType(set) => {
                let kind = self.source_type;
                self.asked(Truth::known(kind.map(|kind| kind.meets(*set))))
            }
            Test::DestinationType(set) => {
                let kind = self.destination_type;
                Truth::known(kind.map(|kind| kind.meets(*set)))
            }
            Test::Mark { mask, values } => {
                Truth::known(self.mark.map(|mark| values.contains(mark & mask)))
            }
            Test::Icmp(kinds) => {
                Truth::of(self.shape.icmp.is_some_and(|(kind, code)| {
                    kinds.iter().any(|one| one.has(kind, code))
                }))
            }
            Test::LaterFragment if self.shape.header.is_some() => {
                Truth::of(self.is_later())
            }
            Test::PacketType(set) => {
                let frame = self.shape.frame;
                Truth::known(frame.map(|frame| frame.meets(*set)))
            }
            Test::NextHeader(set) => self.next_header(set),
            Test::ConnectionMark { mask, values } => {
                let mark = self.connection_mark;
                Truth::known(mark.map(|own| values.contains(own & mask)))
            }
            Test::Either(lists) => self.either(lists),
            Test::ReversePath { loose } => {
                let [strict, any] = self.reverse;
                self.asked(Truth::known(if *loose { any } else { strict }))
            }
            Test::Ipsec if self.shape.header.is_some() => Truth::No,
            Test::Header
            | Test::Ipsec
            | Test::LaterFragment
            | Test::TypeHere { .. }
            | Test::Undecided
            | Test::Unknown => Truth::Maybe,
        }
    }

    fn asked(&self, truth: Truth) -> Truth {
        if truth == Truth::Maybe {
            self.asked.set(true);
        }
        truth
    }

    fn next_header(&self, set: &RangeSet<u8>) -> Truth {
        if let Some(first) = self.shape.header {
            return Truth::of(set.contains(first));
        }
        let same = set.contains(self.proto.number());
        let behind = EXTENSIONS.iter().any(|number| set.contains(*number));
        if same || behind { Truth::Maybe } else { Truth::No }
    }

    fn state(&self, set: State) -> Truth {
        let Some(state) = self.state else { return Truth::Maybe };
        let connected = !state.meets(NO_ENTRY);
        let translated = |kind: State, is: Option<bool>| match set.meets(kind) {
            true if connected => Truth::known(is),
            _ => Truth::No,
        };
        Truth::of(state.meets(set))
            .or(translated(State::Dnat, self.dnat))
            .or(translated(State::Snat, self.snat))
    }

    fn connection(&self, of: &Connection) -> Truth {
        let address = |tuple: Option<Tuple>, pick: fn(Tuple) -> Address| {
            tuple.map_or(Address::Unknown, pick)
        };
        let port = |tuple: Option<Tuple>,
                    pick: fn(Tuple) -> Option<u16>,
                    set: &PortSet| {
            let port = tuple.and_then(pick);
            Truth::known(port.map(|port| set.contains(port)))
        };
        let (sent, now) = (self.original, self.translated);
        match of {
            Connection::Reply(_) if self.about() => Truth::Maybe,
            Connection::Reply(reply) => Truth::of(*reply == self.reply),
            Connection::Status(bits) => self.status(*bits),
            Connection::Any => Truth::Yes,
            Connection::OriginalProtocol(_) if self.about() => Truth::Maybe,
            Connection::OriginalProtocol(set) => {
                Truth::of(set.contains(self.proto.number()))
            }
            Connection::OriginalSource(set) => {
                address(sent, |t| t.source).within(set)
            }
            Connection::OriginalDestination(set) => {
                address(sent, |t| t.destination).within(set)
            }
            Connection::OriginalSourcePort(set) => port(sent, |t| t.sport, set),
            Connection::OriginalPort(set) => port(sent, |t| t.dport, set),
            // The answers go the other way round.
            Connection::ReplySource(set) => {
                address(now, |t| t.destination).within(set)
            }
            Connection::ReplyDestination(set) => {
                address(now, |t| t.source).within(set)
            }
            Connection::ReplySourcePort(set) => port(now, |t| t.dport, set),
            Connection::ReplyPort(set) => port(now, |t| t.sport, set),
        }
    }

    /// True for an ICMP error: its connection is the one it is about.
    fn about(&self) -> bool {
        self.shape.icmp.is_some() && self.state == Some(State::Related)
    }

    /// nf_conntrack_core.c: a connection is confirmed behind the hook of its
    /// first packet, and "seen-reply" from the first answer on.
    fn status(&self, bits: Status) -> Truth {
        let (sure, possible) = match self.state {
            Some(State::New) if self.confirmed => {
                (Status::Confirmed, Status::Confirmed)
            }
            Some(State::New) => (Status::default(), Status::default()),
            Some(State::Related) if !self.about() => {
                (Status::Expected, Status::Expected)
            }
            _ => (
                Status::SeenReply | Status::Confirmed,
                Status::SeenReply
                    | Status::Confirmed
                    | Status::Assured
                    | Status::Expected,
            ),
        };
        let kind = |kind: Status, is: Option<bool>| match bits.meets(kind) {
            true => Truth::known(is),
            false => Truth::No,
        };
        let known = match (bits.meets(sure), bits.meets(possible)) {
            (true, _) => Truth::Yes,
            (false, true) => Truth::Maybe,
            (false, false) => Truth::No,
        };
        known
            .or(kind(Status::Dnat, self.dnat))
            .or(kind(Status::Snat, self.snat))
    }
}

/// The extension headers of IPv6, behind which a protocol may stand, and
/// those of IPsec.
const EXTENSIONS: [u8; 9] = [0, 43, 44, 50, 51, 60, 135, 139, 140];

/// The states of packets that belong to no connection.
const NO_ENTRY: State = State(State::Invalid.0 | State::Untracked.0);

impl Address {
    fn within(self, set: &RangeSet<u128>) -> Truth {
        match self {
            Self::Known(number) => Truth::of(set.contains(number)),
            Self::Symbolic | Self::Unknown => Truth::Maybe,
        }
    }
}

impl Interface<'_> {
    fn named(self, names: &[Name]) -> Truth {
        let each = names.iter().map(|name| match (self, name) {
            (Self::Named(own), name) => Truth::of(name.matches(own)),
            (_, Name::Exact(name)) if name == "lo" => Truth::No,
            (_, Name::Prefix(prefix)) if prefix.is_empty() => Truth::Yes,
            _ => Truth::Maybe,
        });
        each.fold(Truth::No, Truth::or)
    }
}
