//! What memcached makes of an argv: `main` of memcached.c, tags 1.5.6 to
//! 1.6.45, without the things that do not decide what is opened.

use std::collections::BTreeMap;

use super::{
    Exit, Listener, Running, Start, Version, Word,
    bind::{Addresses, Sockets},
    element::{Context, Element, elements},
    getopt::getopt,
    settings::{Build, MEGABYTE, Protocol, Settings, failure, usage},
};
use crate::{
    Proto, Snapshot,
    snapshot::{Content, Process, SecretForm},
};

/// The version that is modelled where none is known.
pub(super) const NEWEST: Version = Version(1, 6, 45);
const UDP_OFF: Version = Version(1, 5, 6);
/// Linux lets an argv and its environment have a quarter of the stack.
pub(super) const ARG_MAX: usize = 2 << 20;
/// Directories in which only root makes files (FHS 3.0).
const ROOTS: [&str; 15] = [
    "", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/opt", "/root",
    "/run", "/sbin", "/usr", "/var", "/var/lib", "/var/run",
];

/// What is needed to know what a daemon does.
#[derive(Debug)]
pub(super) struct Command<'a> {
    pub argv: &'a [Word],
    pub env: BTreeMap<String, String>,
    /// The user that it is started as.
    pub uid: u32,
    pub build: Build,
}

impl Default for Build {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl Build {
    pub(super) fn new(
        version: Option<Version>,
        process: Option<&Process>,
    ) -> Self {
        let version = version.unwrap_or(NEWEST);
        let features = process.and_then(|p| p.features.as_deref());
        let has = |name: &str, default| {
            features.map_or(default, |all| all.iter().any(|f| f == name))
        };
        let package = process.and_then(|p| p.package.as_deref());
        let package = package.unwrap_or_default();
        Self {
            version,
            sasl: has("sasl", true),
            tls: has("tls", version >= Version(1, 5, 13)),
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
    match run(command, snapshot, addresses) {
        Ok(running) => Start::Runs(running),
        Err(exit) => Start::Exits(exit),
    }
}

fn run(
    command: &Command<'_>,
    snapshot: &Snapshot,
    addresses: &Addresses<'_>,
) -> Result<Running, Exit> {
    let length = command.argv.iter().map(|word| word.text.len() + 9).sum();
    if (ARG_MAX..).contains::<usize>(&length) {
        return Err(failure("Argument list too long"));
    }
    let settings = read(command)?;
    let main = Main { settings: &settings, command, snapshot };
    main.check()?;
    main.tls()?;
    let root = main.user()?;
    main.sasl()?;
    let mut sockets = Sockets::new(addresses, root);
    // After daemon() nobody sees the exit status.
    let hidden = |exit: Exit| match settings.has('d') {
        true => Exit { status: 0, ..exit },
        false => exit,
    };
    main.auth_file().map_err(hidden)?;
    main.listen(&mut sockets, root).map_err(hidden)?;
    let Sockets { bound, unresolved, .. } = sockets;
    Ok(Running {
        listeners: bound,
        options: settings.options,
        suboptions: settings.suboptions,
        env: command.env.clone(),
        build: command.build,
        unresolved,
    })
}

/// Reads the options up to the first that stops it.
fn read(command: &Command<'_>) -> Result<Settings, Exit> {
    let posix = command.env.contains_key("POSIXLY_CORRECT");
    let version = command.build.version;
    let (given, error) = getopt(command.argv, version, posix);
    let mut settings = Settings::new(command.build);
    for given in &given {
        settings.take(given)?;
    }
    match error {
        Some(error) => Err(failure(error)),
        None => Ok(settings),
    }
}

struct Main<'a> {
    settings: &'a Settings,
    command: &'a Command<'a>,
    snapshot: &'a Snapshot,
}

impl Main<'_> {
    fn version(&self) -> Version {
        self.settings.build.version
    }

    /// The ports of TCP and of UDP: `-p` and `-U`, and what they do to each
    /// other.
    fn ports(&self) -> (i32, i32) {
        ports(
            self.version(),
            self.settings.number('p'),
            self.settings.number('U'),
        )
    }

    fn check(&self) -> Result<(), Exit> {
        self.sizes()?;
        self.suboptions()?;
        self.protocols()?;
        let (tcp, _) = self.ports();
        if tcp > 65535 && self.version() >= Version(1, 6, 16) {
            return Err(usage(format!("Invalid port number {tcp}.")));
        }
        if self.settings.has('Z') && tcp == 0 {
            return Err(usage("You cannot enable SSL without a TCP port."));
        }
        Ok(())
    }

