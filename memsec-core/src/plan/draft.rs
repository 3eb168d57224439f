//! A plan in the making: the model of the host after each step.

use super::{Guard, Step};
use crate::{
    Error, FileChange, Policy, Proto, Snapshot,
    audit::{Reached, reached},
    host::Host,
    memcached::{Start, edited, instances},
    reach::Taker,
    snapshot::Content,
};

/// The host as it is after the steps so far.
#[derive(Clone, Debug)]
pub(super) struct Draft<'a> {
    pub policy: &'a Policy,
    pub snapshot: Snapshot,
    pub host: Host,
    pub guard: Option<Guard>,
    pub steps: Vec<Step>,
    /// Who reached what after each step.
    pub states: Vec<Vec<Reached>>,
    /// What could not be done.
    pub obstacles: Vec<String>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        snapshot: &Snapshot,
        host: &Host,
        policy: &'a Policy,
    ) -> Self {
        Self {
            policy,
            snapshot: snapshot.clone(),
            host: host.clone(),
            guard: None,
            steps: Vec::new(),
            states: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    /// Who reaches what now.
    pub(super) fn reached(&self) -> Vec<Reached> {
        reached(&self.host, self.policy)
    }

    /// Adds a step, after its effect on the snapshot has been written down.
    pub(super) fn step(&mut self, step: Step) -> Result<(), Error> {
        self.update()?;
        self.steps.push(step);
        self.states.push(self.reached());
        Ok(())
    }

    /// Reads the model from the snapshot again.
    pub(super) fn update(&mut self) -> Result<(), Error> {
        self.host = Host::new(&self.snapshot)?;
        if let Some(guard) = &self.guard {
            self.host.ruleset.load(&guard.to_listing())?;
        }
        Ok(())
    }

    /// Writes a file of the snapshot; its mode and its owner stay.
    pub(super) fn write(&mut self, change: &FileChange) {
        self.snapshot = edited(&self.snapshot, change);
    }

    /// The text of a file of the snapshot.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        match &self.snapshot.files.get(path)?.content {
            Content::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Ends the processes that the unit of an instance has started: its own,
    /// and those with one of its TCP ports. What its file says is then what
    /// runs.
    pub(super) fn restart(
        &mut self,
        id: &str,
        ports: &[u16],
        version: Option<String>,
    ) {
        let own = self.host.instances.iter().filter(|i| i.id == id);
        let own: Vec<u32> = own.filter_map(|i| i.pid).collect();
        let of = |process: &crate::snapshot::Process| {
            let alone = Snapshot::new().with_process(process.clone());
            let found = instances(&alone, None).unwrap_or_default();
            let mut shares = found.iter().map(|i| tcp_ports(&i.start));
            own.contains(&process.pid)
                || shares.any(|own| own.iter().any(|p| ports.contains(p)))
        };
        self.snapshot.processes.retain(|process| !of(process));
        if let Some(version) = version {
            let command = "memcached -V".to_owned();
            self.snapshot.commands.entry(command).or_insert_with(|| {
                let stdout = format!("memcached {version}\n");
                crate::snapshot::Output { stdout: stdout.into(), status: 0 }
            });
        }
    }

    /// The TCP and UDP ports of all the daemons.
    pub(super) fn ports(&self) -> Vec<u16> {
        self.ports_that(|_| true)
    }

    /// Those of this host's addresses: a container has others of its own.
    pub(super) fn outer_ports(&self) -> Vec<u16> {
        self.ports_that(|reached| reached.taker != Taker::Other)
    }

    fn ports_that(&self, such: impl Fn(&Reached) -> bool) -> Vec<u16> {
        let reached = self.reached();
        let own = reached.iter().filter(|r| r.instance.is_some() && such(r));
        let mut ports: Vec<_> = own.map(|r| r.port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

/// The TCP ports that a daemon listens on.
pub(super) fn tcp_ports(start: &Start) -> Vec<u16> {
    let Start::Runs(running) = start else { return Vec::new() };
    let sockets = running.sockets();
    let tcp = sockets.filter(|(proto, _)| *proto == Proto::Tcp);
    let mut ports: Vec<_> = tcp.map(|(_, socket)| socket.port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
