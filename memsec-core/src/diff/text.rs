//! A difference for a person.

use std::fmt;

use super::{Change, Difference, Reaches};
use crate::{
    net::Family,
    reach::one_line,
    report::{few, sequence, upper},
};

/// The answer in one sentence, then the packets, and what is not known.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match (self.changes.is_empty(), self.unknown.is_empty())
        {
            (false, _) => "These packets fare differently:",
            (true, true) => "No packet fares differently.",
            (true, false) => "No packet is known to fare differently.",
        };
        writeln!(f, "{sentence}")?;
        self.changes.iter().try_for_each(|change| writeln!(f, "{change}"))?;
        if !self.unknown.is_empty() {
            writeln!(f, "\nWhat is not known:")?;
        }
        self.unknown.iter().try_for_each(|unknown| {
            let what = one_line(&unknown.what);
            let place = unknown.place.to_string();
            writeln!(f, "  {what} ({})", one_line(&place))
        })
    }
}

/// "  now gets in: the host, TCP port 22, IPv4 by eth0: from 10.0.0.0/8"
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instance = self.instance.as_deref().unwrap_or("the host");
        let family = match self.family {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        };
        let what = what(self.before, self.after);
        write!(f, "  {what}: {}, ", one_line(instance))?;
        write!(f, "{} {}, {family} ", upper(self.proto), self.ports())?;
        write!(f, "by {}", self.by())?;
        if !self.destinations.is_empty() {
            write!(f, " to {}", few(self.destinations.iter().copied(), ""))?;
        }
        write!(f, ": from {}", few(self.from.iter().copied(), "nobody"))?;
        match self.except.is_empty() {
            true => Ok(()),
            false => write!(f, " but {}", few(self.except.iter().copied(), "")),
        }
    }
}

fn what(before: Reaches, after: Reaches) -> &'static str {
    match (before, after) {
        (Reaches::No, Reaches::Yes) => "now gets in",
        (Reaches::No, _) => "may get in now",
        (Reaches::Yes, Reaches::No) => "gets in no more",
        (Reaches::Yes, _) => "may get in no more",
        (_, Reaches::Yes) => "is sure to get in now",
        (_, _) => "is sure to get in no more",
    }
}

impl Change {
    fn ports(&self) -> String {
        let range = |&(first, last): &(u16, u16)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        match self.ports.as_slice() {
            [(0, u16::MAX)] => "all ports".to_owned(),
            [(first, last)] if first == last => format!("port {first}"),
            all => {
                format!("ports {}", sequence(all.iter().map(range).collect()))
            }
        }
    }

    fn by(&self) -> String {
        if self.interfaces.is_empty() {
            return "any interface".to_owned();
        }
        sequence(self.interfaces.iter().map(|name| one_line(name)).collect())
    }
}
