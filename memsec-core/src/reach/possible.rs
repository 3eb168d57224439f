//! Sources that routing lets in at all.

use std::net::IpAddr;

use super::{
    cell::Interface,
    journey::{Possible, possible},
    sources::{Query, Question, Taker},
};
use crate::{
    host::Host,
    net::{Family, RangeSet},
};

/// Takes out of the bounds of a question what no packet comes from by its
/// interface: from the sources that the kernel looks for elsewhere
/// (`rp_filter`) all, and from those that no other host has (its own
/// addresses, loopback, groups) what stands by itself. The latter stay
/// within wider ranges: a port that is open to all reads as such.
pub(super) fn within(
    question: &Question<'_>,
    (may, must): (RangeSet<u128>, RangeSet<u128>),
) -> (RangeSet<u128>, RangeSet<u128>) {
    let Some(known) = known(question.host, &question.query) else {
        return (may, must);
    };
    let Possible { nobody, elsewhere, doubtful } = known;
    let may = may.difference(&elsewhere);
    let must = must.difference(&elsewhere).difference(&doubtful);
    (but(&may, &nobody), but(&must, &nobody))
}

/// A set without the ranges of it that lie in another one.
fn but(set: &RangeSet<u128>, nobody: &RangeSet<u128>) -> RangeSet<u128> {
    let inside = set.intersection(nobody);
    let alone =
        inside.ranges().filter(|range| set.around(range.0) == Some(*range));
    set.difference(&RangeSet::from_sorted(alone))
}

/// What routing says of the sources that a query is about.
pub(super) fn known(host: &Host, query: &Query<'_>) -> Option<Possible> {
    let arrival = query.interface.filter(|name| *name != "lo")?;
    // Where rules lead it elsewhere, routing sees the other address.
    let stays = !matches!(query.taker, Taker::Led | Taker::Other);
    let own = || own(host, query.family, arrival);
    let to = query.to.filter(|_| stays).or_else(own)?;
    host.interfaces.as_ref()?;
    possible(host, to, Interface::Named(arrival))
}

/// An address that packets for any of the host's are like.
fn own(host: &Host, family: Family, arrival: &str) -> Option<IpAddr> {
    let all = host.interfaces.iter().flatten();
    let mut near = all.filter(|one| one.name == arrival);
    near.next()?.of(family).next()
}

#[cfg(test)]
mod tests {
    use crate::{Policy, Snapshot, audit, net::Family};

    const ADDRESSES: &str = r#"[
        {"ifname":"eth0","addr_info":[{"local":"192.0.2.1","prefixlen":24}]},
        {"ifname":"eth1","addr_info":[{"local":"10.9.9.1","prefixlen":24}]}]"#;
    const ROUTES: &str = r#"[{"dst":"default","dev":"eth0"},
        {"dst":"192.0.2.0/24","dev":"eth0"},
        {"dst":"10.9.9.0/24","dev":"eth1"}]"#;

    /// Who gets in by an interface: may, except, must.
    fn who(rule: &str, filter: u8, name: &str, more: &str) -> [Vec<String>; 3] {
        let rules = format!("*filter\n:INPUT DROP [0:0]\n{rule}\nCOMMIT\n");
        let settings = format!(
            "net.ipv4.conf.all.rp_filter = {filter}\n\
             net.ipv4.conf.{name}.rp_filter = 0\n"
        );
        let snapshot = Snapshot::new()
            .with_command("ip -j address", ADDRESSES)
            .with_command("ip -j route", ROUTES)
            .with_command("ip -j rule", more)
            .with_command("sysctl -a", &settings)
            .with_command("iptables-save", &rules);
        let ports = r#"{"ports": [{"proto": "udp", "port": 11211}]}"#;
        let policy = Policy::from_json("policy", ports).unwrap();
        let report = audit(&snapshot, &policy).unwrap();
        let mut all = report.exposures.iter().filter(|exposure| {
            exposure.family == Family::Ipv4
                && exposure.interface.as_deref() == Some(name)
        });
        let one = all.next().unwrap();
        assert!(all.next().is_none());
        let text = |list: &crate::net::CidrSet| {
            list.iter().map(|net| net.to_string()).collect()
        };
        [text(&one.may), text(&one.except), text(&one.must)]
    }

    const ALL: &str = "0.0.0.0/0";

    #[test]
    fn a_port_open_to_all_reads_as_such() {
        let [may, except, must] = who("-A INPUT -j ACCEPT", 0, "eth0", "");
        assert_eq!(
            (may, except.len(), must),
            (vec![ALL.into()], 0, vec![ALL.into()])
        );
    }

    #[test]
    fn nobody_has_the_hosts_own_address() {
        let rule = "-A INPUT -s 192.0.2.1 -j ACCEPT\n\
                    -A INPUT -s 127.0.0.0/8 -j ACCEPT\n\
                    -A INPUT -s 10.0.0.0/8 -j ACCEPT";
        let [may, except, must] = who(rule, 0, "eth0", "");
        assert_eq!((&may, except.len()), (&vec!["10.0.0.0/8".to_owned()], 0));
        assert_eq!(may, must);
    }

    #[test]
    fn what_is_routed_elsewhere_does_not_come_in_here() {
        let near = "-A INPUT -s 10.9.9.0/24 -j ACCEPT";
        let [may, ..] = who(near, 1, "eth0", "");
        assert!(may.is_empty(), "{may:?}");
        let [may, _, must] = who(near, 1, "eth1", "");
        assert_eq!(may, ["10.9.9.0/24"]);
        assert_eq!(must, ["10.9.9.0/24"]);
        // It may be forged where nobody looks.
        assert_eq!(who(near, 0, "eth0", "")[0], ["10.9.9.0/24"]);
        assert_eq!(who(near, 2, "eth0", "")[0], ["10.9.9.0/24"]);
        let [may, except, _] = who("-A INPUT -j ACCEPT", 1, "eth0", "");
        assert_eq!(may, [ALL]);
        assert_eq!(except, ["10.9.9.0/24"]);
    }

    #[test]
    fn where_rules_choose_routes_both_bounds_stand() {
        let vpn = r#"{"priority":9,"src":"10.9.9.7","table":"vpn"}"#;
        let local = r#"{"priority":0,"src":"all","table":"local"}"#;
        let near = "-A INPUT -s 10.9.9.0/24 -j ACCEPT";
        for policies in [format!("[{local},{vpn}]"), format!("[{vpn},{local}]")]
        {
            let [may, _, must] = who(near, 1, "eth0", &policies);
            assert_eq!(may, ["10.9.9.0/24"]);
            assert!(must.is_empty(), "{must:?}");
        }
        // Who is for the host itself comes in, unless another table is asked
        // before.
        for (rules, sure) in [([local, vpn], 1), ([vpn, local], 0)] {
            let policies = format!("[{}]", rules.join(","));
            let [may, _, must] = who(near, 0, "eth0", &policies);
            assert_eq!((may.len(), must.len()), (1, sure));
        }
    }
}
