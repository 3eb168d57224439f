//! The two cases that started this project, and the recipes that went wrong.

use serde_json::{Value, json};

use super::*;
use crate::{audit, snapshot::Process};

const ADDRESSES: &str = r#"[
  {"ifname": "lo", "link_type": "loopback", "addr_info": [
    {"local": "127.0.0.1", "prefixlen": 8}, {"local": "::1", "prefixlen": 128}]},
  {"ifname": "eth0", "link_type": "ether", "addr_info": [
    {"local": "192.0.2.10", "prefixlen": 24},
    {"local": "2001:db8:1::10", "prefixlen": 64}]},
  {"ifname": "eth1", "link_type": "ether", "addr_info": [
    {"local": "10.20.0.10", "prefixlen": 24}]}]"#;

pub(super) const OPEN_CONF: &str = "# memcached\n-m 64\n-p 11211\n-u memcache\n\
                         -l 0.0.0.0\n-U 11211 # for statsd\n";

/// As RHEL ships it: ssh, and everything else rejected.
const RHEL: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n\
     :OUTPUT ACCEPT [0:0]\n\
     -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n\
     -A INPUT -i lo -j ACCEPT\n\
     -A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT\n\
     -A INPUT -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n";

const DROPS: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n\
     :OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n\
     -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
     -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n";

fn host(iptables: &str, ip6tables: &str) -> Snapshot {
    Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_command("iptables-save", iptables)
        .with_command("ip6tables-save", ip6tables)
        .with_command("memcached -V", "memcached 1.6.18\n")
}

pub(super) fn debian(conf: &str, rules: &str) -> Snapshot {
    host(rules, rules).with_file("/etc/memcached.conf", conf)
}

/// A host that tells by which interface an answer leaves.
pub(super) fn routed(host: Snapshot) -> Snapshot {
    let routes = |[eth0, eth1]: [&str; 2]| {
        format!(
            r#"[{{"dst": "default", "dev": "eth0"}},
            {{"dst": "{eth0}", "dev": "eth0"}},
            {{"dst": "{eth1}", "dev": "eth1"}}]"#
        )
    };
    let four = routes(["192.0.2.0/24", "10.20.0.0/24"]);
    let six = routes(["2001:db8:1::/64", "fd00:20::/64"]);
    host.with_command("ip -j route", &four).with_command("ip -6 -j route", &six)
}

fn sysconfig(options: &str, rules: &str) -> Snapshot {
    let text = format!(
        "PORT=\"11211\"\nUSER=\"nobody\"\nMAXCONN=\"1024\"\n\
         CACHESIZE=\"64\"\nOPTIONS=\"{options}\"\n"
    );
    host(rules, rules).with_file("/etc/sysconfig/memcached", &text)
}

pub(super) fn allow(nets: &[&str]) -> Policy {
    let nets = nets.iter().map(|net| net.parse().unwrap());
    nets.fold(Policy::new(), Policy::allow)
}

pub(super) fn plan(snapshot: &Snapshot, policy: &Policy) -> Plan {
    audit(snapshot, policy).unwrap().plan()
}

/// The plan, proved; and that it leaves nothing to do.
pub(super) fn proved(snapshot: &Snapshot, policy: &Policy) -> Plan {
    let plan = plan(snapshot, policy);
    assert!(plan.proof.holds, "{:#?}", plan.proof);
    let again = self::plan(&after(snapshot, policy), policy);
    assert!(again.empty, "{again:#?}");
    plan
}

/// What stands in the way of a plan.
pub(super) fn refusal(snapshot: &Snapshot, policy: &Policy) -> String {
    let plan = plan(snapshot, policy);
    assert!(!plan.proof.holds, "{:#?}", plan.proof);
    let mut fails = plan.proof.claims.into_iter().filter(|c| !c.holds);
    fails.next().and_then(|claim| claim.witness).unwrap_or_default().message
}

/// A chain of nft that drops what it does not know, and its file.
fn native() -> Snapshot {
    let listing = json!({ "nftables": [
        { "table": { "family": "inet", "name": "filter" }},
        { "chain": {
            "family": "inet", "table": "filter", "name": "input",
            "type": "filter", "hook": "input", "prio": 0, "policy": "drop",
        }},
        { "rule": {
            "family": "inet", "table": "filter", "chain": "input",
            "handle": 3, "expr": [
                { "match": {
                    "op": "==", "left": { "meta": { "key": "iif" }},
                    "right": "lo",
                }},
                { "accept": null },
            ],
        }},
    ]});
    debian(OPEN_CONF, "")
        .with_command("nft -j list ruleset", &listing.to_string())
        .with_file(
            "/etc/nftables.conf",
            "table inet filter {\n  chain input {\n    type filter hook input \
             priority 0; policy drop;\n    iif lo accept\n  }\n}\n",
        )
}

