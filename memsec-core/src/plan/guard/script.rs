//! The guard as a script that loads it by iptables-restore, which can be run
//! again: the rules of a family are one transaction.

use super::Guard;
pub(super) use crate::managers::guard::SCRIPT as FILE;
use crate::net::Family;

/// The programs of iptables that a step is about.
pub(super) const PROGRAMS: [(Family, &str); 2] =
    [(Family::Ipv4, "iptables"), (Family::Ipv6, "ip6tables")];

/// What a script begins with.
pub(crate) const HEAD: &str = "\
#!/bin/sh
# memsec: only the allowed clients reach memcached.
# Load it with: sh /etc/memsec/guard.sh
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
";

/// What leads to the chain is taken away and put first again in the same
/// transaction, so that it never stands there twice.
pub(crate) const LOAD: &str = r#"
# load PROGRAM: the rules on standard input are the chain MEMSEC
load() {
    {
        printf '*mangle\n:MEMSEC - [0:0]\n'
        "$1-save" -t mangle | sed -n 's/^-A \([A-Z]* -j MEMSEC\)$/-D \1/p'
        cat
        echo COMMIT
    } | "$1-restore" -w --noflush
}
"#;

pub(in crate::plan) const UNLOAD: &str = r#"
# unload PROGRAM: takes the chain MEMSEC away
unload() {
    "$1-save" -t mangle 2>/dev/null | grep -q '^:MEMSEC ' || return 0
    {
        echo '*mangle'
        "$1-save" -t mangle | sed -n 's/^-A \([A-Z]* -j MEMSEC\)$/-D \1/p'
        printf '%s\n' '-F MEMSEC' '-X MEMSEC' COMMIT
    } | "$1-restore" -w --noflush
}
"#;

/// Whether each of some programs shows that the guard is there.
const IS_THERE: &str = r#"for name; do
    "$name-save" -t mangle | grep -q -x -e '-A PREROUTING -j MEMSEC' || exit
done"#;

/// A command that a shell runs, about the programs of some families. The
/// texts are fixed.
fn shell(script: &str, families: &[Family]) -> Vec<String> {
    let own = PROGRAMS.iter().filter(|(of, _)| families.contains(of));
    let programs = own.map(|(_, program)| *program);
    let words = ["sh", "-c", script, "sh"].into_iter().chain(programs);
    words.map(str::to_owned).collect()
}

pub(super) fn check(families: &[Family]) -> Vec<String> {
    shell(IS_THERE, families)
}

pub(super) fn unload(families: &[Family]) -> Vec<String> {
    let each = "for name; do\n    unload \"$name\" || exit\ndone";
    shell(&format!("{}\n{each}", UNLOAD.trim_start()), families)
}

impl Guard {
    /// A script that loads it for some families.
    pub(super) fn to_script(&self, families: &[Family]) -> String {
        let mut text = [HEAD, LOAD].concat();
        for (family, program) in PROGRAMS {
            if families.contains(&family) {
                let rules = self.rules(family);
                let entries = self.entries().iter();
                let entries = entries.map(|c| format!("-I {c} -j MEMSEC\n"));
                let rules = rules + &entries.collect::<String>();
                text += &loading(program, &rules);
            }
        }
        text
    }
}

fn loading(program: &str, rules: &str) -> String {
    format!("\nload {program} <<'RULES'\n{rules}RULES\n")
}

/// What puts the guard back that was there: what `iptables-save -t mangle`
/// and the same of ip6tables printed then.
#[cfg(feature = "host")]
pub(crate) fn back(dumps: [&str; 2]) -> String {
    let mut text = [HEAD, LOAD, UNLOAD].concat();
    for ((_, program), dump) in PROGRAMS.iter().zip(dumps) {
        let own = dump.lines().filter_map(own_rule).collect::<String>();
        text += &match own.is_empty() {
            true => format!("\nunload {program}\n"),
            false => loading(program, &own),
        };
    }
    text
}

/// A rule of the guard, or one that leads to it.
#[cfg(feature = "host")]
fn own_rule(line: &str) -> Option<String> {
    let rule = line.strip_prefix("-A ")?;
    let (chain, rest) = rule.split_once(' ')?;
    match (chain, rest.trim_end()) {
        ("MEMSEC", rest) => Some(format!("-A MEMSEC {rest}\n")),
        (_, "-j MEMSEC") => Some(format!("-I {chain} -j MEMSEC\n")),
        _ => None,
    }
}
