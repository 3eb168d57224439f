//! What the settings of a zone or policy come to.

use super::part::Way;
use crate::{
    managers::firewalld::{
        chains::{Act, Chains, Rule, Test},
        config::Config,
        icmp,
        object::Service,
        rich::{Action, End, Forward, Rich, What, Who},
        settings::Settings,
    },
    net::Family,
    text::Place,
};

/// The chains for each sort of setting, without "_allow" and the like;
/// `None` where there is none.
pub(super) struct Ways {
    filter: Option<String>,
    nat: Option<String>,
    mangle: Option<String>,
    snat: Option<String>,
    /// True if ICMP blocks are all that is let in.
    inverted: bool,
}

impl Ways {
    pub(super) fn zone(name: &str) -> Self {
        let chain = |way: Way| Some(way.chain(name));
        Self {
            filter: chain(Way::In),
            nat: chain(Way::Nat),
            mangle: chain(Way::Mangle),
            snat: chain(Way::Snat),
            inverted: false,
        }
    }

    pub(super) fn policy(suffix: &str, ways: &[Way]) -> Self {
        let chain = |all: &[Way]| {
            let mut found = all.iter().filter(|way| ways.contains(way));
            found.next().map(|way| way.chain(suffix))
        };
        Self {
            filter: chain(&[Way::In, Way::Forward, Way::Out]),
            nat: chain(&[Way::Nat, Way::OutNat]),
            mangle: chain(&[Way::Mangle]),
            snat: chain(&[Way::Snat]),
            inverted: false,
        }
    }
}

/// Writes rules into the chains of one zone or policy.
struct Writer<'a> {
    chains: &'a mut Chains,
    config: &'a Config,
    ways: Ways,
}

pub(super) fn add(
    chains: &mut Chains,
    config: &Config,
    settings: &Settings,
    ways: &Ways,
) {
    let inverted = settings.icmp_block_inversion;
    let ways = Ways {
        filter: ways.filter.clone(),
        nat: ways.nat.clone(),
        mangle: ways.mangle.clone(),
        snat: ways.snat.clone(),
        inverted,
    };
    let mut writer = Writer { chains, config, ways };
    for (service, place) in &settings.services {
        for tests in openings(config, service) {
            writer.allow(tests, place);
        }
    }
    for ((ports, of), place) in &settings.ports {
        writer.allow(vec![Test::Dport(of.clone(), *ports)], place);
    }
    if let Some(place) = &settings.masquerade {
        let tests = vec![Test::Family(Family::Ipv4)];
        let rule = masquerade(tests).at(place);
        writer.push("nat", "allow", rule);
    }
    for (forward, place) in &settings.forward_ports {
        let family = forward.to.as_ref().map(|to| to.family());
        let family = Test::Family(family.unwrap_or(Family::Ipv4));
        let rule = translate(vec![family], forward).at(place);
        writer.push("translate", "allow", rule);
    }
    for ((ports, of), place) in &settings.source_ports {
        writer.allow(vec![Test::Sport(of.clone(), *ports)], place);
    }
    for (name, place) in &settings.icmp_blocks {
        writer.block(name, place);
    }
    for rule in &settings.rules {
        writer.rich(rule);
    }
    for (protocol, place) in &settings.protocols {
        writer.allow(vec![Test::Protocol(protocol.clone())], place);
    }
}

