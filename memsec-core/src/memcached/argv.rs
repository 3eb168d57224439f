//! What memcached makes of an argv: `main` of memcached.c, tags 1.2.0 to
//! 1.6.45, without the things that do not decide what is opened.

use std::collections::BTreeMap;

use super::{
    Exit, Listener, Running, Start, Word,
    behaviour::{
        DAEMON_FIRST, DAEMON_LAST, EVEN_SHARES, FEW_FILES, LOCKED, LOGGER,
        PORT_CHECKED, SASL_NO_UDP, SHARES, SYSEXITS,
    },
    bind::{Addresses, Sockets},
    getopt::{Operands, getopt},
    listen::cannot_make,
    number::atoi,
    ports::{Ports, port_settings},
    possible::Possible,
    settings::{Build, Protocol, Settings, failure, signal, usage},
    version::{Release, Versions},
};
use crate::{Snapshot, snapshot::Process};

/// Linux lets an argv and its environment have a quarter of the stack.
pub(super) const ARG_MAX: usize = 2 << 20;

/// What is needed to know what a daemon does.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub argv: &'a [Word],
    pub env: BTreeMap<String, String>,
    /// The user that it is started as.
    pub uid: u32,
    /// What it was built with; the version is one of `possible`.
    pub build: Build,
    pub possible: Possible,
    /// Whether it is known to run.
    pub alive: bool,
}

impl Default for Build {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Build {
    /// What a process says of itself. TLS, which is from 1.5.13, and SASL
    /// are taken as built in, and the proxy is not.
    pub(super) fn new(process: Option<&Process>) -> Self {
        let features = process.and_then(|p| p.features.as_deref());
        let has = |name: &str, default| {
            features.map_or(default, |all| all.iter().any(|f| f == name))
        };
        let package = process.and_then(|p| p.package.as_deref());
        let package = package.unwrap_or_default();
        Self {
            sasl: has("sasl", true),
            tls: has("tls", true),
            proxy: has("proxy", false),
            debian: package.contains("deb") || package.contains("ubuntu"),
        }
    }
}

/// Starts a daemon, in the model.
pub(super) fn start(
    command: &Command<'_>,
    snapshot: &Snapshot,
    addresses: &Addresses<'_>,
) -> Start {
    command.possible.start(command.alive, |release, patched| {
        let running = run(command, snapshot, addresses, release, patched);
        match running {
            Ok(running) => Start::Runs(running),
            Err(exit) => Start::Exits(exit),
        }
    })
}

fn run(
    command: &Command<'_>,
    snapshot: &Snapshot,
    addresses: &Addresses<'_>,
    release: Release<'_>,
    patched: bool,
) -> Result<Running, Exit> {
    let sysexits = |exit: Exit| match exit.status {
        1.. if !release.is(SYSEXITS) => Exit { status: 1, ..exit },
        _ => exit,
    };
    let length = command.argv.iter().map(|word| word.text.len() + 9).sum();
    if (ARG_MAX..).contains::<usize>(&length) {
        return Err(failure("Argument list too long"));
    }
    let mut settings = read(command, addresses.names.musl, release)
        .and_then(|mut settings| {
            settings.check_sizes()?;
            Ok(settings)
        })
        .map_err(sysexits)?;
    let main = Main { settings: &settings, command, snapshot, patched };
    let Sockets { bound, unresolved, .. } =
        main.all(addresses).map_err(sysexits)?;
    Ok(Running {
        listeners: bound,
        options: std::mem::take(&mut settings.options),
        suboptions: std::mem::take(&mut settings.suboptions),
        env: command.env.clone(),
        build: command.build,
        version: command.possible.newest(),
        unresolved,
        unsure: Vec::new(),
    })
}

/// Reads the options up to the first that stops it.
fn read<'a>(
    command: &Command<'_>,
    musl: bool,
    release: Release<'a>,
) -> Result<Settings<'a>, Exit> {
    let operands = match command.env.contains_key("POSIXLY_CORRECT") {
        _ if musl => Operands::EndShort,
        true => Operands::End,
        false => Operands::Skipped,
    };
    let (given, error) = getopt(command.argv, release, operands);
    let mut settings = Settings::new(command.build, release);
    for given in &given {
        settings.take(given)?;
    }
    match error {
        Some(error) => Err(failure(error)),
        None => Ok(settings),
    }
}

/// `main`, after it has read its options.
#[derive(Debug)]
pub(super) struct Main<'a> {
    pub settings: &'a Settings<'a>,
    pub command: &'a Command<'a>,
    pub snapshot: &'a Snapshot,
    /// Whether a distribution's patch turns UDP off.
    pub patched: bool,
}

impl<'a> Main<'a> {
    fn is(&self, versions: Versions) -> bool {
        self.settings.release.is(versions)
    }

    fn port_settings(&self) -> (i32, i32) {
        let number = |letter| self.settings.number(letter);
        let release = self.settings.release;
        port_settings(release, number('p'), number('U'), self.patched)
    }

    pub(super) fn ports(&self) -> Ports {
        Ports::new(self.settings.release, self.port_settings())
    }

