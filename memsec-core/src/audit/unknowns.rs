//! What the answers rest on and the snapshot does not tell.

use super::{Unknown, subject::Subject};
use crate::{
    memcached::{Instance, Start},
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
            out.extend(undecided(instance));
            out.extend(version(instance));
        }
        out.extend(self.undecided_rules());
        out.extend(self.unread_managers());
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

fn version(instance: &Instance) -> Option<Unknown> {
    let what =
        format!("the version of {}: a recent one is assumed", instance.id);
    let place = Place::whole(&instance.source);
    instance.version.is_none().then_some(Unknown { what, place })
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
