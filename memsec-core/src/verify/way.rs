//! The ways in to memcached, and who gets in by them.

use std::net::IpAddr;

use super::{
    ground::Ground,
    rules::{Probe, Side, TCP, UDP},
    segments::Segments,
    walk::{Fate, walk},
    world::number,
};
use crate::{Error, Proto, text::Place};

/// Where new packets of other hosts come by, and their answers.
const IN: [&str; 3] = ["ingress", "prerouting", "input"];
const OUT: [&str; 2] = ["output", "postrouting"];

/// The same where they go on to another network namespace.
const PAST: [&str; 4] = ["ingress", "prerouting", "forward", "postrouting"];
pub(super) const BACK: [&str; 3] = ["prerouting", "forward", "postrouting"];

/// What the packets of a way are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Course {
    /// An address of the host, where a socket takes them.
    Here,
    /// One where a socket may take them, or whoever a rule leads them to.
    Perhaps,
    /// One where no socket does.
    Led,
    /// Its loopback address, from another host: routing drops what no rule
    /// has turned before.
    Loopback,
    /// An address of a container behind it.
    Past,
}

impl Course {
    /// Whether clients are meant to come by it.
    pub(super) fn is_meant(self) -> bool {
        !matches!(self, Self::Loopback | Self::Past)
    }
}

/// A way in: packets that differ in the client alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    pub six: bool,
    pub proto: Proto,
    pub port: u16,
    pub interface: Option<String>,
    pub to: Option<IpAddr>,
    pub course: Course,
}

/// Who gets in by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    pub may: Segments,
    pub must: Segments,
    /// Of those, the ones that are sure to whatever the routes say.
    pub sure: Segments,
    /// Clients that are sure to be let in, answered or not.
    pub delivered: Segments,
    /// Rules that are not read in full.
    pub unsure: Vec<Place>,
    /// Rules that decide.
    pub decided: Vec<Place>,
}

impl Way {
    pub(super) fn probe(&self, client: u16, port: u16) -> Probe<'_> {
        Probe {
            six: self.six,
            proto: match self.proto {
                Proto::Tcp => TCP,
                Proto::Udp => UDP,
            },
            client,
            port,
            original: port,
            interface: self.interface.as_deref(),
            daemon: Side::Here,
            host: self.to.map(number),
            reply: false,
            turned: false,
            tracked: Some(true),
        }
    }

    /// Who gets in, by some rules.
    ///
    /// # Errors
    ///
    /// Rules that are not followed.
    pub(super) fn reach(&self, on: Ground<'_>) -> Result<Reach, Error> {
        if self.course == Course::Loopback {
            return self.turned(on);
        }
        let mut reach: Option<Reach> = None;
        for client in on.source_ports()? {
            let one = self.client_at(on, client)?;
            match &mut reach {
                None => reach = Some(one),
                Some(all) => {
                    all.may.add(&one.may);
                    // A client does not choose a port below 1024.
                    if client >= 1024 {
                        all.must = all.must.meet(&one.must);
                        all.sure = all.sure.meet(&one.sure);
                        all.delivered = all.delivered.meet(&one.delivered);
                    }
                    all.unsure.extend(one.unsure);
                    all.decided.extend(one.decided);
                }
            }
        }
        let mut reach = reach.unwrap_or_default();
        if self.course.is_meant() {
            for port in self.led_from(on) {
                reach.may.add(&self.led(on, port)?);
            }
        }
        Ok(reach)
    }

    fn client_at(&self, on: Ground<'_>, client: u16) -> Result<Reach, Error> {
        let probe = self.probe(client, self.port);
        let (daemon, hooks, out) = match self.course {
            Course::Past => {
                let to = probe.host.and_then(|to| on.towards(self.six, to));
                (Side::Beyond(to), &PAST[..], &BACK[..])
            }
            _ => (Side::Here, &IN[..], &OUT[..]),
        };
        let probe = Probe { daemon, ..probe };
        let there = walk(on.tables, &probe, hooks)?;
        let mut reach = Reach::default();
        reach.note(&there);
        reach.may = match self.course {
            Course::Led => there.open.clone(),
            _ => there.may(),
        };
        if matches!(self.course, Course::Here | Course::Past) {
            let delivered = there.must();
            self.answer(on, &probe, out, (&there, delivered), &mut reach)?;
        }
        for (target, set) in there.led() {
            self.follow(on, &probe, target, &set, &mut reach)?;
        }
        Ok(reach)
    }

    /// Adds clients that are let in; of those, the ones that get an answer.
    pub(super) fn answer(
        &self,
        on: Ground<'_>,
        probe: &Probe<'_>,
        hooks: &[&str],
        (there, delivered): (&Fate, Segments),
        reach: &mut Reach,
    ) -> Result<(), Error> {
        let answered = match self.proto {
            Proto::Tcp => on.answered(probe, hooks, &delivered, reach)?,
            Proto::Udp => delivered.clone(),
        };
        reach.must.add(&answered);
        if probe.daemon != Side::Beyond(None) {
            reach.sure.add(&answered.without(&there.disguised));
        }
        reach.delivered.add(&delivered);
        Ok(())
    }
}

impl Reach {
    pub(super) fn note(&mut self, fate: &Fate) {
        self.unsure.extend(fate.unsure.iter().cloned());
        self.decided.extend(fate.decided.iter().cloned());
    }
}