#[test]
fn native_rules_that_drop_get_an_accept_before_them() {
    let plan = proved(&native(), &allow(&["192.0.2.20", "2001:db8:1::/64"]));
    let of = |kind| plan.steps.iter().filter(move |s| s.kind == kind);
    let commands: Vec<_> =
        of(StepKind::Manager).map(|step| step.command.join(" ")).collect();
    assert_eq!(
        commands,
        [
            "nft insert rule inet filter input ip saddr 192.0.2.20 tcp \
             dport 11211 accept comment \"memsec tcp 11211 from \
             192.0.2.20\"",
            "nft insert rule inet filter input ip6 saddr 2001:db8:1::/64 tcp \
             dport 11211 accept comment \"memsec tcp 11211 from \
             2001:db8:1::/64\"",
        ]
    );
    let kept = of(StepKind::Persist).filter_map(|s| s.file.as_ref());
    let kept: Vec<_> =
        kept.filter(|file| file.path == "/etc/nftables.conf").collect();
    assert_eq!(kept.len(), 2);
    assert!(plan.verify(None).unwrap().holds);
}

/// Another port leads to memcached's.
pub(super) const REDIRECTS: &str = "*nat\n:PREROUTING ACCEPT [0:0]\n\
    :INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n\
    -A PREROUTING -p tcp -m tcp --dport 11212 -j REDIRECT --to-ports 11211\n\
    COMMIT\n";

#[test]
fn another_port_that_leads_to_memcached_is_guarded_as_well() {
    let plan = proved(&debian(OPEN_CONF, REDIRECTS), &allow(&["192.0.2.20"]));
    let mut guards = plan.steps.iter().filter_map(|s| s.guard.as_ref());
    assert!(guards.next().unwrap().redirected);
    assert!(plan.verify(None).unwrap().holds);
}

#[test]
fn an_address_that_the_host_has_not_is_named() {
    let policy = allow(&["192.0.2.20"]).bind([10, 9, 9, 9].into());
    let why = refusal(&debian(OPEN_CONF, ""), &policy);
    assert!(why.contains("bind(10.9.9.9): Cannot assign"), "{why}");
}

#[test]
fn an_address_for_a_daemon_that_no_file_starts_is_named() {
    let snapshot = host("", "").with_process(Process {
        pid: 7,
        exe: "/usr/bin/memcached".to_owned(),
        argv: ["-u", "nobody"].map(str::to_owned).into(),
        ..Process::default()
    });
    let policy = allow(&["192.0.2.20"]).bind([192, 0, 2, 10].into());
    let why = refusal(&snapshot, &policy);
    assert!(why.contains("listen on 192.0.2.10"), "{why}");
    assert!(plan(&snapshot, &allow(&["192.0.2.20"])).proof.holds);
}

/// A listing of nft, and the guard's in the place of the guard that it has.
fn beside(known: &str, guard: &str) -> String {
    let objects = |text: &str| {
        let mut all = serde_json::from_str(text).unwrap_or(Value::Null);
        all["nftables"].as_array_mut().map(std::mem::take).unwrap_or_default()
    };
    let is_own = |object: &Value| {
        let own = |one: &Value| one["table"] == "memsec";
        object["table"]["name"] == "memsec"
            || object.as_object().is_some_and(|all| all.values().any(own))
    };
    let mut all = objects(known);
    all.retain(|object| !is_own(object));
    all.extend(objects(guard));
    json!({ "nftables": all }).to_string()
}

/// The host after its plan.
pub(crate) fn after(snapshot: &Snapshot, policy: &Policy) -> Snapshot {
    let host = Host::new(snapshot).unwrap();
    let draft = draft(snapshot, &host, policy).unwrap();
    match (&draft.guard, &draft.loader) {
        (Some(guard), Loader::Iptables(families)) => {
            families.iter().fold(draft.snapshot.clone(), |host, &family| {
                let command = crate::managers::save(family);
                let known = host.output(command).unwrap();
                let dump = guard::with(known.text(), guard, family);
                host.with_command(command, &dump)
            })
        }
        (Some(guard), Loader::Nft) => {
            let command = "nft -j list ruleset";
            let known = draft.snapshot.output(command);
            let known = known.as_ref().map_or("", |known| known.text());
            let listing = beside(known, guard.to_listing().text());
            draft.snapshot.clone().with_command(command, &listing)
        }
        (None, _) => draft.snapshot.clone(),
    }
}

