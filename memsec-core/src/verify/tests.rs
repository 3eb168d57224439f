//! Plans that hold, and what becomes of them when they are tampered with.

use super::*;
use crate::{Policy, StepKind, audit};

const ADDRESSES: &str = r#"[
  {"ifname": "lo", "link_type": "loopback", "addr_info": [
    {"local": "127.0.0.1", "prefixlen": 8}, {"local": "::1", "prefixlen": 128}]},
  {"ifname": "eth0", "link_type": "ether", "addr_info": [
    {"local": "192.0.2.10", "prefixlen": 24},
    {"local": "2001:db8:1::10", "prefixlen": 64}]},
  {"ifname": "eth1", "link_type": "ether", "addr_info": [
    {"local": "10.20.0.10", "prefixlen": 24}]}]"#;

const CONF: &str = "-m 64\n-p 11211\n-u memcache\n-l 0.0.0.0\n-U 11211\n";

/// As RHEL ships it: ssh, and everything else rejected.
const RHEL: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n\
     :OUTPUT ACCEPT [0:0]\n\
     -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n\
     -A INPUT -i lo -j ACCEPT\n\
     -A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n\
     -A INPUT -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n";

fn host(rules: &str) -> Snapshot {
    Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_command("iptables-save", rules)
        .with_command("ip6tables-save", rules)
        .with_command("memcached -V", "memcached 1.6.18\n")
        .with_file("/etc/memcached.conf", CONF)
}

/// A plan with every kind of step: a guard, an edit, a restart, a rule.
fn plan(rules: &str) -> Plan {
    let policy = Policy::new().allow("10.20.0.0/24".parse().unwrap());
    let plan = audit(&host(rules), &policy).unwrap().plan();
    assert!(plan.proof.holds, "{:#?}", plan.proof.claims);
    plan
}

/// What the checker says of a plan that was read from JSON.
fn verify(plan: &Plan) -> Verification {
    let again = Plan::from_json("plan", &plan.to_json()).unwrap();
    again.verify(None).unwrap()
}

fn step(plan: &mut Plan, kind: StepKind) -> &mut crate::Step {
    plan.steps.iter_mut().find(|step| step.kind == kind).unwrap()
}

/// The text that a step leaves in its file.
fn text(plan: &mut Plan, kind: StepKind) -> &mut String {
    let file = step(plan, kind).file.as_mut().unwrap();
    file.after.as_mut().unwrap()
}

#[test]
fn a_plan_is_what_it_was_proved_to_be() {
    for rules in ["", RHEL] {
        let found = verify(&plan(rules));
        assert!(found.holds, "{found:#?}");
        assert_eq!(found.claims.len(), 5);
    }
}

#[test]
fn a_plan_with_nothing_to_do_holds() {
    let closed = host(RHEL).with_file(
        "/etc/memcached.conf",
        "-u memcache\n-l 127.0.0.1,::1\n-U 0\n",
    );
    let plan = audit(&closed, &Policy::new()).unwrap().plan();
    assert!(plan.empty && verify(&plan).holds);
}

/// The claim that a plan fails, by its witness.
fn fails(plan: &Plan) -> (ClaimKind, Witness) {
    let found = verify(plan);
    assert!(!found.holds);
    let claim = found.claims.into_iter().find(|claim| !claim.holds);
    let claim = claim.unwrap_or_else(|| panic!("{:?}", found.differs));
    (claim.claim, claim.witness.unwrap())
}

#[test]
fn a_guard_without_a_port_lets_others_in() {
    let mut plan = plan("");
    let guard = text(&mut plan, StepKind::Guard);
    *guard = guard.replace("elements = { 11211 }", "elements = { 11212 }");
    let (claim, witness) = fails(&plan);
    assert_eq!(claim, ClaimKind::OnlyAllowed);
    assert_eq!(witness.packet.unwrap().port, 11211);
}

#[test]
fn a_guard_for_every_port_cuts_ssh() {
    let mut plan = plan("");
    let guard = text(&mut plan, StepKind::Guard);
    *guard = guard.replace(
        "meta l4proto { tcp, udp } th dport @ports counter drop",
        "meta l4proto { tcp, udp } counter drop",
    );
    let found = verify(&plan);
    let failed = |kind| {
        let mut all = found.claims.iter();
        let claim = all.find(|claim| claim.claim == kind).unwrap();
        claim.witness.clone().unwrap()
    };
    let touched = failed(ClaimKind::Unchanged);
    assert_ne!(touched.packet.unwrap().port, 11211);
    let cut = failed(ClaimKind::ManagementKept);
    assert_eq!(cut.packet.unwrap().port, 22);
    assert!(cut.message.contains("MEMSEC-FW-009"), "{}", cut.message);
}

