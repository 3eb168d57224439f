//! A report for a person: the answer first, then what it rests on.

use std::{collections::BTreeSet, fmt};

use super::{Exposure, Finding, Instance, Report, Scope, Unknown};
use crate::{Cidr, Proto, net::Family, reach::one_line, text::Place};

/// More networks or rules than this are counted, not listed.
const FEW: usize = 4;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.answer())?;
        // What this host says to itself is no news.
        let others = |e: &&Exposure| e.scope > Scope::Host || e.may.is_empty();
        let others: Vec<_> = self.exposures.iter().filter(others).collect();
        list(f, "What does not start:", &self.down())?;
        list(f, "Who gets in:", &others)?;
        list(f, "What is wrong, the worst first:", &self.findings)?;
        list(f, "What is not known:", &self.unknown)
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    entries: &[T],
) -> fmt::Result {
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
}

impl Report {
    /// Who can reach memcached, in one sentence.
    fn answer(&self) -> String {
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
    fn down(&self) -> Vec<String> {
        let exits = |instance: &Instance| {
            let exit = instance.error.as_ref()?;
            let (id, source) = (&instance.id, &instance.source);
            let line = format!(
                "{id} ({source}): exits with {}: {}",
                exit.status, exit.message
            );
            Some(format!("  {}", one_line(&line)))
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

    fn widest(&self) -> Option<Scope> {
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
    let few: BTreeSet<_> = open.iter().flat_map(|e| &e.may).collect();
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

/// "TCP" or "UDP".
pub(crate) fn upper(proto: Proto) -> &'static str {
    match proto {
        Proto::Tcp => "TCP",
        Proto::Udp => "UDP",
    }
}

/// "a, b and c"
pub(crate) fn sequence(mut words: Vec<String>) -> String {
    let Some(last) = words.pop() else { return String::new() };
    match words.is_empty() {
        true => last,
        false => format!("{} and {last}", words.join(", ")),
    }
}

/// "  memcached, TCP port 11211, IPv4 by eth0: everyone"
impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instance = self.instance.as_deref().unwrap_or("the host");
        let family = match self.family {
            Family::Ipv4 => "IPv4",
            Family::Ipv6 => "IPv6",
        };
        let by = self.interface.as_deref().unwrap_or("any interface");
        write!(f, "  {}, {} ", one_line(instance), upper(self.proto))?;
        write!(f, "port {}, {family} by {}: ", self.port, one_line(by))?;
        f.write_str(&self.sources())?;
        let rules = self.because.iter().take(FEW);
        match self.scope {
            Scope::Host => Ok(()),
            _ => rules.into_iter().try_for_each(|rule| because(f, rule)),
        }
    }
}

fn because(f: &mut fmt::Formatter<'_>, rule: &Place) -> fmt::Result {
    write!(f, "\n    by {}", one_line(&rule.to_string()))?;
    match &rule.text {
        Some(text) => write!(f, ": {}", one_line(text.trim())),
        None => Ok(()),
    }
}

impl Exposure {
    fn sources(&self) -> String {
        let may = few(&self.may, "nobody");
        let except = match self.except.is_empty() {
            true => String::new(),
            false => format!(" but {}", few(&self.except, "")),
        };
        match self.scope {
            Scope::Host if !self.may.is_empty() => "this host".to_owned(),
            _ if self.exact => format!("{may}{except}"),
            _ => format!(
                "at most {may}{except}; for sure {}",
                few(&self.must, "nobody")
            ),
        }
    }
}

/// The first few networks, and how many more; `none` if there are none.
pub(crate) fn few(networks: &[Cidr], none: &str) -> String {
    if networks.is_empty() {
        return none.to_owned();
    }
    let shown = networks.iter().take(FEW).map(name).collect::<Vec<_>>();
    match networks.len().saturating_sub(FEW) {
        0 => sequence(shown),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn name(network: &Cidr) -> String {
    match network.prefix() {
        0 => "everyone".to_owned(),
        _ => network.to_string(),
    }
}

/// A line with the severity and the title, then the place, what and the fix.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.name().to_uppercase();
        let (id, title) = (one_line(&self.id), one_line(&self.title));
        writeln!(f, "  {severity:<8} {id} {title}")?;
        let place = one_line(&self.place.to_string());
        writeln!(f, "           {place}: {}", one_line(&self.message))?;
        write!(f, "           fix: {}", one_line(&self.fix))
    }
}

/// "  what is not known (its place)"
impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = one_line(&self.place.to_string());
        write!(f, "  {} ({place})", one_line(&self.what))
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
             \nWho gets in:\n\
             \x20 memcached, TCP port 11211, IPv4 by eth0: everyone\n\
             \x20 memcached, UDP port 11211, IPv4 by eth0: everyone\n\
             \nWhat is wrong, the worst first:\n\
             \x20 HIGH     MEMSEC-AUTH-001 t\n\
             \x20          /a:2: m\n\
             \x20          fix: f\n"
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
