//! MEMSEC-CTR-003 and -004: how a container of memcached was made.

use serde::Deserialize;

use super::{Check, Found, each};
use crate::{
    audit::{
        Severity,
        subject::{Access, Subject},
    },
    memcached::{Instance, Launcher, Running},
    text::Place,
};

pub(super) const CTR_003: Check = Check {
    id: "MEMSEC-CTR-003",
    title: "A container of memcached is not kept apart from the host",
    severity: Severity::Medium,
    varies: "medium where it is privileged or others than the clients get \
             in, else low",
    why: "in the network of the host every listener is one of the host's \
          own; and what breaks out of a privileged container is root on the \
          host",
    detection: "HostConfig.NetworkMode and HostConfig.Privileged of `docker \
                inspect`",
    fix: "give it a network of its own, publish the port to the clients \
          alone, and leave --privileged out",
    references: &["CIS Docker 5.5", "CIS Docker 5.10", "CWE-250"],
    find: near_the_host,
};

pub(super) const CTR_004: Check = Check {
    id: "MEMSEC-CTR-004",
    title: "The image of a container is whatever its tag is today",
    severity: Severity::Low,
    varies: "the same whoever gets in",
    why: "the next pull brings another memcached, and which one runs cannot \
          be told from what was tested",
    detection: "Config.Image of `docker inspect`: neither a digest nor a tag \
                that is a whole version",
    fix: "name the image by its digest, or by a whole version: \
          memcached:1.6.45",
    references: &["CIS Docker 4.2", "NIST CM-2"],
    find: unpinned,
};

const INSPECT: &str = "docker inspect";

/// A container, as far as it says how far it is from the host.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Container {
    id: String,
    name: String,
    config: Config,
    host_config: HostConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    network_mode: String,
    privileged: bool,
}

fn containers(subject: &Subject<'_>) -> Vec<Container> {
    let output = subject.snapshot.output(INSPECT);
    let all = output.and_then(|all| serde_json::from_str(all.text()).ok());
    all.unwrap_or_default()
}

/// What is found of each container that runs memcached.
fn each_container(
    subject: &Subject<'_>,
    find: impl Fn(&Instance, &Running, &Container) -> Option<Found>,
) -> Vec<Found> {
    let all = containers(subject);
    each(subject, |instance, running| {
        if instance.launcher != Launcher::Docker {
            return None;
        }
        let name = instance.id.strip_prefix("docker ")?;
        let is_it = |container: &&Container| {
            container.name.trim_start_matches('/') == name
                || container.name.is_empty() && container.id == name
        };
        find(instance, running, all.iter().find(is_it)?)
    })
}

fn near_the_host(subject: &Subject<'_>) -> Vec<Found> {
    each_container(subject, |instance, running, container| {
        let HostConfig { network_mode, privileged } = &container.host_config;
        let (what, text) = match (privileged, network_mode.as_str()) {
            (true, _) => ("is privileged", "\"Privileged\": true"),
            (_, "host") => {
                ("is in the host's network", "\"NetworkMode\": \"host\"")
            }
            _ => return None,
        };
        let open = subject.access(instance, running) == Access::Others;
        let severity = match open || *privileged {
            true => Severity::Medium,
            false => Severity::Low,
        };
        let message = format!("{} {what}", instance.id);
        Some(Found::new(severity, inspected(text), message))
    })
}

fn inspected(text: &str) -> Place {
    Place { text: Some(text.to_owned()), ..Place::whole(INSPECT) }
}

fn unpinned(subject: &Subject<'_>) -> Vec<Found> {
    each_container(subject, |instance, _, container| {
        let image = container.config.image.as_str();
        if image.is_empty() || is_pinned(image) {
            return None;
        }
        let message = format!("{} runs {image}", instance.id);
        let place = inspected(&format!("\"Image\": {image:?}"));
        Some(Found::new(Severity::Low, place, message))
    })
}

/// By a digest, or by a tag with a whole version, such as 1.6.45-alpine. What
/// comes before the last slash is a registry, which may have a port.
fn is_pinned(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    if image.contains('@') || image.starts_with("sha256:") {
        return true;
    }
    let tag = name.split_once(':').map_or("latest", |(_, tag)| tag);
    let version = tag.split('-').next().unwrap_or_default();
    let parts = version.trim_start_matches('v').split('.');
    let number = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
    };
    let numbers = parts.map(number).collect::<Vec<_>>();
    numbers.len() >= 3 && numbers.into_iter().all(|is_number| is_number)
}

#[cfg(test)]
mod tests {
    use super::is_pinned;

    #[test]
    fn a_tag_pins_where_it_is_a_whole_version() {
        for image in [
            "memcached:1.6.45",
            "memcached:1.6.45-alpine3.22",
            "registry.example:5000/memcached:v1.6.45",
            "memcached@sha256:0123",
            "sha256:0123",
        ] {
            assert!(is_pinned(image), "{image}");
        }
        for image in [
            "memcached",
            "memcached:latest",
            "memcached:1",
            "memcached:1.6",
            "memcached:1.6-alpine",
            "memcached:alpine",
            "registry.example:5000/memcached",
            "memcached:1..2",
        ] {
            assert!(!is_pinned(image), "{image}");
        }
    }
}
