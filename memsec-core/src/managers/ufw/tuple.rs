//! The comments in user.rules by which `ufw status` knows a rule. Only the
//! lines under them are loaded (ufw 0.36: backend_iptables.py, common.py).

use crate::{
    Error, Snapshot,
    text::{Place, Span},
};

/// A tuple and the rules under it that say something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// What `ufw status` shows; `None` for rules that it does not show.
    pub tuple: Option<Place>,
    /// The first rule that is not as the tuple says, if there is one.
    pub rule: Option<Place>,
}

const FILES: [(&str, &str); 2] =
    [("/etc/ufw/user.rules", "ufw"), ("/etc/ufw/user6.rules", "ufw6")];

/// Where the user rules are not what their tuples say.
///
/// # Errors
///
/// A file that is not UTF-8.
pub(crate) fn mismatches(snapshot: &Snapshot) -> Result<Vec<Mismatch>, Error> {
    let mut all = Vec::new();
    for (path, prefix) in FILES {
        let Some(source) = snapshot.text(path)? else { continue };
        let mut open: Option<(Span, Vec<Span>)> = None;
        let mut inside = false;
        for line in source.lines() {
            let text = line.text().trim();
            match text {
                "### RULES ###" => inside = true,
                "### END RULES ###" => inside = false,
                _ if !inside => {}
                _ if text.starts_with("### tuple ###") => {
                    all.extend(open.take().and_then(|o| compared(o, prefix)));
                    open = Some((line, Vec::new()));
                }
                _ if text.starts_with('-') => match &mut open {
                    Some((_, rules)) => rules.push(line),
                    None => all.push(Mismatch {
                        tuple: None,
                        rule: Some(line.place()),
                    }),
                },
                _ => {}
            }
        }
        all.extend(open.and_then(|open| compared(open, prefix)));
    }
    Ok(all)
}

/// Only the lines that decide are compared: those that log, and those that
/// count for a limit, come with them.
fn compared(
    (tuple, rules): (Span, Vec<Span>),
    prefix: &str,
) -> Option<Mismatch> {
    let expected = Tuple::new(tuple.text())?.rules(prefix);
    let decides = |rule: &&Span| {
        let text = rule.text();
        !text.contains("-user-logging-") && !text.contains(" -m recent ")
    };
    let rules: Vec<_> = rules.iter().filter(decides).collect();
    let given = |rule: &&&Span| !expected.contains(&words(rule.text()));
    let extra = rules.iter().find(given).map(|rule| rule.place());
    let missing = expected
        .iter()
        .any(|rule| !rules.iter().any(|line| words(line.text()) == *rule));
    (missing || extra.is_some())
        .then(|| Mismatch { tuple: Some(tuple.place()), rule: extra })
}

/// The words of a rule, sorted, since their order says nothing here; without
/// the comment, which names an application.
fn words(rule: &str) -> Vec<String> {
    let rule = rule.split(" -m comment ").next().unwrap_or(rule);
    let mut words: Vec<_> =
        rule.split_whitespace().map(|w| w.replace('\'', "")).collect();
    words.sort();
    words
}

/// A rule as the command ufw knows it.
pub(super) struct Tuple<'a> {
    pub action: &'a str,
    /// "", "log" or "log-all".
    pub log: &'a str,
    pub protocol: &'a str,
    pub dport: &'a str,
    pub to: &'a str,
    pub sport: &'a str,
    pub from: &'a str,
    pub interfaces: &'a str,
    /// The applications of the destination and of the source, with "%20" for
    /// a blank; "-" for none.
    pub applications: [&'a str; 2],
    /// In hexadecimal digits; "" for none.
    pub comment: &'a str,
}

/// No application.
pub(super) const NONE: [&str; 2] = ["-", "-"];

impl<'a> Tuple<'a> {
    pub(super) fn new(line: &'a str) -> Option<Self> {
        let text = line.trim().strip_prefix("### tuple ###")?;
        let (text, comment) =
            text.split_once(" comment=").unwrap_or((text, ""));
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [action, protocol, dport, to, sport, from, rest @ ..] =
            fields.as_slice()
        else {
            return None;
        };
        let (interfaces, applications) = match rest {
            [] => ("in", NONE),
            [interfaces] => (*interfaces, NONE),
            [one, other] => ("in", [*one, *other]),
            [one, other, interfaces] => (*interfaces, [*one, *other]),
            _ => return None,
        };
        let (action, log) = action.split_once('_').unwrap_or((action, ""));
        let plain = action.trim_start_matches("route:");
        let known = matches!(plain, "allow" | "deny" | "reject" | "limit");
        known.then_some(Self {
            action,
            log,
            protocol,
            dport,
            to,
            sport,
            from,
            interfaces,
            applications,
            comment: comment.trim(),
        })
    }

