//! Reads what iptables-save prints.

use std::rc::Rc;

use super::{
    marks::{self, Marking},
    rules::{Action, Base, Chain, Field, Rule, TCP, Table, Target, Test, UDP},
    segments::Range,
    sets::Sets,
    words::{addresses, destination, number, ports, words},
};
use crate::{Error, text::Place};

/// What one program printed.
#[derive(Debug, Default)]
pub(super) struct Dump {
    pub tables: Vec<Table>,
    /// Tables that it does not show, as it says itself.
    pub incompatible: Vec<String>,
    /// Whether it says that there are rules of the old back end besides.
    pub warns: bool,
}

/// Reads the tables of one family.
///
/// # Errors
///
/// A line that is not read.
pub(super) fn dump(
    source: &str,
    text: &str,
    six: bool,
    sets: &Sets,
) -> Result<Dump, Error> {
    let mut dump = Dump::default();
    let mut open: Option<Table> = None;
    for (index, line) in text.lines().enumerate() {
        let place = || Place {
            source: Some(source.to_owned()),
            line: Some(index + 1),
            text: Some(line.to_owned()),
        };
        let refuse = || cannot(&place());
        let line = uncounted(line.trim_end());
        if let Some(comment) = line.strip_prefix('#') {
            dump.comment(comment);
        } else if let Some(name) = line.strip_prefix('*') {
            let families = [!six, six];
            let name = name.to_owned();
            open = Some(Table { name, families, ..Table::default() });
        } else if line == "COMMIT" {
            dump.tables.extend(open.take());
        } else if !line.is_empty() {
            let table = open.as_mut().ok_or_else(refuse)?;
            take(table, line, &place, sets).ok_or_else(refuse)?;
        }
    }
    match open {
        None => Ok(dump),
        Some(_) => Err(cannot(&Place::whole(source))),
    }
}

/// A text that is not read.
pub(super) fn cannot(place: &Place) -> Error {
    let text = place.text.as_deref().unwrap_or("it is cut off");
    Error::unsupported(format!("cannot check {place}: {text}"))
}

/// Without the counters that `-c` prints before a rule.
fn uncounted(line: &str) -> &str {
    let rest = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    rest.map_or(line, |(_, rule)| rule)
}

impl Dump {
    fn comment(&mut self, text: &str) {
        let named = text.split_once("able `").and_then(|(_, rest)| {
            rest.contains("incompatible").then(|| rest.split_once('\''))?
        });
        self.incompatible.extend(named.map(|(name, _)| name.to_owned()));
        self.warns |= text.contains("legacy tables present");
    }
}

fn take(
    table: &mut Table,
    line: &str,
    place: &dyn Fn() -> Place,
    sets: &Sets,
) -> Option<()> {
    if let Some(chain) = line.strip_prefix(':') {
        let mut words = chain.split_whitespace();
        let (name, policy) = (words.next()?, words.next()?);
        let base = base(&table.name, name, policy);
        table.chains.insert(name.to_owned(), Chain { base, rules: Vec::new() });
        return Some(());
    }
    let words = words(line);
    let [verb, chain, rest @ ..] = words.as_slice() else { return None };
    (verb == "-A").then_some(())?;
    let known = |name: &str| table.chains.contains_key(name);
    let mut rule = rule(rest, sets, &known)?;
    rule.place = place();
    table.chains.get_mut(chain)?.rules.push(rule);
    Some(())
}

fn base(table: &str, chain: &str, policy: &str) -> Option<Base> {
    if policy == "-" {
        return None;
    }
    let priority = match (table, chain) {
        ("raw", _) => -300,
        ("mangle", _) => -150,
        ("nat", "PREROUTING" | "OUTPUT") => -100,
        ("nat", _) => 100,
        ("security", _) => 50,
        _ => 0,
    };
    Some(Base {
        hook: chain.to_lowercase(),
        priority,
        accepts: policy == "ACCEPT",
        nat: table == "nat",
    })
}

