//! What iptables-restore refuses, so that nothing of a table is loaded.

use super::restore::{Refused, refused, save};
use crate::{Snapshot, net::Family, netfilter::Ruleset, text::Span};

/// Checks the lines of a table; `frame` is its name and its chains, one a
/// line.
///
/// # Errors
///
/// The first line at fault.
pub(super) fn check(
    family: Family,
    frame: &[String],
    lines: &[Span],
) -> Result<(), Refused> {
    for line in lines {
        if let Some(what) = ports(line.text()) {
            return Err(refused(line, what));
        }
    }
    let mut text = String::new();
    let rules = lines.iter().map(Span::text).filter(|line| is_rule(line));
    for line in frame.iter().map(String::as_str).chain(rules) {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("COMMIT\n");
    let snapshot = Snapshot::new().with_command(save(family), &text);
    match Ruleset::new(&snapshot) {
        Ok(_) => Ok(()),
        Err(error) => {
            let rules = lines.iter().filter(|line| is_rule(line.text()));
            let at = error.line().saturating_sub(frame.len() + 1);
            match rules.clone().nth(at).or_else(|| lines.last()) {
                Some(line) => Err(refused(line, error.message())),
                None => Ok(()),
            }
        }
    }
}

/// A rule to add, in the order in which iptables-save prints it.
fn is_rule(line: &str) -> bool {
    let line = line.trim_start();
    ["-A ", "-I ", "--append ", "--insert "].iter().any(|v| line.starts_with(v))
}

/// What is wrong with the ports that a rule names.
fn ports(line: &str) -> Option<String> {
    if !line.contains("port") {
        return None;
    }
    let mut words = line.split_whitespace();
    let mut protocol = false;
    while let Some(word) = words.next() {
        match word {
            "-p" | "--protocol" | "--proto" => protocol = true,
            "--comment" | "--log-prefix" => return None,
            "--dport"
            | "--sport"
            | "--destination-port"
            | "--source-port"
            | "--dports"
            | "--sports"
            | "--destination-ports"
            | "--source-ports" => {
                let mut argument = words.next()?;
                if argument == "!" {
                    argument = words.next()?;
                }
                if !protocol {
                    return Some(format!("{word} needs a protocol"));
                }
                let single = !word.ends_with('s');
                if !is_port_list(argument, single) {
                    return Some(format!("{argument:?} is not a port"));
                }
            }
            _ => {}
        }
    }
    None
}

/// Names are looked up in /etc/services, so any may be one.
fn is_port_list(text: &str, single: bool) -> bool {
    let port = |text: &str| match text.chars().next() {
        Some(c) if c.is_ascii_digit() => text.parse::<u16>().is_ok(),
        _ => !text.starts_with('-'),
    };
    let mut count = 0;
    let good = text.split(',').all(|part| {
        count += 1 + part.matches(':').count();
        part.split(':').all(port)
    });
    // xt_multiport.h: at most 15 ports, and a range counts as two.
    good && (single && !text.contains(',') || !single && count <= 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! refuses {
        ($($name:ident: $line:literal => $what:expr;)*) => {$(
            #[test]
            fn $name() {
                let what: Option<&str> = $what;
                assert_eq!(ports($line).as_deref(), what);
            }
        )*};
    }

    refuses! {
        a_number_with_a_letter: "-A I -p tcp --dport 1x -j A"
            => Some("\"1x\" is not a port");
        too_large: "-p tcp --dport 65536" => Some("\"65536\" is not a port");
        sixteen: "-p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15,16"
            => Some("\"1:2,3:4,5:6,7:8,9:10,11:12,13:14,15,16\" is not a port");
        no_protocol: "--dport 1" => Some("--dport needs a protocol");
        a_name: "-p tcp --dport ssh" => None;
        a_range_and_not: "-p tcp ! --dport 1:2 --sport 3" => None;
        half_a_range: "-p udp --dport :2" => None;
        a_comment: "-m comment --comment \"--dport x9\"" => None;
    }
}
