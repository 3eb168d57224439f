//! MEMSEC-FW-011, -013 and -014: what the firewall managers will load.

use super::{Check, Found};
use crate::{
    Snapshot,
    audit::{
        Severity,
        next_start::{Change, changes, witness},
        subject::Subject,
    },
    managers::{Dump, Load, Manager, csf, ufw, units},
    net::{Family, IpSet},
    netfilter::{Ruleset, Table},
    text::Place,
};

pub(super) const FW_011: Check = Check {
    id: "MEMSEC-FW-011",
    title: "What the firewall manager will load lets others in than the \
            rules do now",
    severity: Severity::High,
    varies: "high where others than the clients are sure to get in then, \
              medium where they may or clients no longer do, else info",
    why: "the next restart or reboot changes who reaches the cache, and \
          nobody looks then",
    detection: "the rules that the manager's files come to, in the place of \
              those that are loaded",
    fix: "put the rules into the manager's own files, or load them now and \
          look at what they do",
    references: &["CIS 4.3.10"],
    find: next_start,
};

pub(super) const FW_012: Check = Check {
    id: "MEMSEC-FW-012",
    title: "More than one firewall manager is active",
    severity: Severity::Medium,
    varies: "always medium",
    why: "each flushes or passes by what the other has loaded, and who comes \
          last decides",
    detection: "the managers whose files load rules, and the tables of either \
                back end of iptables",
    fix: "let one own the firewall, and write rules through it alone",
    references: &["CIS 4.1.1"],
    find: several,
};

pub(super) const FW_013: Check = Check {
    id: "MEMSEC-FW-013",
    title: "A firewall manager is installed and does not run",
    severity: Severity::High,
    varies: "high where others than the clients get in now, else medium",
    why: "its files and its panel show rules that the kernel does not have",
    detection: "the manager is off in its files, its last start failed, or none \
              of its chains is loaded",
    fix: "start it, once its rules keep the way in for its administrator",
    references: &["CIS 4.2.3", "CIS 4.3.9"],
    find: not_running,
};

pub(super) const FW_014: Check = Check {
    id: "MEMSEC-FW-014",
    title: "CSF opens the port to everybody, or does not stay on",
    severity: Severity::High,
    varies: "the same whoever gets in now",
    why: "TCP_IN and its like know no sources, TESTING switches the firewall \
          off every few minutes, and an error in a file leaves it open",
    detection: "TCP_IN, TCP6_IN, UDP_IN, UDP6_IN and TESTING of csf.conf, and \
              the errors that stop csf",
    fix: "take the port out of the lists, let each client in by a line like \
          tcp|in|d=11211|s=192.0.2.20 in csf.allow, and set TESTING to 0",
    references: &["NIST SC-7(5)"],
    find: csf_opens,
};

/// One finding for each manager, protocol, port and family, and each of the
/// two ways in which the answer changes.
fn next_start(subject: &Subject<'_>) -> Vec<Found> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for change in changes(subject) {
        for one in [opened(subject, &change), closed(subject, &change)] {
            let key = (change.manager, change.proto, change.port);
            let Some(one) = one else { continue };
            let key = (key, change.family, one.severity);
            if !seen.contains(&key) {
                seen.push(key);
                found.push(one);
            }
        }
    }
    found.extend(mismatches(subject));
    found
}

/// User rules that `ufw status` shows otherwise than they are: the next
/// command of ufw writes them as it shows them.
fn mismatches(subject: &Subject<'_>) -> Vec<Found> {
    let all = ufw::tuple::mismatches(subject.snapshot).unwrap_or_default();
    let found = all.into_iter().map(|mismatch| {
        let message = match (&mismatch.tuple, &mismatch.rule) {
            (None, _) => {
                "ufw status does not show this rule, and the next command of \
                 ufw removes it"
            }
            (_, None) => "ufw status shows this rule, and it is not loaded",
            _ => "ufw loads another rule than ufw status shows",
        };
        let place = mismatch.rule.or(mismatch.tuple);
        Found {
            severity: Severity::Medium,
            message: message.to_owned(),
            place: place.unwrap_or_default(),
        }
    });
    found.collect()
}

