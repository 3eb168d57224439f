//! What makes the guard come back at boot: files of rules, units, and the
//! init scripts of hosts without systemd.

use super::{
    Step,
    iptables_tests::{
        FILTER, SYSTEMCTL, bare, clients, persisted, running, without,
    },
    tests::{proved, refusal},
};
use crate::{Snapshot, audit, managers, snapshot::Content};

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

const CSF: &str = "TESTING = \"0\"\nLF_SPI = \"1\"\nIPV6 = \"1\"\nDROP = \
    \"DROP\"\nFASTSTART = \"1\"\nUSE_CONNTRACK = \"1\"\nTCP_IN = \"22\"\n\
    TCP6_IN = \"22\"\n";

/// A host with no nft and a csf that has started.
fn csf() -> Snapshot {
    let host = bare()
        .with_file("/etc/csf/csf.conf", CSF)
        .with_file("/etc/csf/csf.allow", "")
        .with_file("/etc/csf/csf.deny", "");
    let loads = managers::loads(&host).unwrap();
    let dumps = loads.into_iter().flat_map(|load| load.dumps);
    dumps.fold(host, |host, dump| host.with_command(dump.command, &dump.text))
}

/// csf empties the tables whenever it starts, and runs csfpre.sh then.
#[test]
fn where_csf_empties_the_tables_its_own_script_loads_it() {
    let enabled = "systemctl enable memsec-guard.service";
    assert_eq!(boot(&csf()), [enabled, "/etc/csf/csfpre.sh"]);
    let own = "/usr/local/csf/bin/csfpre.sh";
    let host = csf().with_file(own, "#!/bin/sh\nexit 0\n");
    assert_eq!(boot(&host), [enabled, own]);
    let off = csf().with_file("/etc/csf/csf.disable", "");
    assert_eq!(boot(&off), [enabled]);
}

#[test]
fn the_next_start_of_csf_opens_nothing() {
    let after = super::after(&csf(), &clients());
    let loads = managers::loads(&after).unwrap();
    let csf = loads.iter().find(|l| l.manager == managers::Manager::Csf);
    let dumps = &csf.unwrap().dumps;
    let led = dumps.iter().filter(|dump| {
        dump.text.contains("-A PREROUTING -j MEMSEC\n-A MEMSEC -i lo ")
    });
    assert_eq!(led.count(), 2, "{dumps:#?}");
    let report = audit(&after, &clients()).unwrap();
    let lost = ["MEMSEC-FW-010", "MEMSEC-FW-014"];
    let mut found = report.findings.iter();
    let found = found.find(|one| lost.contains(&&*one.id));
    assert!(found.is_none(), "{found:#?}");
}

/// While csf starts the guard is gone for a moment.
#[test]
fn csf_lets_clients_in_without_a_start() {
    let plan = proved(&csf(), &clients());
    let runs =
        plan.steps.iter().filter(|one| one.command.contains(&"csf".to_owned()));
    assert_eq!(runs.count(), 0, "{plan:#?}");
    let mut files = plan.steps.iter().filter_map(|one| one.file.as_ref());
    let allow = files.find(|file| file.path == "/etc/csf/csf.allow").unwrap();
    let allow = allow.after.as_ref().unwrap();
    assert!(allow.contains("d=11211|s=192.0.2.20"), "{allow}");
}

#[test]
fn a_script_of_csf_that_lost_the_line_gets_it_again() {
    let mut host = super::after(&csf(), &clients());
    host.files.remove("/etc/csf/csfpre.sh");
    assert_eq!(boot(&host), ["/etc/csf/csfpre.sh"]);
}
