//! Containers: what leads to them, and plans that close it.

use super::{Plan, tests::after};
use crate::{
    Delivery, Exposure, Packet, Policy, Proto, Report, Scope, Snapshot,
    Verdict, audit, explain,
};

const ADDRESSES: &str = r#"[
  {"ifname": "lo", "link_type": "loopback", "addr_info": [
    {"local": "127.0.0.1", "prefixlen": 8}, {"local": "::1", "prefixlen": 128}]},
  {"ifname": "eth0", "link_type": "ether", "addr_info": [
    {"local": "192.0.2.10", "prefixlen": 24},
    {"local": "2001:db8:1::10", "prefixlen": 64}]},
  {"ifname": "docker0", "link_type": "ether", "addr_info": [
    {"local": "172.17.0.1", "prefixlen": 16}]}]"#;

const ROUTES: &str = r#"[{"dst": "default", "dev": "eth0"},
    {"dst": "192.0.2.0/24", "dev": "eth0"},
    {"dst": "172.17.0.0/16", "dev": "docker0"}]"#;

/// As Docker 20.10 to 27 has it, for a port of the host.
fn rules(on: &str, port: u16) -> String {
    format!(
        "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
         :POSTROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n\
         -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
         -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER\n\
         -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n\
         -A DOCKER -i docker0 -j RETURN\n\
         -A DOCKER {on}! -i docker0 -p tcp -m tcp --dport {port} -j DNAT \
         --to-destination 172.17.0.2:11211\nCOMMIT\n\
         *filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n\
         :OUTPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n\
         -A INPUT -i lo -j ACCEPT\n\
         -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED \
         -j ACCEPT\n-A FORWARD -o docker0 -j DOCKER\n\
         -A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n\
         -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp \
         --dport 11211 -j ACCEPT\nCOMMIT\n"
    )
}

pub(super) fn published(port: u16) -> String {
    rules("", port)
}

pub(super) const PROXIES: &str = "\
tcp LISTEN 0 4096 0.0.0.0:8080 0.0.0.0:* users:((\"docker-proxy\",pid=7,fd=4))
tcp LISTEN 0 4096 [::]:8080 [::]:* users:((\"docker-proxy\",pid=8,fd=4))
";

fn inspect(network: &str, bindings: &str) -> String {
    format!(
        r#"[{{"Id": "0123", "Name": "/mc", "State": {{"Running": true}},
        "Config": {{"Image": "memcached:1.6", "User": "memcache",
        "Cmd": ["memcached", "-U", "0"],
        "Entrypoint": ["docker-entrypoint.sh"]}},
        "HostConfig": {{"NetworkMode": "{network}", "PortBindings": {{}}}},
        "NetworkSettings": {{"Ports": {{"11211/tcp": {bindings}}},
        "IPAddress": "172.17.0.2", "GlobalIPv6Address": "", "Networks":
        {{"bridge": {{"IPAddress": "172.17.0.2"}}}}}}}}]"#
    )
}

const BINDINGS: &str = r#"[{"HostIp": "0.0.0.0", "HostPort": "8080"},
    {"HostIp": "::", "HostPort": "8080"}]"#;

pub(super) fn host(rules: &str) -> Snapshot {
    Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_command("ip -j route", ROUTES)
        .with_command("iptables-save", rules)
        .with_command("ip6tables-save", "")
        .with_command("nft -j list ruleset", r#"{"nftables": []}"#)
}

pub(super) fn docker() -> Snapshot {
    host(&rules("", 8080))
        .with_command("ss -lntupxH", PROXIES)
        .with_command("docker inspect", &inspect("bridge", BINDINGS))
}

/// The ways into containers from outside, each as a line.
fn ways(report: &Report) -> Vec<String> {
    let outer = report.exposures.iter().filter(|one| {
        one.interface.as_deref() == Some("eth0") && !one.may.is_empty()
    });
    let line = |one: &Exposure| {
        let to = one.destinations.iter().map(|a| a.to_string());
        format!(
            "{}: {} {} {}",
            one.instance.as_deref().unwrap_or("-"),
            to.collect::<Vec<_>>().join(","),
            one.port,
            one.scope.name()
        )
    };
    outer.map(line).collect()
}

fn audited(host: &Snapshot) -> Report {
    audit(host, &Policy::new()).unwrap()
}

#[test]
fn a_listener_in_a_container_is_one_of_the_hosts_address() {
    let report = audited(&docker());
    let expected = [
        "docker mc: 192.0.2.10,172.17.0.1 8080 internet",
        "docker mc: 2001:db8:1::10 8080 internet",
        "docker mc: 172.17.0.2 11211 link",
    ];
    assert_eq!(ways(&report), expected);
    let critical = |f: &&crate::Finding| f.id == "MEMSEC-CTR-001";
    let found: Vec<_> = report.findings.iter().filter(critical).collect();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].message.contains("tcp port 8080 leads to a container"));
}

