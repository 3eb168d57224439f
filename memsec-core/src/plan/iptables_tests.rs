//! Hosts without nft.

use super::{
    Plan, Render, Step, StepKind,
    tests::{REDIRECTS, allow, debian, kinds, proved, refusal},
};
use crate::{
    ClaimKind, Policy, Snapshot, Strategy,
    snapshot::{Output, Process},
};

const OPEN: &str = "-u memcache\n-l 0.0.0.0,::\n-U 11211\n";

pub(super) const FILTER: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n\
     :OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

pub(super) const SYSTEMCTL: &str =
    "systemctl list-unit-files --type=service --no-legend";

pub(super) fn without(snapshot: Snapshot, commands: &[&str]) -> Snapshot {
    commands.iter().fold(snapshot, |mut snapshot, command| {
        let gone = Output { status: 127, ..Output::default() };
        snapshot.commands.insert((*command).to_owned(), gone);
        snapshot
    })
}

/// A host with no nft, and memcached open to everybody.
pub(super) fn bare() -> Snapshot {
    let nft = ["nft -j list ruleset", "nft list ruleset"];
    without(debian(OPEN, FILTER), &nft)
}

/// The same with a daemon that no file starts.
pub(super) fn running() -> Snapshot {
    let mut host = bare().with_process(Process {
        argv: ["-u", "nobody", "-U", "11211"].map(str::to_owned).into(),
        ..Process::default()
    });
    host.files.clear();
    host
}

pub(super) fn clients() -> Policy {
    allow(&["192.0.2.20", "2001:db8:1::20"])
}

/// The text that the step of the guard leaves in its file.
fn script(plan: &Plan) -> String {
    let mut steps = plan.steps.iter();
    let step = steps.find(|step| step.kind == StepKind::Guard).unwrap();
    step.file.as_ref().unwrap().after.clone().unwrap()
}

pub(super) fn persisted(plan: &Plan) -> Vec<&Step> {
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
