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
    possible::Possible,
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
    /// The user that its process runs as, where there is one.
    pub uid: Option<u32>,
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
    let mut left: Vec<&Process> =
        snapshot.processes.iter().filter(here).collect();
    let mut all = Vec::new();
    for (index, file) in configured.iter().enumerate() {
        let process = left.iter().position(|process| {
            let here = process.netns.as_deref().is_none_or(|n| n == "host");
            let stated = model.file(file, Some(process)).start;
            here && same(&stated, &model.process(process).start)
        });
        let process = process.map(|index| left.remove(index));
        let mut instance = model.file(file, process);
        if index > 0 {
            instance.id = "memcached-sysconfig".to_owned();
        }
        all.push(instance);
    }
    all.extend(left.iter().map(|process| model.process(process)));
    Ok(all)
}

/// The instance that a file makes, by the text that the snapshot has, of
/// the version of another.
pub(super) fn of_file(
    snapshot: &Snapshot,
    interfaces: Option<&[Interface]>,
    like: &Instance,
) -> Result<Option<Instance>, Error> {
    let addresses = Addresses::new(snapshot, interfaces)?;
    let model = Model { snapshot, addresses };
    let files = configured(snapshot)?;
    let file = files.iter().find(|file| file.source == like.source);
    Ok(file.map(|file| Instance {
        version: like.version,
        possible: like.possible,
        start: model.start(&file.launch, like.possible, None),
        ..model.file(file, None)
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
fn same(one: &Start, other: &Start) -> bool {
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

fn value(letter: char, word: &Word) -> String {
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
    fn file(&self, file: &Configured, process: Option<&Process>) -> Instance {
        let version = self.version(process);
        let possible = Possible::new(version, process, self.snapshot);
        Instance {
            id: "memcached".to_owned(),
            source: file.source.to_owned(),
            version,
            possible,
            argv: file.launch.argv.clone(),
            start: self.start(&file.launch, possible, process),
            launcher: file.launcher,
            uid: process.and_then(|process| process.uid),
        }
    }

    fn start(
        &self,
        launch: &Launch,
        possible: Possible,
        process: Option<&Process>,
    ) -> Start {
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
        let start = start(&command, self.snapshot, &self.addresses);
        match &launch.undecided {
            Some(why) => Start::Runs(Running::anything(&start, why)),
            None => start,
        }
    }

    fn process(&self, process: &Process) -> Instance {
        let version = self.version(Some(process));
        let possible = Possible::new(version, Some(process), self.snapshot);
        let argv: Vec<_> = process.argv.iter().map(Word::new).collect();
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
        let (source, uid) = (id.clone(), process.uid);
        Instance { id, source, version, possible, argv, start, launcher, uid }
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