/// What others put into DOCKER-USER no engine brings back.
#[test]
fn a_rule_for_containers_that_nothing_loads_is_lost_at_boot() {
    let units = "systemctl list-unit-files --type=service --no-legend";
    let live = rules("", 8080)
        .replace(
            ":DOCKER - [0:0]\n-A INPUT",
            ":DOCKER - [0:0]\n:DOCKER-USER - [0:0]\n-A INPUT",
        )
        .replace(
            "-A FORWARD -o docker0 -m conntrack",
            "-A FORWARD -j DOCKER-USER\n\
             -A FORWARD -o docker0 -m conntrack",
        )
        .replace(
            "-A DOCKER -d 172.17.0.2/32 !",
            "-A DOCKER-USER -i eth0 -p tcp -j DROP\n\
             -A DOCKER -d 172.17.0.2/32 !",
        );
    let host = host(&live)
        .with_command("docker inspect", &inspect("bridge", BINDINGS))
        .with_command(units, "docker.service enabled enabled\n");
    let lost = |host: &Snapshot| {
        let all = audited(host).findings.into_iter();
        let own = all.filter(|f| f.id == "MEMSEC-FW-010");
        own.map(|finding| finding.message).collect::<Vec<_>>()
    };
    let found = lost(&host);
    assert!(found.iter().any(|told| told.contains("port 8080")), "{found:?}");
    let saved = "*filter\n:DOCKER-USER - [0:0]\n\
        -A DOCKER-USER -i eth0 -p tcp -j DROP\nCOMMIT\n";
    let kept = host.with_file("/etc/iptables/rules.v4", saved).with_command(
        units,
        "docker.service enabled enabled\n\
             netfilter-persistent.service enabled enabled\n",
    );
    assert_eq!(lost(&kept), [""; 0]);
}

#[test]
fn the_rules_and_the_proxies_tell_where_no_container_is_listed() {
    let mut host = docker();
    host.commands.remove("docker inspect");
    let report = audited(&host);
    let expected = [
        "container 172.17.0.2: 192.0.2.10,172.17.0.1 8080 internet",
        "container 172.17.0.2: 172.17.0.2 11211 link",
        "container 172.17.0.2: 2001:db8:1::10 8080 internet",
    ];
    assert_eq!(ways(&report), expected);
    let mut unknown = report.unknown.iter();
    assert!(unknown.any(|one| one.what.contains("taken for memcached")));
}

#[test]
fn a_proxy_leads_there_without_any_rule() {
    let sockets = PROXIES.replace("8080", "11211");
    let host = host("").with_command("ss -lntupxH", &sockets);
    let all = ways(&audited(&host));
    let expected = [
        "container port 11211: 192.0.2.10,172.17.0.1 11211 internet",
        "container port 11211: 2001:db8:1::10 11211 internet",
    ];
    assert_eq!(all, expected);
}

#[test]
fn what_only_holds_the_port_lets_nobody_in() {
    let sockets = PROXIES.replace("docker-proxy", "conmon");
    let host = docker().with_command("ss -lntupxH", &sockets);
    let all = ways(&audited(&host));
    assert!(!all.iter().any(|way| way.contains("2001:db8")), "{all:?}");
}

