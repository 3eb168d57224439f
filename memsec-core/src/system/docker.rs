//! The containers of a host: what of them decides who reaches memcached, and
//! no more. What other containers are given is often secret.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use serde_json::{Map, Value};

use super::command;
use crate::{Snapshot, snapshot::Output};

/// What lists the containers of an engine, and what shows those of a list.
pub(super) const CONTAINERS: [[&[&str]; 2]; 2] = [
    [
        &["docker", "ps", "--all", "--quiet", "--no-trunc"],
        &["docker", "inspect"],
    ],
    [
        &["podman", "ps", "--all", "--quiet", "--no-trunc"],
        &["podman", "inspect"],
    ],
];

/// The members that are kept, below another or at the top.
pub(super) const KEPT: [(&str, &[&str]); 4] = [
    (
        "",
        &[
            "Args",
            "Config",
            "HostConfig",
            "Id",
            "Image",
            "Name",
            "NetworkSettings",
            "Path",
            "State",
        ],
    ),
    ("Config", &["Cmd", "Entrypoint", "Env", "ExposedPorts", "Image", "User"]),
    (
        "HostConfig",
        &[
            "CapAdd",
            "CapDrop",
            "Memory",
            "NetworkMode",
            "PidMode",
            "PortBindings",
            "Privileged",
            "PublishAllPorts",
            "ReadonlyRootfs",
            "RestartPolicy",
            "SecurityOpt",
            "UsernsMode",
        ],
    ),
    ("State", &["Pid", "Running", "StartedAt", "Status"]),
];

/// What starts a program, at the top and below `Config`.
const COMMAND: [&str; 3] = ["Args", "Cmd", "Entrypoint"];

/// Where podman keeps containers. One that has none makes files of its own
/// when it is asked, and reading a host must not change it.
const PODMAN: [&str; 3] = [
    "/etc/containers/storage.conf",
    "/run/containers/storage",
    "/var/lib/containers/storage",
];

/// Each engine's containers, where there are any.
pub(super) fn inspect(snapshot: &mut Snapshot) {
    for [list, show] in CONTAINERS {
        let unused = list.first() == Some(&"podman")
            && !PODMAN.iter().any(|path| Path::new(path).exists());
        if unused {
            continue;
        }
        let all = command::run(list);
        let names: Vec<_> = all.stdout.split_whitespace().collect();
        if all.status == 0 && !names.is_empty() {
            let Output { stdout, status } =
                command::run(&[show, &names].concat());
            // What cannot be read cannot be cleared of secrets.
            let stdout = Arc::new(without_secrets(&stdout).unwrap_or_default());
            let output = Output { stdout, status };
            snapshot.commands.insert(show.join(" "), output);
        }
    }
}

fn without_secrets(json: &str) -> Option<String> {
    let mut all: Vec<Map<String, Value>> = serde_json::from_str(json).ok()?;
    all.iter_mut().for_each(clear);
    serde_json::to_string_pretty(&all).ok()
}

fn clear(container: &mut Map<String, Value>) {
    for (name, kept) in KEPT {
        let part = match name {
            "" => Some(&mut *container),
            name => container.get_mut(name).and_then(Value::as_object_mut),
        };
        if let Some(part) = part {
            part.retain(|key, _| kept.contains(&key.as_str()));
        }
    }
    let command = words(container);
    let ours = command.iter().any(|word| word.contains("memcached"));
    if !ours {
        container.remove("Args");
    }
    let config = container.get_mut("Config").and_then(Value::as_object_mut);
    if let Some(config) = config {
        if !ours {
            COMMAND.iter().for_each(|name| drop(config.remove(*name)));
        }
        hide(config, &command);
    }
}

/// The words that name the image and that start the program.
fn words(container: &Map<String, Value>) -> BTreeSet<String> {
    let config = container.get("Config");
    let config = |name| config.and_then(|config| config.get(name));
    let top = ["Path", "Args"].map(|name| container.get(name));
    let all = top.into_iter().chain(["Image", "Cmd", "Entrypoint"].map(config));
    all.flatten().flat_map(texts).collect()
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Vec<String> {
    let list =
        value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Keeps of the environment the values that what starts asks for.
fn hide(config: &mut Map<String, Value>, command: &BTreeSet<String>) {
    let asked = |name: &str| {
        let plain = format!("${name}");
        let braced = format!("${{{name}");
        command.iter().any(|w| w.contains(&plain) || w.contains(&braced))
            || super::processes::VARIABLES.contains(&name)
    };
    let env = config.get_mut("Env").and_then(Value::as_array_mut);
    for pair in env.into_iter().flatten() {
        let text = pair.as_str().unwrap_or_default();
        let name = text.split('=').next().unwrap_or_default();
        if !asked(name) {
            *pair = Value::String(format!("{name}="));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleared(container: Value) -> Value {
        let json = Value::Array(vec![container]).to_string();
        let json = without_secrets(&json).unwrap();
        let mut all: Vec<Value> = serde_json::from_str(&json).unwrap();
        all.remove(0)
    }

    #[test]
    fn of_another_container_nothing_is_kept_that_can_be_secret() {
        let left = cleared(serde_json::json!({
            "Id": "1", "Name": "/db", "Path": "mysqld",
            "Args": ["--password=x"], "Mounts": ["x"],
            "Config": {
                "Image": "mysql", "Cmd": ["--password=x"],
                "Env": ["MYSQL_ROOT_PASSWORD=x", "A"],
                "Labels": { "x": "x" }, "User": "",
            },
            "HostConfig": { "NetworkMode": "bridge", "LogConfig": "x" },
            "NetworkSettings": { "Ports": {} },
            "State": { "Running": true, "Health": "x" },
        }));
        assert_eq!(
            left,
            serde_json::json!({
                "Id": "1", "Name": "/db", "Path": "mysqld",
                "Config": {
                    "Image": "mysql", "User": "",
                    "Env": ["MYSQL_ROOT_PASSWORD=", "A="],
                },
                "HostConfig": { "NetworkMode": "bridge" },
                "NetworkSettings": { "Ports": {} },
                "State": { "Running": true },
            })
        );
    }

    #[test]
    fn what_memcached_is_started_with_is_kept() {
        let left = cleared(serde_json::json!({
            "Path": "sh", "Args": ["-c", "exec memcached -m $M -c ${C:-9}"],
            "Config": {
                "Image": "alpine",
                "Entrypoint": ["sh", "-c"],
                "Cmd": "exec memcached -m $M -c ${C:-9}",
                "Env": ["M=7", "C=8", "TOKEN=x", "SASL_CONF_PATH=/s"],
            },
        }));
        assert_eq!(
            left["Config"]["Env"],
            serde_json::json!(["M=7", "C=8", "TOKEN=", "SASL_CONF_PATH=/s"])
        );
        assert_eq!(left["Config"]["Entrypoint"][0], "sh");
        assert_eq!(left["Args"][0], "-c");
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert_eq!(without_secrets("{"), None);
        assert_eq!(without_secrets("{}"), None);
        assert_eq!(without_secrets("[]").unwrap(), "[]");
    }
}