    fn sizes(&self) -> Result<(), Exit> {
        let Settings { item_max, mut chunk_max, .. } = *self.settings;
        let threads = self.settings.number('t').unwrap_or(4);
        if self.settings.number('N').is_some_and(|napi| napi > threads) {
            return Err(usage("more NAPI IDs than threads"));
        }
        if item_max < 1024 {
            return Err(usage("Item max size cannot be less than 1024 bytes."));
        }
        let memory = i64::from(self.settings.number('m').unwrap_or(64));
        // size_t: a negative number is a great one.
        let limit = if memory < 0 { i64::MAX } else { memory << 20 } / 2;
        if i64::from(item_max) > limit {
            return Err(usage("item size limit above half of the memory"));
        }
        if item_max > 1 << 30 {
            return Err(usage("item size limit above a gigabyte"));
        }
        if item_max > MEGABYTE && !self.settings.chunk_given {
            chunk_max = MEGABYTE / 2;
        }
        let whole = chunk_max > 0
            && item_max % chunk_max == 0
            && MEGABYTE % chunk_max == 0;
        if chunk_max > item_max || !whole {
            return Err(usage(
                "slab_chunk_max does not divide -I and the page size",
            ));
        }
        Ok(())
    }

    fn suboptions(&self) -> Result<(), Exit> {
        let percent = |name, default| {
            let value = self.settings.suboption(name);
            value.map_or(default, super::number::atoi)
        };
        if percent("hot_lru_pct", 20) + percent("warm_lru_pct", 40) > 80 {
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
        let udp = self.settings.number('U').unwrap_or(0);
        if sasl && udp != 0 && self.version() >= Version(1, 5, 20) {
            return Err(usage("UDP with SASL"));
        }
        let file = self.settings.has('Y');
        if file && protocol.is_some_and(|p| p != Protocol::Ascii) {
            return Err(usage("the binary protocol with -Y"));
        }
        Ok(())
    }

    /// Loads the certificate and the key.
    fn tls(&self) -> Result<(), Exit> {
        if !self.settings.has('Z') {
            return Ok(());
        }
        let required = ["ssl_chain_cert", "ssl_key"];
        for name in required {
            if self.settings.suboption(name).is_none() {
                return Err(usage(format!("-Z without -o {name}")));
            }
        }
        for name in required.iter().chain(&["ssl_ca_cert"]) {
            let path = self.settings.suboption(name).unwrap_or_default();
            let content = self.snapshot.files.get(path).map(|f| &f.content);
            let bad = matches!(
                content,
                Some(
                    Content::Secret(SecretForm::Empty | SecretForm::Malformed)
                        | Content::Bytes(_)
                )
            ) || matches!(content, Some(Content::Error(why)) if why == "ENOENT");
            if bad {
                return Err(usage(format!("{path}: not a key or certificate")));
            }
        }
        Ok(())
    }

    /// The user that it ends as: whether that is root.
    fn user(&self) -> Result<bool, Exit> {
        if self.command.uid != 0 {
            return Ok(false);
        }
        let name = self.settings.text('u').unwrap_or_default();
        if name.is_empty() {
            return Err(usage("must add '-u root' to start as root"));
        }
        // With three descriptors there is none for /etc/passwd.
        let files = self.settings.number('c').unwrap_or(1024);
        match self.uid(name) {
            Some(uid) if files > 3 => Ok(uid == 0),
            _ => Err(Exit {
                status: 67,
                message: format!("can't find the user {name} to switch to"),
            }),
        }
    }

    /// The number of a user; not root's for one that may be elsewhere.
    fn uid(&self, name: &str) -> Option<u32> {
        let passwd = self.snapshot.files.get("/etc/passwd");
        let Some(Content::Text(text)) = passwd.map(|file| &file.content) else {
            return Some(u32::from(name != "root"));
        };
        text.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == name;
            found.then(|| fields.nth(1)?.parse().ok()).flatten()
        })
    }

    /// Debian's SASL library wants a file of its own.
    fn sasl(&self) -> Result<(), Exit> {
        let own = "/etc/sasl2/memcached.conf";
        let elsewhere = self.command.env.contains_key("SASL_CONF_PATH");
        let missing = self.settings.build.debian
            && !elsewhere
            && !self.snapshot.files.contains_key(own);
        if self.settings.has('S') && missing {
            return Err(failure("Error initializing sasl."));
        }
        Ok(())
    }

    fn auth_file(&self) -> Result<(), Exit> {
        let Some(path) = self.settings.text('Y') else { return Ok(()) };
        if self.ports().1 != 0 {
            return Err(usage("Cannot use UDP with ascii authentication"));
        }
        let version = self.version();
        let empty = version >= Version(1, 6, 32);
        let malformed = version >= Version(1, 6, 10);
        let file = self.snapshot.files.get(path).map(|file| &file.content);
        let message = match file {
            _ if path.is_empty() => "no file",
            Some(Content::Secret(SecretForm::Empty)) if empty => "empty",
            Some(Content::Secret(SecretForm::Malformed)) if malformed => {
                "a malformed entry"
            }
            Some(Content::Error(why)) if why != "EISDIR" => why,
            _ => return Ok(()),
        };
        Err(failure(format!("authentication file {path}: {message}")))
    }

