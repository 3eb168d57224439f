//! Containers: `docker inspect`, and podman's, to argvs and networks.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::Deserialize;

use super::{
    super::{
        Word,
        word::{Sources, Traced},
    },
    Launch, Launcher, Service, is_memcached,
    shell::{Ended, Shell},
};
use crate::{Error, Proto, Snapshot};

/// What runs containers.
#[derive(Clone, Copy)]
struct Engine {
    name: &'static str,
    /// What shows the containers.
    command: &'static str,
}

const ENGINES: [Engine; 2] = [
    Engine { name: "docker", command: "docker inspect" },
    Engine { name: "podman", command: "podman inspect" },
];

/// A container, as far as it decides what it starts.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Container {
    id: String,
    name: String,
    path: String,
    args: Option<Vec<String>>,
    config: Config,
    host_config: HostConfig,
    network_settings: NetworkSettings,
    state: State,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: String,
    user: String,
    env: Option<Vec<String>>,
    entrypoint: Option<Words>,
    cmd: Option<Words>,
}

/// Docker writes a list; other tools write a text for a list of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    All(Vec<String>),
    One(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: String,
    port_bindings: Option<Ports>,
}

/// "11211/tcp", and the sockets of the host that lead there.
type Ports = BTreeMap<String, Option<Vec<Binding>>>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Binding {
    host_ip: String,
    host_port: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkSettings {
    #[serde(flatten)]
    own: Addresses,
    ports: Option<Ports>,
    networks: Option<BTreeMap<String, Option<Addresses>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Addresses {
    #[serde(rename = "IPAddress")]
    four: Option<String>,
    #[serde(rename = "GlobalIPv6Address")]
    six: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    running: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { running: true }
    }
}

/// A container's network, as its host sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    /// "docker web".
    pub id: String,
    /// The command that lists it.
    pub source: &'static str,
    /// Whether it is the host's own.
    pub host: bool,
    pub addresses: Vec<IpAddr>,
    pub published: Vec<Published>,
}

/// A port of the host that leads to one of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub proto: Proto,
    /// The host's address, or every one of a family.
    pub address: IpAddr,
    pub port: u16,
    /// The port of the container.
    pub inside: u16,
}

impl Engine {
    /// The containers that run.
    fn containers(self, snapshot: &Snapshot) -> Result<Vec<Container>, Error> {
        let output = snapshot.output(self.command);
        let output = output.filter(|output| !output.text().trim().is_empty());
        let Some(output) = output else { return Ok(Vec::new()) };
        let mut all: Vec<Container> = serde_json::from_str(output.text())
            .map_err(|error| Error::json(self.command, &error))?;
        all.retain(|container| container.state.running);
        Ok(all)
    }
}

/// The containers that run memcached.
///
/// # Errors
///
/// An output that is not the JSON of `docker inspect`.
pub(super) fn services(snapshot: &Snapshot) -> Result<Vec<Service>, Error> {
    let mut services = Vec::new();
    for engine in ENGINES {
        let all = engine.containers(snapshot)?;
        services.extend(all.iter().filter_map(|container| {
            let launch = launch(container)?;
            let id = container.id(engine.name);
            let host = owner(&all, container).is_on_host();
            Some(Service {
                netns: (!host).then(|| id.clone()),
                id,
                source: engine.command.to_owned(),
                launcher: Launcher::Docker,
                launch,
            })
        }));
    }
    Ok(services)
}

/// The networks of all containers that run.
///
/// # Errors
///
/// As of [`services`].
pub(crate) fn networks(snapshot: &Snapshot) -> Result<Vec<Network>, Error> {
    let mut networks = Vec::new();
    for engine in ENGINES {
        let all = engine.containers(snapshot)?;
        networks.extend(all.iter().map(|container| {
            let owner = owner(&all, container);
            Network {
                id: container.id(engine.name),
                source: engine.command,
                host: owner.is_on_host(),
                addresses: owner.network_settings.addresses(),
                published: owner.published(),
            }
        }));
    }
    Ok(networks)
}