/// Words that are still to be read.
struct Rest<'a>(std::slice::Iter<'a, String>);

impl<'a> Rest<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.0.next().map(String::as_str)
    }

    /// Passes over the arguments of an option that is not read.
    fn skip(&mut self) {
        while let Some(next) = self.0.as_slice().first() {
            if next.starts_with('-') || next == "!" {
                return;
            }
            self.0.next();
        }
    }
}

/// The words of a rule behind its chain.
pub(super) fn rule(
    words: &[String],
    sets: &Sets,
    is_chain: &dyn Fn(&str) -> bool,
) -> Option<Rule> {
    let mut rule = Rule::default();
    let mut rest = Rest(words.iter());
    let (mut not, mut named) = (false, "");
    while let Some(word) = rest.next() {
        match word {
            "!" => {
                not = true;
                continue;
            }
            "-m" | "--match" => {
                named = rest.next()?;
                match module(named) {
                    Some(tests) => rule.tests.extend(tests),
                    None => rule.unsure = true,
                }
            }
            "--mark" if named == "mark" => match marks::asked(rest.next()?) {
                Some(of) => rule.tests.push(Test { not, of: Field::Mark(of) }),
                None => rule.unsure = true,
            },
            "--comment" => drop(rest.next()?),
            "--validmark" => {}
            "--invert" => match rule.tests.last_mut() {
                Some(Test { of: Field::ReversePath(_), not }) => *not = true,
                _ => rule.unsure = true,
            },
            "-j" | "--jump" => {
                let name = rest.next()?;
                rule.marking = marking(name, rest.0.as_slice());
                rule.action = target(name, rest.0.as_slice(), is_chain);
                return Some(rule);
            }
            "-g" | "--goto" => {
                rule.action = Action::Goto(rest.next()?.to_owned());
            }
            "-p" | "--protocol" => {
                rule.tests.extend(protocol(rest.next()?, not));
            }
            _ => match field(word, &mut rest, sets) {
                Some(of) => rule.tests.push(Test { not, of }),
                None => {
                    rule.unsure = true;
                    rest.skip();
                }
            },
        }
        not = false;
    }
    Some(rule)
}

/// Modules that ask for nothing but what their options say.
const SILENT: [&str; 24] = [
    "addrtype",
    "comment",
    "connmark",
    "conntrack",
    "dccp",
    "hashlimit",
    "icmp",
    "icmp6",
    "icmpv6",
    "iprange",
    "ipv6-icmp",
    "length",
    "mac",
    "mark",
    "multiport",
    "owner",
    "policy",
    "recent",
    "sctp",
    "set",
    "state",
    "tcp",
    "udp",
    "udplite",
];

/// What a module asks for without any option; `None` for one of which that is
/// not known. xt_rt.c keeps ordinary packets out.
fn module(name: &str) -> Option<Option<Test>> {
    let of = match name {
        "rt" => Field::Never,
        "rpfilter" => Field::ReversePath(Rc::default()),
        name if SILENT.contains(&name) => return Some(None),
        _ => return None,
    };
    Some(Some(Test { not: false, of }))
}

fn protocol(name: &str, not: bool) -> Option<Test> {
    let number = match name {
        "all" | "0" => return None,
        "tcp" => TCP,
        "udp" => UDP,
        other => other.parse().unwrap_or(u8::MAX),
    };
    Some(Test { not, of: Field::Protocol(vec![number]) })
}

