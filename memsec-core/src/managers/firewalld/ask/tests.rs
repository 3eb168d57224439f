use super::ask;
use crate::{
    Cidr, Error, Proto, Snapshot,
    managers::change::{Ask, Change},
};

const ZONE: &str = "/etc/firewalld/zones/public.xml";

const ADDRESSES: &str = r#"[{"ifname":"eth0","addr_info":[
    {"local":"192.0.2.10","prefixlen":24}]},
    {"ifname":"eth1","addr_info":[{"local":"10.20.0.10","prefixlen":24}]}]"#;

/// A host that runs with these files: the zone public, and the others.
fn host(conf: &str, public: &str, others: &[(&str, &str)]) -> Snapshot {
    let zone = |inner: &str| format!("<zone>\n{inner}\n</zone>\n");
    let mut snapshot = Snapshot::new()
        .with_file("/etc/firewalld/firewalld.conf", conf)
        .with_file(ZONE, &zone(public))
        .with_command("ip -j address", ADDRESSES)
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "");
    for (path, inner) in others {
        let path = format!("/etc/firewalld/{path}.xml");
        snapshot = snapshot.with_file(&path, inner);
    }
    loaded(&snapshot)
}

fn loaded(snapshot: &Snapshot) -> Snapshot {
    let load = super::load(snapshot).unwrap().unwrap();
    let dumps = load.dumps.into_iter();
    dumps.fold(snapshot.clone(), |all, dump| {
        all.with_command(dump.command, &dump.text)
    })
}

fn changes(host: &Snapshot, clients: &[&str]) -> Result<Vec<Change>, Error> {
    let clients: Vec<Cidr> =
        clients.iter().map(|text| text.parse().unwrap()).collect();
    let wanted = Ask { port: 11211, protos: &[Proto::Tcp], clients: &clients };
    let changes = ask(host, &wanted)?;
    let mut after = host.clone();
    changes.iter().for_each(|change| change.apply(&mut after));
    assert!(ask(&after, &wanted)?.is_empty(), "twice is not once");
    // What runs and what is loaded next let the same in.
    let again = loaded(&after);
    assert!(ask(&again, &wanted)?.is_empty(), "the files lack it");
    Ok(changes)
}

fn lines(host: &Snapshot, clients: &[&str]) -> Vec<String> {
    let changes = changes(host, clients).unwrap().into_iter();
    let line =
        |change: Change| change.command.join(" ").replace("firewall-cmd ", "");
    changes.map(line).collect()
}

const BACK_ENDS: [&str; 2] = ["", "FirewallBackend=iptables\n"];

#[test]
fn a_client_gets_a_rule_now_and_for_good() {
    for conf in BACK_ENDS {
        let host = host(conf, "", &[]);
        let rule = "rule priority=\"-1\" family=\"ipv4\" source \
            address=\"192.0.2.20\" port port=\"11211\" protocol=\"tcp\" accept";
        assert_eq!(
            lines(&host, &["192.0.2.20"]),
            [
                format!("--zone=public --add-rich-rule={rule}"),
                format!("--permanent --zone=public --add-rich-rule={rule}"),
            ]
        );
    }
}

macro_rules! closed {
    ($($name:ident: $inner:literal => [$($option:literal),*];)*) => {$(
        #[test]
        fn $name() {
            let expected: &[&str] = &[$($option),*];
            let both = expected.iter().flat_map(|option| [
                format!("--zone=public --{option}"),
                format!("--permanent --zone=public --{option}"),
            ]);
            let both: Vec<_> = both.collect();
            for conf in BACK_ENDS {
                assert_eq!(lines(&host(conf, $inner, &[]), &[]), both);
            }
        }
    )*};
}

