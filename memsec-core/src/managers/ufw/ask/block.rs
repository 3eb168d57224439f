//! The rules in user.rules, each with the comment that is its tuple.

use std::{collections::BTreeSet, ops::Range};

use super::{
    super::tuple::{NONE, Tuple},
    file,
};
use crate::{Cidr, Error, Proto, Snapshot, managers::change::Ask, net::Family};

/// The file of the user rules and the chain of those for this host.
pub(super) fn store(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::Ipv4 => ("/etc/ufw/user.rules", "ufw-user-input"),
        Family::Ipv6 => ("/etc/ufw/user6.rules", "ufw6-user-input"),
    }
}

/// A tuple with its rules.
pub(super) struct Block<'t> {
    /// In bytes, with the empty line before it.
    pub range: Range<usize>,
    /// `None` for one that cannot be read.
    pub tuple: Option<Tuple<'t>>,
    /// How many of its rules are of INPUT.
    pub rules: usize,
}

/// Where the rules begin in a file.
pub(super) fn start(text: &str) -> Result<Range<usize>, Error> {
    let head = "### RULES ###\n";
    let at = text.find(head).map(|at| at + head.len());
    let missing = || Error::unsupported("user.rules has no section of rules");
    at.map(|at| at..at).ok_or_else(missing)
}

pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let (mut at, mut blank, mut inside) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        let (start, words) = (at, line.trim());
        at += line.len();
        match words {
            "### RULES ###" => inside = true,
            "### END RULES ###" => inside = false,
            "" => blank = start,
            _ if !inside => {}
            _ if words.starts_with("### tuple ###") => {
                let (start, rules) = (blank.min(start), 0);
                let tuple = Tuple::new(words);
                blocks.push(Block { range: start..at, tuple, rules });
                blank = at;
            }
            _ => {
                if let Some(block) = blocks.last_mut() {
                    block.range.end = at;
                    let own = words.contains("-user-input ");
                    block.rules += usize::from(own);
                }
                blank = at;
            }
        }
    }
    blocks
}

