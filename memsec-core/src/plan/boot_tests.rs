//! What makes the guard come back at boot: files of rules, units, and the
//! init scripts of hosts without systemd.

use super::{
    Step,
    iptables_tests::{
        FILTER, SYSTEMCTL, bare, clients, persisted, running, without,
    },
    tests::{proved, refusal},
};
use crate::{Snapshot, audit, snapshot::Content};

/// Where the guard comes back: the files that the plan writes for it, and
/// what enables a service.
fn boot(host: &Snapshot) -> Vec<String> {
    let plan = proved(host, &clients());
    assert!(plan.verify(None).unwrap().holds);
    let said = |step: &&Step| match step.command.is_empty() {
        true => step.file.as_ref().unwrap().path.clone(),
        false => step.command.join(" "),
    };
    persisted(&plan).iter().map(said).collect()
}

#[test]
fn the_file_of_netfilter_persistent_has_it() {
    let host = bare()
        .with_file("/etc/iptables/rules.v4", FILTER)
        .with_command(SYSTEMCTL, "netfilter-persistent.service enabled x\n");
    let files = ["/etc/iptables/rules.v4", "/etc/iptables/rules.v6"];
    assert_eq!(boot(&host), files);
    let plan = proved(&host, &clients());
    let step = persisted(&plan)[0];
    assert!(step.summary.ends_with("with the host's other rules"));
    let text = step.file.as_ref().unwrap().after.as_ref().unwrap();
    assert!(text.starts_with(FILTER), "{text}");
    let rules = "-A PREROUTING -j MEMSEC\n-A MEMSEC -i lo -j RETURN\n";
    assert!(text.contains(rules), "{text}");
    let report = audit(&super::after(&host, &clients()), &clients()).unwrap();
    let mut lost = report.findings.iter();
    assert!(!lost.any(|one| one.id == "MEMSEC-FW-010"));
}

#[test]
fn the_files_of_iptables_services_have_it() {
    let host = bare()
        .with_file("/etc/sysconfig/iptables", FILTER)
        .with_file("/etc/sysconfig/ip6tables", FILTER);
    let units = "iptables.service enabled x\nip6tables.service enabled x\n";
    let host = host.with_command(SYSTEMCTL, units);
    let files = ["/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"];
    assert_eq!(boot(&host), files);
    let one = host.with_command(SYSTEMCTL, "iptables.service enabled x\n");
    let both =
        ["/etc/sysconfig/iptables", "systemctl enable memsec-guard.service"];
    assert_eq!(boot(&one), both);
}

#[test]
fn what_a_script_of_an_interface_restores_has_it() {
    let script = "#!/bin/sh\niptables-restore < /etc/iptables.up.rules\n\
                  ip6tables-restore < /etc/iptables.rules\n";
    let host = bare()
        .with_file("/etc/network/if-pre-up.d/iptables", script)
        .with_file("/etc/iptables.up.rules", FILTER)
        .with_file("/etc/iptables.rules", FILTER);
    let files = ["/etc/iptables.up.rules", "/etc/iptables.rules"];
    assert_eq!(boot(&host), files);
}

#[test]
fn a_file_that_no_unit_loads_or_that_is_refused_has_not() {
    let off = bare()
        .with_file("/etc/iptables/rules.v4", FILTER)
        .with_command(SYSTEMCTL, "netfilter-persistent.service disabled x\n");
    let wrong = bare()
        .with_file("/etc/iptables/rules.v4", "*filter\n-A X -j Y\nCOMMIT\n")
        .with_file("/etc/iptables/rules.v6", "*filter\n-A X -j Y\nCOMMIT\n");
    for host in [off, wrong] {
        assert_eq!(boot(&host), ["systemctl enable memsec-guard.service"]);
    }
}

/// An init script is started by what the host has.
#[test]
fn without_systemd_an_init_script_loads_it() {
    let cases = [
        ("/etc/alpine-release", "3.19\n", "rc-update add memsec-guard default"),
        ("/etc/debian_version", "7.11\n", "update-rc.d memsec-guard defaults"),
        ("/etc/debian_version", "12.1\n", "update-rc.d memsec-guard defaults"),
        (
            "/etc/redhat-release",
            "CentOS release 6.10 (Final)\n",
            "chkconfig --add memsec-guard",
        ),
    ];
    for (path, release, command) in cases {
        let host = without(running(), &[SYSTEMCTL]).with_file(path, release);
        assert_eq!(boot(&host), [command], "{release}");
        let nft = host.with_command("nft -j list ruleset", "{\"nftables\":[]}");
        let plan = proved(&nft, &clients());
        let file = persisted(&plan)[0].file.clone().unwrap();
        assert_eq!(file.path, "/etc/init.d/memsec-guard");
        let text = file.after.unwrap();
        assert!(text.contains("nft -f /etc/memsec/guard.nft\n"), "{text}");
        assert!(plan.verify(None).unwrap().holds);
    }
}

#[test]
fn a_host_that_shows_no_way_to_come_back_is_refused() {
    let host = without(bare(), &[SYSTEMCTL]);
    let why = refusal(&host, &clients());
    assert!(why.contains("would not come back at boot"), "{why}");
}

#[test]
fn a_guard_that_no_file_loads_any_more_is_made_to_come_back() {
    let mut host = super::after(&bare(), &clients());
    let unit = "/etc/systemd/system/memsec-guard.service";
    assert!(matches!(host.files[unit].content, Content::Text(_)));
    host.files.remove(unit);
    let plan = proved(&host, &clients());
    let files = persisted(&plan).into_iter().map(|s| s.file.clone().unwrap());
    assert_eq!(files.map(|f| f.path).collect::<Vec<_>>(), [unit]);
}
