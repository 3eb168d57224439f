use super::ask;
use crate::{Cidr, Proto, Snapshot, managers::change::Ask};

const CLIENTS: [&str; 2] = ["192.0.2.20", "2001:db8:1::20"];

fn user(chain: &str, blocks: &[&str]) -> String {
    let blocks: String =
        blocks.iter().map(|block| format!("\n{block}\n")).collect();
    format!(
        "*filter\n:{chain} - [0:0]\n### RULES ###\n{blocks}\n\
         ### END RULES ###\nCOMMIT\n"
    )
}

/// A host with these tuples for both families, each a port over TCP, or
/// "deny PORT FROM".
fn host(tuples: &[(&str, &str, &str)]) -> Snapshot {
    let settings = "IPV6=yes\nDEFAULT_INPUT_POLICY=DROP\n\
        DEFAULT_OUTPUT_POLICY=ACCEPT\nDEFAULT_FORWARD_POLICY=DROP\n";
    let mut snapshot = Snapshot::new()
        .with_file("/etc/default/ufw", settings)
        .with_file("/etc/ufw/ufw.conf", "ENABLED=yes\n");
    for (six, any, save) in
        [("", "0.0.0.0/0", "iptables-save"), ("6", "::/0", "ip6tables-save")]
    {
        let chain = format!("ufw{six}-user-input");
        let (mut blocks, mut live) = (Vec::new(), String::new());
        for (action, port, from) in tuples {
            let source = if *from == "any" { any } else { from };
            if source.contains(':') == six.is_empty() {
                continue;
            }
            let from = match *from {
                "any" => String::new(),
                from => format!(" -s {from}"),
            };
            let target = if *action == "allow" { "ACCEPT" } else { "DROP" };
            let ports = match port.contains(':') {
                true => format!("-m multiport --dports {port}"),
                false => format!("--dport {port}"),
            };
            let rule = format!("-A {chain} -p tcp {ports}{from} -j {target}");
            blocks.push(format!(
                "### tuple ### {action} tcp {port} {any} any {source} in\n\
                 {rule}"
            ));
            live += &format!("{rule}\n");
        }
        let blocks: Vec<_> = blocks.iter().map(String::as_str).collect();
        let live = format!(
            "*filter\n:INPUT DROP [0:0]\n:{chain} - [0:0]\n-A INPUT -j \
             {chain}\n{live}COMMIT\n"
        );
        snapshot = snapshot
            .with_file(
                &format!("/etc/ufw/user{six}.rules"),
                &user(&chain, &blocks),
            )
            .with_command(save, &live);
    }
    snapshot
}

fn lines(host: &Snapshot, clients: &[&str]) -> Vec<String> {
    let clients: Vec<Cidr> =
        clients.iter().map(|text| text.parse().unwrap()).collect();
    let wanted = Ask { port: 11211, protos: &[Proto::Tcp], clients: &clients };
    let changes = ask(host, &wanted).unwrap();
    let mut after = host.clone();
    changes.iter().for_each(|change| change.apply(&mut after));
    assert!(ask(&after, &wanted).unwrap().is_empty(), "twice is not once");
    changes.iter().map(|change| change.command.join(" ")).collect()
}

#[test]
fn clients_go_first_and_the_world_goes_after_them() {
    let host = host(&[("allow", "22", "any"), ("allow", "11211", "any")]);
    assert_eq!(
        lines(&host, &CLIENTS),
        [
            "ufw prepend allow proto tcp from 2001:db8:1::20 to any port 11211",
            "ufw prepend allow proto tcp from 192.0.2.20 to any port 11211",
            "ufw delete allow proto tcp from 0.0.0.0/0 to any port 11211",
            "ufw delete allow proto tcp from ::/0 to any port 11211",
        ]
    );
}

#[test]
fn a_rule_that_is_there_is_enough() {
    let host = host(&[("allow", "11211", "192.0.2.20")]);
    assert!(lines(&host, &CLIENTS[..1]).is_empty());
}

#[test]
fn a_network_that_holds_others_too_goes() {
    let host =
        host(&[("allow", "11211", "192.0.2.0/24"), ("allow", "22", "any")]);
    let lines = lines(&host, &CLIENTS[..1]);
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("delete allow proto tcp from 192.0.2.0/24"));
}

#[test]
fn a_range_stays_behind_a_rule_that_denies() {
    let host = host(&[("allow", "11200:11300", "any"), ("deny", "80", "any")]);
    assert_eq!(
        lines(&host, &CLIENTS[..1]),
        [
            "ufw prepend allow proto tcp from 192.0.2.20 to any port 11211",
            "ufw insert 2 deny proto tcp from 0.0.0.0/0 to any port 11211",
            "ufw insert 5 deny proto tcp from ::/0 to any port 11211",
        ]
    );
}

#[test]
fn a_policy_that_allows_is_denied_the_port() {
    let host = host(&[("allow", "22", "any")]);
    let text = host.text("/etc/default/ufw").unwrap().unwrap();
    let text = text.text().replace("INPUT_POLICY=DROP", "INPUT_POLICY=ACCEPT");
    let host = host.clone().with_file("/etc/default/ufw", &text);
    let lines = lines(&host, &CLIENTS[..1]);
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[2], "ufw deny proto udp from 0.0.0.0/0 to any port 11211");
}

