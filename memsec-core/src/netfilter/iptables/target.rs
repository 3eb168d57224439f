//! What targets do: iptables-extensions(8).

use super::{
    address::{self, Parsed},
    module::{masked, number},
    ports,
    rule::{Draft, Reader},
    words::Word,
};
use crate::{
    Error,
    net::{Family, PortSet},
    netfilter::{
        Action, MarkChange, Marking, Refusal, Translated, Translation,
    },
};

/// The target of a rule.
#[derive(Debug)]
pub(super) struct Target {
    pub name: String,
    /// Where it stands, in bytes from the start of the line.
    pub at: usize,
    /// What it does; `None` for one that is not known.
    pub action: Option<Action>,
}

/// Targets after which the next rule comes.
const CONTINUE: [&str; 23] = [
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNSECMARK",
    "CT",
    "DSCP",
    "ECN",
    "HL",
    "IDLETIMER",
    "LED",
    "LOG",
    "LOGMARK",
    "NFLOG",
    "RATEEST",
    "SECMARK",
    "SET",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
];

/// Targets that are known, and not what they do to a packet in the end.
const UNDECIDED: [&str; 6] =
    ["ACCOUNT", "CLUSTERIP", "DNPT", "SNPT", "SYNPROXY", "TPROXY"];

impl Target {
    pub(super) fn new(word: &Word<'_>, table: &str) -> Self {
        let name = word.text.clone().into_owned();
        let action = action(&name, table);
        Self { name, at: word.at, action }
    }
}

fn action(name: &str, table: &str) -> Option<Action> {
    let nat = table == "nat";
    Some(match name {
        "ACCEPT" => Action::Accept,
        "DROP" => Action::Drop,
        "REJECT" => Action::Reject(Refusal::Error),
        "RETURN" => Action::Return,
        "NOTRACK" => Action::NoTrack,
        "MARK" | "CONNMARK" | "HMARK" => Action::Mark(Marking::Unknown),
        "NFQUEUE" | "QUEUE" => Action::Queue { bypass: false },
        // They answer themselves, or swallow it.
        "CHAOS" | "DELUDE" | "ECHO" | "MIRROR" | "STEAL" | "SYSRQ"
        | "TARPIT" => Action::Drop,
        "REDIRECT" => translate(Translated::Redirect, None),
        "DNAT" | "NETMAP" | "BALANCE" | "SAME" => {
            translate(Translated::Unknown, Some((0, u16::MAX)))
        }
        "SNAT" | "MASQUERADE" if nat => translate(Translated::Source, None),
        name if CONTINUE.contains(&name) => Action::Continue,
        name if UNDECIDED.contains(&name) => Action::Unknown(name.to_owned()),
        _ => return None,
    })
}

fn translate(of: Translated, ports: Option<(u16, u16)>) -> Action {
    Action::Translate(Translation { of, ports })
}

/// Reads an option that stands behind the target.
pub(super) fn option(
    draft: &mut Draft,
    word: &Word<'_>,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    let family = reader.family;
    let Some(target) = &mut draft.target else { return Ok(()) };
    match (&*word.text, target.name.as_str()) {
        ("--notrack", "CT") => target.action = Some(Action::NoTrack),
        ("--zone" | "--zone-orig" | "--zone-reply", "CT") => {
            target.action = Some(Action::Zone);
        }
        ("--reject-with", "REJECT") => {
            if matches!(&*reader.argument()?.text, "tcp-reset" | "tcp-rst") {
                target.action = Some(Action::Reject(Refusal::Reset));
            }
        }
        ("--to-ports", "REDIRECT") => {
            let to = reader.argument()?;
            let ports = Some(port_range(&to.text));
            target.action = Some(translate(Translated::Redirect, ports));
        }
        ("--to-destination", "DNAT") => {
            let to = reader.argument()?;
            // Only kernels of old took several.
            let again = matches!(
                &target.action,
                Some(Action::Translate(Translation {
                    of: Translated::Destination(_),
                    ..
                }))
            );
            let found = destination(family, &to.text).filter(|_| !again);
            let some = Some((0, u16::MAX));
            let unknown = || translate(Translated::Unknown, some);
            target.action = Some(found.unwrap_or_else(unknown));
        }
        ("--to", "NETMAP") => {
            let to = reader.argument()?;
            if let Some(of) = network(family, &to.text) {
                target.action = Some(translate(of, None));
            }
        }
        ("--queue-bypass", "NFQUEUE") => {
            target.action = Some(Action::Queue { bypass: true });
        }
        (option, "MARK" | "CONNMARK") => {
            let packet = target.name == "MARK";
            let before = match target.action.take() {
                Some(Action::Mark(before)) => before,
                _ => Marking::Unknown,
            };
            let now = marking(option, packet, before, reader)?;
            if let Some(target) = &mut draft.target {
                target.action = Some(Action::Mark(now));
            }
        }
        ("--log-prefix" | "--nflog-prefix" | "--ulog-prefix", _) => {
            reader.argument()?;
        }
        _ => {}
    }
    Ok(())
}

