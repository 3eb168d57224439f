//! Containers: `docker inspect` to argvs.

use serde::Deserialize;

use super::{
    super::{
        Word,
        word::{Sources, Traced},
    },
    Launch, Launcher, Service, is_memcached,
    shell::{Ended, Shell},
};
use crate::{Error, Snapshot};

const INSPECT: &str = "docker inspect";

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

/// The containers that run memcached.
///
/// # Errors
///
/// An output that is not the JSON of `docker inspect`.
pub(super) fn services(snapshot: &Snapshot) -> Result<Vec<Service>, Error> {
    let Some(output) = snapshot.output(INSPECT) else { return Ok(Vec::new()) };
    if output.text().trim().is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<Container> = serde_json::from_str(output.text())
        .map_err(|error| Error::json(INSPECT, &error))?;
    let running = all.iter().filter(|container| container.state.running);
    Ok(running.filter_map(service).collect())
}

fn service(container: &Container) -> Option<Service> {
    let launch = launch(container)?;
    let name = container.name.trim_start_matches('/');
    let name = if name.is_empty() { &container.id } else { name };
    let network = container.host_config.network_mode.as_str();
    let netns = (network != "host").then(|| format!("docker {name}"));
    Some(Service {
        id: format!("docker {name}"),
        source: INSPECT.to_owned(),
        launcher: Launcher::Docker,
        launch,
        netns,
    })
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
        let snapshot = Snapshot::new().with_command(INSPECT, json);
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
        let snapshot = Snapshot::new().with_command(INSPECT, "{");
        assert!(services(&snapshot).is_err());
    }
}