#[test]
fn a_wider_guard_lets_others_in() {
    let mut plan = plan("");
    let guard = text(&mut plan, StepKind::Guard);
    *guard = guard.replace("10.20.0.0/24", "10.0.0.0/8");
    let (claim, witness) = fails(&plan);
    assert_eq!(claim, ClaimKind::OnlyAllowed);
    let from = witness.packet.unwrap().from;
    assert_eq!(from, "10.0.0.0".parse::<std::net::IpAddr>().unwrap());
}

#[test]
fn a_guard_that_drops_before_it_lets_clients_in_keeps_them_out() {
    let mut plan = plan("");
    let guard = text(&mut plan, StepKind::Guard);
    let drop = "\t\tmeta l4proto { tcp, udp } th dport @ports counter drop\n";
    let allow = "\t\tip saddr @allow4";
    *guard = guard.replace(drop, "").replace(allow, &format!("{drop}{allow}"));
    let (claim, witness) = fails(&plan);
    assert_eq!(claim, ClaimKind::AllAllowed);
    assert!(!witness.because.is_empty());
}

#[test]
fn a_rule_behind_the_one_that_drops_keeps_clients_out() {
    let mut plan = plan(RHEL);
    let rule = step(&mut plan, StepKind::Manager);
    assert_eq!(rule.command[3], "INPUT");
    rule.command[2] = "-A".to_owned();
    rule.command.remove(4);
    assert_eq!(fails(&plan).0, ClaimKind::AllAllowed);
}

#[test]
fn a_wider_rule_is_refuted_behind_the_guard_too() {
    let mut plan = plan(RHEL);
    let rule = step(&mut plan, StepKind::Manager);
    let from = rule.command.iter_mut().find(|w| *w == "10.20.0.0/24");
    *from.unwrap() = "10.0.0.0/8".to_owned();
    let (claim, witness) = fails(&plan);
    assert_eq!(claim, ClaimKind::Unchanged);
    let because = witness.because[0].text.clone().unwrap();
    assert!(because.contains("10.0.0.0/8"), "{because}");
}

#[test]
fn a_rule_for_another_port_is_refuted() {
    let mut plan = plan(RHEL);
    let rule = step(&mut plan, StepKind::Manager);
    let port = rule.command.iter_mut().find(|word| *word == "11211");
    *port.unwrap() = "3306".to_owned();
    let found = verify(&plan);
    let unchanged = &found.claims[2];
    assert_eq!(unchanged.claim, ClaimKind::Unchanged);
    assert!(!unchanged.holds, "{found:#?}");
}

#[test]
fn a_plan_that_lacks_a_step_is_another_one() {
    let whole = plan(RHEL);
    for at in 0..whole.steps.len() {
        let mut plan = whole.clone();
        plan.steps.remove(at);
        let found = verify(&plan);
        assert!(!found.holds, "without step {}", at + 1);
    }
}

#[test]
fn so_is_one_in_another_order() {
    let whole = plan(RHEL);
    for at in 1..whole.steps.len() {
        let mut plan = whole.clone();
        plan.steps.swap(at - 1, at);
        assert!(!verify(&plan).holds, "with step {} first", at + 1);
    }
}

#[test]
fn memcached_moves_only_behind_the_guard() {
    let mut plan = plan("");
    // Without the guard, and as if that had been proved.
    let guard = plan.steps.remove(0);
    assert_eq!(guard.kind, StepKind::Guard);
    let own = plan.proof.certificate.as_mut().unwrap();
    own.states.remove(1);
    assert_eq!(fails(&plan).0, ClaimKind::OnlyAllowed);
}

#[test]
fn an_edit_that_opens_memcached_is_refuted() {
    let mut plan = plan("");
    let conf = text(&mut plan, StepKind::Edit);
    *conf = conf.replace("-U 0", "-U 11213");
    let (claim, witness) = fails(&plan);
    assert_eq!(claim, ClaimKind::OnlyAllowed);
    assert_eq!(witness.packet.unwrap().proto, crate::Proto::Udp);
}

