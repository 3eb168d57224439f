//! What the checks look at.

use super::{Reached, Scope, Severity, ShutOut, Unknown, reached, shut_out};
use crate::{
    Policy, Proto, Snapshot,
    host::Host,
    memcached::{Instance, Running, Start, Word},
    net::Family,
    snapshot::Content,
    text::Place,
};

/// More networks than this are not listed one by one.
const FEW: usize = 3;

/// A host with the answer for each of its listeners, and the policy that it
/// is held against.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    pub host: &'a Host,
    pub snapshot: &'a Snapshot,
    pub policy: &'a Policy,
    pub reached: Vec<Reached>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(
        host: &'a Host,
        snapshot: &'a Snapshot,
        policy: &'a Policy,
    ) -> Self {
        Self { host, snapshot, policy, reached: reached(host, policy) }
    }

    /// The daemons that run, or would.
    pub(crate) fn running(
        &self,
    ) -> impl Iterator<Item = (&'a Instance, &'a Running)> {
        self.host.instances.iter().filter_map(|i| match &i.start {
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
        let bad = all.filter(|r| !r.beyond(self.policy).is_empty());
        match bad.max_by_key(|r| Scope::of(&r.beyond(self.policy))) {
            Some(worst) => (self.badness(worst), self.who(worst)),
            None => (
                Severity::Low,
                "nobody gets in but those that the policy allows".to_owned(),
            ),
        }
    }

    fn badness(&self, reached: &Reached) -> Severity {
        match Scope::of(&reached.beyond(self.policy)) {
            Scope::Internet => Severity::Critical,
            _ => Severity::High,
        }
    }

    /// Who gets in that should not.
    pub(crate) fn who(&self, reached: &Reached) -> String {
        let beyond = reached.beyond(self.policy);
        let mut nets = beyond.cidrs().take(FEW + 1);
        let few: Vec<_> = nets.by_ref().map(|net| net.to_string()).collect();
        let who = match Scope::of(&beyond) {
            _ if few.len() <= FEW && !beyond.is_all() => few.join(", "),
            Scope::Internet => "anyone on the internet".to_owned(),
            Scope::Private => "anyone on a private network".to_owned(),
            Scope::Link => "anyone on the link".to_owned(),
            Scope::Host => "this host".to_owned(),
        };
        let sure = beyond.is_subset(&reached.sources.must);
        let verb = if sure { "reaches" } else { "may reach" };
        let proto = reached.proto.name();
        let by = match &reached.interface {
            Some(name) => format!("by {name}"),
            None => "by some interface".to_owned(),
        };
        let family = match reached.family() {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        };
        format!("{who} {verb} {proto} port {} {by} over {family}", reached.port)
    }

    /// The clients of the policy that do not get in.
    pub(crate) fn shut_out(&self) -> Vec<ShutOut> {
        shut_out(self.host, self.policy, &self.reached)
    }

    /// What the answers rest on and the snapshot does not tell.
    pub(crate) fn unknowns(&self) -> Vec<Unknown> {
        let unknown = |what: String, place| Unknown { what, place };
        let mut out = Vec::new();
        if self.host.interfaces.is_none() {
            out.push(unknown(
                "the interfaces and addresses of this host: every one is \
                 taken to be reachable"
                    .to_owned(),
                Place::whole("ip -j address"),
            ));
        }
        let rules = self.host.ruleset.unknowns();
        out.extend(rules.into_iter().map(|(what, at)| unknown(what, at)));
        for (path, file) in &self.snapshot.files {
            if let Content::Error(error) = &file.content {
                let what = format!("{path} could not be read: {error}");
                out.push(unknown(what, Place::whole(path)));
            }
        }
        for instance in &self.host.instances {
            if instance.version.is_none() {
                let id = &instance.id;
                out.push(unknown(
                    format!("the version of {id}: a recent one is assumed"),
                    Place::whole(&instance.source),
                ));
            }
        }
        for reached in &self.reached {
            for rule in &reached.sources.undecided {
                let what = "whether this rule matches cannot be decided: both ways \
                     are counted";
                let unknown = unknown(what.to_owned(), rule.clone());
                if !out.contains(&unknown) {
                    out.push(unknown);
                }
            }
        }
        out
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
    /// Where the option stands that is to blame, or the whole of what
    /// configures the instance.
    pub(crate) fn place(&self, option: char) -> Place {
        let word = match &self.start {
            Start::Runs(running) => running.options.get(&option),
            Start::Exits(_) => None,
        };
        match word {
            Some(word) => word.place(&self.source),
            None => Place::whole(&self.source),
        }
    }
}