closed! {
    a_port: "<port port='11211' protocol='tcp'/>"
        => ["remove-port=11211/tcp"];
    a_port_of_udp: "<port port='11211' protocol='udp'/>"
        => ["remove-port=11211/udp"];
    a_range: "<port port='11200-11300' protocol='tcp'/>"
        => ["remove-port=11211/tcp"];
    the_end_of_a_range: "<port port='11211-11213' protocol='tcp'/>"
        => ["remove-port=11211/tcp"];
    the_stock_service: "<service name='memcache'/>"
        => ["remove-service=memcache"];
    another_port: "<port port='11212' protocol='tcp'/>" => [];
    a_port_in_a_rule: "<rule family='ipv4'><source address='192.0.2.7'/>\
        <port port='11211' protocol='tcp'/><accept/></rule>"
        => ["add-rich-rule=rule port port=\"11211\" protocol=\"tcp\" drop"];
    a_rule_for_tcp_and_a_service_for_both: "<service name='memcache'/>
        <protocol value='tcp'/>"
        => ["remove-service=memcache",
            "add-rich-rule=rule port port=\"11211\" protocol=\"tcp\" drop"];
    a_rule_that_rejects: "<rule><port port='11211' protocol='tcp'/><reject/>\
        </rule>" => [];
}

#[test]
fn the_zone_of_the_source_is_asked() {
    let inner = "<zone><source address=\"192.0.2.0/25\"/></zone>";
    let host = host("", "", &[("zones/near", inner)]);
    assert!(lines(&host, &["192.0.2.20"])[0].contains("--zone=near"));
    assert!(lines(&host, &["192.0.2.200"])[0].contains("--zone=public"));
}

#[test]
fn the_zone_of_the_interface_is_asked() {
    let inner = "<zone><interface name=\"eth1\"/></zone>";
    let host = host("", "", &[("zones/back", inner)]);
    assert!(lines(&host, &["10.20.0.20"])[0].contains("--zone=back"));
    // From far away packets come by any interface.
    assert_eq!(lines(&host, &["198.51.100.7"]).len(), 4);
}

#[test]
fn a_stock_zone_is_copied() {
    let mut host = host("", "", &[]);
    host.files.remove(ZONE);
    let host = loaded(&host);
    assert_eq!(lines(&host, &["2001:db8::/64"]).len(), 2);
}

macro_rules! refused {
    ($($name:ident: $inner:literal $client:literal => $why:literal;)*) => {$(
        #[test]
        fn $name() {
            let error = changes(&host("", $inner, &[]), &[$client]);
            let error = error.unwrap_err();
            assert!(error.message().contains($why), "{error}");
        }
    )*};
}

refused! {
    everybody: "" "0.0.0.0/0" => "everybody";
    a_file_that_is_not_taken: "<service name='nothing'/>" "192.0.2.1"
        => "does not take it";
}

#[test]
fn a_policy_that_drops_lets_the_client_through() {
    let policy = "<policy target='CONTINUE' priority='-5'>\
        <ingress-zone name='ANY'/><egress-zone name='HOST'/>\
        <rule><port port='11211' protocol='tcp'/><drop/></rule></policy>";
    for conf in BACK_ENDS {
        let host = host(conf, "", &[("policies/guard", policy)]);
        let lines = lines(&host, &["192.0.2.20"]);
        assert_eq!(lines.len(), 4);
        assert!(lines[2].starts_with("--policy=guard --add-rich-rule=rule"));
        assert!(lines[3].starts_with("--permanent --policy=guard --add"));
    }
}

#[test]
fn a_zone_that_lets_all_in_drops_the_port() {
    let zone = "<zone target='ACCEPT'>\n</zone>";
    for conf in BACK_ENDS {
        let host = host(conf, "", &[("zones/public", zone)]);
        let lines = lines(&host, &["192.0.2.20"]);
        let drops = |proto: &str| {
            format!(
                "--zone=public --add-rich-rule=rule port port=\"11211\" \
                 protocol=\"{proto}\" drop"
            )
        };
        assert_eq!(lines.len(), 6);
        assert_eq!([&lines[2], &lines[4]], [&drops("tcp"), &drops("udp")]);
    }
}

#[test]
fn a_stock_zone_that_rejects_all_is_copied_with_its_target() {
    let mut host = host("DefaultZone=block\n", "", &[]);
    host.files.remove(ZONE);
    let host = loaded(&host);
    assert_eq!(lines(&host, &["192.0.2.20"]).len(), 2);
}
