//! Which rules for memcached alone a plan may add and take away.

use super::Ruleset;
use crate::{Snapshot, net::PortSet};

const ANSWERS: &str = "-A OUTPUT -d 192.0.2.20/32 -p tcp -m tcp --sport 11211 \
                       -m conntrack --ctdir REPLY -j ACCEPT";

/// Rules that drop what they do not know, with one more before them.
fn with(rule: &str) -> Ruleset {
    let dump = format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n\
         :OUTPUT DROP [0:0]\n{rule}\n-A INPUT -i lo -j ACCEPT\n\
         -A FORWARD -i lo -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT\nCOMMIT\n"
    );
    let host = Snapshot::new().with_command("iptables-save", &dump);
    Ruleset::new(&host).unwrap()
}

/// Whether a rule that comes, or goes, could touch other packets than those
/// of memcached's port.
fn touches(rule: &str) -> bool {
    let own = PortSet::from_ranges([(11211, 11211)]);
    let (without, with) = (with(""), with(rule));
    let comes = with.differs_beyond(&without, &own, &[]).is_some();
    let goes = without.differs_beyond(&with, &own, &[]).is_some();
    assert_eq!(comes, goes, "{rule}");
    comes
}

#[test]
fn what_lets_the_answers_of_its_port_out_touches_nothing_else() {
    assert!(!touches(ANSWERS));
    assert!(!touches(&ANSWERS.replace("tcp", "udp")));
    assert!(!touches(&ANSWERS.replace("-d 192.0.2.20/32 ", "")));
}

#[test]
fn what_is_more_than_the_answers_of_its_port_does() {
    for (from, to) in [
        // What this host begins from that port.
        ("-m conntrack --ctdir REPLY ", ""),
        ("REPLY", "ORIGINAL"),
        ("--ctdir REPLY", "--ctstate ESTABLISHED"),
        ("--sport 11211", "--sport 11211:11212"),
        ("--sport 11211", "! --sport 11211"),
        ("-m tcp --sport 11211 ", ""),
        ("-p tcp -m tcp", "-p sctp -m sctp"),
        ("ACCEPT", "DROP"),
        ("OUTPUT", "INPUT"),
        ("OUTPUT", "FORWARD"),
    ] {
        assert!(ANSWERS.contains(from), "{from}");
        assert!(touches(&ANSWERS.replace(from, to)), "{from} {to}");
    }
}