    fn listen(
        &self,
        sockets: &mut Sockets<'_>,
        root: bool,
    ) -> Result<(), Exit> {
        let result = match self.settings.text('s') {
            Some(path) => self.unix(path, sockets, root),
            None => self.network(sockets),
        };
        result.map_err(|message| Exit { status: 71, message })
    }

    fn unix(
        &self,
        path: &str,
        sockets: &mut Sockets<'_>,
        root: bool,
    ) -> Result<(), String> {
        let (directory, _) = path.rsplit_once('/').unwrap_or_default();
        if !root && path.contains('/') && ROOTS.contains(&directory) {
            return Err(format!("bind({path}): Permission denied"));
        }
        let known = self.snapshot.files.get(path).map(|file| &file.content);
        if let Some(Content::Text(_) | Content::Bytes(_)) = known {
            return Err(format!("bind({path}): Address already in use"));
        }
        let (path, mode) = match path {
            // The name that is all of NULs, as ss shows it.
            "" => ("@".repeat(108), None),
            path => {
                let mode = format!("{:04o}", self.settings.access());
                (cut(path, 107).to_owned(), Some(mode))
            }
        };
        sockets.bound.push(Listener::Unix { path, mode });
        Ok(())
    }

    fn network(&self, sockets: &mut Sockets<'_>) -> Result<(), String> {
        if self.settings.too_many_lists() {
            sockets.unresolved.push("-l".to_owned());
        }
        let (tcp, udp) = self.ports();
        if tcp == 0 && udp == 0 {
            return Ok(());
        }
        let list = self.elements()?;
        for (port, proto) in [(tcp, Proto::Tcp), (udp, Proto::Udp)] {
            for element in list.iter().filter(|_| port != 0) {
                let host = element.host.as_deref();
                sockets.bind(host, element.port.unwrap_or(port), proto)?;
            }
        }
        Ok(())
    }

    fn elements(&self) -> Result<Vec<Element>, String> {
        let everything = || vec![Element { host: None, port: None }];
        match self.settings.text('l') {
            None => Ok(everything()),
            Some(_) if self.settings.too_many_lists() => Ok(everything()),
            Some(list) => elements(
                list,
                Context {
                    version: self.version(),
                    tls_built: self.settings.build.tls,
                    tls: self.settings.has('Z'),
                    proxy_built: self.settings.build.proxy,
                    proxy: self.settings.protocol == Some(Protocol::Proxy),
                    auth_file: self.settings.has('Y'),
                },
            ),
        }
    }
}

/// At most so many bytes of a text, cut between characters.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev();
    end.filter_map(|end| text.get(..end)).next().unwrap_or_default()
}

/// The ports of TCP and UDP; 0 for one that is off.
pub(super) fn ports(
    version: Version,
    p: Option<i32>,
    u: Option<i32>,
) -> (i32, i32) {
    const PORT: i32 = 11211;
    let default = match version {
        version if version < Version(1, 2, 7) => 0,
        version if version < UDP_OFF => PORT,
        _ => 0,
    };
    let (tcp, udp) = (p.unwrap_or(PORT), u.unwrap_or(default));
    // -p sets the port of UDP, and -U that of TCP, where the other is not
    // given: always in some versions, and only if it is not 0 in others.
    let (p_couples, u_couples) = match version {
        version if version < Version(1, 4, 3) => (false, false),
        version if version < Version(1, 5, 4) => (true, true),
        version if version < UDP_OFF => (tcp != 0, udp != 0),
        _ => (false, udp != 0),
    };
    match (p, u) {
        (Some(_), None) if p_couples => (tcp, tcp),
        (None, Some(_)) if u_couples => (udp, udp),
        _ => (tcp, udp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_coupled_by_version() {
        let all = [None, Some((Some(5), None)), Some((None, Some(0)))];
        let more = [Some((None, Some(7))), Some((Some(0), None))];
        let cases: Vec<_> = all.into_iter().chain(more).collect();
        let table = [
            ("1.2.2", [(11211, 0), (5, 0), (11211, 0), (11211, 7), (0, 0)]),
            (
                "1.4.2",
                [
                    (11211, 11211),
                    (5, 11211),
                    (11211, 0),
                    (11211, 7),
                    (0, 11211),
                ],
            ),
            ("1.5.3", [(11211, 11211), (5, 5), (0, 0), (7, 7), (0, 0)]),
            ("1.5.5", [(11211, 11211), (5, 5), (11211, 0), (7, 7), (0, 11211)]),
            ("1.5.6", [(11211, 0), (5, 0), (11211, 0), (7, 7), (0, 0)]),
        ];
        for (version, expected) in table {
            let version = version.parse().unwrap();
            let seen: Vec<_> = cases
                .iter()
                .map(|case| case.unwrap_or_default())
                .map(|(p, u)| ports(version, p, u))
                .collect();
            assert_eq!(seen, expected, "{version}");
        }
    }
}