/// The container whose network another uses: its own, mostly.
fn owner<'c>(all: &'c [Container], of: &'c Container) -> &'c Container {
    let mode = of.host_config.network_mode.as_str();
    let Some(name) = mode.strip_prefix("container:") else { return of };
    let is = |other: &&Container| {
        other.id == name || other.name.trim_start_matches('/') == name
    };
    all.iter().find(is).unwrap_or(of)
}

impl Container {
    fn id(&self, engine: &str) -> String {
        let name = self.name.trim_start_matches('/');
        let name = if name.is_empty() { &self.id } else { name };
        format!("{engine} {name}")
    }

    fn is_on_host(&self) -> bool {
        self.host_config.network_mode == "host"
    }

    fn published(&self) -> Vec<Published> {
        let now = self.network_settings.ports.iter().flatten();
        let asked = self.host_config.port_bindings.iter().flatten();
        let mut all: Vec<_> = now.chain(asked).flat_map(published).collect();
        all.sort_by_key(|one| (one.inside, one.port, one.address));
        all.dedup();
        all
    }
}

impl NetworkSettings {
    fn addresses(&self) -> Vec<IpAddr> {
        let networks = self.networks.iter().flat_map(BTreeMap::values);
        let all = networks.flatten().chain([&self.own]);
        let texts = all.flat_map(|one| [&one.four, &one.six]).flatten();
        let mut all: Vec<_> = texts.filter_map(|t| t.parse().ok()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn published(
    (inside, bindings): (&String, &Option<Vec<Binding>>),
) -> Vec<Published> {
    let (inside, proto) = match inside.split_once('/') {
        Some((port, "udp")) => (port, Proto::Udp),
        Some((port, "tcp")) => (port, Proto::Tcp),
        None => (inside.as_str(), Proto::Tcp),
        Some(_) => return Vec::new(),
    };
    let Ok(inside) = inside.parse() else { return Vec::new() };
    let each = bindings.iter().flatten().flat_map(|binding| {
        // Without one it is every address, as it is 0.0.0.0 and ::.
        let every: [IpAddr; 2] =
            [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let addresses = match binding.host_ip.parse() {
            Ok(address) => vec![address],
            Err(_) => every.to_vec(),
        };
        let port = binding.host_port.parse().ok();
        port.into_iter().flat_map(move |port| {
            let of = move |address| Published { proto, address, port, inside };
            addresses.clone().into_iter().map(of)
        })
    });
    each.collect()
}

fn launch(container: &Container) -> Option<Launch> {
    let config = &container.config;
    let pairs = config.env.iter().flatten();
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let env = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let user = config.user.split(':').next().unwrap_or_default();
    let user = (!user.is_empty()).then(|| user.to_owned());
    let launch = started(&command(container), config)?;
    Some(Launch { env: env.collect(), user, ..launch })
}

/// The program and its arguments.
fn command(container: &Container) -> Vec<String> {
    let config = &container.config;
    let parts = [&config.entrypoint, &config.cmd];
    let parts = parts.into_iter().flatten();
    let all: Vec<String> = parts
        .flat_map(|words| match words {
            Words::All(words) => words.clone(),
            Words::One(word) => vec![word.clone()],
        })
        .collect();
    if !all.is_empty() {
        return all;
    }
    let arguments = container.args.iter().flatten().cloned();
    std::iter::once(container.path.clone()).chain(arguments).collect()
}

fn started(command: &[String], config: &Config) -> Option<Launch> {
    let image = config.image.split(['@', ':']).next().unwrap_or_default();
    let own_image = config.image.contains("memcached")
        || image.rsplit('/').next() == Some("memcached");
    let (program, arguments) = command.split_first()?;
    let name = program.rsplit('/').next().unwrap_or_default();
    let words = |words: &[String]| {
        let argv = words.iter().map(Word::new).collect();
        Some(Launch { argv, ..Launch::default() })
    };
    match (name, arguments) {
        _ if is_memcached(program) => words(arguments),
        // The official image's: `-x` alone is for memcached.
        ("docker-entrypoint.sh", [first, ..])
            if first.starts_with('-') && own_image =>
        {
            words(arguments)
        }
        ("docker-entrypoint.sh" | "tini" | "dumb-init" | "env", inner) => {
            let at = inner.iter().position(|word| is_memcached(word))?;
            words(inner.get(at + 1..).unwrap_or_default())
        }
        ("sh" | "bash" | "ash" | "dash", [option, script, ..])
            if option.ends_with('c') =>
        {
            shell(script, &config.env)
        }
        _ if own_image && !name.contains("exporter") => {
            Some(Launch::undecided(format!("what {program} starts")))
        }
        _ => None,
    }
}

fn shell(script: &str, env: &Option<Vec<String>>) -> Option<Launch> {
    let mut shell = Shell::dash();
    for pair in env.iter().flatten() {
        if let Some((name, value)) = pair.split_once('=') {
            shell.assign(name, super::shell::Value::plain(value));
        }
    }
    match shell.run(&Traced::plain(script), is_memcached) {
        Ended::Program(fields) => {
            Some(Launch::of(&fields, &Sources::default()))
        }
        _ if script.contains("memcached") => {
            Some(Launch::undecided("what the shell in the container does"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(json: &str) -> Vec<String> {
        let snapshot = Snapshot::new().with_command(ENGINES[0].command, json);
        let all = services(&snapshot).unwrap();
        let summary = |service: &Service| {
            let argv = service.launch.argv.iter().map(|w| w.text.as_str());
            let argv: Vec<_> = argv.collect();
            let known = service.launch.undecided.is_none();
            let known = if known { "" } else { "?" };
            let host = if service.netns.is_none() { "host " } else { "" };
            format!("{}: {host}{}{known}", service.id, argv.join(" "))
        };
        all.iter().map(summary).collect()
    }

    #[test]
    fn the_entrypoint_decides() {
        let official = r#""docker-entrypoint.sh""#;
        for (entrypoint, cmd, expected) in [
            (official, r#"["memcached"]"#, "docker a: "),
            (official, r#"["-m", "64"]"#, "docker a: -m 64"),
            (official, r#"["memcached", "-U", "0"]"#, "docker a: -U 0"),
            ("null", r#"["memcached", "-v"]"#, "docker a: -v"),
            (r#"["memcached"]"#, r#"["-v"]"#, "docker a: -v"),
            (
                r#"["sh", "-c"]"#,
                r#"["exec memcached -m $M"]"#,
                "docker a: -m 7",
            ),
            (r#""/run.sh""#, "null", "docker a: ?"),
        ] {
            let json = format!(
                r#"[{{"Name": "/a", "Config": {{"Image": "memcached:1.6",
                "Entrypoint": {entrypoint}, "Cmd": {cmd},
                "Env": ["M=7"]}}, "State": {{"Running": true}}}}]"#
            );
            assert_eq!(all(&json), [expected], "{json}");
        }
    }

    #[test]
    fn others_do_not_count() {
        let json = r#"[
            {"Name": "/a", "Config": {"Cmd": ["redis-server"]}},
            {"Name": "/b", "Config": {"Cmd": ["memcached"]},
             "State": {"Running": false}},
            {"Name": "/c", "Path": "memcached", "Args": ["-v"],
             "HostConfig": {"NetworkMode": "host"}}]"#;
        assert_eq!(all(json), ["docker c: host -v"]);
        assert!(all("").is_empty());
        let snapshot = Snapshot::new().with_command(ENGINES[0].command, "{");
        assert!(services(&snapshot).is_err());
    }
}
