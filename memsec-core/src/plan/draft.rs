//! A plan in the making: the model of the host after each step.

use std::{borrow::Cow, collections::BTreeMap, rc::Rc, sync::Arc};

use super::{
    Considered, Guard, Listening, Step, Witness, certify, daemon,
    guard::Loader, prove,
};
use crate::{
    Error, FileChange, Policy, Proto, Snapshot, Strategy,
    audit::{Reached, ShutOut, reached, shut_out},
    host::Host,
    memcached::{Start, edited, instances},
    reach::Taker,
    snapshot::Content,
};

/// The texts of the rules, by the commands that print them.
pub(super) type Texts = BTreeMap<&'static str, Arc<String>>;

/// The host as it is after the steps so far.
#[derive(Clone, Debug)]
pub(super) struct Draft<'a> {
    pub policy: &'a Policy,
    pub snapshot: Snapshot,
    pub host: Host,
    pub guard: Option<Guard>,
    /// What loads it.
    pub loader: Loader,
    pub steps: Vec<Step>,
    /// The host before the first step.
    pub before: &'a Host,
    pub first: Rc<State>,
    /// What the claims are about, after each step.
    pub states: Vec<State>,
    /// What could not be done.
    pub obstacles: Vec<String>,
    /// The TCP ports of the daemons that are restarted.
    pub restarted: Vec<u16>,
    pub considered: Vec<Considered>,
    /// What becomes of the daemons by steps that come later.
    pub ahead: Vec<daemon::Change>,
    /// What the model of the rules was read from.
    read: (Texts, Option<Guard>),
}

/// What the claims are about, at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Who reaches what.
    pub reached: Vec<Reached>,
    /// The clients that are not sure to get in.
    pub shut: Vec<ShutOut>,
    /// What the rules do to packets that are not for memcached.
    pub touched: Option<Witness>,
    /// Who administers the host and does not get in any more.
    pub cut_off: Option<Witness>,
    /// What memcached listens on.
    pub listeners: Vec<Listening>,
    /// The texts of the rules.
    pub texts: Texts,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        snapshot: &Snapshot,
        host: &'a Host,
        policy: &'a Policy,
    ) -> Self {
        let texts = certify::texts(snapshot);
        let mut draft = Self {
            policy,
            snapshot: snapshot.clone(),
            host: host.clone(),
            guard: None,
            loader: Loader::default(),
            steps: Vec::new(),
            before: host,
            first: Rc::default(),
            states: Vec::new(),
            obstacles: Vec::new(),
            restarted: Vec::new(),
            considered: Vec::new(),
            ahead: Vec::new(),
            read: (texts, None),
        };
        draft.first = Rc::new(draft.state());
        draft
    }

    /// Notes why a strategy was taken, or was not.
    pub(super) fn consider(
        &mut self,
        strategy: Strategy,
        taken: bool,
        why: &str,
    ) {
        let why = why.to_owned();
        self.considered.push(Considered { strategy, taken, why });
    }

    /// Who reaches what now.
    pub(super) fn reached(&self) -> Vec<Reached> {
        reached(&self.host, self.policy)
    }

    /// Adds a step, after its effect on the snapshot has been written down.
    pub(super) fn step(&mut self, step: Step) -> Result<(), Error> {
        let rules_are_new = self.update()?;
        let known = self.states.last().unwrap_or(&self.first);
        let (touched, cut_off) = (known.touched.clone(), known.cut_off.clone());
        let mut state = State { touched, cut_off, ..self.state() };
        if rules_are_new {
            state.touched = prove::touched(self);
            state.cut_off = prove::cut_off(self, state.touched.as_ref());
        }
        self.steps.push(step);
        self.states.push(state);
        Ok(())
    }

    /// The host with its daemons as they will be.
    pub(super) fn foreseen(&self) -> Result<Cow<'_, Self>, Error> {
        match self.ahead.is_empty() {
            true => Ok(Cow::Borrowed(self)),
            false => self.clone().into_foreseen().map(Cow::Owned),
        }
    }

    /// The same, by a snapshot that has been changed.
    pub(super) fn into_foreseen(mut self) -> Result<Self, Error> {
        for change in std::mem::take(&mut self.ahead) {
            daemon::foresee(&mut self, &change);
        }
        self.update()?;
        Ok(self)
    }

    /// The clients that will not be sure to get in.
    pub(super) fn shut_out(&self) -> Result<Vec<ShutOut>, Error> {
        let later = self.foreseen()?;
        Ok(shut_out(&later.host, later.policy, &later.reached()))
    }

    fn state(&self) -> State {
        let reached = self.reached();
        State {
            shut: shut_out(&self.host, self.policy, &reached),
            listeners: certify::listening(&self.host),
            texts: self.read.0.clone(),
            reached,
            ..State::default()
        }
    }

    /// Reads the model from the snapshot again, as far as it has changed;
    /// says whether the rules have.
    pub(super) fn update(&mut self) -> Result<bool, Error> {
        let texts = certify::texts(&self.snapshot);
        let same = |(one, other): (&Arc<String>, &Arc<String>)| {
            Arc::ptr_eq(one, other) || one == other
        };
        let unchanged = texts.len() == self.read.0.len()
            && texts.values().zip(self.read.0.values()).all(same);
        if unchanged {
            self.host.find_instances(&self.snapshot)?;
            if self.guard == self.read.1 {
                return Ok(false);
            }
        } else {
            self.host = Host::new(&self.snapshot)?;
        }
        if let Some(guard) = &self.guard {
            guard.show(&self.loader, &mut self.host)?;
        }
        self.read = (texts, self.guard.clone());
        Ok(true)
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
        self.restarted.extend(ports);
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
