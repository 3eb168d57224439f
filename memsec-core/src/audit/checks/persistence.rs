//! MEMSEC-FW-010: what the host has after its next start.

use super::{Check, Found};
use crate::{
    audit::{
        Severity,
        boot::{Opened, opened},
        next_start,
        subject::Subject,
    },
    net::Family,
};

pub(super) const FW_010: Check = Check {
    id: "MEMSEC-FW-010",
    title: "The rules that keep others out do not come back at boot",
    severity: Severity::High,
    varies: "medium where it is not sure who gets in then",
    why: "after the next start of the host the cache is open, and nobody has \
          changed anything",
    detection: "what the units that are enabled load at boot, in the place of \
                the rules that are loaded now",
    fix: "put the rules into the store of what owns the firewall, and enable \
          its unit",
    references: &["CIS 4.3.10"],
    find: lost_at_boot,
};

/// One finding for each protocol, port and family, unless a manager's own
/// next start says the same already.
fn lost_at_boot(subject: &Subject<'_>) -> Vec<Found> {
    let said: Vec<_> = next_start::changes(subject)
        .into_iter()
        .filter(|change| !change.opened.is_empty())
        .map(|change| (change.proto, change.port, change.family))
        .collect();
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for way in opened(subject).unwrap_or_default() {
        let key = (way.proto, way.port, way.family);
        if !said.contains(&key) && !seen.contains(&key) {
            seen.push(key);
            found.extend(told(&way));
        }
    }
    found
}

fn told(way: &Opened) -> Option<Found> {
    let from = next_start::witness(&way.sources)?;
    let (verb, severity) = match way.sure {
        true => ("gets", Severity::High),
        false => ("may get", Severity::Medium),
    };
    let by = way.interface.as_deref().unwrap_or("any interface");
    let over = match way.family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    };
    let (proto, port) = (way.proto.name(), way.port);
    Some(Found {
        severity,
        message: format!(
            "after the next boot {from} {verb} in, and does not now: {proto} \
             port {port} by {by} over {over}"
        ),
        place: way.place.clone(),
    })
}

#[cfg(test)]
mod tests {
    use crate::{Policy, Snapshot, audit, snapshot::Process};

    const UNITS: &str = "systemctl list-unit-files --type=service --no-legend";

    const DROPS: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n\
        :OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

    fn host(live: &str, units: &str) -> Snapshot {
        let argv = ["-u", "nobody", "-l", "192.0.2.10"];
        let addresses = r#"[{"ifname":"eth0","addr_info":[
            {"local":"192.0.2.10","prefixlen":24}]}]"#;
        Snapshot::new()
            .with_process(Process {
                argv: argv.map(str::to_owned).into(),
                version: Some("1.6.18".to_owned()),
                ..Process::default()
            })
            .with_command("ip -j address", addresses)
            .with_command("iptables-save", live)
            .with_command("ip6tables-save", "")
            .with_command(UNITS, units)
    }

    fn found(host: &Snapshot) -> Vec<String> {
        let report = audit(host, &Policy::new()).unwrap();
        let all = report.findings.into_iter();
        let own = all.filter(|finding| finding.id == "MEMSEC-FW-010");
        own.map(|finding| finding.message).collect()
    }

    #[test]
    fn rules_that_nothing_loads() {
        let found = found(&host(DROPS, "ssh.service enabled enabled\n"));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("gets in, and does not now: tcp port 11211"));
    }

    #[test]
    fn rules_that_a_store_loads() {
        let units = "netfilter-persistent.service enabled enabled\n";
        let kept =
            host(DROPS, units).with_file("/etc/iptables/rules.v4", DROPS);
        assert_eq!(found(&kept), [""; 0]);
        let off = units.replace("enabled", "disabled");
        let lost = host(DROPS, &off).with_file("/etc/iptables/rules.v4", DROPS);
        assert_eq!(found(&lost).len(), 1);
    }

    #[test]
    fn a_table_that_a_script_loads() {
        let script = "table inet f {\nchain i {\ntype filter hook input \
            priority 0; policy drop;\niif \"lo\" accept\n}\n}\n";
        let units = "nftables.service enabled enabled\n";
        let host = host(DROPS, units).with_file("/etc/nftables.conf", script);
        assert_eq!(found(&host), [""; 0]);
    }

    #[test]
    fn a_table_in_a_file_that_the_script_includes() {
        let table = "table inet f {\nchain i {\ntype filter hook input \
            priority 0; policy drop;\niif \"lo\" accept\n}\n}\n";
        let main = "include \"/etc/nftables.d/*.nft\"\n";
        let units = "nftables.service enabled enabled\n";
        let bare =
            host(DROPS, units).with_file("/etc/sysconfig/nftables.conf", main);
        let kept = bare.clone().with_file("/etc/nftables.d/a.nft", table);
        assert_eq!(found(&kept), [""; 0]);
        assert_eq!(found(&bare).len(), 1);
        let off = kept.with_command(UNITS, "nftables.service disabled x\n");
        assert_eq!(found(&off).len(), 1);
    }

    #[test]
    fn rules_that_the_store_of_arch_loads() {
        let units = "iptables.service enabled enabled\n";
        let path = "/etc/iptables/iptables.rules";
        let kept = host(DROPS, units).with_file(path, DROPS);
        assert_eq!(found(&kept), [""; 0]);
        let off = kept.with_command(UNITS, "iptables.service disabled x\n");
        assert_eq!(found(&off).len(), 1);
    }

    #[test]
    fn rules_that_a_script_of_an_interface_loads() {
        let script = "#!/bin/sh\n/sbin/iptables-restore < /etc/up.rules\n";
        let path = "/etc/network/if-pre-up.d/iptables";
        let units = "networking.service enabled enabled\n";
        let kept = host(DROPS, units)
            .with_file(path, script)
            .with_file("/etc/up.rules", DROPS);
        assert_eq!(found(&kept), [""; 0]);
    }

    #[test]
    fn a_host_of_which_nothing_is_known() {
        let mut host = host(DROPS, "");
        host.commands.remove(UNITS);
        assert_eq!(found(&host), [""; 0]);
    }
}
