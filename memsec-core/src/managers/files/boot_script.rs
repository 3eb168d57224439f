//! Rules that a script loads at boot, as Debian's wiki had it: interfaces(5),
//! the scripts of ifupdown(8), and rc.local.

use super::super::{Load, Manager, restore::Tables, units};
use crate::{
    Error, Snapshot,
    net::Family,
    text::{Place, Span},
};

/// What runs each of its scripts when an interface comes up.
const DIRECTORIES: [&str; 2] =
    ["/etc/network/if-pre-up.d/", "/etc/network/if-up.d/"];

const INTERFACES: &str = "/etc/network/interfaces";

const RC_LOCAL: &str = "/etc/rc.local";

/// What starts the interfaces of ifupdown.
const NETWORKING: &str = "networking.service";

/// The words of interfaces(5) before a command.
const HOOKS: [&str; 3] = ["pre-up", "up", "post-up"];

/// What loads a file, and the family of its rules.
const LOADERS: [(&str, Family); 2] =
    [("iptables-restore", Family::Ipv4), ("ip6tables-restore", Family::Ipv6)];

/// What else changes rules.
const OTHERS: [&str; 4] = ["iptables", "ip6tables", "nft", "ipset"];

/// What the scripts of a snapshot load, one for each file.
///
/// # Errors
///
/// A file that is not UTF-8.
pub(super) fn loads(snapshot: &Snapshot) -> Result<Vec<Load>, Error> {
    let mut all = Vec::new();
    for path in scripts(snapshot) {
        let Some(source) = snapshot.text(path)? else { continue };
        let enabled = runs(snapshot, path);
        for line in source.lines().filter(|line| is_command(path, line)) {
            match loaded(line.text()) {
                Some((family, file)) => {
                    all.push(restored(snapshot, family, file, &line, enabled)?);
                }
                None if changes_rules(line.text()) => {
                    all.push(not_followed(&line, enabled));
                }
                None => {}
            }
        }
    }
    Ok(all)
}

/// The file that a script loads for a family at the next boot.
pub(super) fn stored(snapshot: &Snapshot, family: Family) -> Option<String> {
    let mut run = scripts(snapshot).filter(|path| runs(snapshot, path));
    run.find_map(|path| {
        let source = snapshot.text(path).ok()??;
        let mut lines = source.lines().filter(|line| is_command(path, line));
        let file = lines.find_map(|line| match loaded(line.text()) {
            Some((of, file)) if of == family => Some(file.to_owned()),
            _ => None,
        });
        file.filter(|file| snapshot.files.contains_key(file))
    })
}

fn scripts(snapshot: &Snapshot) -> impl Iterator<Item = &String> {
    snapshot.files.keys().filter(|path| {
        let path = path.as_str();
        let own = |directory: &&str| path.starts_with(*directory);
        [INTERFACES, RC_LOCAL].contains(&path) || DIRECTORIES.iter().any(own)
    })
}

/// Whether the next boot runs a script.
fn runs(snapshot: &Snapshot, path: &str) -> bool {
    let mode = snapshot.files.get(path).and_then(|file| file.mode);
    let may = path == INTERFACES || mode.is_none_or(|mode| mode & 0o111 != 0);
    let ifupdown = path == RC_LOCAL
        || units::enabled(snapshot, NETWORKING).unwrap_or(true);
    may && ifupdown
}

/// A line that runs something.
fn is_command(path: &str, line: &Span) -> bool {
    let text = line.text().trim_start();
    let first = text.split_whitespace().next().unwrap_or_default();
    !text.starts_with('#') && (path != INTERFACES || HOOKS.contains(&first))
}

/// The file that a command line loads: `iptables-restore < FILE`, or the
/// last word without the `<`.
fn loaded(text: &str) -> Option<(Family, &str)> {
    let text = text.split(" #").next()?;
    let mut words = text.split([' ', '\t', ';', '&', '|', '(', ')']);
    let (_, family) = words.find_map(|word| {
        let name = word.rsplit('/').next()?;
        LOADERS.into_iter().find(|(loader, _)| *loader == name)
    })?;
    let file = words
        .map(|word| word.trim_start_matches('<').trim_matches(['"', '\'']))
        .find(|word| word.starts_with('/'))?;
    Some((family, file))
}

