//! The guard in a file that iptables-restore loads at boot.

use crate::{net::Family, plan::Guard};

/// Whether the file has just this guard.
pub(super) fn has(text: &str, guard: &Guard, family: Family) -> bool {
    let known = own(text);
    let expected = [calls(guard), guard.rules(family)].concat();
    !known.is_empty() && known.into_iter().eq(expected.lines())
}

/// Whether it has a guard that all packets come to.
pub(super) fn has_any(text: &str) -> bool {
    let known = own(text);
    known.first() == Some(&"-A PREROUTING -j MEMSEC") && known.len() > 1
}

/// The file with the guard in its table mangle, in the place of one that is
/// there: what leads to it before all other rules.
pub(in crate::plan) fn with(
    text: &str,
    guard: &Guard,
    family: Family,
) -> String {
    let head = format!(":MEMSEC - [0:0]\n{}", calls(guard));
    let rules = guard.rules(family);
    let (mut out, mut seen) = (String::new(), false);
    let (mut inside, mut begun) = (false, false);
    for line in text.split_inclusive('\n') {
        let code = bare(line);
        match code {
            "*mangle" => (inside, begun, seen) = (true, false, true),
            _ if inside && is_own(code) => continue,
            _ if inside && !begun && is_rule(code) => {
                out += &head;
                begun = true;
            }
            _ => {}
        }
        if inside && code == "COMMIT" {
            out += &rules;
            inside = false;
        }
        out += line;
    }
    if !seen {
        let end = if out.is_empty() || out.ends_with('\n') { "" } else { "\n" };
        out += &format!(
            "{end}*mangle\n:PREROUTING ACCEPT [0:0]\n{head}{rules}COMMIT\n"
        );
    }
    out
}

fn calls(guard: &Guard) -> String {
    let chains = guard.entries().iter();
    chains.map(|chain| format!("-A {chain} -j MEMSEC\n")).collect()
}

/// The lines of the guard in the table mangle: its rules, and before them
/// what leads to it.
fn own(text: &str) -> Vec<&str> {
    let mut inside = false;
    let of_mangle = text.lines().map(bare).filter(|&line| {
        inside = line == "*mangle" || inside && line != "COMMIT";
        inside
    });
    let own = of_mangle.filter(|line| is_own(line) && is_rule(line));
    let mut own: Vec<_> = own.collect();
    own.sort_by_key(|line| line.starts_with("-A MEMSEC "));
    own
}

fn is_own(line: &str) -> bool {
    line.starts_with(":MEMSEC ")
        || line.starts_with("-A MEMSEC ")
        || line.starts_with("-A ") && line.ends_with(" -j MEMSEC")
}

/// Whether the chains are all declared: a rule, or the end.
fn is_rule(line: &str) -> bool {
    line.starts_with('-') || line == "COMMIT"
}

/// A line without the "[packets:bytes] " that `iptables-save -c` prints.
fn bare(line: &str) -> &str {
    let rest = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    rest.map_or(line, |(_, rule)| rule).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

    fn guard() -> Guard {
        let policy = Policy::new().allow("192.0.2.20".parse().unwrap());
        Guard::new(&policy, vec![11211])
    }

    fn put(text: &str) -> String {
        let new = with(text, &guard(), Family::Ipv4);
        assert!(has(&new, &guard(), Family::Ipv4) && has_any(&new), "{new}");
        assert_eq!(with(&new, &guard(), Family::Ipv4), new);
        new
    }

    #[test]
    fn a_file_without_the_table_gets_it_at_its_end() {
        let filter = "*filter\n:INPUT DROP [0:0]\nCOMMIT";
        let new = put(filter);
        let head = format!(
            "{filter}\n*mangle\n:PREROUTING ACCEPT [0:0]\n:MEMSEC - [0:0]\n\
             -A PREROUTING -j MEMSEC\n-A MEMSEC -i lo -j RETURN\n"
        );
        assert!(new.starts_with(&head), "{new}");
        assert!(put("").starts_with("*mangle\n"));
    }

    #[test]
    fn in_the_table_it_goes_before_all_other_rules() {
        let text = "*mangle\n:PREROUTING ACCEPT [1:2]\n:a - [0:0]\n\
            [0:0] -A PREROUTING -j a\n[5:6] -A PREROUTING -j MEMSEC\n\
            -A MEMSEC -j ACCEPT\n-A a -j RETURN\nCOMMIT\n*nat\nCOMMIT\n";
        let new = put(text);
        let head = "*mangle\n:PREROUTING ACCEPT [1:2]\n:a - [0:0]\n\
            :MEMSEC - [0:0]\n-A PREROUTING -j MEMSEC\n\
            [0:0] -A PREROUTING -j a\n-A a -j RETURN\n-A MEMSEC -i lo ";
        assert!(new.starts_with(head) && new.ends_with("*nat\nCOMMIT\n"));
        assert!(!new.contains("-j ACCEPT"), "{new}");
    }

    #[test]
    fn what_iptables_save_prints_of_it_is_the_guard() {
        let rules = guard().rules(Family::Ipv4);
        let saved = format!(
            "*mangle\n:PREROUTING ACCEPT [0:0]\n:MEMSEC - [0:0]\n\
             :a - [0:0]\n-A PREROUTING -j MEMSEC\n{rules}-A a -j RETURN\n\
             COMMIT\n"
        );
        assert!(has(&saved, &guard(), Family::Ipv4));
        assert!(!has(&saved, &guard(), Family::Ipv6));
        assert!(!has_any("*mangle\n-A MEMSEC -j DROP\nCOMMIT\n"));
        assert!(!has_any(&saved.replace("*mangle", "*raw")));
    }
}