fn opened(subject: &Subject<'_>, change: &Change) -> Option<Found> {
    let allowed = subject.policy.allowed(change.family);
    let beyond = change.opened.difference(&allowed);
    let (severity, who) = match beyond.is_empty() {
        false if change.sure => (Severity::High, &beyond),
        false => (Severity::Medium, &beyond),
        true => (Severity::Info, &change.opened),
    };
    let verb = if change.sure { "gets" } else { "may get" };
    let message = format!("{verb} in, and does not now");
    told(change, severity, who, &message)
}

fn closed(subject: &Subject<'_>, change: &Change) -> Option<Found> {
    let allowed = subject.policy.allowed(change.family);
    let clients = change.closed.difference(&change.closed.difference(&allowed));
    let (severity, who) = match clients.is_empty() {
        false => (Severity::Medium, &clients),
        true => (Severity::Info, &change.closed),
    };
    told(change, severity, who, "does not get in, and does now")
}

fn told(
    change: &Change,
    severity: Severity,
    who: &IpSet,
    what: &str,
) -> Option<Found> {
    let from = witness(who)?;
    let (manager, proto) = (change.manager.name(), change.proto.name());
    let (port, by) = (change.port, change.interface.as_deref());
    let by = by.unwrap_or("any interface");
    let over = match change.family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    };
    Some(Found {
        severity,
        message: format!(
            "after the next start of {manager}, {from} {what}: {proto} port \
             {port} by {by} over {over}"
        ),
        place: change.place.clone(),
    })
}

fn several(subject: &Subject<'_>) -> Vec<Found> {
    // What is enabled comes back, whether it runs now or not.
    let booted = units::enabled(subject.snapshot, "").is_some();
    let active = subject.loads.iter().filter(|load| {
        let comes = booted && load.enabled;
        (comes || why_not(subject, load).is_none()) && has_rules(load)
    });
    let active: Vec<_> = active.collect();
    let mut names: Vec<_> =
        active.iter().map(|load| load.manager.name()).collect();
    names.sort_unstable();
    names.dedup();
    let place = active.last().map(|load| first_place(load));
    let together = (names.len() > 1).then(|| Found {
        severity: Severity::Medium,
        message: format!("{} are all active", names.join(" and ")),
        place: place.unwrap_or_default(),
    });
    together.into_iter().chain(two_back_ends(subject.snapshot)).collect()
}

/// Whether it loads any rule; memsec's own table is no manager's.
fn has_rules(load: &Load) -> bool {
    let own = Some("/etc/memsec/guard.nft");
    if first_place(load).source.as_deref() == own {
        return false;
    }
    let verdicts = ["-A ", "accept", "drop", "reject"];
    let texts = load.dumps.iter().map(|dump| dump.text.as_str());
    let lines = texts.flat_map(str::lines).map(str::trim);
    let mut rules = lines.filter(|line| !line.contains("policy"));
    rules.any(|line| verdicts.iter().any(|verdict| line.contains(verdict)))
}

/// Tables of iptables-legacy beside those of nft: a packet must pass both,
/// and each tool shows only its own.
fn two_back_ends(snapshot: &Snapshot) -> Option<Found> {
    let rules = |command: &str| {
        let output = snapshot.output(command)?;
        let mut lines = output.text().lines();
        lines.any(|line| line.starts_with("-A ")).then_some(())
    };
    let legacy = ["iptables-legacy-save", "ip6tables-legacy-save"];
    let legacy = legacy.into_iter().find(|c| rules(c).is_some())?;
    let other = ["iptables-save", "ip6tables-save"];
    let other = other.into_iter().find(|command| {
        let text = |name: &str| {
            snapshot.output(name).map(|output| output.text().to_owned())
        };
        // The plain command may be the legacy one itself.
        let same = text(command) == text(legacy);
        rules(command).is_some() && !same
    })?;
    Some(Found {
        severity: Severity::Medium,
        message: format!(
            "{legacy} and {other} both show rules: a packet must pass both"
        ),
        place: Place::whole(legacy),
    })
}

fn not_running(subject: &Subject<'_>) -> Vec<Found> {
    let open = subject.reached.iter().any(|r| subject.is_open(r));
    let severity = if open { Severity::High } else { Severity::Medium };
    let found = subject.loads.iter().filter_map(|load| {
        let (message, place) = why_not(subject, load)?;
        Some(Found { severity, message, place })
    });
    found.collect()
}

