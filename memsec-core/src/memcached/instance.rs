use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    Exit, Listener, Socket, Version, Word,
    argv::{Command, start},
    bind::Addresses,
    launch::{
        Launch, debian,
        systemd::{self, Started},
    },
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
    /// Its arguments without the first.
    pub argv: Vec<Word>,
    pub start: Start,
    pub launcher: Launcher,
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
    /// What decides its addresses and the snapshot does not tell: names in
    /// `-l` that only a name server knows, and what a shell expands. The
    /// listeners are then on every address: no more can be reached.
    pub unresolved: Vec<String>,
}

impl Running {
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

/// What turns files into an argv.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Launcher {
    /// Debian's wrapper: /etc/memcached.conf.
    Debian,
    /// A systemd unit with an EnvironmentFile: /etc/sysconfig/memcached.
    Systemd,
    /// Nothing that is known: only the process is there.
    Process,
}

/// A file that daemons are started by.
#[derive(Clone, Debug)]
struct Configured {
    source: &'static str,
    launcher: Launcher,
    launch: Launch,
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
    let configured = configured(snapshot)?;
    // What listens in another network namespace does not listen here.
    let here = |process: &&Process| {
        process.netns.as_ref().is_none_or(|name| name == "host")
    };
    let processes: Vec<&Process> =
        snapshot.processes.iter().filter(here).collect();
    let mut runs: Vec<_> =
        processes.iter().map(|process| Some(model.process(process))).collect();
    let pairs = model.pairs(&configured, &processes, &runs);
    let listening = Listening::new(snapshot);
    let mut all = Vec::new();
    for (index, (file, pair)) in configured.iter().zip(pairs).enumerate() {
        let process = pair.and_then(|pair| processes.get(pair).copied());
        let mut instance = model.file(file, process);
        if index > 0 {
            instance.id = "memcached-sysconfig".to_owned();
        }
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

/// The instance that a file makes, by the text that the snapshot has.
pub(super) fn of_file(
    snapshot: &Snapshot,
    interfaces: Option<&[Interface]>,
    source: &str,
    version: Option<Version>,
) -> Result<Option<Instance>, Error> {
    let addresses = Addresses::new(snapshot, interfaces)?;
    let model = Model { snapshot, addresses };
    let files = configured(snapshot)?;
    let file = files.iter().find(|file| file.source == source);
    Ok(file.map(|file| {
        let mut instance = model.file(file, None);
        if version.is_some() {
            let build = Build::new(version, None);
            instance.start = model.start(&file.launch, build, None);
            instance.version = version;
        }
        instance
    }))
}

fn configured(snapshot: &Snapshot) -> Result<Vec<Configured>, Error> {
    let mut all = Vec::new();
    let Started { program, launch, known } = systemd::started(snapshot)?;
    let own = program.ends_with("/memcached") || program == "memcached";
    if let Some(conf) = snapshot.text(CONF)? {
        if !(systemd::is_red_hat(snapshot)? || known && own) {
            let mut debian = debian::launch(&conf);
            if known {
                debian.env = launch.env.clone();
                debian.user = launch.user.clone();
            }
            let launcher = Launcher::Debian;
            all.push(Configured { source: CONF, launcher, launch: debian });
        }
    }
    if own && snapshot.text(SYSCONFIG)?.is_some() {
        let launcher = Launcher::Systemd;
        all.push(Configured { source: SYSCONFIG, launcher, launch });
    }
    Ok(all)
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
    /// For each file the index of the process that is its daemon.
    fn pairs(
        &self,
        files: &[Configured],
        processes: &[&Process],
        runs: &[Option<Instance>],
    ) -> Vec<Option<usize>> {
        let starts = |file: usize, process: usize| {
            let file = files.get(file)?;
            let process = processes.get(process).copied();
            Some(self.file(file, process).start)
        };
        let same = |file, process: usize| {
            let runs = runs.get(process).and_then(Option::as_ref);
            let stated = starts(file, process);
            runs.zip(stated).is_some_and(|(r, stated)| same(&stated, &r.start))
        };
        let stated = files.iter().map(|file| self.file(file, None));
        let stated: Vec<_> = stated.map(|i| Candidate::of(&i)).collect();
        let seen = runs.iter().flatten().map(Candidate::of);
        pairs(&stated, &seen.collect::<Vec<_>>(), same)
    }

    fn file(&self, file: &Configured, process: Option<&Process>) -> Instance {
        let version = self.version(process);
        let build = Build::new(version, process);
        Instance {
            id: "memcached".to_owned(),
            source: file.source.to_owned(),
            version,
            argv: file.launch.argv.clone(),
            start: self.start(&file.launch, build, process),
            launcher: file.launcher,
            uid: process.and_then(|process| process.uid),
            pid: process.map(|process| process.pid),
            differences: Vec::new(),
        }
    }

    fn start(
        &self,
        launch: &Launch,
        build: Build,
        process: Option<&Process>,
    ) -> Start {
        if let Some(exit) = &launch.stopped {
            return Start::Exits(exit.clone());
        }
        let mut env = launch.env.clone();
        env.extend(process.iter().flat_map(|process| process.env.clone()));
        let root = |user: &String| user == "root" || user == "0";
        let uid = u32::from(launch.user.as_ref().is_some_and(|u| !root(u)));
        let command = Command { argv: &launch.argv, env, uid, build };
        let start = start(&command, self.snapshot, &self.addresses);
        match &launch.undecided {
            Some(why) => Start::Runs(Running::anything(&start, why)),
            None => start,
        }
    }

    fn process(&self, process: &Process) -> Instance {
        let version = self.version(Some(process));
        let argv = restored(&process.argv, version);
        let argv: Vec<_> = argv.into_iter().map(Word::new).collect();
        let command = Command {
            argv: &argv,
            env: process.env.clone(),
            uid: process.uid.unwrap_or(0),
            build: Build::new(version, Some(process)),
        };
        let start = start(&command, self.snapshot, &self.addresses);
        let id = format!("process {}", process.pid);
        let launcher = Launcher::Process;
        Instance {
            source: id.clone(),
            id,
            version,
            argv,
            start,
            launcher,
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
mod tests {
    use super::*;

    fn process(argv: &str) -> Process {
        Process {
            pid: 7,
            argv: argv.split(' ').map(str::to_owned).collect(),
            uid: Some(110),
            version: Some("1.4.39".to_owned()),
            ..Process::default()
        }
    }

    fn ids(snapshot: &Snapshot) -> Vec<String> {
        let all = instances(snapshot, None).unwrap();
        all.into_iter().map(|instance| instance.id).collect()
    }

    const TEXT: &str = "-l 127.0.0.1\n-p 11211\n-u m\n-vv\n";

    #[test]
    fn a_process_is_that_of_its_file() {
        let same = "-P /run/m.pid -u m -l 127.1 -p 11211";
        let snapshot =
            Snapshot::new().with_file(CONF, TEXT).with_process(process(same));
        let all = instances(&snapshot, None).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].version, Some(Version(1, 4, 39)));
        let other = snapshot.with_process(process("-u m -l 10.0.0.1"));
        assert_eq!(ids(&other), ["memcached", "process 7"]);
    }

    #[test]
    fn each_file_is_an_instance() {
        let both = Snapshot::new()
            .with_file(CONF, TEXT)
            .with_file(SYSCONFIG, "OPTIONS=\"\"\n");
        assert_eq!(ids(&both), ["memcached", "memcached-sysconfig"]);
        let fedora = both.with_file("/etc/os-release", "ID=fedora\n");
        let all = instances(&fedora, None).unwrap();
        assert_eq!(all[0].source, SYSCONFIG);
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn the_version_is_that_of_the_program() {
        let snapshot = Snapshot::new()
            .with_file(CONF, TEXT)
            .with_command("memcached -V", "memcached 1.6.18\n");
        let all = instances(&snapshot, None).unwrap();
        assert_eq!(all[0].version, Some(Version(1, 6, 18)));
    }

    #[test]
    fn bytes_in_a_file_are_an_error() {
        let mut snapshot = Snapshot::new();
        let bytes = crate::snapshot::Content::Bytes(vec![b'-', 0xff]);
        snapshot.files.insert(CONF.to_owned(), bytes.into());
        let error = instances(&snapshot, None).unwrap_err().to_string();
        assert_eq!(error, "/etc/memcached.conf:1:2: byte 0xff is not UTF-8");
    }

    /// Section 2 of the semantics: what a naive model gets wrong.
    #[test]
    fn traps() {
        let table = [
            (
                "-u m -U 11212",
                "T0.0.0.0:11212 T:::11212 U0.0.0.0:11212 U:::11212",
            ),
            ("-u m -l ,", ""),
            ("-u m -s /run/m/s -l 0.0.0.0 -U 5", "/run/m/s"),
            ("-u m -l 192.0.2.10 -l 192.0.2.1", "T192.0.2.10:11211"),
            ("-u m -l 127.0.0.1,127.0.0.1", "exit 71"),
            ("-u m -l 127.0.0.1,localhost", "T127.0.0.1:11211 T::1:11211"),
            ("-u m -l localhost,127.0.0.1", "exit 71"),
            ("-u m -l ::1:11212", "exit 71"),
            ("-u m -l [::1]11212", "T::1:11211"),
            ("-u m -l 0", "T0.0.0.0:11211"),
            ("-u m -l 010.0.0.1", "T8.0.0.1:11211"),
            ("-u m -l 192.0.2.0/24", "exit 71"),
            ("-u m -l=127.0.0.1", "exit 71"),
            ("-u m -p=11212", ""),
            ("-u m 127.0.0.1", "T0.0.0.0:11211 T:::11211"),
            ("-u m -- -l 127.0.0.1", "T0.0.0.0:11211 T:::11211"),
            ("-u m -l notls:127.0.0.1", "exit 71"),
            ("-u m -Z -p 0 -s /run/m/s", "exit 64"),
            ("-u m -S -U 11211", "exit 64"),
            ("-u m -l -U 0", "exit 71"),
            ("-u m -l 127.0.0.1, ::1", "T127.0.0.1:11211"),
            ("-u m -o no_such", "exit 1"),
            ("-u m -p 0 -l 127.0.0.1:11212", ""),
            ("-u m -l 127.0.0.1:76747", "T127.0.0.1:11211"),
        ];
        for (argv, expected) in table {
            let mut process = process(argv);
            process.version = Some("1.6.45".to_owned());
            process.uid = Some(0);
            let snapshot = Snapshot::new().with_process(process);
            let all = instances(&snapshot, None).unwrap();
            assert_eq!(summary(&all[0].start), expected, "{argv}");
        }
    }

    fn summary(start: &Start) -> String {
        let running = match start {
            Start::Runs(running) => running,
            Start::Exits(exit) => {
                return format!("exit {}", exit.status);
            }
        };
        let all = running.listeners.iter().map(|listener| match listener {
            Listener::Tcp(to) => format!("T{}:{}", to.address, to.port),
            Listener::Udp(to) => format!("U{}:{}", to.address, to.port),
            Listener::Unix { path, .. } => path.clone(),
        });
        all.collect::<Vec<_>>().join(" ")
    }
}
