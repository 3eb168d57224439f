//! What the checks look at.

use std::collections::BTreeSet;

use super::{Reached, Scope, Severity, ShutOut, reached, shut_out};
use crate::{
    Policy, Proto, Snapshot,
    host::Host,
    managers::Load,
    memcached::{
        Directive, Instance, Launcher, Running, Start, Word, directives,
    },
    net::Family,
    text::Place,
};

/// More networks than this are not listed one by one.
const FEW: usize = 3;

/// The farthest that a daemon's ports can be reached from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// From this host alone.
    Own,
    /// From other hosts, and the policy allows them all (whether they get
    /// in already or not), or a password is asked for.
    Clients,
    /// By others than the policy allows, without a password.
    Others,
}

impl Access {
    /// A severity for each, and no finding where there is none.
    pub(crate) fn graded(
        self,
        others: Severity,
        clients: Severity,
    ) -> Option<Severity> {
        match self {
            Self::Own => None,
            Self::Clients => Some(clients),
            Self::Others => Some(others),
        }
    }
}

/// A host with the answer for each of its listeners, and the policy that it
/// is held against.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    pub host: &'a Host,
    pub snapshot: &'a Snapshot,
    pub policy: &'a Policy,
    pub reached: Vec<Reached>,
    /// What the firewall managers will load at their next start.
    pub loads: Vec<Load>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(
        host: &'a Host,
        snapshot: &'a Snapshot,
        policy: &'a Policy,
        loads: Vec<Load>,
    ) -> Self {
        let reached = reached(host, policy);
        Self { host, snapshot, policy, reached, loads }
    }

    /// The daemons that run, or would, and of which more is known than
    /// where they are.
    pub(crate) fn running(
        &self,
    ) -> impl Iterator<Item = (&'a Instance, &'a Running)> {
        let all = self.host.instances.iter();
        let known = all.filter(|i| i.launcher != Launcher::Led);
        known.filter_map(|i| match &i.start {
            Start::Runs(running) => Some((i, running)),
            Start::Exits(_) => None,
        })
    }

    /// Who reaches an instance.
    pub(crate) fn of(&self, instance: &str) -> impl Iterator<Item = &Reached> {
        let instance = instance.to_owned();
        self.reached
            .iter()
            .filter(move |r| r.instance.as_ref() == Some(&instance))
    }

    /// How bad it is that a daemon is reached over a protocol, and by whom.
    pub(crate) fn worst(
        &self,
        instance: &str,
        proto: Proto,
    ) -> (Severity, String) {
        let all = self.of(instance).filter(|r| r.proto == proto);
        let bad: Vec<_> = all.filter(|r| self.is_open(r)).collect();
        match self.scope(&bad) {
            None => (
                Severity::Low,
                "nobody gets in but those that the policy allows".to_owned(),
            ),
            Some(Scope::Internet) => (Severity::Critical, self.who(&bad)),
            Some(_) => (Severity::High, self.who(&bad)),
        }
    }

    /// From how far a daemon can be used.
    pub(crate) fn access(
        &self,
        instance: &Instance,
        running: &Running,
    ) -> Access {
        let of = |way: &Reached| match () {
            () if self.is_open(way) && !running.asks() => Access::Others,
            () if !self.policy.allow.is_empty() => Access::Clients,
            () if way.local || way.sources.may.is_empty() => Access::Own,
            () => Access::Clients,
        };
        self.of(&instance.id).map(of).max().unwrap_or(Access::Own)
    }

    /// Whether somebody gets in, or could, that the policy does not allow.
    pub(crate) fn is_open(&self, reached: &Reached) -> bool {
        !reached.beyond(self.policy).is_empty()
    }

    /// How far away the farthest of those is that should not get in.
    pub(crate) fn scope(&self, open: &[&Reached]) -> Option<Scope> {
        open.iter().map(|r| r.scope_of(&r.beyond(self.policy))).max()
    }

    /// Who gets in that should not, by the widest of the ways.
    pub(crate) fn who(&self, open: &[&Reached]) -> String {
        let scope = self.scope(open);
        let widest =
            |r: &&&Reached| Some(r.scope_of(&r.beyond(self.policy))) == scope;
        let open: Vec<_> = open.iter().filter(widest).copied().collect();
        if open.is_empty() {
            return String::new();
        }
        let few = self.few(&open);
        let who = match scope {
            _ if !few.is_empty() => few.join(", "),
            Some(Scope::Private) => "anyone on a private network".to_owned(),
            Some(Scope::Link) => "anyone on the link".to_owned(),
            Some(Scope::Host) => "this host".to_owned(),
            _ => "anyone on the internet".to_owned(),
        };
        let sure =
            |r: &&Reached| r.beyond(self.policy).is_subset(&r.sources.must);
        let verb = match (open.iter().all(sure), few.len()) {
            (false, _) => "may reach",
            (true, 0 | 1) => "reaches",
            (true, _) => "reach",
        };
        let ports = ports(&open);
        let by = listed(
            open.iter()
                .map(|r| r.interface.as_deref().unwrap_or("some interface")),
        );
        let over = listed(open.iter().map(|r| match r.family() {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        }));
        format!("{who} {verb} {ports} by {by} over {over}")
    }

    /// The networks that get in and should not, where they are a few and by
    /// each way of a family the same; else none.
    fn few(&self, open: &[&Reached]) -> Vec<String> {
        let mut few = Vec::new();
        for family in Family::BOTH {
            let mut ways = open.iter().filter(|way| way.family() == family);
            let Some(first) = ways.next() else { continue };
            let beyond = first.beyond(self.policy);
            let mut others = ways.map(|way| way.beyond(self.policy));
            if beyond.is_all() || others.any(|other| other != beyond) {
                return Vec::new();
            }
            few.extend(beyond.cidrs().take(FEW + 1));
        }
        let all = few.iter().map(ToString::to_string);
        if few.len() > FEW { Vec::new() } else { all.collect() }
    }

    /// The number of the user that a daemon runs as.
    pub(crate) fn user(
        &self,
        instance: &Instance,
        running: &Running,
    ) -> Option<u32> {
        let passwd = || self.snapshot.text("/etc/passwd").ok().flatten();
        let named = |name: &str| {
            passwd()?.text().lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
            })
        };
        let given = || named(&running.options.get(&'u')?.text);
        instance.uid.or_else(given)
    }

    /// The lines of a unit; none where the snapshot does not have it.
    pub(crate) fn directives(&self, unit: &str) -> Vec<Directive> {
        directives(self.snapshot, unit).unwrap_or_default()
    }

    /// The clients of the policy that do not get in.
    pub(crate) fn shut_out(&self) -> Vec<ShutOut> {
        shut_out(self.host, self.policy, &self.reached)
    }
}