#[test]
fn a_step_that_flushes_is_refuted() {
    let mut plan = plan(RHEL);
    for command in [
        &["iptables", "-F"][..],
        &["iptables", "-w", "-P", "INPUT", "ACCEPT"],
        &["sh", "-c", "true"],
    ] {
        let step = step(&mut plan, StepKind::Manager);
        step.command = command.iter().map(|&w| w.to_owned()).collect();
        assert!(!verify(&plan).holds);
    }
}

#[test]
fn rules_that_were_changed_are_not_those_of_the_plan() {
    let mut plan = plan(RHEL);
    let own = plan.proof.certificate.as_mut().unwrap();
    let open = RHEL.replace("-A INPUT -j REJECT", "-A INPUT -j ACCEPT");
    let old = own.rules.insert("iptables-save".to_owned(), Some(open.into()));
    assert!(old.is_some());
    assert!(!verify(&plan).holds);
}

#[test]
fn what_is_not_read_is_said_and_never_held() {
    let hidden = "# Warning: iptables-legacy tables present, use \
                  iptables-legacy-save to see them\n";
    let plan = audit(&host(hidden), &Policy::new()).unwrap().plan();
    assert!(plan.proof.holds);
    let error = plan.verify(None).unwrap_err().to_string();
    assert!(error.contains("rules of the old back end"), "{error}");
}

/// A filter of reverse paths, a set over two lines and a policy that drops.
const LISTING: &str = "table inet filter {\n\tset clients {\n\t\ttype \
    ipv4_addr\n\t\tflags interval\n\t\telements = { 10.20.0.0/24,\n\t\t\t\
    192.0.2.20 }\n\t}\n\tchain raw {\n\t\ttype filter hook prerouting \
    priority raw + 10; policy accept;\n\t\tfib saddr . mark . iif oif missing \
    drop\n\t}\n\tchain input {\n\t\ttype filter hook input priority filter; \
    policy drop;\n\t\tct state established,related accept\n\t\ttcp dport { \
    22, 80-90 } counter packets 1 bytes 40 accept\n\t\tip saddr @clients tcp \
    dport 11211 accept comment \"clients\"\n\t}\n}\n";

#[test]
fn rules_that_only_a_text_of_nft_shows_are_read() {
    let routes = r#"[{"dst": "default", "dev": "eth0"},
        {"dst": "192.0.2.0/24", "dev": "eth0"},
        {"dst": "10.20.0.0/24", "dev": "eth1"}]"#;
    let host = host("")
        .with_command("nft list ruleset", LISTING)
        .with_command("ip -j route", routes)
        .with_command("ip -6 -j route", "[]");
    let policy = Policy::new().allow("10.20.0.0/24".parse().unwrap());
    let plan = audit(&host, &policy).unwrap().plan();
    assert!(plan.proof.holds, "{:#?}", plan.proof.claims);
    let found = verify(&plan);
    assert!(found.holds, "{found:#?}");
}

#[test]
fn a_text_that_is_left_out_is_taken_from_the_snapshot() {
    let mut plan = plan(RHEL);
    let own = plan.proof.certificate.as_mut().unwrap();
    own.rules.values_mut().for_each(|text| *text = None);
    let error = plan.verify(None).unwrap_err().to_string();
    assert!(error.contains("name the snapshot"), "{error}");
    assert!(plan.verify(Some(&host(RHEL))).unwrap().holds);
    let error = plan.verify(Some(&host(""))).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Stale);
}

#[test]
fn a_refused_plan_is_refuted_with_its_witness() {
    let raw = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
               -A PREROUTING -p tcp -m tcp --dport 11211 -j DROP\nCOMMIT\n";
    let policy = Policy::new().allow("10.20.0.0/24".parse().unwrap());
    let plan = audit(&host(raw), &policy).unwrap().plan();
    let found = verify(&plan);
    assert!(!found.holds && found.reason().is_some());
    // To say that it holds makes it no better.
    let mut forged = plan;
    forged.proof.holds = true;
    forged.proof.claims.iter_mut().for_each(|claim| claim.holds = true);
    assert_eq!(fails(&forged).0, ClaimKind::AllAllowed);
}
