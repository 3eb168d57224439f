use super::*;
use crate::{Host, Proto, Snapshot};

const ADDRESSES: &str = r#"[{"ifname": "lo", "link_type": "loopback",
    "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
  {"ifname": "eth0", "link_type": "ether", "addr_info":
    [{"family": "inet", "local": "192.0.2.10", "prefixlen": 24}]}]"#;

fn snapshot(rules: &str) -> Snapshot {
    let text = format!("*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n");
    Snapshot::new()
        .with_command("iptables-save", &text)
        .with_command("ip6tables-save", "")
        .with_command("ip -j address", ADDRESSES)
}

fn host(rules: &str) -> Host {
    Host::new(&snapshot(rules)).unwrap()
}

/// The difference as text, without its first line.
fn lines(before: &Host, after: &Host) -> Vec<String> {
    let text = diff(before, after, &[]).unwrap().to_string();
    text.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

macro_rules! differ {
    ($($name:ident: $before:literal, $after:literal => $lines:expr;)*) => {$(
        #[test]
        fn $name() {
            let (before, after) = (host($before), host($after));
            let expected: &[&str] = &$lines;
            assert_eq!(lines(&before, &after), expected);
        }
    )*};
}

differ! {
    one_host_does_not_differ: "-A INPUT -m limit -j ACCEPT\n",
        "-A INPUT -m limit -j ACCEPT\n" => [];
    another_way_to_say_the_same:
        "-A INPUT -p tcp --dport 1:5 -j ACCEPT\n",
        "-A INPUT -p tcp --dport 3 -j ACCEPT\n\
         -A INPUT -p tcp -m multiport --dports 1:2,4:5 -j ACCEPT\n" => [];
    a_port_is_opened: "",
        "-A INPUT -s 10.0.0.0/8 -p udp --dport 11211 -j ACCEPT\n"
        => ["now gets in: the host, UDP port 11211, IPv4 by eth0 to \
             192.0.2.10: from 10.0.0.0/8"];
    a_source_is_shut_out:
        "-A INPUT -p tcp --dport 22:23 -j ACCEPT\n",
        "-A INPUT -s 10.0.0.1 -j DROP\n\
         -A INPUT -p tcp --dport 22:23 -j ACCEPT\n"
        => ["gets in no more: the host, TCP ports 22-23, IPv4 by eth0 to \
             192.0.2.10: from 10.0.0.1"];
    a_doubt_is_a_change:
        "-A INPUT ! -i lo -p tcp --dport 22 -j ACCEPT\n",
        "-A INPUT ! -i lo -p tcp --dport 22 -m limit -j ACCEPT\n"
        => ["may get in no more: the host, TCP port 22, IPv4 by eth0 to \
             192.0.2.10: from everyone"];
    a_doubt_is_gone:
        "-A INPUT -i eth0 -p tcp --dport 22 -m limit -j ACCEPT\n", ""
        => ["is sure to get in no more: the host, TCP port 22, IPv4 by eth0 \
             to 192.0.2.10: from everyone"];
}

#[test]
fn a_change_has_a_witness_that_fares_so() {
    let before = host("");
    let after =
        host("-A INPUT -s 10.0.0.0/8 -p tcp --dport 5000:6000 -j ACCEPT\n");
    let difference = diff(&before, &after, &[]).unwrap();
    let [change] = difference.changes.as_slice() else { panic!() };
    assert_eq!(
        (change.ports.as_slice(), change.proto),
        (&[(5000, 6000)][..], Proto::Tcp)
    );
    let witness = change.witness.as_ref().unwrap();
    let verdict = |host: &Host| host.explain(witness).unwrap().verdict;
    assert_eq!(verdict(&before), crate::Verdict::Dropped);
    assert_eq!(verdict(&after), crate::Verdict::NobodyListens);
}

#[test]
fn memcached_that_listens_on_more_is_a_change() {
    let with = |conf| {
        let all = snapshot("-A INPUT -j ACCEPT\n");
        let all = all.with_file("/etc/memcached.conf", conf);
        Host::new(&all.with_command("memcached -V", "memcached 1.6.18\n"))
    };
    let (one, all) =
        (with("-l 127.0.0.1\n-u a\n"), with("-l 192.0.2.10\n-u a\n"));
    let difference = diff(&one.unwrap(), &all.unwrap(), &[]).unwrap();
    let mut opened = difference.changes.iter().filter(|change| {
        change.interfaces == ["eth0"] && change.after == Reaches::Yes
    });
    let change = opened.next().unwrap();
    assert_eq!(change.instance.as_deref(), Some("memcached"));
    assert_eq!(change.ports, [(11211, 11211)]);
}

#[test]
fn hosts_with_other_addresses_are_compared_as_hosts() {
    let rules = "-A INPUT -p tcp --dport 22 -j ACCEPT\n";
    let moved = ADDRESSES.replace("192.0.2.10", "192.0.2.11");
    let other = snapshot(rules).with_command("ip -j address", &moved);
    let difference =
        diff(&host(rules), &Host::new(&other).unwrap(), &[]).unwrap();
    assert_eq!(difference.changes, []);
    assert!(difference.unknown[0].what.contains("other addresses"));
}

#[test]
fn ports_that_are_too_many_are_not_told_apart() {
    let rule = |n| format!("-A INPUT -p tcp --dport {n} -j ACCEPT\n");
    let rules: String = (0..300).map(|n| rule(2 * n)).collect();
    let port = Port { proto: Proto::Tcp, port: 4 };
    let difference = diff(&host(""), &host(&rules), &[port]).unwrap();
    assert!(difference.unknown[0].what.contains("too many"));
    assert!(difference.changes.iter().all(|change| change.ports == [(4, 4)]));
    assert!(!difference.changes.is_empty());
}
