//! Exposures of ports that a policy names: no daemon is needed for these.

use crate::{Exposure, Policy, Port, Proto, Scope, Snapshot, audit};

const ADDRESSES: &str = r#"[
  {"ifname": "lo", "link_type": "loopback", "addr_info": [
    {"local": "127.0.0.1", "prefixlen": 8}]},
  {"ifname": "eth0", "link_type": "ether", "addr_info": [
    {"local": "192.0.2.10", "prefixlen": 24}]},
  {"ifname": "eth1", "link_type": "ether", "addr_info": [
    {"local": "10.20.0.10", "prefixlen": 24}]}]"#;

fn exposures(rules: &str, addresses: bool) -> Vec<Exposure> {
    let text = format!("*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n");
    let mut snapshot = Snapshot::new()
        .with_command("iptables-save", &text)
        .with_command("ip6tables-save", "");
    if addresses {
        snapshot = snapshot.with_command("ip -j address", ADDRESSES);
    }
    let mut policy = Policy::new();
    policy.ports.push(Port { proto: Proto::Tcp, port: 11211 });
    audit(&snapshot, &policy).unwrap().exposures
}

fn of(rules: &str, interface: &str) -> Exposure {
    let all = exposures(rules, true);
    let by = |e: &&Exposure| e.interface.as_deref() == Some(interface);
    all.iter().find(by).cloned().unwrap()
}

fn may(exposure: &Exposure) -> Vec<String> {
    exposure.may.iter().map(|net| net.to_string()).collect()
}

#[test]
fn an_allow_list_is_the_answer_itself() {
    let rule = "-A INPUT -s 10.20.0.0/24 -p tcp --dport 11211 -j ACCEPT\n";
    let exposure = of(rule, "eth0");
    assert_eq!(may(&exposure), ["10.20.0.0/24"]);
    assert!(exposure.exact);
    assert_eq!(exposure.scope, Scope::Private);
    let because = exposure.because.first().unwrap();
    assert_eq!(because.text.as_deref(), Some(rule.trim_end()));
}

#[test]
fn a_block_list_is_said_by_what_is_missing() {
    let rules = "-A INPUT -s 203.0.113.7 -j DROP\n-A INPUT -j ACCEPT\n";
    let exposure = of(rules, "eth0");
    assert_eq!(may(&exposure), ["0.0.0.0/0"]);
    assert_eq!(
        exposure.except.iter().next().unwrap().to_string(),
        "203.0.113.7"
    );
    assert_eq!(exposure.must.len(), 32);
}

#[test]
fn an_interface_has_an_answer_of_its_own() {
    let rule = "-A INPUT -i eth1 -j ACCEPT\n";
    assert_eq!(may(&of(rule, "eth1")), ["0.0.0.0/0"]);
    assert!(may(&of(rule, "eth0")).is_empty());
}

#[test]
fn addresses_with_different_answers_are_apart() {
    let rule = "-A INPUT -d 10.20.0.10 -j ACCEPT\n";
    let all = exposures(rule, true);
    let by_eth0 = all.iter().filter(|e| e.interface.as_deref() == Some("eth0"));
    let to: Vec<_> =
        by_eth0.map(|e| (e.destinations.len(), e.may.len())).collect();
    assert_eq!(to, [(1, 0), (1, 1)]);
}

#[test]
fn this_host_reaches_itself_and_nobody_else_does_by_lo() {
    let exposure = of("-A INPUT -i lo -j ACCEPT\n", "lo");
    assert_eq!(exposure.scope, Scope::Host);
    assert!(may(&exposure).contains(&"127.0.0.0/8".to_owned()));
    assert!(may(&of("-A INPUT -i lo -j ACCEPT\n", "eth0")).is_empty());
}

#[test]
fn without_addresses_there_are_two_bounds() {
    let rule = "-A INPUT -d 192.0.2.10 -j ACCEPT\n";
    let exposure = &exposures(rule, false)[0];
    assert_eq!(exposure.interface, None);
    assert!(exposure.destinations.is_empty() && !exposure.exact);
    assert_eq!((exposure.may.len(), exposure.must.len()), (1, 0));
}

#[test]
fn without_rules_everything_may_and_nothing_must() {
    let mut policy = Policy::new();
    policy.ports.push(Port { proto: Proto::Udp, port: 11211 });
    let report = audit(&Snapshot::new(), &policy).unwrap();
    for exposure in &report.exposures {
        assert_eq!((exposure.may.len(), exposure.must.len()), (1, 0));
    }
    assert_eq!(report.exposures.len(), 2);
    assert!(!report.unknown.is_empty());
}

/// What only some versions open may be reached, and need not be; what
/// decides it is said.
#[test]
fn an_unknown_version_makes_two_bounds() {
    let host = |release: &str| {
        let snapshot = Snapshot::new()
            .with_file("/etc/memcached.conf", "-u m\n-l 192.0.2.10\n")
            .with_file("/etc/os-release", release)
            .with_command("ip -j address", ADDRESSES)
            .with_command("iptables-save", "")
            .with_command("ip6tables-save", "");
        audit(&snapshot, &Policy::new()).unwrap()
    };
    let report = host("ID=debian\nVERSION_ID=\"9\"\n");
    let of = |proto| {
        let eth0 = |e: &&Exposure| e.interface.as_deref() == Some("eth0");
        let mut of = report.exposures.iter().filter(eth0);
        of.find(|e| e.proto == proto).unwrap()
    };
    assert!(of(Proto::Tcp).exact);
    assert_eq!(may(of(Proto::Udp)), ["0.0.0.0/0"]);
    assert!(of(Proto::Udp).must.is_empty());
    let decided = "which decides whether it listens on udp 192.0.2.10:11211";
    assert!(report.unknown.iter().any(|u| u.what.ends_with(decided)));
    let udp = |id: &str| report.findings.iter().any(|f| f.id == id);
    assert!(udp("MEMSEC-UDP-002") && !udp("MEMSEC-UDP-001"));
    let recent = host("ID=debian\nVERSION_ID=\"12\"\n");
    assert!(recent.exposures.iter().all(|e| e.proto == Proto::Tcp));
    assert!(!recent.findings.iter().any(|f| f.id.contains("-UDP-")));
}