/// Why a manager does not run, if that can be told.
fn why_not(subject: &Subject<'_>, load: &Load) -> Option<(String, Place)> {
    let snapshot = subject.snapshot;
    let name = load.manager.name();
    if !load.enabled {
        let message = format!("{name} is installed and switched off");
        return Some((message, first_place(load)));
    }
    if let Some(place) =
        csf::failed(snapshot).filter(|_| load.manager == Manager::Csf)
    {
        let message = "the last start of csf failed, and left everything \
                       open"
            .to_owned();
        return Some((message, place));
    }
    let missing = load.dumps.iter().find(|dump| {
        let live = snapshot.output(dump.command);
        let chains: Vec<_> = own_chains(&dump.text).collect();
        let lacks_chains = live.is_some_and(|live| {
            let live: Vec<_> = own_chains(live.text()).collect();
            !chains.is_empty() && !chains.iter().any(|c| live.contains(c))
        });
        lacks_chains || lacks_tables(subject, dump)
    })?;
    let message = format!("{name} is installed, and its chains are not there");
    Some((message, Place::whole(missing.command)))
}

/// Whether nft lists none of the tables of a dump.
fn lacks_tables(subject: &Subject<'_>, dump: &Dump) -> bool {
    let known = |command| subject.snapshot.output(command).is_some();
    if !dump.command.starts_with("nft") || !NFT.into_iter().any(known) {
        return false;
    }
    let alone = Snapshot::new().with_command(dump.command, &dump.text);
    let Ok(loaded) = Ruleset::new(&alone) else { return false };
    let live = &subject.host.ruleset.tables;
    let there = |table: &Table| {
        let mut live = live.iter();
        live.any(|l| l.name == table.name && l.families == table.families)
    };
    !loaded.tables.is_empty() && !loaded.tables.iter().any(there)
}

/// What lists the tables of nft.
const NFT: [&str; 2] = ["nft -j list ruleset", "nft list ruleset"];

/// The chains of a dump that are not there from the start.
fn own_chains(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(':'));
    lines.filter_map(|line| {
        let (name, policy) = line.split_once(' ')?;
        policy.starts_with('-').then_some(name)
    })
}

fn first_place(load: &Load) -> Place {
    let places = load.dumps.iter().flat_map(|dump| &dump.places);
    let source = places.flatten().find_map(|place| place.source.clone());
    source.map(Place::whole).unwrap_or_default()
}