    /// What the comment says; `None` where there is none that is text.
    pub(super) fn said(&self) -> Option<String> {
        let pairs = self.comment.as_bytes().chunks(2);
        let byte = |pair| {
            let digits = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        let bytes = pairs.map(byte).collect::<Option<Vec<u8>>>()?;
        String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
    }

    fn chain(&self, prefix: &str) -> String {
        let out = self.interfaces.starts_with("out");
        let hook = match self.action.starts_with("route:") {
            true => "forward",
            false if out => "output",
            false => "input",
        };
        format!("{prefix}-user-{hook}")
    }

    fn rules(&self, prefix: &str) -> Vec<Vec<String>> {
        let ports = self.dport != "any" || self.sport != "any";
        let protocols: &[&str] = match self.protocol {
            "any" if ports => &["tcp", "udp"],
            protocol => &[protocol],
        };
        let rule = |protocol: &&str| words(&self.rule(prefix, protocol));
        protocols.iter().map(rule).collect()
    }

    pub(super) fn rule(&self, prefix: &str, protocol: &str) -> String {
        let mut rule = format!("-A {}", self.chain(prefix));
        let mut push = |option: &str, value: &str| {
            rule.push_str(&format!(" {option} {value}"));
        };
        for part in self.interfaces.split('!') {
            if let Some((way, name)) = part.split_once('_') {
                push(if way == "in" { "-i" } else { "-o" }, name);
            }
        }
        if protocol != "any" {
            push("-p", protocol);
        }
        let several = |ports: &str| ports.contains([',', ':']);
        let many = several(self.dport) || several(self.sport);
        for (single, multi, ports) in [
            ("--dport", "-m multiport --dports", self.dport),
            ("--sport", "-m multiport --sports", self.sport),
        ] {
            if ports != "any" {
                push(if many { multi } else { single }, ports);
            }
        }
        for (option, address) in [("-d", self.to), ("-s", self.from)] {
            if !matches!(address, "0.0.0.0/0" | "::/0") {
                push(option, address);
            }
        }
        match self.action.trim_start_matches("route:") {
            "allow" => push("-j", "ACCEPT"),
            "limit" => push("-j", &format!("{prefix}-user-limit-accept")),
            "reject" if protocol == "tcp" => {
                push("-j", "REJECT --reject-with tcp-reset");
            }
            "reject" => push("-j", "REJECT"),
            _ => push("-j", "DROP"),
        }
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rules: &str) -> Vec<(Option<usize>, Option<usize>)> {
        let text = format!("### RULES ###\n{rules}### END RULES ###\n");
        let snapshot = Snapshot::new().with_file("/etc/ufw/user.rules", &text);
        let line = |place: Option<Place>| place.and_then(|place| place.line);
        let all = mismatches(&snapshot).unwrap().into_iter();
        all.map(|m| (line(m.tuple), line(m.rule))).collect()
    }

    const TUPLE: &str =
        "### tuple ### allow any 1,2:3 0.0.0.0/0 any 192.0.2.7 in_eth0\n";

    #[test]
    fn rules_that_are_as_their_tuple_says_are_no_mismatch() {
        let rule = |p| {
            format!(
                "-A ufw-user-input -i eth0 -p {p} -m multiport \
                 --dports 1,2:3 -s 192.0.2.7 -j ACCEPT\n"
            )
        };
        let (tcp, udp) = (rule("tcp"), rule("udp"));
        assert_eq!(found(&format!("{TUPLE}{tcp}{udp}")), []);
        assert_eq!(found(&format!("{TUPLE}{tcp}")), [(Some(2), None)]);
        let other = udp.replace(".7", ".8");
        let both = format!("{TUPLE}{tcp}{other}");
        assert_eq!(found(&both), [(Some(2), Some(4))]);
        assert_eq!(found(&tcp), [(None, Some(2))]);
    }

    const LIMIT: &str =
        "### tuple ### limit_log tcp 1 0.0.0.0/0 any 0.0.0.0/0 in\n";
    const COUNTED: &str = "-A ufw-user-logging-input -p tcp --dport 1 -j RETURN\n\
        -A ufw-user-input -p tcp --dport 1 -m recent --set\n\
        -A ufw-user-input -p tcp --dport 1 -j ufw-user-limit-accept\n";
    const NAMED: &str =
        "### tuple ### allow tcp 1 0.0.0.0/0 any 0.0.0.0/0 A%20B - in\n";
    const BY_NAME: &str = "-A ufw-user-input -p tcp --dport 1 -j ACCEPT -m \
        comment --comment 'dapp_A%20B'\n";

    #[test]
    fn limits_logs_and_applications_are_held_against_their_tuples_too() {
        assert_eq!(found(&format!("{LIMIT}{COUNTED}")), []);
        assert_eq!(found(&format!("{NAMED}{BY_NAME}")), []);
        let wider = COUNTED.replace("-p tcp --dport 1 -j ufw", "-j ufw");
        assert_eq!(found(&format!("{LIMIT}{wider}")), [(Some(2), Some(5))]);
        let other = BY_NAME.replace("port 1", "port 2");
        assert_eq!(found(&format!("{NAMED}{other}")), [(Some(2), Some(3))]);
    }
}
