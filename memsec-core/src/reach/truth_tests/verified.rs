//! The bounds of chains alone, against proofs of who gets through them.

use std::{fs, path::Path};

use serde_json::Value;

use super::{
    none_is,
    relation::{assigned, destinations, loopback, reaching, relation},
};
use crate::{
    Host, Proto, Snapshot,
    net::{Family, RangeSet},
    reach::{
        atoms,
        cell::Interface,
        journey::{Batch, Batches},
        sources::{Query, Question},
    },
    truth::shared,
};

type Assigned = Vec<(String, RangeSet<u128>)>;
type Bounds = (RangeSet<u128>, RangeSet<u128>);

/// A chain of a dump, with what its interfaces are taken to have.
struct Dump {
    host: Host,
    family: Family,
    assigned: Assigned,
}

impl Dump {
    fn new(root: &Path, entry: &Value, text: &str) -> Self {
        let id = entry["id"].as_str().unwrap();
        let v6 = id.contains("ip6tables") || id.contains("ipv6_server");
        let (family, command) = match v6 {
            true => (Family::Ipv6, "ip6tables-save"),
            false => (Family::Ipv4, "iptables-save"),
        };
        let file = entry["ipassmt"].as_str().unwrap();
        let assigned = assigned(&root.join("ipassmt").join(file), family);
        let snapshot = Snapshot::new().with_command(command, filter_only(text));
        Self { host: Host::new(&snapshot).unwrap(), family, assigned }
    }

    /// Who gets through a base chain, for a new packet from port 10000.
    fn bounds(
        &self,
        chain: &str,
        (proto, port): (Proto, u16),
        to: u128,
    ) -> Bounds {
        let chains = &self.host.ruleset.tables[0].chains;
        let chain = chains.iter().find(|one| one.name == chain).unwrap();
        let hook = chain.base.as_ref().unwrap().hook;
        let query = Query::new(None, self.family.address(to), proto, port);
        let question = Question::new(&self.host, &query);
        let all = RangeSet::range(0, self.family.last());
        let (mut may, mut must) = (RangeSet::empty(), all.clone());
        for interface in self.interfaces(&question) {
            let journey = question.journey(interface, Some(10000));
            let parcel = journey.parcel();
            let start = Batches::of(Batch { parcel, addresses: all.clone() });
            let passed = journey.sweep(&[hook], start).unwrap();
            let alive = passed.alive();
            let within = self.within(interface);
            may = may.union(&alive.intersection(&within));
            let sure = alive.difference(&passed.stopped);
            must = must.intersection(&sure.union(&within.complement()));
        }
        (may.intersection(&all), must.difference(&loopback(self.family)))
    }

    fn interfaces<'a>(&'a self, question: &Question<'a>) -> Vec<Interface<'a>> {
        let mut names = atoms::of(question).interfaces;
        let own = self.assigned.iter();
        names.extend(own.map(|(name, _)| Interface::Named(name)));
        names
    }

    /// The sources that an interface is taken to have.
    fn within(&self, interface: Interface<'_>) -> RangeSet<u128> {
        let mut own = self.assigned.iter();
        let own = own.find(|(name, _)| interface == Interface::Named(name));
        own.map_or(RangeSet::all(), |(_, set)| set.clone())
    }
}

fn filter_only(text: &str) -> &str {
    let start = text.find("*filter").unwrap_or(0);
    let rest = &text[start..];
    let end = rest.find("\nCOMMIT").map_or(rest.len(), |end| end + 8);
    &rest[..end]
}

/// The protocol and the port of "tcp:SPORT:DPORT".
fn service(name: &str) -> Option<(Proto, u16)> {
    let mut parts = name.split(':');
    let proto = match parts.next()? {
        "tcp" => Proto::Tcp,
        "udp" => Proto::Udp,
        _ => return None,
    };
    Some((proto, parts.nth(1)?.parse().ok()?))
}

#[derive(Default)]
struct Score {
    answers: usize,
    exact: usize,
    wrong: Vec<String>,
}

impl Score {
    /// What is proved is within the bounds, and where it is all, is the same.
    fn count(
        &mut self,
        what: &str,
        dump: &Dump,
        proved: &Bounds,
        found: Bounds,
        exact: bool,
    ) {
        let (up, low) = proved;
        let (may, must) = found;
        let own = loopback(dump.family);
        self.answers += 1;
        self.exact += usize::from(exact);
        let (over, under) = (may.difference(up), low.difference(&must));
        if !over.is_empty() || !under.is_empty() {
            self.wrong.push(format!(
                "{what}: may over {over:?}, must under {under:?}"
            ));
        } else if exact
            && (may.difference(&own) != up.difference(&own) || must != *low)
        {
            self.wrong.push(format!(
                "{what}: may without {:?}, must with {:?}",
                up.difference(&may),
                must.difference(low)
            ));
        }
    }
}

#[test]
fn every_proof() {
    let Some(path) = shared("truth/reach/verified.jsonl") else { return };
    let root = path.parent().unwrap().to_owned();
    let mut score = Score::default();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let file = root.join(entry["file"].as_str().unwrap());
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let dump = Dump::new(&root, &entry, &text);
        let chain = entry["chain"].as_str().unwrap();
        for (name, found) in entry["services"].as_object().unwrap() {
            let Some(service) = service(name) else { continue };
            let upper = relation(&found["upper"]["accept"]);
            let lower = relation(&found["lower"]["accept"]);
            for to in destinations(&[&upper, &lower]) {
                let low = reaching(&lower, to);
                let low = low.difference(&loopback(dump.family));
                let proved = (reaching(&upper, to), low);
                let what = format!("{} {name} to {to:x}", entry["id"]);
                let bounds = dump.bounds(chain, service, to);
                let exact = found["exact"] == true;
                score.count(&what, &dump, &proved, bounds, exact);
            }
        }
    }
    let Score { answers, exact, wrong } = score;
    println!(
        "verified: {answers} answers, {exact} exact, {} wrong",
        wrong.len()
    );
    none_is(&wrong);
}
