//! The options of the matches that csf uses: iptables-extensions(8).

use std::collections::BTreeMap;

use super::{Names, Refusal, icmp, number, target::quoted};
use crate::net::Family;

/// What an option becomes in a saved rule; `None` if nothing.
type Shown = Result<Option<String>, Refusal>;

/// An option of a match.
pub(super) struct Row {
    pub module: &'static str,
    /// Its names; the first is the one that is saved.
    pub names: &'static [&'static str],
    /// Its place among the options of its module.
    pub order: u8,
    /// How many words follow it.
    pub words: usize,
    pub show: fn(&Names<'_>, &[String]) -> Shown,
}

macro_rules! rows {
    ($($module:literal $order:literal [$($name:literal),+] $words:literal
        $show:expr;)*) => {
        &[$(Row {
            module: $module,
            names: &[$($name),+],
            order: $order,
            words: $words,
            show: $show,
        }),*]
    };
}

pub(super) const ROWS: &[Row] = rows! {
    "multiport" 0 ["--sports", "--sport", "--source-ports"] 1 ports;
    "multiport" 1 ["--dports", "--dport", "--destination-ports"] 1 ports;
    "tcp" 0 ["--sport", "--source-port"] 1 port;
    "tcp" 1 ["--dport", "--destination-port"] 1 port;
    "tcp" 3 ["--tcp-flags"] 2 flags;
    "tcp" 3 ["--tcp-flags", "--syn"] 0 |_, _| {
        Ok(Some("FIN,SYN,RST,ACK SYN".to_owned()))
    };
    "udp" 0 ["--sport", "--source-port"] 1 port;
    "udp" 1 ["--dport", "--destination-port"] 1 port;
    "icmp" 0 ["--icmp-type"] 1 |_, words| icmp::v4(first(words)).map(Some);
    "icmp6" 0 ["--icmpv6-type"] 1 |_, words| icmp::v6(first(words)).map(Some);
    "conntrack" 0 ["--ctstate"] 1 states;
    "state" 0 ["--state"] 1 states;
    "limit" 0 ["--limit"] 1 rate;
    "limit" 1 ["--limit-burst"] 1 burst;
    "recent" 0 ["--set"] 0 bare;
    "recent" 0 ["--rcheck"] 0 bare;
    "recent" 0 ["--update"] 0 bare;
    "recent" 0 ["--remove"] 0 bare;
    "recent" 1 ["--seconds"] 1 count;
    "recent" 2 ["--hitcount"] 1 count;
    "recent" 3 ["--name"] 1 recent_name;
    "connlimit" 0 ["--connlimit-above"] 1 connections;
    "owner" 0 ["--uid-owner"] 1 |names, words| {
        owner(names.lookup.users.as_ref(), first(words), "--uid-owner").map(Some)
    };
    "owner" 1 ["--gid-owner"] 1 |names, words| {
        owner(names.lookup.groups.as_ref(), first(words), "--gid-owner").map(Some)
    };
    "set" 0 ["--match-set"] 2 |_, words| Ok(Some(words.join(" ")));
    "helper" 0 ["--helper"] 1 |_, words| Ok(Some(quoted(first(words))));
    "hl" 0 ["--hl-eq"] 1 count;
    "comment" 0 ["--comment"] 1 |_, words| Ok(Some(quoted(first(words))));
    "mac" 0 ["--mac-source"] 1 |_, words| Ok(Some(first(words).to_owned()));
    "addrtype" 0 ["--dst-type"] 1 |_, words| Ok(Some(first(words).to_owned()));
    "iprange" 0 ["--src-range"] 1 |_, words| Ok(Some(first(words).to_owned()));
};

/// Modules that can be named without an option.
pub(super) const BARE: [&str; 3] = ["tcp", "udp", "time"];

fn first(words: &[String]) -> &str {
    words.first().map(String::as_str).unwrap_or_default()
}

fn bare(_: &Names<'_>, _: &[String]) -> Shown {
    Ok(Some(String::new()))
}

/// `xtables_parse_port`: a number, or a name of /etc/services.
fn one_port(names: &Names<'_>, text: &str) -> Result<u16, Refusal> {
    let read = number(text, u64::from(u16::MAX));
    if let Some(port) = read.and_then(|port| u16::try_from(port).ok()) {
        return Ok(port);
    }
    let reason = format!("invalid port/service `{text}' specified");
    let name = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_+.".contains(c));
    if !name {
        return Err(Refusal::Refused(reason));
    }
    let Some(services) = &names.lookup.services else {
        return Err(Refusal::Undecided(reason));
    };
    let port = services.get(text).and_then(|port| u16::try_from(*port).ok());
    port.ok_or(Refusal::Refused(reason))
}

/// One port, or a range whose ends may be left out.
fn port(names: &Names<'_>, words: &[String]) -> Shown {
    let text = first(words);
    let Some((low, high)) = text.split_once(':') else {
        return one_port(names, text).map(|port| Some(port.to_string()));
    };
    let low = if low.is_empty() { 0 } else { one_port(names, low)? };
    let high = match high {
        "" => u16::MAX,
        high => one_port(names, high)?,
    };
    match (low, high) {
        (low, high) if low > high => {
            Err(Refusal::new("invalid portrange (min > max)"))
        }
        (0, u16::MAX) => Ok(None),
        (low, high) if low == high => Ok(Some(low.to_string())),
        (low, high) => Ok(Some(format!("{low}:{high}"))),
    }
}

