//! Hosts without nft, and hosts without systemd.

use super::{
    Plan, Render, Step, StepKind,
    tests::{REDIRECTS, allow, debian, kinds, proved, refusal},
};
use crate::{
    ClaimKind, Policy, Snapshot, Strategy, audit,
    snapshot::{Content, Output, Process},
};

const OPEN: &str = "-u memcache\n-l 0.0.0.0,::\n-U 11211\n";

const FILTER: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n\
     :OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

const SYSTEMCTL: &str = "systemctl list-unit-files --type=service --no-legend";

fn without(snapshot: Snapshot, commands: &[&str]) -> Snapshot {
    commands.iter().fold(snapshot, |mut snapshot, command| {
        let gone = Output { status: 127, ..Output::default() };
        snapshot.commands.insert((*command).to_owned(), gone);
        snapshot
    })
}

/// A host with no nft, and memcached open to everybody.
fn bare() -> Snapshot {
    let nft = ["nft -j list ruleset", "nft list ruleset"];
    without(debian(OPEN, FILTER), &nft)
}

/// The same with a daemon that no file starts.
fn running() -> Snapshot {
    let mut host = bare().with_process(Process {
        argv: ["-u", "nobody", "-U", "11211"].map(str::to_owned).into(),
        ..Process::default()
    });
    host.files.clear();
    host
}

fn clients() -> Policy {
    allow(&["192.0.2.20", "2001:db8:1::20"])
}

/// The text that the step of the guard leaves in its file.
fn script(plan: &Plan) -> String {
    let mut steps = plan.steps.iter();
    let step = steps.find(|step| step.kind == StepKind::Guard).unwrap();
    step.file.as_ref().unwrap().after.clone().unwrap()
}

fn persisted(plan: &Plan) -> Vec<&Step> {
    let steps = plan.steps.iter();
    steps.filter(|step| step.kind == StepKind::Persist).collect()
}

#[test]
fn without_nft_the_guard_is_one_of_iptables() {
    let plan = proved(&bare(), &clients());
    let steps = kinds(&plan);
    let [first, .., last] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!((*first, *last), (StepKind::Guard, StepKind::Persist));
    let step = &plan.steps[0];
    assert_eq!(step.command, ["sh", "/etc/memsec/guard.sh"]);
    let script = script(&plan);
    for rule in [
        "load iptables <<'RULES'\n-A MEMSEC -i lo -j RETURN\n",
        "-A MEMSEC -s 192.0.2.20/32 -p tcp -m multiport --dports 11211 -j \
         RETURN\n-A MEMSEC -p tcp -m multiport --dports 11211 -j DROP\n",
        "-I PREROUTING -j MEMSEC\nRULES\n\nload ip6tables <<'RULES'\n",
        "-A MEMSEC ! -d ff00::/8 -m addrtype ! --dst-type LOCAL,ANYCAST -j \
         RETURN\n-A MEMSEC -s 2001:db8:1::20/128 -p tcp ",
    ] {
        assert!(script.contains(rule), "{rule} {script}");
    }
    let found = plan.verify(None).unwrap();
    assert!(found.holds, "{found:#?}");
    let unit = persisted(&plan)[0].file.as_ref().unwrap();
    let start = "ExecStart=/bin/sh /etc/memsec/guard.sh\n";
    assert!(unit.after.as_ref().unwrap().contains(start), "{unit:?}");
    let mut taken = plan.strategies.iter().filter(|one| one.taken);
    assert!(taken.any(|one| one.why.contains("for want of nft")));
}

/// The same rules are what `render` gives for both programs.
#[test]
fn what_is_rendered_is_what_is_loaded() {
    let plan = proved(&bare(), &clients());
    let both = plan.render(Render::IptablesRestore).unwrap();
    let script = script(&plan);
    let rules = both.lines().filter(|line| line.contains(" MEMSEC"));
    for rule in rules.filter(|line| !line.starts_with("-I")) {
        let bare = rule.trim_start_matches(['-', '4', '6', ' ']);
        assert!(script.contains(&bare[1..]), "{rule}");
    }
}

#[test]
fn a_family_that_the_host_has_not_is_left_out() {
    let addresses = r#"[{"ifname": "eth0", "addr_info": [
        {"local": "192.0.2.10", "prefixlen": 24}]}]"#;
    let host = bare().with_command("ip -j address", addresses);
    for host in [host.clone(), without(host, &["ip6tables-save"])] {
        let plan = proved(&host, &allow(&["192.0.2.20"]));
        assert!(!script(&plan).contains("load ip6tables"));
        assert!(plan.verify(None).unwrap().holds);
    }
}