pub(super) fn kinds(plan: &Plan) -> Vec<StepKind> {
    plan.steps.iter().map(|step| step.kind).collect()
}

fn file<'a>(plan: &'a Plan, path: &str) -> &'a str {
    let files = plan.steps.iter().filter_map(|step| step.file.as_ref());
    let mut own = files.filter(|file| file.path == path);
    own.next_back().unwrap().after.as_deref().unwrap()
}

use StepKind::{Edit, Guard as Guarded, Manager, Persist, Service};

#[test]
fn case_a_debian_listens_on_loopback_without_udp() {
    let plan = proved(&debian(OPEN_CONF, ""), &Policy::new());
    assert_eq!(kinds(&plan), [Edit, Service]);
    assert_eq!(
        file(&plan, "/etc/memcached.conf"),
        "# memcached\n-m 64\n-p 11211\n-u memcache\n\
         -l 127.0.0.1,::1\n-U 0 # for statsd\n"
    );
}

#[test]
fn case_a_rhel_listens_on_loopback_without_udp() {
    let plan = proved(&sysconfig("", ""), &Policy::new());
    assert_eq!(kinds(&plan), [Edit, Service]);
    let text = file(&plan, "/etc/sysconfig/memcached");
    assert!(text.contains("-l 127.0.0.1,::1"), "{text}");
    assert!(text.starts_with("PORT=\"11211\"\nUSER=\"nobody\"\n"), "{text}");
}

#[test]
fn a_host_that_is_right_needs_nothing() {
    let conf = "-p 11211\n-u memcache\n-l 127.0.0.1\n";
    assert!(proved(&debian(conf, ""), &Policy::new()).empty);
    let options = "-l 127.0.0.1,::1 -U 0";
    assert!(proved(&sysconfig(options, ""), &Policy::new()).empty);
}

#[test]
fn case_b_guards_and_binds_to_the_clients_network() {
    let plan = proved(&debian(OPEN_CONF, ""), &allow(&["10.20.0.0/24"]));
    assert_eq!(kinds(&plan), [Guarded, Edit, Service, Persist]);
    let conf = file(&plan, "/etc/memcached.conf");
    assert!(conf.contains("-l 10.20.0.10,127.0.0.1\n-U 0 "), "{conf}");
    let guard = file(&plan, "/etc/memsec/guard.nft");
    assert!(guard.contains("elements = { 10.20.0.0/24 }"), "{guard}");
}

#[test]
fn case_b_binds_where_it_is_told_to() {
    let policy = allow(&["10.20.0.0/24"]).bind("10.20.0.10".parse().unwrap());
    let plan = proved(&sysconfig("", ""), &policy);
    let text = file(&plan, "/etc/sysconfig/memcached");
    assert!(text.contains("-l 10.20.0.10,127.0.0.1"), "{text}");
}

#[test]
fn case_b_serves_both_families() {
    let policy = allow(&["192.0.2.20", "2001:db8:1::20"]);
    let conf = OPEN_CONF.replace("-l 0.0.0.0\n", "");
    let plan = proved(&debian(&conf, ""), &policy);
    let conf = file(&plan, "/etc/memcached.conf");
    let listen = "-l 192.0.2.10,2001:db8:1::10,127.0.0.1,::1";
    assert!(conf.contains(listen), "{conf}");
}

#[test]
fn case_b_puts_the_rule_before_the_one_that_rejects() {
    let plan = proved(&debian(OPEN_CONF, RHEL), &allow(&["10.20.0.0/24"]));
    let rule = plan.steps.iter().find(|step| step.kind == Manager).unwrap();
    let text = rule.command.join(" ");
    assert!(text.starts_with("iptables -w -I INPUT 4 -s 10.20.0.0/24 "));
}

#[test]
fn case_b_appends_the_rule_where_only_the_policy_drops() {
    let plan = proved(&debian(OPEN_CONF, DROPS), &allow(&["2001:db8:1::20"]));
    let rule = plan.steps.iter().find(|step| step.kind == Manager).unwrap();
    let text = rule.command.join(" ");
    assert!(text.starts_with("ip6tables -w -A INPUT -s 2001:db8:1::20/128"));
}