fn changes_rules(text: &str) -> bool {
    let mut words = text.split([' ', '\t', ';', '&', '|', '(', ')']);
    words.any(|word| {
        let name = word.rsplit('/').next().unwrap_or_default();
        let loads = LOADERS.iter().any(|(loader, _)| *loader == name);
        loads || OTHERS.contains(&name)
    })
}

fn restored(
    snapshot: &Snapshot,
    family: Family,
    file: &str,
    line: &Span,
    enabled: bool,
) -> Result<Load, Error> {
    let Some(source) = snapshot.text(file)? else {
        let what = format!("{file} is loaded at boot, and is not known");
        return Ok(unknown(what, line.place(), enabled));
    };
    let mut tables = Tables::new(family);
    let refused = tables.restore(&source, true).err();
    let mut unknown = std::mem::take(&mut tables.unknown);
    unknown.extend(refused.map(|refused| {
        (format!("{file} is refused: {}", refused.what), refused.place)
    }));
    let (manager, dumps) = (Manager::Files, vec![tables.dump()]);
    Ok(Load { manager, enabled, dumps, unknown })
}

/// A command in a script; nothing is known of what comes of it.
fn not_followed(line: &Span, enabled: bool) -> Load {
    let what = format!("{}: not followed", line.text().trim());
    unknown(what, line.place(), enabled)
}

fn unknown(what: String, place: Place, enabled: bool) -> Load {
    let (manager, dumps) = (Manager::Files, Vec::new());
    Load { manager, enabled, dumps, unknown: vec![(what, place)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n";

    fn all(path: &str, text: &str) -> Vec<String> {
        let snapshot = Snapshot::new()
            .with_file(path, text)
            .with_file("/etc/iptables.up.rules", RULES);
        let said =
            |load: &Load| match (load.dumps.first(), load.unknown.first()) {
                (Some(dump), None) => dump.command.to_owned(),
                (_, Some((what, place))) => format!("{place}: {what}"),
                (None, None) => String::new(),
            };
        loads(&snapshot).unwrap().iter().map(said).collect()
    }

    macro_rules! loads {
        ($($name:ident: $path:literal $text:literal => $all:expr;)*) => {$(
            #[test]
            fn $name() {
                let expected: &[&str] = &$all;
                assert_eq!(all($path, $text), expected);
            }
        )*};
    }

    loads! {
        a_script_of_ifupdown: "/etc/network/if-pre-up.d/iptables"
            "#!/bin/sh\n/sbin/iptables-restore < /etc/iptables.up.rules\n"
            => ["iptables-save"];
        an_interface: "/etc/network/interfaces"
            "iface eth0 inet dhcp\n  pre-up ip6tables-restore </etc/iptables.up.rules\n\
             # pre-up iptables-restore < /etc/iptables.up.rules\n"
            => ["ip6tables-save"];
        a_condition: "/etc/rc.local"
            "[ -f /x ] && iptables-restore -n \"/etc/iptables.up.rules\"\nexit 0\n"
            => ["iptables-save"];
        a_file_that_is_not_there: "/etc/rc.local"
            "iptables-restore < /srv/rules\n"
            => ["/etc/rc.local:1: /srv/rules is loaded at boot, and is not known"];
        a_command: "/etc/rc.local" "iptables -P INPUT DROP\n"
            => ["/etc/rc.local:1: iptables -P INPUT DROP: not followed"];
        other_commands: "/etc/rc.local" "#!/bin/sh\n# iptables\necho 1\n" => [];
    }

    #[test]
    fn a_script_that_does_not_run_loads_nothing() {
        let mut snapshot = Snapshot::new()
            .with_file("/etc/rc.local", "iptables-restore < /r\n")
            .with_file("/r", RULES);
        let file = snapshot.files.get_mut("/etc/rc.local").unwrap();
        file.mode = Some(0o644);
        assert!(!loads(&snapshot).unwrap()[0].enabled);
        let off = Snapshot::new()
            .with_file("/etc/network/interfaces", "up iptables-restore /r\n")
            .with_command(
                "systemctl is-enabled networking.service",
                "disabled\n",
            );
        assert!(!loads(&off).unwrap()[0].enabled);
    }
}