/// A condition; `None` for one that is not read.
fn field(word: &str, rest: &mut Rest<'_>, sets: &Sets) -> Option<Field> {
    let many = |text: &str| {
        text.split(',').map(addresses).collect::<Option<Vec<Range>>>()
    };
    let lower = |text: &str| {
        let all = text.split(',').map(str::to_lowercase);
        all.collect::<Vec<_>>()
    };
    Some(match word {
        "-s" | "--source" | "--src-range" => Field::Source(many(rest.next()?)?),
        "-d" | "--destination" | "--dst-range" => {
            Field::Destination(many(rest.next()?)?)
        }
        "-i" | "--in-interface" => Field::In(vec![rest.next()?.to_owned()]),
        "-o" | "--out-interface" => Field::Out(vec![rest.next()?.to_owned()]),
        "--sport" | "--sports" => Field::SourcePort(ports(rest.next()?)?),
        "--dport" | "--dports" => Field::DestinationPort(ports(rest.next()?)?),
        "--ports" => Field::EitherPort(ports(rest.next()?)?),
        "--ctorigsrc" => Field::Client(many(rest.next()?)?),
        "--ctorigdstport" => Field::OriginalPort(ports(rest.next()?)?),
        "--ctstate" | "--state" => Field::State(lower(rest.next()?)),
        "--ctstatus" => translated(lower(rest.next()?))?,
        "--ctdir" => Field::Reply(rest.next()? == "REPLY"),
        "--dst-type" => Field::DestinationType(lower(rest.next()?)),
        "--syn" => Field::Flags { mask: 0x17, value: 0x02 },
        "--tcp-flags" => Field::Flags {
            mask: flags(rest.next()?)?,
            value: flags(rest.next()?)?,
        },
        // Whole packets are no later part of one, and `! -f` is of them.
        "-f" | "--fragment" => Field::State(Vec::new()),
        "--icmp-type" | "--icmpv6-type" => {
            rest.next()?;
            Field::Never
        }
        "--match-set" => sets.field(rest.next()?, rest.next()?)?,
        _ => return None,
    })
}

/// Statuses of translation, as states.
fn translated(all: Vec<String>) -> Option<Field> {
    let known = all.iter().all(|one| one == "dnat" || one == "snat");
    known.then_some(Field::State(all))
}

fn flags(text: &str) -> Option<u8> {
    const NAMES: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
    text.split(',').try_fold(0, |all, name| match name {
        "ALL" => Some(0x3f),
        "NONE" => Some(all),
        name => {
            let bit = NAMES.iter().position(|known| *known == name)?;
            Some(all | 1 << bit)
        }
    })
}

/// What becomes of the mark of a packet that goes on.
fn marking(name: &str, words: &[String]) -> Option<Marking> {
    match (name, words) {
        ("MARK", [option, value, ..]) if option == "--set-xmark" => {
            Some(marks::turned(value))
        }
        ("CONNMARK", [option, ..]) if option != "--restore-mark" => None,
        ("MARK" | "CONNMARK", _) => Some(Marking::Unread),
        _ => None,
    }
}

fn target(
    name: &str,
    words: &[String],
    is_chain: &dyn Fn(&str) -> bool,
) -> Action {
    let after = |option: &str| {
        let at = words.iter().position(|word| word == option)?;
        words.get(at + 1).map(String::as_str)
    };
    match name {
        "ACCEPT" => Action::Accept,
        "SNAT" | "MASQUERADE" => Action::Disguise,
        "DROP" | "REJECT" => Action::Drop,
        "RETURN" => Action::Return,
        "LOG" | "NFLOG" | "ULOG" | "MARK" | "CONNMARK" | "TCPMSS" | "SET"
        | "CLASSIFY" | "TRACE" | "CHECKSUM" | "TOS" | "DSCP" | "AUDIT"
        | "SECMARK" | "CONNSECMARK" => Action::Continue,
        "CT" if !words.iter().any(|word| word == "--notrack") => {
            Action::Continue
        }
        "REDIRECT" => Action::Translate(Target {
            ports: after("--to-ports").and_then(port),
            address: None,
        }),
        "DNAT" => {
            let to = after("--to-destination").unwrap_or_default();
            let (address, ports) = destination(to);
            Action::Translate(Target {
                address: number(address).map(|(_, number)| number),
                ports: ports.and_then(port),
            })
        }
        name if is_chain(name) => Action::Jump(name.to_owned()),
        _ => Action::Unknown,
    }
}

fn port(text: &str) -> Option<Range> {
    ports(text)?.first().copied()
}