impl Writer<'_> {
    fn push(&mut self, sort: &str, kind: &str, rule: Rule) {
        let (table, name) = match sort {
            "filter" => ("filter", &self.ways.filter),
            "translate" => ("nat", &self.ways.nat),
            "mangle" => ("mangle", &self.ways.mangle),
            _ => ("nat", &self.ways.snat),
        };
        if let Some(name) = name {
            self.chains.push(table, &format!("{name}_{kind}"), rule);
        }
    }

    fn allow(&mut self, tests: Vec<Test>, place: &Place) {
        let rule = Rule::new(tests, Act::Accept).at(place);
        self.push("filter", "allow", rule);
    }

    fn block(&mut self, name: &str, place: &Place) {
        let (kind, act) = match self.ways.inverted {
            true => ("allow", Act::Accept),
            false => ("deny", Act::Reject),
        };
        for &(family, _, number, code) in icmp::types(name) {
            let test = Test::Icmp(family, number, code);
            let rule = Rule::new(vec![test], act.clone()).at(place);
            self.push("filter", kind, rule);
        }
    }

    /// _rule_prepare(), and _rich_rule_chain_suffix() of the back ends.
    fn rich(&mut self, rich: &Rich) {
        let base = rich.family.map(Test::Family).into_iter();
        let mut start = Rule::new(base.collect(), Act::Accept).at(&rich.place);
        start.priority = rich.priority;
        for (of, destination) in
            [(&rich.destination, true), (&rich.source, false)]
        {
            start.tests.extend(of.as_ref().map(|of| end(of, destination)));
        }
        let kind = match (rich.priority, rich.action, &rich.what) {
            (..=-1, ..) => "pre",
            (1.., ..) => "post",
            (_, Some(Action::Reject | Action::Drop), _)
            | (_, _, Some(What::Icmp(_, true))) => "deny",
            _ => "allow",
        };
        let act = match rich.action {
            Some(Action::Accept) => Act::Accept,
            Some(Action::Drop) => Act::Drop,
            Some(Action::Mark) => Act::Mark,
            Some(Action::Reject) => Act::Reject,
            // What only logs decides nothing.
            None if !rich.decides() => return,
            None => Act::Reject,
        };
        let sort = if act == Act::Mark { "mangle" } else { "filter" };
        let alternatives = match &rich.what {
            Some(What::Masquerade) => {
                let mut rule = masquerade(Vec::new());
                rule.tests.splice(0..0, start.tests);
                let priority = rich.priority;
                let rule = Rule { priority, ..rule.at(&rich.place) };
                return self.push("nat", kind, rule);
            }
            Some(What::Forward(forward)) => {
                let mut rule = translate(Vec::new(), forward);
                rule.tests.splice(0..0, start.tests);
                let priority = rich.priority;
                let rule = Rule { priority, ..rule.at(&rich.place) };
                return self.push("translate", kind, rule);
            }
            Some(What::Other) => return,
            Some(what) => self.alternatives(what, rich.family),
            // nft makes it so; iptables refuses it.
            None if rich.resets() => {
                vec![vec![Test::Protocol("tcp".to_owned())]]
            }
            None => vec![Vec::new()],
        };
        for tests in alternatives {
            let mut rule = Rule { act: act.clone(), ..start.clone() };
            rule.tests.extend(tests.into_iter().map(|test| (test, false)));
            if rich.limited {
                rule.tests.push((Test::Rate, false));
            }
            self.push(sort, kind, rule);
        }
    }

    /// The tests of an element, each list for a rule of its own.
    fn alternatives(
        &self,
        what: &What,
        family: Option<Family>,
    ) -> Vec<Vec<Test>> {
        match what {
            What::Service(name) => openings(self.config, name),
            What::Port(ports, of) => {
                vec![vec![Test::Dport(of.clone(), *ports)]]
            }
            What::SourcePort(ports, of) => {
                vec![vec![Test::Sport(of.clone(), *ports)]]
            }
            What::Protocol(name) => vec![vec![Test::Protocol(name.clone())]],
            What::Icmp(name, _) => icmp::types(name)
                .filter(|row| family.is_none_or(|family| family == row.0))
                .map(|row| vec![Test::Icmp(row.0, row.2, row.3)])
                .collect(),
            What::Masquerade | What::Forward(_) | What::Other => Vec::new(),
        }
    }
}

impl Rich {
    fn decides(&self) -> bool {
        let what = &self.what;
        matches!(
            what,
            Some(What::Icmp(_, true) | What::Forward(_) | What::Masquerade)
        )
    }
}

fn end(end: &End, destination: bool) -> (Test, bool) {
    let test = match (&end.who, destination) {
        (Who::Address(address), true) => Test::To(address.clone()),
        (Who::Address(address), false) => Test::From(address.clone()),
        (Who::Mac(mac), _) => Test::Mac(mac.clone()),
        (Who::Set(set), destination) => Test::Set(set.clone(), destination),
    };
    (test, end.invert)
}

fn masquerade(tests: Vec<Test>) -> Rule {
    Rule::new(tests, Act::Masquerade).not(Test::Out("lo".to_owned()))
}

fn translate(mut tests: Vec<Test>, forward: &Forward) -> Rule {
    tests.push(Test::Dport(forward.protocol.clone(), forward.ports));
    let to = forward.to.clone();
    Rule::new(tests, Act::Translate(to, forward.to_ports))
}

/// What a service opens, with the services that it includes.
fn openings(config: &Config, name: &str) -> Vec<Vec<Test>> {
    config.with_included(name).into_iter().flat_map(own).collect()
}

fn own(service: &Service) -> Vec<Vec<Test>> {
    let to = service.destinations.iter().cloned().map(Test::To);
    let mut to: Vec<_> = to.map(Some).collect();
    if to.is_empty() {
        to.push(None);
    }
    let ports = service.ports.iter();
    let ports = ports.map(|(ports, of)| Test::Dport(of.clone(), *ports));
    let protocols = service.protocols.iter().cloned().map(Test::Protocol);
    let sources = service.source_ports.iter();
    let sources = sources.map(|(ports, of)| Test::Sport(of.clone(), *ports));
    let tests: Vec<_> = ports.chain(protocols).chain(sources).collect();
    let pair = |to: &Option<Test>| {
        let to = to.clone();
        tests
            .iter()
            .map(move |test| {
                to.iter().chain([test]).cloned().collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    };
    to.iter().flat_map(pair).collect()
}
