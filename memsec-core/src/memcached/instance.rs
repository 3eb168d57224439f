use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    Exit, Listener, Socket, Version, Word,
    argv::{Command, start},
    bind::Addresses,
    launch::{Launcher, Room, Service, services},
    possible::Possible,
    running::{
        Beside, Candidate, Difference, Listening, observe, pairs, restored,
    },
    settings::Build,
};
use crate::{Error, Proto, Snapshot, net::Interface, snapshot::Process};

pub(super) const CONF: &str = "/etc/memcached.conf";
pub(super) const SYSCONFIG: &str = "/etc/sysconfig/memcached";

/// A daemon: one that runs, or one that a file would start.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    /// "memcached" for the unit of that name, "process 812" for a process
    /// that no file accounts for.
    pub id: String,
    /// The path of the file that it is configured by, or "process 812".
    pub source: String,
    pub version: Option<Version>,
    /// The versions that it can be.
    pub possible: Possible,
    /// Its arguments without the first.
    pub argv: Vec<Word>,
    pub start: Start,
    pub launcher: Launcher,
    /// Where its file has room for further options.
    pub room: Room,
    /// The network namespace that it listens in, where it is not the host's:
    /// nothing of it can be reached by the host's own addresses.
    pub netns: Option<String>,
    /// The user that its process runs as, where there is one.
    pub uid: Option<u32>,
    /// Its process, where there is one.
    pub pid: Option<u32>,
    /// What runs and is not what the file of this instance says.
    pub differences: Vec<Difference>,
}

/// What comes of starting it.
#[derive(Clone, Debug)]
pub(crate) enum Start {
    Runs(Running),
    Exits(Exit),
}

/// A daemon that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running {
    /// Possibly none: then it runs and serves nobody.
    pub listeners: Vec<Listener>,
    /// The options that are in force, by their letter: the word of the value,
    /// or of the option itself where it takes none; for a repeated option
    /// the one that wins. That of `l` is the whole list, at the place of the
    /// first `-l`.
    pub options: BTreeMap<char, Word>,
    /// The suboptions of all `-o`, by their name.
    pub suboptions: BTreeMap<&'static str, Option<String>>,
    /// Its environment, as far as memcached reads it.
    pub env: BTreeMap<String, String>,
    pub build: Build,
    /// The newest version that it can be.
    pub version: Version,
    /// What decides its addresses and the snapshot does not tell: names in
    /// `-l` that only a name server knows, and what a shell expands. The
    /// listeners are then on every address: no more can be reached.
    pub unresolved: Vec<String>,
    /// The listeners that only some of the versions open that it can be.
    pub unsure: Vec<Listener>,
}

impl Running {
    /// Whether it is sure to listen on one of its listeners.
    pub(crate) fn is_sure(&self, listener: &Listener) -> bool {
        self.unresolved.is_empty() && !self.unsure.contains(listener)
    }

    /// Whether it asks its clients for a password.
    pub(crate) fn asks(&self) -> bool {
        ['S', 'Y'].iter().any(|option| self.options.contains_key(option))
    }

    /// What it listens on, unix sockets apart.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = (Proto, &Socket)> {
        self.listeners.iter().filter_map(Listener::socket)
    }

    /// A daemon of whose argv only the beginning is known, and what the
    /// beginning alone comes to: it can listen on anything.
    fn anything(start: &Start, why: &str) -> Self {
        let mut known = match start {
            Start::Runs(running) => running.clone(),
            Start::Exits(_) => Self::default(),
        };
        let port =
            known.sockets().next().map_or(11211, |(_, socket)| socket.port);
        let wildcards: [IpAddr; 2] =
            [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let sockets =
            wildcards.map(|address| Socket { address, port, ephemeral: false });
        known.listeners = sockets
            .into_iter()
            .flat_map(|s| [Listener::Tcp(s.clone()), Listener::Udp(s)])
            .collect();
        known.unresolved.push(why.to_owned());
        known
    }
}