#[test]
fn the_rule_is_there_after_a_reboot() {
    let snapshot =
        debian(OPEN_CONF, RHEL).with_file("/etc/iptables/rules.v4", RHEL);
    let plan = proved(&snapshot, &allow(&["10.20.0.0/24"]));
    let text = file(&plan, "/etc/iptables/rules.v4");
    let rules: Vec<_> = text.lines().collect();
    let at = rules.iter().position(|line| line.contains("10.20.0.0/24"));
    assert!(rules[at.unwrap() + 1].contains("REJECT"), "{text}");
}

#[test]
fn a_firewall_that_is_right_needs_no_guard() {
    let rules = DROPS.replace(
        "COMMIT",
        "-A INPUT -s 10.20.0.0/24 -p tcp -m tcp --dport 11211 -j ACCEPT\n\
         COMMIT",
    );
    let conf = "-u memcache\n-l 10.20.0.10\n-U 0\n";
    let snapshot = host(&rules, DROPS).with_file("/etc/memcached.conf", conf);
    let plan = proved(&snapshot, &allow(&["10.20.0.0/24"]));
    assert!(plan.empty, "{plan:#?}");
}

#[test]
fn a_daemon_on_loopback_moves_behind_the_guard() {
    let conf = "-u memcache\n-l 127.0.0.1\n-U 0\n";
    let plan = proved(&debian(conf, ""), &allow(&["10.20.0.0/24"]));
    assert_eq!(kinds(&plan), [Guarded, Edit, Service, Persist]);
}

#[test]
fn the_recipe_that_takes_memcached_down_is_repaired() {
    let plan = proved(&sysconfig("-l -U 0", ""), &Policy::new());
    assert_eq!(kinds(&plan), [Edit, Service]);
    let text = file(&plan, "/etc/sysconfig/memcached");
    // The stray word that is left is one that memcached ignores.
    assert!(text.contains("\"-l 127.0.0.1,::1 0\"\n"), "{text}");
}

#[test]
fn a_daemon_that_does_not_start_for_another_reason_is_left_alone() {
    let conf = "-u nosuchuser\n-l 127.0.0.1\n";
    let snapshot = debian(conf, "")
        .with_file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    assert!(proved(&snapshot, &Policy::new()).empty);
}

#[test]
fn a_process_without_a_file_is_guarded() {
    let process = Process {
        pid: 7,
        argv: ["-u", "nobody"].map(str::to_owned).to_vec(),
        version: Some("1.6.18".to_owned()),
        ..Process::default()
    };
    let snapshot = host("", "").with_process(process);
    let plan = proved(&snapshot, &Policy::new());
    assert_eq!(kinds(&plan), [Guarded, Persist]);
}

#[test]
fn a_daemon_that_still_runs_with_its_old_arguments_is_restarted() {
    let process = Process {
        pid: 7,
        argv: ["-u", "memcache"].map(str::to_owned).to_vec(),
        ..Process::default()
    };
    let conf = "-u memcache\n-l 127.0.0.1\n-U 0\n";
    let snapshot = debian(conf, "").with_process(process);
    let plan = proved(&snapshot, &Policy::new());
    assert_eq!(kinds(&plan), [Service]);
}

#[test]
fn clients_that_may_come_by_any_address_keep_every_one() {
    let plan = proved(&debian(OPEN_CONF, ""), &allow(&["203.0.113.7"]));
    let conf = file(&plan, "/etc/memcached.conf");
    assert!(conf.contains("-l 0.0.0.0\n-U 0 "), "{conf}");
}

#[test]
fn which_address_such_clients_should_move_to_must_be_said() {
    let conf = "-u memcache\n-l 127.0.0.1\n-U 0\n";
    let plan = plan(&debian(conf, ""), &allow(&["203.0.113.7"]));
    assert!(plan.render(Render::Shell).is_err());
    let text = plan.render(Render::Text).unwrap();
    assert!(text.contains("name it with --bind"), "{text}");
}

