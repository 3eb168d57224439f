//! Who can reach memcached, in one sentence.

use std::collections::BTreeSet;

use super::words::{FEW, sequence, upper};
use crate::{Exposure, Finding, Instance, Report, Scope, reach::one_line};

impl Report {
    /// Who can reach memcached, in one sentence.
    pub(super) fn answer(&self) -> String {
        if self.instances.is_empty() && self.exposures.is_empty() {
            return "No memcached was found.".to_owned();
        }
        match self.widest() {
            Some(scope) => self.open_to(scope),
            None if self.starts() => {
                format!("Nobody but this host can reach {}.", self.name())
            }
            None => {
                format!("Nobody can reach {}: it does not start.", self.name())
            }
        }
    }

    /// The daemons that exit, each with the reason.
    pub(super) fn down(&self) -> Vec<String> {
        let exits = |instance: &Instance| {
            let exit = instance.error.as_ref()?;
            let (id, source) = (&instance.id, &instance.source);
            let line = format!(
                "{id} ({source}): exits with {}: {}",
                exit.status, exit.message
            );
            Some(one_line(&line))
        };
        self.instances.iter().filter_map(exits).collect()
    }

    fn starts(&self) -> bool {
        self.instances.is_empty() || self.instances.iter().any(|i| i.starts)
    }

    /// What the sentence is about.
    fn name(&self) -> &'static str {
        if self.instances.is_empty() { "the named ports" } else { "memcached" }
    }

    /// The exposures of memcached, or where there is none of the ports that
    /// were named, to others than this host.
    fn beyond(&self) -> impl Iterator<Item = &Exposure> {
        let ports = self.instances.is_empty();
        self.exposures.iter().filter(move |exposure| {
            (ports || exposure.instance.is_some())
                && exposure.scope > Scope::Host
        })
    }

    pub(super) fn widest(&self) -> Option<Scope> {
        self.beyond().map(|exposure| exposure.scope).max()
    }

    fn open_to(&self, scope: Scope) -> String {
        let open: Vec<_> =
            self.beyond().filter(|exposure| exposure.scope == scope).collect();
        let can = match open.iter().any(|exposure| exposure.exact) {
            true => "can",
            false => "may be able to",
        };
        let (who, what) = (who(scope, &open), self.what());
        format!("{who} {can} {what}, over {}{}.", protos(&open), by(&open))
    }

    fn what(&self) -> &'static str {
        // What this check finds is that nothing is asked of a client.
        let asks_nothing = |f: &Finding| f.id == "MEMSEC-AUTH-001";
        match self.instances.len() {
            0 => "reach the named ports",
            1 if self.findings.iter().any(asks_nothing) => {
                "read and change this cache"
            }
            _ => "reach memcached",
        }
    }
}

fn who(scope: Scope, open: &[&Exposure]) -> String {
    let few: BTreeSet<_> = open.iter().flat_map(|e| e.may.iter()).collect();
    let listed = few.len() <= FEW && few.iter().all(|net| net.prefix() > 0);
    match scope {
        _ if listed => sequence(few.iter().map(ToString::to_string).collect()),
        Scope::Host => "This host".to_owned(),
        Scope::Link => "Anyone on the same link".to_owned(),
        Scope::Private => "Anyone on a private network".to_owned(),
        Scope::Internet if open.iter().any(|e| whole(e)) => {
            "Anyone on the internet".to_owned()
        }
        Scope::Internet => "Many on the internet".to_owned(),
    }
}

fn whole(exposure: &Exposure) -> bool {
    exposure.except.is_empty()
        && exposure.may.iter().any(|net| net.prefix() == 0)
}

fn protos(open: &[&Exposure]) -> String {
    let protos: BTreeSet<_> = open.iter().map(|e| e.proto).collect();
    sequence(protos.into_iter().map(|proto| upper(proto).to_owned()).collect())
}

fn by(open: &[&Exposure]) -> String {
    let names: BTreeSet<_> =
        open.iter().filter_map(|e| e.interface.as_deref()).collect();
    match names.is_empty() {
        true => String::new(),
        false => {
            let names = names.into_iter().map(one_line).collect();
            format!(", by {}", sequence(names))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str = r#"{"id": "memcached", "source": "/etc/m",
        "version": null, "argv": [], "starts": true, "error": null,
        "listeners": []}"#;
    const OPEN: &str = r#"{"instance": "memcached", "proto": "tcp",
        "port": 11211, "family": "ipv4", "interface": "eth0",
        "destinations": [], "scope": "internet", "exact": true,
        "may": ["0.0.0.0/0"], "except": [], "must": [], "because": []}"#;

    fn report(instances: &str, exposures: &str, findings: &str) -> Report {
        let json = format!(
            r#"{{"instances": [{instances}], "exposures": [{exposures}],
                 "findings": [{findings}], "unknown": []}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn answer(exposures: &str) -> String {
        report(INSTANCE, exposures, "").answer()
    }

    #[test]
    fn a_host_without_memcached() {
        let text = report("", "", "").to_string();
        assert_eq!(text, "No memcached was found.\n");
    }

    #[test]
    fn nobody_else() {
        let said = "Nobody but this host can reach memcached.";
        assert_eq!(answer(""), said);
        let host = OPEN.replace("internet", "host");
        assert_eq!(answer(&host), said);
    }

    #[test]
    fn a_daemon_that_exits() {
        let exits = INSTANCE.replace("true", "false");
        assert_eq!(
            report(&exits, "", "").answer(),
            "Nobody can reach memcached: it does not start."
        );
    }

    #[test]
    fn anyone() {
        let finding = r#"{"id": "MEMSEC-AUTH-001", "severity": "high",
            "title": "t", "message": "m", "where": {"source": "/a", "line": 2},
            "fix": "f", "references": []}"#;
        let udp = OPEN.replace("\"tcp\"", "\"udp\"");
        let both = format!("{OPEN}, {udp}");
        assert_eq!(
            report(INSTANCE, &both, finding).to_string(),
            "Anyone on the internet can read and change this cache, over TCP \
             and UDP, by eth0.\n\
             \nWhat is wrong, the worst first:\n\
             \x20 HIGH     MEMSEC-AUTH-001 t\n\
             \x20          /a:2: m\n\
             \x20          fix: f\n\
             \nWho gets in:\n\
             \x20 memcached, TCP port 11211, IPv4 by eth0: everyone\n\
             \x20 memcached, UDP port 11211, IPv4 by eth0: everyone\n"
        );
    }

    #[test]
    fn a_few_are_named() {
        let few = OPEN.replace("0.0.0.0/0", "192.0.2.0/24\", \"198.51.100.7");
        assert_eq!(
            answer(&few),
            "192.0.2.0/24 and 198.51.100.7 can reach memcached, over TCP, by \
             eth0."
        );
    }

    #[test]
    fn a_bound_is_said_to_be_one() {
        let guess = OPEN.replace("\"exact\": true", "\"exact\": false");
        assert!(answer(&guess).contains("may be able to reach memcached"));
        let text = report(INSTANCE, &guess, "").to_string();
        assert!(text.contains("at most everyone; for sure nobody"), "{text}");
    }

    #[test]
    fn text_of_others_obeys_no_terminal() {
        let name = OPEN.replace("eth0", r"e\u001b[2J\n");
        assert!(!answer(&name).contains(['\u{1b}', '\n']));
    }
}