#[test]
fn a_client_behind_a_rule_that_denies_goes_first() {
    let host =
        host(&[("deny", "11211", "any"), ("allow", "11211", "192.0.2.20")]);
    assert_eq!(
        lines(&host, &CLIENTS[..1]),
        [
            "ufw delete allow proto tcp from 192.0.2.20 to any port 11211",
            "ufw prepend allow proto tcp from 192.0.2.20 to any port 11211",
        ]
    );
}

/// The world's rule for an application, of these ports.
fn application(ports: &[&str]) -> Snapshot {
    let host = host(&[("allow", "22", "any")]);
    let (mut blocks, mut live) = (String::new(), String::new());
    for port in ports {
        let rule = format!("-A ufw-user-input -p tcp --dport {port} -j ACCEPT");
        let named = format!("{rule} -m comment --comment 'dapp_My%20Cache'");
        blocks += &format!(
            "\n### tuple ### allow tcp {port} 0.0.0.0/0 any 0.0.0.0/0 \
             My%20Cache - in\n{named}\n"
        );
        live += &format!("{rule}\n");
    }
    let path = "/etc/ufw/user.rules";
    let file = host.text(path).unwrap().unwrap();
    let file = file
        .text()
        .replace("### RULES ###\n", &format!("### RULES ###\n{blocks}"));
    let rules = host.output("iptables-save").unwrap();
    let first = "-A ufw-user-input -p tcp --dport 22";
    let rules = rules.text().replace(first, &format!("{live}{first}"));
    host.with_file(path, &file).with_command("iptables-save", &rules)
}

#[test]
fn an_application_of_the_port_alone_goes() {
    let host = application(&["11211"]);
    let change = "ufw delete allow from 0.0.0.0/0 to any app My Cache";
    assert_eq!(lines(&host, &[]), [change]);
}

#[test]
fn an_application_of_more_ports_stays_behind_a_rule_that_denies() {
    let host = application(&["80", "11211"]);
    let change = "ufw insert 1 deny proto tcp from 0.0.0.0/0 to any port 11211";
    assert_eq!(lines(&host, &[]), [change]);
}

#[test]
fn what_is_deleted_comes_back_where_it_was() {
    let host = host(&[("allow", "11211", "any"), ("allow", "22", "any")]);
    let wanted = Ask { port: 11211, protos: &[Proto::Tcp], clients: &[] };
    let changes = ask(&host, &wanted).unwrap();
    let undo: Vec<_> = changes.iter().map(|c| c.undo.join(" ")).collect();
    assert_eq!(
        undo,
        [
            "ufw insert 1 allow proto tcp from 0.0.0.0/0 to any port 11211",
            "ufw insert 2 allow proto tcp from ::/0 to any port 11211",
        ]
    );
}

#[test]
fn the_live_rules_and_the_file_change_alike() {
    let host = host(&[("allow", "11211", "any"), ("deny", "80", "any")]);
    let clients = ["192.0.2.0/24".parse().unwrap()];
    let wanted = Ask { port: 11211, protos: &[Proto::Tcp], clients: &clients };
    let mut after = host.clone();
    for change in ask(&host, &wanted).unwrap() {
        change.apply(&mut after);
    }
    let live = after.output("iptables-save").unwrap();
    let rules: Vec<_> = live.text().lines().skip(4).collect();
    assert_eq!(
        rules,
        [
            "-A ufw-user-input -s 192.0.2.0/24 -p tcp -m tcp --dport 11211 \
             -j ACCEPT",
            "-A ufw-user-input -p tcp --dport 80 -j DROP",
            "COMMIT",
        ]
    );
    let file = after.text("/etc/ufw/user.rules").unwrap().unwrap();
    assert!(
        file.text().contains(
            "### RULES ###\n\n### tuple ### allow tcp 11211 0.0.0.0/0 any \
         192.0.2.0/24 in\n-A ufw-user-input -p tcp --dport 11211 -s \
         192.0.2.0/24 -j ACCEPT\n\n### tuple ### deny tcp 80"
        ),
        "{}",
        file.text()
    );
}

macro_rules! refused {
    ($($name:ident: $change:expr, $client:literal => $why:literal;)*) => {$(
        #[test]
        fn $name() {
            let host = $change(host(&[("deny", "11211", "192.0.2.7")]));
            let clients = [$client.parse().unwrap()];
            let wanted = Ask {
                port: 11211,
                protos: &[Proto::Tcp],
                clients: &clients,
            };
            let error = ask(&host, &wanted).unwrap_err();
            assert!(error.message().contains($why), "{error}");
        }
    )*};
}

fn off(host: Snapshot) -> Snapshot {
    host.with_file("/etc/ufw/ufw.conf", "ENABLED=no\n")
}

fn by_hand(host: Snapshot) -> Snapshot {
    let text = host.text("/etc/ufw/user.rules").unwrap().unwrap();
    let text = text.text().replace("-j DROP", "-j ACCEPT");
    host.with_file("/etc/ufw/user.rules", &text)
}

fn without_six(host: Snapshot) -> Snapshot {
    let text = host.text("/etc/default/ufw").unwrap().unwrap();
    let text = text.text().replace("IPV6=yes", "IPV6=no");
    host.with_file("/etc/default/ufw", &text)
}

refused! {
    ufw_that_is_off: off, "192.0.2.20" => "switched off";
    rules_written_by_hand: by_hand, "192.0.2.20" => "would be lost";
    everybody: |host| host, "0.0.0.0/0" => "everybody";
    a_family_that_is_off: without_six, "2001:db8::1" => "no rules";
    a_client_that_is_denied: |host| host, "192.0.2.7" => "would keep it";
}