impl Instance {
    /// A daemon of which no more is known than where it listens, in another
    /// network namespace.
    pub(crate) fn led_to(
        id: String,
        source: String,
        listeners: Vec<Listener>,
    ) -> Self {
        Self {
            netns: Some(id.clone()),
            id,
            source,
            version: None,
            possible: Possible::new(None, None, &Snapshot::new()),
            argv: Vec::new(),
            start: Start::Runs(Running { listeners, ..Running::default() }),
            launcher: Launcher::Led,
            room: Room::Nowhere,
            uid: None,
            pid: None,
            differences: Vec::new(),
        }
    }

    /// Whether no more is known of it than where it listens.
    pub(crate) fn is_led(&self) -> bool {
        self.launcher == Launcher::Led
    }
}

/// The daemons of a snapshot.
///
/// # Errors
///
/// A file of a launcher that is not UTF-8.
pub(crate) fn instances(
    snapshot: &Snapshot,
    interfaces: Option<&[Interface]>,
) -> Result<Vec<Instance>, Error> {
    let addresses = Addresses::new(snapshot, interfaces)?;
    let model = Model { snapshot, addresses };
    let services = services(snapshot, model.version(None))?;
    // What listens in another network namespace does not listen here.
    let here = |process: &&Process| {
        process.netns.as_ref().is_none_or(|name| name == "host")
    };
    let processes: Vec<&Process> =
        snapshot.processes.iter().filter(here).collect();
    let mut runs: Vec<_> =
        processes.iter().map(|process| Some(model.process(process))).collect();
    let pairs = model.pairs(&services, &processes, &runs);
    let listening = Listening::new(snapshot);
    let mut all = Vec::new();
    for (service, pair) in services.iter().zip(pairs) {
        let process = pair.and_then(|pair| processes.get(pair).copied());
        let mut instance = model.service(service, process);
        let runs = pair.and_then(|pair| runs.get_mut(pair)?.take());
        let drift = process.zip(runs).and_then(|(process, runs)| {
            let file = &mut instance;
            Beside { file, runs, process, listening: &listening }.drift()
        });
        all.push(instance);
        all.extend(drift);
    }
    for (process, runs) in processes.iter().zip(runs) {
        let Some(mut runs) = runs else { continue };
        observe(&mut runs, process, &listening);
        all.push(runs);
    }
    Ok(all)
}

/// The instance that something of the system's makes, by the text that the
/// snapshot has, of the version of another.
pub(super) fn of_service(
    snapshot: &Snapshot,
    interfaces: Option<&[Interface]>,
    like: &Instance,
) -> Result<Option<Instance>, Error> {
    let addresses = Addresses::new(snapshot, interfaces)?;
    let model = Model { snapshot, addresses };
    let services = services(snapshot, like.version.or(model.version(None)))?;
    let service = services.iter().find(|service| service.id == like.id);
    Ok(service.map(|service| Instance {
        version: like.version,
        possible: like.possible,
        start: model.start(service, like.possible, None),
        ..model.service(service, None)
    }))
}

/// Whether two starts come to the same: the same listeners, and the same
/// options that matter to who may do what.
pub(super) fn same(one: &Start, other: &Start) -> bool {
    let (Start::Runs(one), Start::Runs(other)) = (one, other) else {
        return false;
    };
    // memcached and its launchers add or rewrite the rest.
    const NEUTRAL: &str = "pUlPdvrI";
    let options = |running: &Running| -> BTreeMap<char, String> {
        let options = running.options.iter();
        let options = options.filter(|(letter, _)| !NEUTRAL.contains(**letter));
        options.map(|(&letter, word)| (letter, value(letter, word))).collect()
    };
    one.listeners == other.listeners && options(one) == options(other)
}

pub(super) fn value(letter: char, word: &Word) -> String {
    let flag = super::options::OPTIONS.iter().any(|option| {
        option.letter == letter && option.takes != super::options::Takes::Value
    });
    if flag { String::new() } else { word.text.clone() }
}

struct Model<'a> {
    snapshot: &'a Snapshot,
    addresses: Addresses<'a>,
}