/// As firewalld does it, and with a client network that the host itself is
/// on: nobody comes from its own addresses.
#[test]
fn clients_whose_way_back_is_known_pass_a_filter_of_reverse_paths() {
    let filter = "table inet t {\n\tchain p {\n\t\ttype filter hook \
                  prerouting priority filter;\n\t\tfib saddr . mark . iif \
                  oif missing drop\n\t}\n}\n";
    let four = r#"[{"dst": "192.0.2.0/24", "dev": "eth0"}]"#;
    let six = r#"[{"dst": "default", "dev": "eth0"},
        {"dst": "2001:db8:1::/64", "dev": "eth0"}]"#;
    let host = debian(OPEN_CONF, "")
        .with_command("nft list ruleset", filter)
        .with_command("ip -j route", four)
        .with_command("ip -6 -j route", six);
    for clients in ["2001:db8:1::20", "2001:db8:1::/64", "192.0.2.0/24"] {
        let plan = plan(&host, &allow(&[clients]));
        assert!(plan.proof.holds, "{clients}: {:#?}", plan.proof.claims);
    }
}

#[test]
fn a_rule_that_nothing_can_go_before_refuses_the_plan() {
    let rules = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A PREROUTING -p tcp -m tcp --dport 11211 -j DROP\nCOMMIT\n";
    let policy = allow(&["10.20.0.0/24"]);
    let plan = plan(&debian(OPEN_CONF, rules), &policy);
    let fails: Vec<_> = plan.proof.claims.iter().filter(|c| !c.holds).collect();
    assert_eq!(fails.len(), 1);
    assert_eq!(fails[0].claim, ClaimKind::AllAllowed);
    let witness = fails[0].witness.as_ref().unwrap();
    assert!(witness.packet.is_some());
}

#[test]
fn a_start_that_a_shell_decides_is_open_until_it_is_guarded() {
    let snapshot = debian("-u memcache\n-l `address`\n", "");
    let report = audit(&snapshot, &Policy::new()).unwrap();
    assert!(report.exposures.iter().any(|e| !e.exact && !e.may.is_empty()));
    let plan = report.plan();
    assert_eq!(kinds(&plan), [Guarded, Persist]);
    assert!(plan.proof.holds);
}

#[test]
fn an_unknown_firewall_is_not_proved_to_admit() {
    let snapshot = Snapshot::new()
        .with_command("ip -j address", ADDRESSES)
        .with_file("/etc/memcached.conf", OPEN_CONF);
    let plan = plan(&snapshot, &allow(&["10.20.0.0/24"]));
    assert!(!plan.proof.holds);
}

mod laws {
    use proptest::{
        prelude::*, sample::select, sample::subsequence, strategy::Strategy,
    };

    use super::*;
    use crate::State;

    const LISTEN: [&str; 6] = [
        "",
        "-l 0.0.0.0",
        "-l ::",
        "-l 127.0.0.1",
        "-l 192.0.2.10",
        "-l 127.0.0.1,10.20.0.10",
    ];
    const UDP: [&str; 3] = ["", "-U 0", "-U 11211"];
    const RULES: [&str; 8] = [
        "-i lo -j ACCEPT",
        "-m state --state RELATED,ESTABLISHED -j ACCEPT",
        "-p tcp -m tcp --dport 22 -j ACCEPT",
        "-p tcp -m tcp --dport 11211 -j ACCEPT",
        "-p udp -m udp --dport 11211 -j DROP",
        "-i eth1 -j ACCEPT",
        "-p tcp -m limit --limit 5/sec -j ACCEPT",
        "-j REJECT",
    ];
    const CLIENTS: [&str; 5] = [
        "10.20.0.0/24",
        "192.0.2.20",
        "192.0.2.0/24",
        "2001:db8:1::20",
        "fd00::/8",
    ];

    fn dump() -> impl Strategy<Value = String> {
        let rules = subsequence(&RULES[..], 0..=RULES.len()).prop_shuffle();
        (select(&["ACCEPT", "DROP"][..]), rules).prop_map(|(policy, rules)| {
            let rules: String =
                rules.iter().map(|r| format!("-A INPUT {r}\n")).collect();
            format!("*filter\n:INPUT {policy} [0:0]\n{rules}COMMIT\n")
        })
    }

    fn any_host() -> impl Strategy<Value = Snapshot> {
        let options = (select(&LISTEN[..]), select(&UDP[..]));
        let kinds = (any::<bool>(), any::<bool>());
        (kinds, options, dump(), dump()).prop_map(
            |((conf, nft), (listen, udp), four, six)| {
                let mut host = host(&four, &six);
                if !nft {
                    let gone = crate::snapshot::Output {
                        status: 127,
                        ..Default::default()
                    };
                    let command = "nft -j list ruleset".to_owned();
                    host.commands.insert(command, gone);
                }
                if conf {
                    let text = format!("-u memcache\n{listen}\n{udp}\n");
                    host.with_file("/etc/memcached.conf", &text)
                } else {
                    let text = format!(
                        "PORT=11211\nUSER=nobody\nMAXCONN=1024\n\
                         CACHESIZE=64\nOPTIONS=\"{listen} {udp}\"\n"
                    );
                    host.with_file("/etc/sysconfig/memcached", &text)
                }
            },
        )
    }