/// As many as the kernel's multiport takes; a range is two.
const MANY: usize = 15;

fn ports(names: &Names<'_>, words: &[String]) -> Shown {
    let (mut shown, mut taken) = (Vec::new(), 0);
    for part in first(words).split(',') {
        let text = match part.split_once(':') {
            None => one_port(names, part)?.to_string(),
            Some((low, high)) => {
                let low = one_port(names, low)?;
                let high = one_port(names, high)?;
                if low >= high {
                    return Err(Refusal::new("invalid portrange specified"));
                }
                taken += 1;
                format!("{low}:{high}")
            }
        };
        taken += 1;
        shown.push(text);
    }
    if taken > MANY {
        return Err(Refusal::new("too many ports specified"));
    }
    Ok(Some(shown.join(",")))
}

/// The flags in their order, all of which are printed by name.
const FLAGS: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

fn flags(_: &Names<'_>, words: &[String]) -> Shown {
    let list = |text: &String| {
        let given: Vec<&str> = text.split(',').collect();
        let known = |name: &&str| {
            FLAGS.contains(name) || matches!(*name, "ALL" | "NONE")
        };
        if !given.iter().all(known) {
            return Err(Refusal::new(format!("Unknown TCP flag `{text}'")));
        }
        let all = given.contains(&"ALL");
        let set = FLAGS.iter().filter(|flag| all || given.contains(flag));
        let set: Vec<_> = set.copied().collect();
        Ok(if set.is_empty() { "NONE".to_owned() } else { set.join(",") })
    };
    let words: Result<Vec<_>, _> = words.iter().map(list).collect();
    Ok(Some(words?.join(" ")))
}

const STATES: [&str; 7] =
    ["INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"];

fn states(_: &Names<'_>, words: &[String]) -> Shown {
    let given: Vec<&str> = first(words).split(',').collect();
    if !given.iter().all(|state| STATES.contains(state)) {
        return Err(Refusal::new(format!("Bad ctstate `{}'", first(words))));
    }
    let set = STATES.iter().filter(|state| given.contains(state));
    Ok(Some(set.copied().collect::<Vec<_>>().join(",")))
}

/// Units of a rate, in the parts of a second that xt_limit.c counts in.
const UNITS: [(&str, &str, u64); 4] = [
    ("day", "day", 864_000_000),
    ("hour", "hour", 36_000_000),
    ("minute", "min", 600_000),
    ("second", "sec", 10_000),
];

/// `parse_rate` and `print_rate` of libxt_limit.c.
fn rate(_: &Names<'_>, words: &[String]) -> Shown {
    let bad = || Refusal::new(format!("bad rate \"{}\"", first(words)));
    let (text, unit) = match first(words).split_once('/') {
        Some((text, unit)) => (text, unit),
        None => (first(words), "second"),
    };
    let named = |row: &&(&str, &str, u64)| {
        !unit.is_empty() && row.0.starts_with(&unit.to_ascii_lowercase())
    };
    // "m" is a minute, as the second is looked for first.
    let (_, _, scale) = UNITS.iter().rev().find(named).ok_or_else(bad)?;
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let per: u64 = text.get(..end).and_then(|n| n.parse().ok()).unwrap_or(0);
    let period = scale.checked_div(per).filter(|period| *period > 0);
    let period = period.ok_or_else(bad)?;
    let mut best = UNITS.first().ok_or_else(bad)?;
    for unit in UNITS.iter().skip(1) {
        if period > unit.2 || unit.2 / period < unit.2 % period {
            break;
        }
        best = unit;
    }
    Ok(Some(format!("{}/{}", best.2 / period, best.1)))
}

/// Five is what it is anyway.
fn burst(_: &Names<'_>, words: &[String]) -> Shown {
    let value = number(first(words), 10_000);
    let value = value.ok_or_else(|| Refusal::new("bad --limit-burst"))?;
    Ok((value != 5).then(|| value.to_string()))
}

fn count(_: &Names<'_>, words: &[String]) -> Shown {
    let value = number(first(words), u64::from(u32::MAX));
    let value = value.ok_or_else(|| Refusal::new("not a number"))?;
    Ok(Some(value.to_string()))
}

fn recent_name(names: &Names<'_>, words: &[String]) -> Shown {
    let mask = match names.family {
        Family::Ipv4 => "255.255.255.255",
        Family::Ipv6 => "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    Ok(Some(format!("{} --mask {mask} --rsource", first(words))))
}

fn connections(names: &Names<'_>, words: &[String]) -> Shown {
    let bits = match names.family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    };
    let above = count(names, words)?.unwrap_or_default();
    Ok(Some(format!("{above} --connlimit-mask {bits} --connlimit-saddr")))
}

/// A user or group: a name, a number or a range of numbers.
fn owner(
    ids: Option<&BTreeMap<String, u32>>,
    text: &str,
    option: &str,
) -> Result<String, Refusal> {
    let most = u64::from(u32::MAX) - 1;
    let ends: Option<Vec<_>> =
        text.splitn(2, '-').map(|end| number(end, most)).collect();
    match ends.as_deref() {
        Some([one]) => Ok(one.to_string()),
        Some([low, high]) if low <= high => Ok(format!("{low}-{high}")),
        _ => {
            let reason = format!("Bad value for \"{option}\": \"{text}\"");
            let Some(ids) = ids else {
                return Err(Refusal::Undecided(reason));
            };
            let id = ids.get(text).ok_or(Refusal::Refused(reason))?;
            Ok(id.to_string())
        }
    }
}
