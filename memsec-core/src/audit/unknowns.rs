//! What the answers rest on and the snapshot does not tell.

use std::net::SocketAddr;

use super::{Unknown, checks::missing, subject::Subject};
use crate::{
    Socket,
    memcached::{Instance, Launcher, Start},
    snapshot::Content,
    text::Place,
};

impl Subject<'_> {
    /// What the answers rest on and the snapshot does not tell.
    pub(crate) fn unknowns(&self) -> Vec<Unknown> {
        let rules = self.host.ruleset.unknowns().into_iter();
        let mut out = self.addresses();
        out.extend(rules.map(|(what, place)| Unknown { what, place }));
        out.extend(self.unread());
        for instance in &self.host.instances {
            if instance.launcher == Launcher::Led {
                out.push(led_to(instance));
                continue;
            }
            out.extend(undecided(instance));
            out.extend(version(instance));
        }
        out.extend(self.host.is_full().then(more_ways));
        out.extend(self.undecided_rules());
        out.extend(self.unread_managers());
        out.extend(missing(self));
        out
    }

    fn addresses(&self) -> Vec<Unknown> {
        let what = "the interfaces and addresses of this host: every one is \
                    taken to be reachable";
        let place = Place::whole("ip -j address");
        match self.host.interfaces {
            Some(_) => Vec::new(),
            None => vec![Unknown { what: what.to_owned(), place }],
        }
    }

    fn unread(&self) -> impl Iterator<Item = Unknown> {
        self.snapshot.files.iter().filter_map(|(path, file)| {
            let Content::Error(error) = &file.content else { return None };
            let what = format!("{path} could not be read: {error}");
            Some(Unknown { what, place: Place::whole(path) })
        })
    }

    /// What the files of the firewall managers do not tell.
    fn unread_managers(&self) -> Vec<Unknown> {
        let mut out = Vec::new();
        for load in self.loads.iter().filter(|load| load.enabled) {
            let name = load.manager.name();
            out.extend(load.unknown.iter().map(|(what, place)| Unknown {
                what: format!("at the next start of {name}: {what}"),
                place: place.clone(),
            }));
        }
        out
    }

    fn undecided_rules(&self) -> Vec<Unknown> {
        let mut out: Vec<Unknown> = Vec::new();
        for rule in self.reached.iter().flat_map(|r| &r.sources.undecided) {
            if !out.iter().any(|known| known.place == *rule) {
                let what = "whether this rule matches cannot be decided: \
                            both ways are counted";
                out.push(Unknown {
                    what: what.to_owned(),
                    place: rule.clone(),
                });
            }
        }
        out
    }
}

fn more_ways() -> Unknown {
    let what = "what leads to memcached in containers beyond the first 256 \
                ways";
    Unknown { what: what.to_owned(), place: Place::default() }
}

/// What only rules, or a proxy, lead to.
fn led_to(instance: &Instance) -> Unknown {
    let what = format!(
        "what listens at {}: no container is listed that has it, and it is \
         taken for memcached by its port",
        instance.id
    );
    Unknown { what, place: Place::whole(&instance.source) }
}

/// What the version decides, where it is not known.
fn version(instance: &Instance) -> Option<Unknown> {
    let mut what = match instance.version {
        Some(_) => String::new(),
        None => format!(
            "the version of {}: it is taken to be one of {}",
            instance.id, instance.possible
        ),
    };
    if let Some(listeners) = unsure(instance) {
        what = match instance.version {
            Some(version) => format!(
                "whether {version} of {} has UDP off by a patch, which \
                 decides whether it listens on {listeners}",
                instance.id
            ),
            None => format!(
                "{what}, which decides whether it listens on {listeners}"
            ),
        };
    }
    let place = Place::whole(&instance.source);
    (!what.is_empty()).then_some(Unknown { what, place })
}

/// The listeners that only some versions open.
fn unsure(instance: &Instance) -> Option<String> {
    let Start::Runs(running) = &instance.start else { return None };
    let all = running.unsure.iter().map(|listener| match listener.socket() {
        Some((proto, Socket { address, port, .. })) => {
            format!("{} {}", proto.name(), SocketAddr::new(*address, *port))
        }
        None => "its unix socket".to_owned(),
    });
    let all: Vec<_> = all.collect();
    (!all.is_empty()).then(|| all.join(" and "))
}

/// What decides a daemon's addresses and the snapshot does not tell.
fn undecided(instance: &Instance) -> Vec<Unknown> {
    let Start::Runs(running) = &instance.start else { return Vec::new() };
    let unknown = |what: &String| Unknown {
        what: format!(
            "{what}, on which depends what {} listens on: every address is \
             counted",
            instance.id
        ),
        place: instance.place('l'),
    };
    running.unresolved.iter().map(unknown).collect()
}