    fn any_policy() -> impl Strategy<Value = Policy> {
        subsequence(&CLIENTS[..], 0..4).prop_map(|nets| allow(&nets))
    }

    /// A packet for another port, or for another host.
    fn any_other_packet() -> impl Strategy<Value = crate::Packet> {
        let froms = select(&["10.20.0.7", "192.0.2.20", "203.0.113.9"][..]);
        let ports = select(&[22u16, 80, 53, 11210, 11212, 40000][..]);
        let states = select(&[State::New, State::Established][..]);
        let to = select(&["192.0.2.10", "10.20.0.10", "10.20.0.99"][..]);
        let proto = select(&crate::Proto::BOTH[..]);
        (froms, ports, states, to, proto, any::<bool>()).prop_map(
            |(from, port, state, to, proto, other)| {
                let mut packet = crate::Packet::new(from.parse().unwrap());
                packet.to = Some(to.parse().unwrap());
                packet.interface = Some("eth0".to_owned());
                // memcached's port, of another host.
                let elsewhere = to == "10.20.0.99" && other;
                packet.port = if elsewhere { 11211 } else { port };
                (packet.state, packet.proto) = (state, proto.into());
                packet
            },
        )
    }

    /// Whether somebody gets in that the policy does not allow.
    fn open(snapshot: &Snapshot, policy: &Policy) -> bool {
        let host = Host::new(snapshot).unwrap();
        let reached = crate::audit::reached(&host, policy);
        reached.iter().any(|r| !r.beyond(policy).is_empty())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_proved_plan_does_what_it_claims_and_leaves_nothing_to_do(
            snapshot in any_host(),
            policy in any_policy(),
        ) {
            let plan = plan(&snapshot, &policy);
            prop_assume!(plan.proof.holds);
            let after = after(&snapshot, &policy);
            prop_assert!(!open(&after, &policy));
            let again = super::plan(&after, &policy);
            prop_assert!(again.empty, "{again:#?}");
            prop_assert_eq!(plan.empty, plan.steps.is_empty());
            // The independent checker may not read all; it never disagrees.
            if let Ok(found) = plan.verify(None) {
                prop_assert!(found.holds, "{found:#?}");
            }
        }

        #[test]
        fn nobody_but_this_host_can_always_be_had(snapshot in any_host()) {
            let plan = plan(&snapshot, &Policy::new());
            prop_assert!(plan.proof.holds, "{:#?}", plan.proof);
        }

        #[test]
        fn to_allow_more_opens_no_more(
            snapshot in any_host(),
            policy in any_policy(),
        ) {
            let wider = policy.clone().allow("198.51.100.0/24".parse().unwrap());
            prop_assert!(open(&snapshot, &policy) || !open(&snapshot, &wider));
        }
    }

    proptest! {
        // Each makes a plan without optimisation.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_step_touches_what_is_not_for_memcached(
            snapshot in any_host(),
            policy in any_policy(),
            packets in proptest::collection::vec(any_other_packet(), 8),
        ) {
            let host = Host::new(&snapshot).unwrap();
            let draft = draft(&snapshot, &host, &policy).unwrap();
            prop_assume!(prove::proof(&host, &draft).holds);
            for packet in packets {
                let told = |host: &Host| {
                    let told = host.explain(&packet).unwrap();
                    (told.verdict, told.certain, told.answer)
                };
                prop_assert_eq!(told(&host), told(&draft.host), "{:?}", packet);
            }
        }

        #[test]
        fn a_wider_policy_keeps_nobody_out(
            snapshot in any_host(),
            policy in any_policy(),
        ) {
            let wider = policy.clone().allow("198.51.100.0/24".parse().unwrap());
            let plan = plan(&snapshot, &wider);
            prop_assume!(plan.proof.holds);
            let host = Host::new(&after(&snapshot, &wider)).unwrap();
            let reached = crate::audit::reached(&host, &policy);
            prop_assert!(shut_out(&host, &policy, &reached).is_empty());
        }
    }
}