/// What a mark becomes: libxt_MARK.c, libxt_CONNMARK.c.
fn marking(
    option: &str,
    packet: bool,
    before: Marking,
    reader: &mut Reader<'_>,
) -> Result<Marking, Error> {
    let all = u32::MAX;
    match option {
        "--save-mark" => return Ok(Marking::Save { from: all, to: all }),
        "--restore-mark" => {
            return Ok(Marking::Restore { from: all, to: all });
        }
        text if !text.starts_with("--") => return Ok(before),
        "--nfmask" | "--ctmask" | "--mask" => {
            let mask = number(&reader.argument()?.text);
            return Ok(mask
                .map_or(Marking::Unknown, |mask| under(option, mask, before)));
        }
        _ => {}
    }
    let word = reader.argument()?;
    let change = masked(&word.text).and_then(|(value, mask)| {
        let (keep, flip) = match option {
            "--set-xmark" => (!mask, value),
            "--set-mark" => (!(value | mask), value),
            "--and-mark" => (value, 0),
            "--or-mark" => (!value, value),
            "--xor-mark" => (all, value),
            _ => return None,
        };
        Some(MarkChange { keep, flip })
    });
    Ok(match change {
        Some(change) if packet => Marking::Packet(change),
        Some(change) => Marking::Connection(change),
        None => Marking::Unknown,
    })
}

/// Which bits are saved or restored.
fn under(option: &str, mask: u32, before: Marking) -> Marking {
    let (packets, connections) = match option {
        "--nfmask" => (true, false),
        "--ctmask" => (false, true),
        _ => (true, true),
    };
    let pick = |holds, old| if holds { mask } else { old };
    match before {
        Marking::Save { from, to } => Marking::Save {
            from: pick(packets, from),
            to: pick(connections, to),
        },
        Marking::Restore { from, to } => Marking::Restore {
            from: pick(connections, from),
            to: pick(packets, to),
        },
        _ => Marking::Unknown,
    }
}

/// "10.0.0.1-10.0.0.4:80-90", "[2001:db8::1]:80", ":80".
fn destination(family: Family, to: &str) -> Option<Action> {
    let (address, port) = if let Some(inner) = to.strip_prefix('[') {
        let (address, rest) = inner.rsplit_once(']')?;
        (address.replace(['[', ']'], ""), rest.strip_prefix(':'))
    } else if family == Family::Ipv6 && to.matches(':').count() > 1 {
        (to.to_owned(), None)
    } else {
        match to.split_once(':') {
            Some((address, port)) => (address.to_owned(), Some(port)),
            None => (to.to_owned(), None),
        }
    };
    let address = match address.as_str() {
        "" => None,
        text => {
            let set = address::range(family, text)?;
            Some((set.first()?, set.last()?))
        }
    };
    let of = Translated::Destination(address);
    Some(translate(of, port.map(port_range)))
}

/// "8080", "8080-8090"; the part behind a slash only shifts within the
/// range.
fn port_range(text: &str) -> (u16, u16) {
    let part = text.split('/').next().unwrap_or_default();
    let known = ports::list(&part.replace('-', ":"));
    let all = known.unwrap_or_else(PortSet::all);
    let last = all.last().unwrap_or(u16::MAX);
    (all.first().unwrap_or(0), last)
}

/// A network that keeps the bits of the host.
fn network(family: Family, text: &str) -> Option<Translated> {
    let Some(Parsed::Set(set)) = address::list(family, text) else {
        return None;
    };
    let (first, last) = set.only_range()?;
    let width = family.last().count_ones();
    let prefix = u8::try_from(width - (first ^ last).count_ones()).ok()?;
    Some(Translated::Network { address: first, prefix })
}