fn csf_opens(subject: &Subject<'_>) -> Vec<Found> {
    let snapshot = subject.snapshot;
    let enabled = |load: &Load| load.manager == Manager::Csf && load.enabled;
    if !subject.loads.iter().any(enabled) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut add = |severity, message, place: Place| {
        if !found.iter().any(|known: &Found| known.place == place) {
            found.push(Found { severity, message, place });
        }
    };
    for (_, running) in subject.running() {
        for (proto, socket) in running.sockets() {
            for (key, place) in csf::open_lists(snapshot, proto, socket.port) {
                let message = format!(
                    "{key} opens {} port {} to everybody",
                    proto.name(),
                    socket.port
                );
                add(Severity::High, message, place);
            }
        }
    }
    if let Some(place) = csf::testing(snapshot) {
        let message = "TESTING is on: a cron job switches the firewall off \
                       every few minutes";
        add(Severity::High, message.to_owned(), place);
    }
    let outcome = csf::outcome(snapshot).ok().flatten();
    if let Some(stop) = outcome.and_then(|outcome| outcome.stop) {
        let message =
            format!("the next start of csf leaves all open: {}", stop.reason);
        add(Severity::High, message, stop.place);
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::{Finding, Policy, Snapshot, audit, snapshot::Process};

    const CONF: &str = "/etc/csf/csf.conf";

    const ADDRESSES: &str = r#"[{"ifname":"eth0","addr_info":[
        {"local":"192.0.2.10","prefixlen":24}]}]"#;

    fn host(conf: &str, rules: &str) -> Snapshot {
        let argv = ["-u", "nobody", "-l", "0.0.0.0"];
        Snapshot::new()
            .with_process(Process {
                argv: argv.map(str::to_owned).into(),
                version: Some("1.6.18".to_owned()),
                ..Process::default()
            })
            .with_file(CONF, &format!("DROP = \"DROP\"\n{conf}"))
            .with_command("ip -j address", ADDRESSES)
            .with_command("iptables-save", rules)
            .with_command("ip6tables-save", "")
    }

    fn found(host: &Snapshot, id: &str) -> Vec<Finding> {
        let report = audit(host, &Policy::new()).unwrap();
        let all = report.findings.into_iter();
        all.filter(|finding| finding.id == id).collect()
    }

    const CLOSED: &str = "*filter\n:INPUT DROP\n:LOCALINPUT -\nCOMMIT\n";

    macro_rules! finds {
        ($($name:ident: $conf:literal $rules:expr, $id:literal
            => [$($line:literal $text:literal),*];)*) => {$(
            #[test]
            fn $name() {
                let found = found(&host($conf, $rules), $id);
                let expected: &[(usize, &str)] = &[$(($line, $text)),*];
                assert_eq!(found.len(), expected.len(), "{found:?}");
                for (finding, (line, text)) in found.iter().zip(expected) {
                    let at = finding.place.line.unwrap_or(0);
                    assert!(finding.message.contains(text), "{finding:?}");
                    assert_eq!(at, *line, "{finding:?}");
                }
            }
        )*};
    }

    finds! {
        a_list_of_ports: "TCP_IN = \"22,11000:12000\"\n" CLOSED,
            "MEMSEC-FW-014" => [2 "TCP_IN"];
        a_list_that_is_not_read: "TCP6_IN = \"11211\"\n" CLOSED,
            "MEMSEC-FW-014" => [];
        testing: "TESTING = \"1\"\n" CLOSED, "MEMSEC-FW-014" => [2 "TESTING"];
        a_setting_twice: "A = \"1\"\nA = \"1\"\n" CLOSED,
            "MEMSEC-FW-014" => [3 "repeated"];
        open_after_a_start: "TCP_IN = \"11211\"\n" CLOSED,
            "MEMSEC-FW-011" => [2 "gets in, and does not now"];
        closed_after_a_start: "TCP_IN = \"22\"\n" "*filter\n:INPUT ACCEPT\n\
            :LOCALINPUT -\nCOMMIT\n",
            "MEMSEC-FW-011" => [1 "does not get in, and does now"];
        chains_that_are_not_there: "" "*filter\n:INPUT ACCEPT\nCOMMIT\n",
            "MEMSEC-FW-013" => [0 "its chains are not there"];
        chains_that_are_there: "" CLOSED, "MEMSEC-FW-013" => [];
    }

    #[test]
    fn csf_that_is_switched_off() {
        let host = host("TCP_IN = \"11211\"\n", "")
            .with_file("/etc/csf/csf.disable", "");
        assert!(found(&host, "MEMSEC-FW-014").is_empty());
        let found = found(&host, "MEMSEC-FW-013");
        assert!(found[0].message.contains("switched off"));
    }

    #[test]
    fn csf_whose_last_start_failed() {
        let host =
            host("", CLOSED).with_file("/etc/csf/csf.error", "Error: x\n");
        let found = found(&host, "MEMSEC-FW-013");
        assert_eq!(found[0].place.text.as_deref(), Some("Error: x"));
    }

    const DROPS: &str = "*filter\n:INPUT ACCEPT\n:LOCALINPUT -\n\
        -A INPUT -j DROP\nCOMMIT\n";

    #[test]
    fn both_back_ends_of_iptables() {
        let other = DROPS.replace("DROP", "ACCEPT");
        let host = host("", DROPS).with_command("iptables-legacy-save", &other);
        let all = found(&host, "MEMSEC-FW-012");
        assert_eq!(all.len(), 1, "{all:?}");
        let expected = "iptables-legacy-save and iptables-save both show rules";
        assert!(all[0].message.starts_with(expected), "{all:?}");
    }

    #[test]
    fn one_back_end_shown_twice() {
        let host = host("", DROPS).with_command("iptables-legacy-save", DROPS);
        assert!(found(&host, "MEMSEC-FW-012").is_empty());
    }

    #[test]
    fn an_old_back_end_without_rules() {
        let empty = "*filter\n:INPUT ACCEPT\nCOMMIT\n";
        let host = host("", DROPS).with_command("iptables-legacy-save", empty);
        assert!(found(&host, "MEMSEC-FW-012").is_empty());
    }

    /// ufw that is on, of which only the chain of its user rules is loaded.
    fn beside_ufw(enabled: &str) -> Snapshot {
        let live = "*filter\n:INPUT DROP\n:LOCALINPUT -\n\
            :ufw-user-input -\n-A INPUT -j ufw-user-input\nCOMMIT\n";
        let settings = "IPV6=no\nDEFAULT_INPUT_POLICY=DROP\n\
            DEFAULT_OUTPUT_POLICY=ACCEPT\nDEFAULT_FORWARD_POLICY=DROP\n";
        host("", live)
            .with_file("/etc/default/ufw", settings)
            .with_file("/etc/ufw/ufw.conf", &format!("ENABLED={enabled}\n"))
            .with_file(USER, "*filter\n:ufw-user-input -\nCOMMIT\n")
    }

    #[test]
    fn two_managers_at_once() {
        let all = found(&beside_ufw("yes"), "MEMSEC-FW-012");
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].message, "csf and ufw are all active");
        assert!(found(&beside_ufw("no"), "MEMSEC-FW-012").is_empty());
        let off = found(&beside_ufw("no"), "MEMSEC-FW-013");
        assert_eq!(off[0].message, "ufw is installed and switched off");
    }

    /// ufw that allows the port, behind a rule of somebody else.
    #[test]
    fn what_others_have_loaded_stays_beside_ufw() {
        let host = beside_ufw("yes");
        let live = host.output("iptables-save").unwrap();
        let other = "-A INPUT -p tcp -m tcp --dport 11211 -j DROP\n";
        let live = live.text().replace(
            "-A INPUT -j ufw-user-input\n",
            &format!("{other}-A INPUT -j ufw-user-input\n"),
        );
        let mut host = host.with_command("iptables-save", &live).with_file(
            USER,
            "*filter\n:ufw-user-input -\n\
             -A ufw-user-input -p tcp --dport 11211 -j ACCEPT\nCOMMIT\n",
        );
        host.files.remove(CONF);
        assert_eq!(found(&host, "MEMSEC-FW-011"), []);
        let alone = live.replace(other, "");
        let host = host.with_command("iptables-save", &alone);
        let all = found(&host, "MEMSEC-FW-011");
        assert!(all[0].message.contains("gets in, and does not now"));
    }

    fn firewalld(tables: &str) -> Vec<Finding> {
        let listing = format!(r#"{{"nftables": [{tables}]}}"#);
        let host = host("", CLOSED)
            .with_file("/etc/firewalld/firewalld.conf", "DefaultZone=public\n")
            .with_command("nft -j list ruleset", &listing);
        found(&host, "MEMSEC-FW-013")
    }

    #[test]
    fn firewalld_that_does_not_run() {
        let table = r#"{"table": {"family": "inet", "name": "firewalld"}}"#;
        assert_eq!(firewalld(table), []);
        let all = firewalld("");
        assert!(all[0].message.starts_with("firewalld is"), "{all:?}");
    }

    const USER: &str = "/etc/ufw/user.rules";

    fn ufw(rules: &str) -> Vec<Finding> {
        let text = format!(
            "*filter\n:ufw-user-input - [0:0]\n### RULES ###\n\n{rules}\n\
             ### END RULES ###\nCOMMIT\n"
        );
        found(&host("", CLOSED).with_file(USER, &text), "MEMSEC-FW-011")
    }

    const TUPLE: &str =
        "### tuple ### allow tcp 11211 0.0.0.0/0 any 192.0.2.20 in\n";
    const RULE: &str =
        "-A ufw-user-input -p tcp --dport 11211 -s 192.0.2.20 -j ACCEPT\n";

    #[test]
    fn a_rule_that_ufw_shows_as_it_is() {
        assert_eq!(ufw(&format!("{TUPLE}{RULE}")), []);
    }

    #[test]
    fn a_rule_that_ufw_shows_otherwise() {
        let wide = RULE.replace(" -s 192.0.2.20", "");
        let all = ufw(&format!("{TUPLE}{wide}"));
        assert!(all[0].message.contains("another rule than"), "{all:?}");
    }

    #[test]
    fn a_rule_that_ufw_does_not_show() {
        let all = ufw(RULE);
        assert!(all[0].message.contains("does not show this rule"), "{all:?}");
    }
}
