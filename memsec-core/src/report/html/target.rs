//! What is drawn: who gets in to one port, before and after a plan.

use std::collections::BTreeMap;

use crate::{
    Exposure, Plan, Policy, Proto, Report, Scope,
    net::{Family, IpSet, RangeSet},
    report::words::{sequence, upper},
};

/// Who gets in to a port, by whatever interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sources {
    family: Family,
    /// Those who are not allowed, and could get in.
    pub strangers: IpSet,
    /// Those of them who are sure to.
    pub sure: IpSet,
    /// Those who are allowed, and could get in.
    pub clients: IpSet,
}

impl Sources {
    fn new(exposures: &[&Exposure], family: Family, policy: &Policy) -> Self {
        let of = |exposure: &&&Exposure| {
            exposure.family == family && exposure.scope > Scope::Host
        };
        let open = || exposures.iter().filter(of);
        let may = open().flat_map(|exposure| {
            let all = exposure.may.iter();
            let lacks = exposure.except.iter();
            let lacks = IpSet::of(family, lacks);
            ranges(&IpSet::of(family, all).difference(&lacks))
        });
        let must = open().flat_map(|exposure| {
            ranges(&IpSet::of(family, exposure.must.iter()))
        });
        let may = IpSet::from_numbers(family, &RangeSet::from_ranges(may));
        let must = IpSet::from_numbers(family, &RangeSet::from_ranges(must));
        let allowed = policy.allowed(family);
        Self {
            family,
            strangers: may.difference(&allowed),
            sure: must.difference(&allowed),
            clients: may.intersection(&allowed),
        }
    }

    /// Everybody who could get in.
    pub(super) fn all(&self) -> IpSet {
        self.strangers.union(&self.clients)
    }

    pub(super) fn family(&self) -> Family {
        self.family
    }
}

fn ranges(set: &IpSet) -> Vec<(u128, u128)> {
    set.numbers().ranges().collect()
}

/// A moment: IPv4, then IPv6.
pub(super) type Moment = [Sources; 2];

/// A port, and who gets in to it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    instance: Option<String>,
    protos: Vec<Proto>,
    port: u16,
    pub now: Moment,
    pub after: Option<Moment>,
}

impl Target {
    /// "memcached, TCP and UDP port 11211"
    pub(super) fn title(&self) -> String {
        let instance = self.instance.as_deref().unwrap_or("This host");
        let protos = self.protos.iter().map(|p| upper(*p).to_owned());
        let protos = sequence(protos.collect());
        format!("{instance}, {protos} port {}", self.port)
    }

    /// Whether somebody gets in now who is not allowed.
    pub(super) fn is_open(&self) -> bool {
        self.now.iter().any(|sources| !sources.strangers.is_empty())
    }

    /// Whether nobody but the host gets in, now and after.
    pub(super) fn is_closed(&self) -> bool {
        let mut moments = std::iter::once(&self.now).chain(&self.after);
        moments.all(|moment| moment.iter().all(|s| s.all().is_empty()))
    }

    fn joins(&self, other: &Self) -> bool {
        let key = |t: &Self| (t.instance.clone(), t.port);
        key(self) == key(other)
            && self.now == other.now
            && self.after == other.after
    }
}

type Key<'a> = (Option<&'a str>, u16, &'static str);
type Ways<'a> = BTreeMap<Key<'a>, Vec<&'a Exposure>>;

fn by_port(exposures: &[Exposure]) -> Ways<'_> {
    let mut out = Ways::new();
    for exposure in exposures {
        let instance = exposure.instance.as_deref();
        let key = (instance, exposure.port, exposure.proto.name());
        out.entry(key).or_default().push(exposure);
    }
    out
}

/// The ports of a report, those that are open to strangers first. A plan
/// that is not of this report tells nothing of what is after it.
pub(super) fn targets(report: &Report, plan: Option<&Plan>) -> Vec<Target> {
    let policy = report.made_from.as_deref().map(|made| made.2.clone());
    let policy = policy.unwrap_or_default();
    let plan = plan.filter(|plan| !plan.empty);
    let after = plan.and_then(|plan| report.after(plan));
    let after = after.as_deref().map(by_port);
    let moment = |ways: &[&Exposure]| {
        Family::BOTH.map(|family| Sources::new(ways, family, &policy))
    };
    let mut out: Vec<Target> = Vec::new();
    for (key, ways) in by_port(&report.exposures) {
        let then = after.as_ref().map(|after| after.get(&key));
        let target = Target {
            instance: key.0.map(str::to_owned),
            protos: ways.iter().map(|way| way.proto).take(1).collect(),
            port: key.1,
            now: moment(&ways),
            after: then.map(|ways| moment(ways.map_or(&[], Vec::as_slice))),
        };
        // The two protocols of a port are next to each other.
        match out.last_mut().filter(|last| last.joins(&target)) {
            Some(last) => last.protos.extend(target.protos),
            None => out.push(target),
        }
    }
    out.sort_by_key(|target| !target.is_open());
    out
}
