//! What Docker's engine loads at its next start: the chains that it has now,
//! but for what others have put into DOCKER-USER.

use super::{Dump, Load, Manager, beside::Stays, restore::save, units};
use crate::{Snapshot, net::Family};

/// The chain that the engine makes and leaves to others.
const USER: &str = "DOCKER-USER";

/// What the engine will load; `None` if its rules are not there now, or it
/// is not started at boot. It keeps no file of rules: its containers tell.
pub(crate) fn load(snapshot: &Snapshot) -> Option<Load> {
    let enabled = units::enabled(snapshot, "docker.service").unwrap_or(true);
    let dumps: Vec<_> = Family::BOTH
        .into_iter()
        .filter_map(|family| dump(snapshot, save(family)))
        .collect();
    (enabled && !dumps.is_empty()).then_some(Load {
        manager: Manager::Docker,
        enabled,
        dumps,
        unknown: Vec::new(),
    })
}

fn dump(snapshot: &Snapshot, command: &'static str) -> Option<Dump> {
    let live = snapshot.output(command)?;
    let live = live.text();
    if !live.lines().any(|line| line.starts_with(":DOCKER ")) {
        return None;
    }
    let mut text = String::new();
    let mut first: Vec<String> = Vec::new();
    for line in live.lines() {
        if line == "COMMIT" {
            // Each goes before those that were put in before it.
            first.drain(..).rev().for_each(|line| text += &line);
        }
        match own(line) {
            Some(Own::First) => {
                first.push(format!("{}\n", line.replacen("-A", "-I", 1)));
            }
            Some(Own::There) => text += &format!("{line}\n"),
            None => {}
        }
    }
    let places = vec![None; text.lines().count()];
    Some(Dump { command, text, places, stays: Stays::All(USER) })
}

/// Where a line of the engine's goes.
enum Own {
    There,
    /// Before the rules that are there.
    First,
}

fn own(line: &str) -> Option<Own> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    if first.starts_with('*') || first == "COMMIT" {
        return Some(Own::There);
    }
    if let Some(chain) = first.strip_prefix(':') {
        let policy = words.next() == Some("DROP") && chain == "FORWARD";
        return (chain.starts_with("DOCKER") || policy).then_some(Own::There);
    }
    let chain = words.next().filter(|_| first == "-A")?;
    if chain.starts_with("DOCKER") {
        return (chain != USER).then_some(Own::There);
    }
    let bridge = |name: &str| name == "docker0" || name.starts_with("br-");
    words
        .any(|word| word.starts_with("DOCKER") || bridge(word))
        .then_some(Own::First)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n\
        :DOCKER - [0:0]\n:DOCKER-USER - [0:0]\n:f2b - [0:0]\n\
        -A INPUT -j f2b\n-A FORWARD -j DOCKER-USER\n\
        -A FORWARD -o docker0 -j DOCKER\n-A FORWARD -i eth0 -j DROP\n\
        -A DOCKER -d 172.17.0.2/32 -j ACCEPT\n-A DOCKER-USER -j DROP\n\
        COMMIT\n";

    fn boots(base: &str) -> String {
        let now = Snapshot::new().with_command("iptables-save", LIVE);
        let load = load(&now).unwrap();
        let after = Snapshot::new().with_command("iptables-save", base);
        load.on(&after).dumps.remove(0).text
    }

    #[test]
    fn its_chains_come_back_and_what_others_put_there_does_not() {
        let text = boots("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n");
        assert!(text.contains(":INPUT ACCEPT"), "{text}");
        assert!(text.contains(":FORWARD DROP"), "{text}");
        let rules = "-I FORWARD -o docker0 -j DOCKER\n\
            -I FORWARD -j DOCKER-USER\n-A DOCKER -d 172.17.0.2/32 -j ACCEPT\n";
        assert!(text.contains(rules), "{text}");
        assert!(!text.contains("-A DOCKER-USER"), "{text}");
        assert!(!text.contains("f2b") && !text.contains("eth0"), "{text}");
    }

    #[test]
    fn what_a_file_put_there_stays() {
        let saved = "*filter\n:DOCKER-USER - [0:0]\n\
            -A DOCKER-USER -p tcp -j DROP\nCOMMIT\n";
        let text = boots(saved);
        assert!(text.contains("-A DOCKER-USER -p tcp -j DROP"), "{text}");
    }

    #[test]
    fn an_engine_that_is_off_loads_nothing() {
        let wants = "systemctl is-enabled docker.service";
        let host = Snapshot::new()
            .with_command("iptables-save", LIVE)
            .with_command(wants, "disabled\n");
        assert!(load(&host).is_none());
        assert!(load(&Snapshot::new()).is_none());
    }
}