/// "tcp and udp port 11211"
fn ports(open: &[&Reached]) -> String {
    let protos = listed(open.iter().map(|way| way.proto.name()));
    let ports: BTreeSet<_> = open.iter().map(|way| way.port).collect();
    let word = if ports.len() > 1 { "ports" } else { "port" };
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    let ports = listed(ports.iter().map(String::as_str));
    format!("{protos} {word} {ports}")
}

/// "a, b and c", each once, in order; of many the first, and how many more.
fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    const MOST: usize = 4;
    let words: BTreeSet<_> = words.collect();
    let mut words: Vec<_> = words.into_iter().map(str::to_owned).collect();
    if let Some(more @ 1..) = words.len().checked_sub(MOST) {
        words.truncate(MOST);
        words.push(format!("{more} more"));
    }
    let last = words.pop().unwrap_or_default();
    match words.is_empty() {
        true => last,
        false => format!("{} and {last}", words.join(", ")),
    }
}

impl Word {
    /// Where it stands; `otherwise` where it stands in no file.
    pub(crate) fn place(&self, otherwise: &str) -> Place {
        match &self.span {
            Some(span) => span.place(),
            None => Place {
                text: Some(self.text.clone()),
                ..Place::whole(otherwise)
            },
        }
    }
}

impl Instance {
    /// The name of its unit, where it is of one.
    pub(crate) fn unit(&self) -> String {
        format!("{}.service", self.id)
    }

    /// Where the option stands that is to blame, or the whole of what
    /// configures the instance.
    pub(crate) fn place(&self, option: char) -> Place {
        let word = match &self.start {
            Start::Runs(running) => running.options.get(&option).cloned(),
            Start::Exits(_) => self.given(option).pop(),
        };
        match word {
            Some(word) => word.place(&self.source),
            None => Place::whole(&self.source),
        }
    }
}