#[test]
fn a_family_that_nothing_can_guard_is_named() {
    let mut policy = allow(&["192.0.2.20"]);
    policy.by = vec![Strategy::Guard];
    let why = refusal(&without(bare(), &["ip6tables-save"]), &policy);
    assert!(why.contains("ip6tables is not on this host"), "{why}");
}

/// The kernel has no nf_tables, or nft has no JSON.
#[test]
fn an_nft_that_fails_is_as_none() {
    let fails = |status: [i32; 2]| {
        let commands = ["nft -j list ruleset", "nft list ruleset"];
        let mut host = bare();
        for (command, status) in commands.into_iter().zip(status) {
            let output = Output { status, ..Output::default() };
            host.commands.insert(command.to_owned(), output);
        }
        let plan = proved(&host, &clients());
        plan.steps[0].command[0].clone()
    };
    assert_eq!(fails([1, 1]), "sh");
    assert_eq!(fails([1, 0]), "nft");
}

#[test]
fn where_there_is_neither_the_plan_says_so() {
    let none = without(bare(), &["iptables-save", "ip6tables-save"]);
    let mut policy = clients();
    policy.by = vec![Strategy::Guard];
    let why = refusal(&none, &policy);
    assert!(why.contains("neither is on this host"), "{why}");
}

#[test]
fn a_manager_that_empties_all_tables_stands_in_the_way() {
    let host = bare()
        .with_file("/etc/firewalld/firewalld.conf", "DefaultZone=public\n")
        .with_command(SYSTEMCTL, "firewalld.service enabled enabled\n");
    let mut policy = clients();
    policy.by = vec![Strategy::Guard];
    let why = refusal(&host, &policy);
    assert!(why.contains("firewalld empties the tables"), "{why}");
}

#[test]
fn other_ports_that_lead_there_are_guarded_as_well() {
    let host = bare()
        .with_command("iptables-save", REDIRECTS)
        .with_command("ip6tables-save", REDIRECTS);
    let plan = proved(&host, &clients());
    assert!(script(&plan).contains("-I INPUT -j MEMSEC\n"));
    assert!(plan.verify(None).unwrap().holds);
}

#[test]
fn a_guard_that_is_there_is_put_right() {
    let mut policy = clients();
    policy.by = vec![Strategy::Guard];
    let host = super::after(&bare(), &policy);
    policy = policy.allow("198.51.100.0/24".parse().unwrap());
    let plan = proved(&host, &policy);
    assert_eq!(kinds(&plan), [StepKind::Guard]);
    assert_eq!(plan.steps[0].undo.as_ref().unwrap().command[0], "sh");
    assert!(plan.verify(None).unwrap().holds);
    // It stays one of iptables where nft has come since.
    let host = host.with_command("nft -j list ruleset", "{\"nftables\": []}");
    let plan = super::tests::plan(&host, &policy);
    assert_eq!(plan.steps[0].command, ["sh", "/etc/memsec/guard.sh"]);
}

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

/// A guard whose script was changed, by what the checker says of it.
fn tampered(from: &str, to: &str) -> crate::Verification {
    let mut plan = proved(&bare(), &clients());
    let file = plan.steps[0].file.as_mut().unwrap();
    let text = file.after.as_mut().unwrap();
    assert!(text.contains(from), "{text}");
    *text = text.replace(from, to);
    plan.verify(None).unwrap()
}

#[test]
fn a_script_that_was_changed_is_refuted() {
    for (from, to) in [
        ("-A MEMSEC -p tcp -m multiport --dports 11211 -j DROP\n", ""),
        ("-I PREROUTING -j MEMSEC\n", ""),
        ("set -eu\n", "set -eu\niptables -F\n"),
        ("RULES\n\nload ip6", "iptables -F\nRULES\n\nload ip6"),
        ("load ip6tables", "load ip7tables"),
        // What would spare every address of IPv6 as that of another host.
        ("! -d ff00::/8 -m addrtype ! --dst-type LOCAL,ANYCAST ", ""),
    ] {
        assert!(!tampered(from, to).holds, "{from}");
    }
}

#[test]
fn its_claims_are_checked_on_its_rules() {
    let fails = |from: &str, to: &str| {
        let found = tampered(from, to);
        let mut failed = found.claims.into_iter().filter(|c| !c.holds);
        failed.next().map(|claim| claim.claim)
    };
    let drop = "-p tcp -m multiport --dports 11211 -j DROP";
    for (from, to, claim) in [
        (drop, &drop.replace("11211", "11212")[..], ClaimKind::OnlyAllowed),
        ("192.0.2.20/32", "192.0.2.0/24", ClaimKind::OnlyAllowed),
        ("192.0.2.20/32", "192.0.2.21/32", ClaimKind::OnlyAllowed),
        (drop, "-p tcp -j DROP", ClaimKind::Unchanged),
    ] {
        assert_eq!(fails(from, to), Some(claim), "{from} {to}");
    }
}
