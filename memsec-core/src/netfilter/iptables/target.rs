//! What targets do: iptables-extensions(8).

use super::{
    module::port_list,
    rule::{Draft, Reader},
    words::Word,
};
use crate::{
    Error,
    net::PortSet,
    netfilter::{Action, Marking, Translated, Translation},
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
const CONTINUE: [&str; 22] = [
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
const UNDECIDED: [&str; 14] = [
    "ACCOUNT",
    "CHAOS",
    "CLUSTERIP",
    "DELUDE",
    "DNPT",
    "ECHO",
    "NFQUEUE",
    "QUEUE",
    "SNPT",
    "SYNPROXY",
    "SYSRQ",
    "TARPIT",
    "TPROXY",
    "STEAL",
];

impl Target {
    pub(super) fn new(word: &Word<'_>, table: &str) -> Self {
        let name = word.text.clone().into_owned();
        let action = action(&name, table);
        Self { name, at: word.at, action }
    }
}

fn action(name: &str, table: &str) -> Option<Action> {
    Some(match name {
        "ACCEPT" => Action::Accept,
        "DROP" => Action::Drop,
        "REJECT" => Action::Reject,
        "RETURN" => Action::Return,
        "NOTRACK" => Action::NoTrack,
        "MARK" | "CONNMARK" | "HMARK" => Action::Mark(Marking::Unknown),
        "DNAT" | "REDIRECT" | "NETMAP" | "BALANCE" | "SAME" => {
            Action::Translate(UNKNOWN)
        }
        // They change the source only, and end the chain.
        "SNAT" | "MASQUERADE" if table == "nat" => Action::Accept,
        name if CONTINUE.contains(&name) => Action::Continue,
        name if UNDECIDED.contains(&name) => Action::Unknown(name.to_owned()),
        _ => return None,
    })
}

/// Reads an option that stands behind the target.
pub(super) fn option(
    draft: &mut Draft,
    word: &Word<'_>,
    reader: &mut Reader<'_>,
) -> Result<(), Error> {
    let Some(target) = &mut draft.target else { return Ok(()) };
    match (&*word.text, target.name.as_str()) {
        ("--notrack", "CT") => target.action = Some(Action::NoTrack),
        // The entry of a connection is then looked up in that zone.
        ("--zone" | "--zone-orig" | "--zone-reply", "CT") => {
            target.action = Some(Action::NoTrack);
            draft.doubt();
        }
        ("--to-ports" | "--to-destination", "REDIRECT" | "DNAT") => {
            let to = reader.argument()?;
            let ports = translated_ports(&to.text);
            target.action = Some(Action::Translate(Translation {
                of: Translated::Unknown,
                ports,
            }));
        }
        ("--log-prefix" | "--nflog-prefix" | "--ulog-prefix", _) => {
            reader.argument()?;
        }
        _ => {}
    }
    Ok(())
}

/// To somewhere else, on the port that it has.
const UNKNOWN: Translation =
    Translation { of: Translated::Unknown, ports: None };

/// The ports in "8080", "8080-8090" or "10.0.0.1:8080", "[::1]:80".
fn translated_ports(to: &str) -> Option<(u16, u16)> {
    let address = to.contains(['.', '[']);
    let part = match to.rsplit_once([']', ':']) {
        Some((before, after)) => {
            let v6 = before.contains(':') && !before.contains(']');
            if v6 { "" } else { after.trim_start_matches(':') }
        }
        None if address => "",
        None => to,
    };
    // "8080-8090/1": the part behind the slash only shifts within the range.
    let part = part.split('/').next().unwrap_or_default();
    let range = part.replace('-', ":");
    if range.is_empty() {
        return None;
    }
    let ports = port_list(&range).unwrap_or_else(PortSet::all);
    let (first, last) = (ports.ranges().first()?, ports.ranges().last()?);
    Some((first.0, last.1))
}
