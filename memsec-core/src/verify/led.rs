//! The clients that rules lead on: to another host, or here from another port
//! or address.

use super::{
    ground::{CLIENT, Ground},
    rules::{Action, Field, Probe, Side, Target},
    segments::Segments,
    walk::walk,
    way::{BACK, Reach, Way},
};
use crate::Error;

/// Where new packets of other hosts come by before they are routed.
const BEFORE: [&str; 2] = ["ingress", "prerouting"];

/// Where they go on to another network namespace.
const ON: [&str; 2] = ["forward", "postrouting"];

impl Way {
    /// Adds those that a rule turns to another host and that come there.
    pub(super) fn follow(
        &self,
        on: Ground<'_>,
        probe: &Probe<'_>,
        target: &Target,
        set: &Segments,
        reach: &mut Reach,
    ) -> Result<(), Error> {
        let elsewhere = |to: &u128| !on.has(self.six, *to);
        let Some(to) = target.address.filter(elsewhere) else { return Ok(()) };
        let port = match target.ports {
            None => Some(probe.port),
            Some((first, last)) if first == last => first.try_into().ok(),
            Some(_) => None,
        };
        let Some(port) = port else { return Ok(()) };
        let probe = Probe {
            daemon: Side::Beyond(on.towards(self.six, to)),
            host: Some(to),
            port,
            turned: true,
            ..*probe
        };
        let there = walk(on.tables, &probe, &ON)?;
        reach.note(&there);
        let delivered = there.must().meet(set);
        self.answer(on, &probe, &BACK, (&there, delivered), reach)
    }

    /// Clients whose packets a rule turns before routing sees them.
    pub(super) fn turned(&self, on: Ground<'_>) -> Result<Reach, Error> {
        let probe = self.probe(CLIENT, self.port);
        let there = walk(on.tables, &probe, &BEFORE)?;
        let mut reach = Reach { may: there.open.clone(), ..Reach::default() };
        reach.note(&there);
        Ok(reach)
    }

    /// Clients whose packets to another port, and perhaps another address, a
    /// rule turns to this one.
    pub(super) fn led(
        &self,
        on: Ground<'_>,
        port: u16,
    ) -> Result<Segments, Error> {
        let elsewhere = Probe { host: None, ..self.probe(CLIENT, port) };
        let turned = walk(on.tables, &elsewhere, &BEFORE)?;
        let probe = self.probe(CLIENT, self.port);
        let probe = Probe { original: port, turned: true, ..probe };
        let then = walk(on.tables, &probe, &["input"])?;
        Ok(turned.open.meet(&then.may()))
    }

    /// Ports that a rule may turn to this one.
    pub(super) fn led_from(&self, on: Ground<'_>) -> Vec<u16> {
        let here = |target: &Target| {
            let ports = target.ports;
            let port = u128::from(self.port);
            ports.is_some_and(|(first, last)| (first..=last).contains(&port))
                && target.address.is_none_or(|to| {
                    on.networks.is_empty() || on.has(self.six, to)
                })
        };
        let chains = on.tables.iter().flat_map(|table| table.chains.values());
        let rules = chains.flat_map(|chain| &chain.rules);
        let leads = rules.filter(|rule| match &rule.action {
            Action::Translate(target) => here(target),
            _ => false,
        });
        let from = leads.flat_map(|rule| {
            let named = rule.tests.iter().find_map(|test| match &test.of {
                Field::DestinationPort(set) if !test.not => Some(set),
                _ => None,
            });
            let firsts = named.map(|set| {
                set.iter().filter_map(|r| u16::try_from(r.0).ok()).collect()
            });
            firsts.unwrap_or_else(|| vec![1])
        });
        from.filter(|from| *from != self.port).collect()
    }
}
