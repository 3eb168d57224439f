//! ufw: /lib/ufw/ufw-init-functions, as of ufw 0.36.

mod ask;
mod frame;
#[cfg(test)]
mod real;
pub(crate) mod tuple;

pub(super) use ask::ask;

use super::{
    Dump, Load, Manager, Stays, restore::Tables, units, variables::Variables,
};
use crate::{Error, Snapshot, net::Family, text::Place};

/// The files that say whether it starts and how, in the order in which it
/// sources them.
const SETTINGS: [&str; 2] = ["/etc/default/ufw", "/etc/ufw/ufw.conf"];

/// Scripts that run before and after the rules are loaded, if they may.
const SCRIPTS: [&str; 2] = ["/etc/ufw/before.init", "/etc/ufw/after.init"];

/// What ufw loads when it starts; `None` if it is not installed.
pub(super) fn load(snapshot: &Snapshot) -> Result<Option<Load>, Error> {
    let mut settings = Variables::default();
    let mut found = 0;
    for path in SETTINGS {
        if let Some(source) = snapshot.text(path)? {
            settings.source(&source);
            found += 1;
        }
    }
    if found == 0 {
        return Ok(None);
    }
    let mut unknown = std::mem::take(&mut settings.unknown);
    unknown.extend(scripts(snapshot));
    let mut dumps = Vec::new();
    for family in Family::BOTH {
        let mut tables = Tables::new(family);
        if family == Family::Ipv6 && !yes(&settings, "IPV6") {
            tables.add(frame::NO_IPV6);
        } else {
            chains(snapshot, &settings, &mut tables, family, &mut unknown)?;
        }
        unknown.append(&mut tables.unknown);
        dumps.push(Dump { stays: stays(&settings, family), ..tables.dump() });
    }
    // Without both files ufw-init gives up.
    let starts = units::enabled(snapshot, "ufw.service").unwrap_or(true);
    let enabled =
        found == SETTINGS.len() && yes(&settings, "ENABLED") && starts;
    Ok(Some(Load { manager: Manager::Ufw, enabled, dumps, unknown }))
}

/// What was there and is not ufw's stays, unless it is told to manage all of
/// the built-in chains; IPv6 that is off is one table for all.
fn stays(settings: &Variables, family: Family) -> Stays {
    match family {
        _ if settings.get("MANAGE_BUILTINS") == Some("yes") => Stays::Nothing,
        Family::Ipv6 if !yes(settings, "IPV6") => Stays::Tables,
        _ => Stays::Chains("ufw"),
    }
}

/// ufw-init-functions compares with "yes" and "YES" only.
fn yes(settings: &Variables, name: &str) -> bool {
    matches!(settings.get(name), Some("yes" | "YES"))
}

fn scripts(snapshot: &Snapshot) -> Vec<(String, Place)> {
    let run = SCRIPTS.iter().filter(|path| {
        let mode = snapshot.files.get(**path).and_then(|file| file.mode);
        mode.is_some_and(|mode| mode & 0o111 != 0)
    });
    let what = |path: &&str| {
        (format!("{path} runs and may change rules"), Place::whole(*path))
    };
    run.map(what).collect()
}

/// The steps of ufw_start for one family. A file that is refused leaves the
/// chains as they are, and the rest goes on.
fn chains(
    snapshot: &Snapshot,
    settings: &Variables,
    tables: &mut Tables,
    family: Family,
    unknown: &mut Vec<(String, Place)>,
) -> Result<(), Error> {
    let six = if family == Family::Ipv6 { "6" } else { "" };
    let policy = |of: &str| {
        let name = format!("DEFAULT_{of}_POLICY");
        settings.get(&name).unwrap_or_default()
    };
    let policies = ["INPUT", "OUTPUT", "FORWARD"].map(policy);
    tables.add(&frame::primary(six));
    tables.add(&frame::by_policy(six, policies));
    for name in ["before", "after"] {
        let path = format!("/etc/ufw/{name}{six}.rules");
        file(snapshot, tables, &path, unknown)?;
    }
    let path = format!("/etc/ufw/user{six}.rules");
    if snapshot.text(&path)?.is_some_and(|source| !source.text().is_empty()) {
        tables.add(&frame::user(six));
        file(snapshot, tables, &path, unknown)?;
        tables.add(&frame::user_hooks(six));
    }
    tables.add(&frame::policies(policies));
    Ok(())
}

fn file(
    snapshot: &Snapshot,
    tables: &mut Tables,
    path: &str,
    unknown: &mut Vec<(String, Place)>,
) -> Result<(), Error> {
    let Some(source) = snapshot.text(path)? else { return Ok(()) };
    if let Err(refused) = tables.restore(&source, false) {
        let what = format!("{path} is refused: {}", refused.what);
        unknown.push((what, refused.place));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "*filter\n:ufw-before-input - [0:0]\n\
        -A ufw-before-input -i lo -j ACCEPT\nCOMMIT\n";

    fn loaded(ipv6: &str, enabled: &str, rule: &str) -> Load {
        let settings = format!(
            "IPV6={ipv6}\nDEFAULT_INPUT_POLICY=\"REJECT\"\n\
             DEFAULT_OUTPUT_POLICY=ACCEPT\nDEFAULT_FORWARD_POLICY=DROP\n"
        );
        let user = format!("*filter\n:ufw-user-input -\n{rule}\nCOMMIT\n");
        let snapshot = Snapshot::new()
            .with_file("/etc/default/ufw", &settings)
            .with_file("/etc/ufw/ufw.conf", &format!("ENABLED={enabled}\n"))
            .with_file("/etc/ufw/before.rules", BEFORE)
            .with_file("/etc/ufw/user.rules", &user);
        load(&snapshot).unwrap().unwrap()
    }

    const RULE: &str = "-A ufw-user-input -p tcp --dport 1 -j ACCEPT";

    #[test]
    fn each_rule_has_the_place_in_its_file() {
        let load = loaded("yes", "yes", RULE);
        let dump = &load.dumps[0];
        let at = dump.text.lines().position(|line| line == RULE).unwrap();
        let place = dump.places[at].as_ref().unwrap().to_string();
        assert_eq!(place, "/etc/ufw/user.rules:3");
        assert!(load.enabled && dump.text.contains(":INPUT DROP"));
        assert!(dump.text.contains("-A ufw-reject-input -j REJECT"));
    }

    #[test]
    fn a_file_that_is_refused_leaves_its_chains_empty() {
        let load = loaded("yes", "YES", &RULE.replace("port 1", "port 1x"));
        assert!(!load.dumps[0].text.contains("-A ufw-user-input"));
        assert!(load.dumps[0].text.contains("-j ufw-user-input"));
        assert_eq!(load.unknown.len(), 1, "{:?}", load.unknown);
    }

    #[test]
    fn without_ipv6_only_the_loopback_is_let_in() {
        let load = loaded("no", "Yes", RULE);
        assert!(load.dumps[1].text.contains(":INPUT DROP"));
        assert!(!load.dumps[1].text.contains("ufw"));
        assert!(!load.enabled);
        assert!(super::load(&Snapshot::new()).unwrap().is_none());
    }
}