/// A container that is published at a loopback address.
pub(super) fn on_loopback() -> Snapshot {
    let binding = r#"[{"HostIp": "127.0.0.1", "HostPort": "11211"}]"#;
    let sockets = PROXIES.replace("0.0.0.0:8080", "127.0.0.1:11211");
    host(&rules("-d 127.0.0.1/32 ", 11211))
        .with_command("ss -lntupxH", &sockets)
        .with_command("docker inspect", &inspect("bridge", binding))
}

#[test]
fn on_loopback_a_neighbour_still_gets_in() {
    let host = on_loopback();
    let expected =
        ["docker mc: 127.0.0.1 11211 link", "docker mc: 172.17.0.2 11211 link"];
    assert_eq!(ways(&audited(&host)), expected);
}

#[test]
fn a_container_on_the_hosts_network_listens_there() {
    let host = host("")
        .with_command("docker inspect", &inspect("host", "null"))
        .with_command("ss -lntupxH", "");
    let report = audited(&host);
    assert_eq!(report.exposures[0].instance.as_deref(), Some("docker mc"));
    assert_eq!(report.exposures[0].port, 11211);
}

#[test]
fn a_container_has_the_network_of_another() {
    let whole = inspect("bridge", BINDINGS).replace("memcached", "pause");
    let own = inspect("container:0123", "null")
        .replace("/mc", "/app")
        .replace("0123\",", "4567\",");
    let both = format!(
        "{},{}",
        whole.trim_end_matches(']'),
        own.trim_start_matches('[')
    );
    let host = docker().with_command("docker inspect", &both);
    let all = ways(&audited(&host));
    assert!(all[0].starts_with("docker app: 192.0.2.10"), "{all:?}");
}

#[test]
fn a_packet_is_delivered_to_the_container() {
    let host = docker();
    let told = |from: &str, to: &str, port: u16| {
        let mut packet = Packet::new(from.parse().unwrap());
        packet.to = Some(to.parse().unwrap());
        packet.port = port;
        let found = explain(&host, &packet).unwrap();
        let to = found.delivered_to.map(|to: Delivery| to.instance);
        (found.verdict, to, found.certain)
    };
    let mc = || (Verdict::Delivered, Some("docker mc".to_owned()), true);
    assert_eq!(told("203.0.113.9", "192.0.2.10", 8080), mc());
    assert_eq!(told("192.0.2.21", "172.17.0.2", 11211), mc());
    assert_eq!(told("2001:db8:2::7", "2001:db8:1::10", 8080), mc());
    let (verdict, ..) = told("203.0.113.9", "192.0.2.10", 11211);
    assert_eq!(verdict, Verdict::Dropped);
}

fn plan(host: &Snapshot, policy: &Policy) -> Plan {
    audit(host, policy).unwrap().plan()
}

/// Nobody but a client gets in afterwards, and there is no more to do.
fn closes(host: &Snapshot, policy: &Policy) -> String {
    let plan = plan(host, policy);
    assert!(plan.proof.holds, "{:#?}", plan.proof);
    let found = plan.verify(None).unwrap();
    assert!(found.holds, "{}", found.to_text());
    let after = after(host, policy);
    let again = self::plan(&after, policy);
    assert!(again.empty, "{again:#?}");
    let report = audit(&after, policy).unwrap();
    let ids: Vec<_> = report.findings.iter().map(|f| f.id.as_str()).collect();
    assert!(!ids.contains(&"MEMSEC-CTR-001"), "{ids:?}");
    let mut files = plan.steps.iter().filter_map(|step| step.file.as_ref());
    let guard = files.find(|file| file.path.contains("/guard.")).unwrap();
    guard.after.clone().unwrap()
}

#[test]
fn the_guard_stands_before_the_translation() {
    let guard = closes(&docker(), &Policy::new());
    assert!(guard.contains("elements = { 8080 }"), "{guard}");
    let past = "iifname != \"docker0\" ip daddr 172.17.0.0/16 ip saddr != \
                @allow4 tcp dport { 11211 } counter drop";
    assert!(guard.contains(past), "{guard}");
}