impl Model<'_> {
    /// For each service the index of the process that is its daemon.
    fn pairs(
        &self,
        services: &[Service],
        processes: &[&Process],
        runs: &[Option<Instance>],
    ) -> Vec<Option<usize>> {
        let starts = |service: usize, process: usize| {
            let service = services.get(service)?;
            let process = processes.get(process).copied();
            Some(self.service(service, process).start)
        };
        let same = |service, process: usize| {
            let runs = runs.get(process).and_then(Option::as_ref);
            let stated = starts(service, process);
            runs.zip(stated).is_some_and(|(r, stated)| same(&stated, &r.start))
        };
        let stated = services.iter().map(|one| self.service(one, None));
        let stated: Vec<_> = stated.map(|i| Candidate::of(&i)).collect();
        let seen = runs.iter().flatten().map(Candidate::of);
        pairs(&stated, &seen.collect::<Vec<_>>(), same)
    }

    fn service(
        &self,
        service: &Service,
        process: Option<&Process>,
    ) -> Instance {
        // Whose program it is in a container the host does not tell.
        let inside = service.launcher == Launcher::Docker;
        let version = if inside { None } else { self.version(process) };
        let nothing = Snapshot::new();
        let around = if inside { &nothing } else { self.snapshot };
        let possible = Possible::new(version, process, around);
        Instance {
            id: service.id.clone(),
            source: service.source.clone(),
            version,
            possible,
            argv: service.launch.argv.clone(),
            start: self.start(service, possible, process),
            launcher: service.launcher,
            room: service.launch.room.clone(),
            netns: service.netns.clone(),
            uid: process.and_then(|process| process.uid),
            pid: process.map(|process| process.pid),
            differences: Vec::new(),
        }
    }

    fn start(
        &self,
        service: &Service,
        possible: Possible,
        process: Option<&Process>,
    ) -> Start {
        let launch = &service.launch;
        if let Some(exit) = &launch.stopped {
            return Start::Exits(exit.clone());
        }
        let mut env = launch.env.clone();
        env.extend(process.iter().flat_map(|process| process.env.clone()));
        let root = |user: &String| user == "root" || user == "0";
        let uid = u32::from(launch.user.as_ref().is_some_and(|u| !root(u)));
        let command = Command {
            argv: &launch.argv,
            env,
            uid,
            build: Build::new(process),
            possible,
            alive: process.is_some(),
        };
        let start = match &service.netns {
            // It has other files, users, names and addresses.
            Some(_) => {
                let inside = Snapshot::new();
                match Addresses::new(&inside, None) {
                    Ok(addresses) => start(&command, &inside, &addresses),
                    Err(_) => Start::Runs(Running::default()),
                }
            }
            None => start(&command, self.snapshot, &self.addresses),
        };
        match &launch.undecided {
            Some(why) => Start::Runs(Running::anything(&start, why)),
            None => start,
        }
    }

    fn process(&self, process: &Process) -> Instance {
        let version = self.version(Some(process));
        let possible = Possible::new(version, Some(process), self.snapshot);
        let argv = restored(&process.argv, version);
        let argv: Vec<_> = argv.into_iter().map(Word::new).collect();
        let command = Command {
            argv: &argv,
            env: process.env.clone(),
            uid: process.uid.unwrap_or(0),
            build: Build::new(Some(process)),
            possible,
            alive: true,
        };
        let start = start(&command, self.snapshot, &self.addresses);
        let id = format!("process {}", process.pid);
        let launcher = Launcher::Process;
        let (room, netns) = (Room::Nowhere, None);
        Instance {
            source: id.clone(),
            id,
            version,
            possible,
            argv,
            start,
            launcher,
            room,
            netns,
            uid: process.uid,
            pid: Some(process.pid),
            differences: Vec::new(),
        }
    }

    /// What the process says, or else `memcached -V`.
    fn version(&self, process: Option<&Process>) -> Option<Version> {
        let own =
            process.and_then(|process| process.version.as_ref()?.parse().ok());
        own.or_else(|| {
            let output = self.snapshot.output("memcached -V")?;
            let mut words = output.text().split_whitespace();
            words.find(|word| *word == "memcached")?;
            words.next()?.parse().ok()
        })
    }
}

#[cfg(test)]
mod tests;