/// The place before a rule and those that ufw keeps together with it.
pub(super) fn ahead_of(blocks: &[Block<'_>], at: usize) -> usize {
    let tuple = |at: usize| blocks.get(at)?.tuple.as_ref();
    let together = |at: &usize| {
        let before = at.checked_sub(1).and_then(tuple);
        let both = before.zip(tuple(*at));
        both.is_some_and(|(before, own)| before.holds_on_to(own))
    };
    let tied = (0..=at).rev().take_while(together).count();
    at - tied
}

/// How many rules ufw counts: those of one application are one.
fn counted(blocks: &[Block<'_>]) -> usize {
    let mut seen = BTreeSet::new();
    let each = blocks.iter().filter(|block| {
        let tuple = block.tuple.as_ref();
        let named = tuple.filter(|tuple| tuple.applications != NONE);
        named.is_none_or(|tuple| seen.insert(tuple.application()))
    });
    each.count()
}

/// The number that `ufw insert` has for a place: those of IPv6 come after
/// those of IPv4. `None` where ufw refuses it: it counts places by each rule
/// and the rules by their applications.
pub(super) fn position(
    snapshot: &Snapshot,
    family: Family,
    at: usize,
) -> Result<Option<usize>, Error> {
    let four = file(snapshot, store(Family::Ipv4).0)?;
    let own = file(snapshot, store(family).0)?;
    let before = match family {
        Family::Ipv4 => 0,
        Family::Ipv6 => counted(&blocks(&four)),
    };
    let known = at < counted(&blocks(&own));
    Ok(known.then_some(before + at + 1))
}

impl Block<'_> {
    /// Whether it lets others than the clients in to that one port.
    pub(super) fn opens_alone(&self, all: &[Self], ask: &Ask<'_>) -> bool {
        let Some(tuple) = &self.tuple else { return false };
        let mut same = all.iter().filter_map(|block| block.tuple.as_ref());
        tuple.opens(ask)
            && tuple.is_single(ask.port)
            && same.all(|other| {
                !other.goes_with(tuple) || other.is_single(ask.port)
            })
    }

    /// Whether ufw takes it for the same rule, whatever it does.
    pub(super) fn is_like(&self, other: &Tuple<'_>) -> bool {
        self.tuple.as_ref().is_some_and(|tuple| tuple.is_like(other))
    }

    /// Whether a client's rule has to go before it: it stops the port, or
    /// lets others in to it and stays.
    pub(super) fn stands_before(&self, ask: &Ask<'_>, proto: Proto) -> bool {
        self.tuple.as_ref().is_some_and(|tuple| {
            let stops = !tuple.lets_in() && tuple.is_inward();
            let stays = tuple.opens(ask) && !tuple.is_single(ask.port);
            tuple.covers(ask.port, proto) && (stops || stays)
        })
    }
}

impl<'t> Tuple<'t> {
    /// One of a port of this host, for and from anywhere.
    pub(super) fn on(dport: &'t str, proto: Proto, any: &'t str) -> Self {
        Self {
            action: "deny",
            log: "",
            protocol: proto.name(),
            dport,
            to: any,
            sport: "any",
            from: any,
            interfaces: "in",
            applications: NONE,
            comment: "",
        }
    }

    fn key(&self) -> [&'t str; 8] {
        let [one, other] = self.applications;
        [
            self.protocol,
            self.dport,
            self.to,
            self.sport,
            self.from,
            self.interfaces,
            one,
            other,
        ]
    }

    /// By what ufw takes rules of an application for one:
    /// UFWRule.get_app_tuple().
    fn application(&self) -> [&'t str; 5] {
        let [to, from] = self.applications;
        let to = if to == "-" { self.dport } else { to };
        let from = if from == "-" { self.sport } else { from };
        [to, self.to, from, self.from, self.interfaces]
    }

    /// Whether ufw takes both for one rule.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    /// Whether the removal of the other removes it.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        let named = self.applications != NONE;
        let same = self.applications == other.applications
            && self.application() == other.application();
        self.action == other.action
            && if named { same } else { self.is_like(other) }
    }

    /// Whether ufw puts no rule between them: backend_iptables.py, set_rule().
    fn holds_on_to(&self, next: &Self) -> bool {
        let key = |tuple: &Self| (tuple.to, tuple.from, tuple.applications);
        self.applications != NONE && key(self) == key(next)
    }

    pub(super) fn lets_in(&self) -> bool {
        matches!(self.action, "allow" | "limit")
    }

    /// Whether it is for this host.
    pub(super) fn is_inward(&self) -> bool {
        let forwards = self.action.starts_with("route:");
        !forwards && self.interfaces.split('_').next() == Some("in")
    }

    pub(super) fn is_single(&self, port: u16) -> bool {
        self.dport.parse() == Ok(port)
    }

    /// Whether it is about the port, also among others.
    pub(super) fn covers(&self, port: u16, proto: Proto) -> bool {
        let holds = |part: &str| match part.split_once(':') {
            Some((first, last)) => {
                let ends = (first.parse::<u16>(), last.parse::<u16>());
                matches!(ends, (Ok(a), Ok(b)) if (a..=b).contains(&port))
            }
            None => part == "any" || part.parse() == Ok(port),
        };
        let of = self.protocol;
        (of == "any" || of == proto.name()) && self.dport.split(',').any(holds)
    }

    /// Whether others than the clients get in by it to the port.
    pub(super) fn opens(&self, ask: &Ask<'_>) -> bool {
        let wider = match self.from.parse::<Cidr>() {
            Ok(net) => !ask.allows(net),
            Err(_) => true,
        };
        let asked = |proto: &Proto| ask.protos.contains(proto);
        let mut protos = Proto::BOTH.into_iter();
        self.lets_in()
            && self.is_inward()
            && protos.any(|proto| {
                self.covers(ask.port, proto) && (wider || !asked(&proto))
            })
    }

    /// As the command ufw takes it.
    pub(super) fn words(&self) -> Vec<String> {
        let [app, source_app] =
            self.applications.map(|name| name.replace("%20", " "));
        let mut words = vec![self.action];
        if let Some((way, name)) = self.interfaces.split_once('_') {
            words.extend([way, "on", name]);
        }
        if !self.log.is_empty() {
            words.push(self.log);
        }
        if self.protocol != "any" && self.applications == NONE {
            words.extend(["proto", self.protocol]);
        }
        words.extend(["from", self.from]);
        if source_app != "-" {
            words.extend(["app", &source_app]);
        } else if self.sport != "any" {
            words.extend(["port", self.sport]);
        }
        let any = matches!(self.to, "0.0.0.0/0" | "::/0");
        words.extend(["to", if any { "any" } else { self.to }]);
        if app != "-" {
            words.extend(["app", &app]);
        } else if self.dport != "any" {
            words.extend(["port", self.dport]);
        }
        words.into_iter().map(str::to_owned).collect()
    }

    /// As it stands in the file.
    pub(super) fn block(&self, chain: &str) -> String {
        let prefix = chain.split('-').next().unwrap_or_default();
        format!(
            "\n### tuple ### {} {} {} {} {} {} {}\n{}\n",
            self.action,
            self.protocol,
            self.dport,
            self.to,
            self.sport,
            self.from,
            self.interfaces,
            self.rule(prefix, self.protocol)
        )
    }
}