    /// All that comes, in its order, up to what stops it.
    fn all(&self, addresses: &'a Addresses<'a>) -> Result<Sockets<'a>, Exit> {
        self.check()?;
        self.tls()?;
        if self.binds_first() {
            let sockets = self.bound(addresses, true, self.command.uid == 0)?;
            return self.user().map(|_| sockets);
        }
        // After daemon() nobody sees the exit status.
        let daemon = self.settings.has('d');
        let early = daemon && self.is(DAEMON_FIRST);
        let root = self.user().map_err(|exit| hidden(exit, early))?;
        self.sasl().map_err(|exit| hidden(exit, early))?;
        let late = daemon && !self.is(DAEMON_LAST);
        self.rest(addresses, root).map_err(|exit| hidden(exit, late))
    }

    fn rest(
        &self,
        addresses: &'a Addresses<'a>,
        root: bool,
    ) -> Result<Sockets<'a>, Exit> {
        self.memory(root)?;
        self.auth_file()?;
        let sockets = self.bound(addresses, root, root)?;
        self.connections(&sockets.bound)?;
        Ok(sockets)
    }

    fn bound(
        &self,
        addresses: &'a Addresses<'a>,
        user: bool,
        root: bool,
    ) -> Result<Sockets<'a>, Exit> {
        let release = self.settings.release;
        let mut sockets = Sockets::new(addresses, release, root);
        self.listen(&mut sockets, user).map(|()| sockets)
    }

    fn check(&self) -> Result<(), Exit> {
        self.shares()?;
        self.protocols()?;
        let (tcp, _) = self.port_settings();
        if tcp > 65535 && self.is(PORT_CHECKED) {
            return Err(usage(format!("Invalid port number {tcp}.")));
        }
        if self.settings.has('Z') && tcp == 0 {
            return Err(usage("You cannot enable SSL without a TCP port."));
        }
        let threads = self.settings.number('t').unwrap_or(4);
        if self.settings.number('N').is_some_and(|napi| napi > threads) {
            return Err(usage("more NAPI IDs than threads"));
        }
        if self.settings.number('c').is_some_and(|files| files < 0) {
            let message = "failed to set rlimit for open files".to_owned();
            return Err(Exit { status: 71, message });
        }
        Ok(())
    }

    fn shares(&self) -> Result<(), Exit> {
        let percent =
            |name, default| self.settings.suboption(name).map_or(default, atoi);
        let even = self.is(EVEN_SHARES);
        let (hot, warm) = if even { (32, 32) } else { (20, 40) };
        let sum = percent("hot_lru_pct", hot) + percent("warm_lru_pct", warm);
        if sum > 80 && self.is(SHARES) {
            return Err(usage("hot_lru_pct and warm_lru_pct above 80"));
        }
        let temporary = self.settings.suboption("temporary_ttl").is_some();
        if temporary && !self.settings.maintainer {
            return Err(usage("temporary_ttl requires lru_maintainer"));
        }
        Ok(())
    }

    fn protocols(&self) -> Result<(), Exit> {
        let protocol = self.settings.protocol;
        let sasl = self.settings.has('S');
        if sasl && protocol.is_some_and(|p| p != Protocol::Binary) {
            return Err(usage("the ASCII protocol with SASL"));
        }
        let udp = self.settings.number('U').unwrap_or(0) != 0;
        if sasl && udp && self.is(SASL_NO_UDP) {
            return Err(usage("UDP with SASL"));
        }
        if udp && self.settings.suboption("ext_path").is_some() {
            return Err(usage("Cannot use UDP with extstore enabled"));
        }
        let file = self.settings.has('Y');
        if file && protocol.is_some_and(|p| p != Protocol::Ascii) {
            return Err(usage("the binary protocol with -Y"));
        }
        Ok(())
    }

    /// `-k` and `-e`.
    fn memory(&self, root: bool) -> Result<(), Exit> {
        if self.settings.has('k') && !root && self.is(LOCKED) {
            let message = "Can't create thread: locked memory";
            return Err(match self.is(LOGGER) {
                true => signal(6, message),
                false => failure(message),
            });
        }
        match self.settings.text('e') {
            Some(path)
                if path.is_empty() || cannot_make(path, root).is_some() =>
            {
                Err(signal(6, format!("failed to open {path} for mmap")))
            }
            _ => Ok(()),
        }
    }

    /// "Maxconns setting is too low": five descriptors for each thread, and
    /// one for each socket, of UDP one for each thread too.
    fn connections(&self, bound: &[Listener]) -> Result<(), Exit> {
        let Some(files) = self.settings.number('c') else { return Ok(()) };
        let threads = self.settings.number('t').unwrap_or(4);
        let list = self.settings.text('l').is_some_and(|l| l.contains(','));
        let all = bound.iter().map(|listener| match listener {
            Listener::Udp(_) if !list => i64::from(threads),
            _ => 1,
        });
        let used = all.sum::<i64>() + 5 * i64::from(threads);
        match used >= i64::from(files) - 1 && self.is(FEW_FILES) {
            true => Err(failure("Maxconns setting is too low")),
            false => Ok(()),
        }
    }
}

fn hidden(exit: Exit, hidden: bool) -> Exit {
    if hidden { Exit { status: 0, ..exit } } else { exit }
}