#[test]
fn so_does_the_one_of_iptables() {
    let mut host = docker();
    let gone = crate::snapshot::Output { status: 127, ..Default::default() };
    host.commands.insert("nft -j list ruleset".to_owned(), gone);
    let policy = Policy::new().allow("192.0.2.20".parse().unwrap());
    let guard = closes(&host, &policy);
    let past = "-A MEMSEC -s 192.0.2.20/32 -d 172.17.0.0/16 ! -i docker0 -p \
                tcp -m multiport --dports 11211 -j RETURN\n\
                -A MEMSEC -d 172.17.0.0/16 ! -i docker0 -p tcp -m multiport \
                --dports 11211 -j DROP\n";
    assert!(guard.contains(past), "{guard}");
    assert!(guard.contains("-p tcp -m multiport --dports 8080 -j DROP\n"));
}

#[test]
fn clients_of_a_container_get_in() {
    let policy = Policy::new()
        .allow("192.0.2.20".parse().unwrap())
        .allow("2001:db8:1::20".parse().unwrap());
    closes(&docker(), &policy);
    let report = audit(&after(&docker(), &policy), &policy).unwrap();
    let of = |one: &&Exposure| {
        one.port == 8080
            && one.proto == Proto::Tcp
            && one.interface.as_deref() == Some("eth0")
    };
    let mut all = report.exposures.iter().filter(of);
    assert!(all.all(|one| one.may == one.must && one.may.len() == 1));
    assert!(report.exposures.iter().all(|one| one.scope <= Scope::Internet));
}

/// A recorded host of Docker or podman.
fn recorded(case: &std::path::Path) -> Snapshot {
    let text = |name: &str| std::fs::read_to_string(case.join(name));
    let shown = text("ip-route.txt").unwrap_or_default();
    let bridge = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [net, "dev", name, .., "src", own] = words[..] else {
            return None;
        };
        let (_, length) = net.split_once('/')?;
        (!name.starts_with("eth")).then(|| {
            format!(
                r#",{{"ifname":"{name}","addr_info":[
                {{"local":"{own}","prefixlen":{length}}}]}}"#
            )
        })
    };
    let lines = shown.lines().map(|line| line.replace(" linkdown", ""));
    let more: String = lines.filter_map(|line| bridge(line.trim())).collect();
    let outer = ADDRESSES.rsplit_once(",\n  {\"ifname\": \"docker0\"").unwrap();
    let host = Snapshot::new()
        .with_command("ip -j address", &format!("{}{more}]", outer.0));
    crate::truth::recorded(host, case)
}

#[test]
fn recorded_hosts_are_closed() {
    let policy = Policy::new().allow("192.0.2.20".parse().unwrap());
    let step = match std::env::var_os("MEMSEC_ALL_HOSTS") {
        Some(_) => 1,
        None => 4,
    };
    let (mut planned, mut checked, mut wrong) = (0, 0, Vec::new());
    for case in crate::truth::hosts("docker").into_iter().step_by(step) {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let host = recorded(&case);
        let plan = plan(&host, &policy);
        if !plan.proof.holds {
            wrong.push(format!("{name}: {:?}", plan.proof.claims));
            continue;
        }
        planned += usize::from(!plan.empty);
        match plan.verify(None) {
            Ok(found) if found.holds => checked += 1,
            Ok(found) => wrong.push(format!("{name}: {}", found.to_text())),
            Err(why) => println!("  not read {name}: {why:.300}"),
        }
        let after = crate::Host::new(&after(&host, &policy)).unwrap();
        for (from, to) in [
            ("192.0.2.21", "192.0.2.10"),
            ("203.0.113.9", "192.0.2.10"),
            ("2001:db8:1::21", "2001:db8:1::10"),
            ("192.0.2.21", "172.17.0.2"),
            ("192.0.2.21", "172.30.0.2"),
        ] {
            let mut packet = Packet::new(from.parse().unwrap());
            packet.to = Some(to.parse().unwrap());
            let found = after.explain(&packet).unwrap();
            if found.verdict == Verdict::Delivered {
                wrong.push(format!("{name}: {from} to {to}: {found:?}"));
            }
        }
    }
    println!(
        "containers: {planned} plans, {checked} held by the checker, {} wrong",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}
