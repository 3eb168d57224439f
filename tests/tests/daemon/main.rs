//! It is seen to work: the real programs, before and after a plan. A host in
//! a namespace runs memcached, opened to everybody with UDP on; its clients
//! are in a second namespace.

mod apply;
mod bare;
mod container;
mod crash;
mod engine;
mod faults;
mod manager;
mod watch;

use std::{
    thread,
    time::{Duration, Instant},
};

use manager::Manager;
use memsec_core::{
    Cidr, Exposure, Plan, Policy, Proto, Render, Report, audit,
    net::{CidrSet, Family},
};
use memsec_tests::{
    client::{
        self, ALLOWED, Addresses, GLANCE, LOOPBACK, Link, MEMCACHED, OTHER,
        PATIENCE, SERVER,
    },
    firewall::{self, Firewall},
    namespace::Namespace,
    requirements,
    server::{Launch, Server},
};

const PROGRAMS: [&str; 9] = [
    "unshare",
    "nsenter",
    "memcached",
    "/usr/share/memcached/scripts/systemd-memcached-wrapper",
    "ip",
    "iptables-restore",
    "ip6tables-restore",
    "nft",
    "/usr/bin/python3",
];

/// The options of a memcached that is open to everybody.
const EVERYBODY: &str = "-l 0.0.0.0,:: -U 11211";

#[test]
fn debian_remote_clients_no_firewall() {
    hardens(Launch::Debian, &firewall::NONE, &remote());
}

#[test]
fn debian_remote_clients_rules_that_reject() {
    hardens(Launch::Debian, &firewall::REJECT, &remote());
}

#[test]
fn debian_remote_clients_policy_that_drops() {
    hardens(Launch::Debian, &firewall::DROP, &remote());
}

#[test]
fn debian_remote_clients_rules_that_open() {
    hardens(Launch::Debian, &firewall::OPENED, &remote());
}

#[test]
fn sysconfig_remote_clients_no_firewall() {
    hardens(Launch::Sysconfig, &firewall::NONE, &remote());
}

#[test]
fn sysconfig_remote_clients_rules_that_reject() {
    hardens(Launch::Sysconfig, &firewall::REJECT, &remote());
}

#[test]
fn udp_that_is_wanted_no_firewall() {
    hardens(Launch::Debian, &firewall::NONE, &with_udp());
}

#[test]
fn udp_that_is_wanted_rules_that_reject() {
    hardens(Launch::Debian, &firewall::REJECT, &with_udp());
}

#[test]
fn debian_local_only() {
    hardens(Launch::Debian, &firewall::NONE, &Policy::new());
}

#[test]
fn sysconfig_local_only() {
    hardens(Launch::Sysconfig, &firewall::NONE, &Policy::new());
}

#[test]
fn ufw_that_is_closed() {
    is_asked(&manager::UFW, false);
}

#[test]
fn ufw_that_is_open() {
    is_asked(&manager::UFW, true);
}

#[test]
fn firewalld_that_is_closed() {
    is_asked(&manager::FIREWALLD, false);
}

#[test]
fn firewalld_that_is_open() {
    is_asked(&manager::FIREWALLD, true);
}

#[test]
fn firewalld_with_iptables_that_is_open() {
    is_asked(&manager::FIREWALLD_IPTABLES, true);
}

/// The daemon needs no restart here, so only the guard can end it.
#[test]
fn a_connection_that_is_no_longer_allowed_ends() {
    let Some(host) = Host::new(
        Launch::Debian,
        "-l 192.0.2.10,2001:db8:1::10",
        &firewall::NONE,
    ) else {
        return;
    };
    let connect = |from| {
        Link::each(from, SERVER).map(|link| {
            let stream = link.connect(MEMCACHED, PATIENCE).unwrap();
            client::stores(&stream).unwrap();
            stream
        })
    };
    let [allowed, other] =
        [ALLOWED, OTHER].map(|from| host.clients.within(|| connect(from)));
    host.carry_out(&remote());
    for stream in allowed {
        client::stores(&stream).expect("the allowed client's goes on");
    }
    for stream in other {
        client::stores(&stream).expect_err("the other's does not");
    }
}

/// The allowed client and the host itself may reach memcached.
fn remote() -> Policy {
    ALLOWED.map(Cidr::host).into_iter().fold(Policy::new(), Policy::allow)
}

fn with_udp() -> Policy {
    let mut policy = remote();
    policy.udp = true;
    policy
}

/// A host with memcached open to everybody obeys the policy after the plan,
/// and needs no other.
fn hardens(launch: Launch, firewall: &Firewall, policy: &Policy) {
    let Some(host) = Host::new(launch, EVERYBODY, firewall) else { return };
    obeys(&host, firewall.open, policy);
}

/// A host whose firewall has a manager obeys as well, and the manager does
/// what it was asked for also alone, and after it has loaded its files again.
fn is_asked(manager: &Manager, open: bool) {
    if !requirements::met(manager.programs) {
        return;
    }
    let host = Host::new(Launch::Debian, EVERYBODY, &firewall::NONE);
    let Some(host) = host else { return };
    manager.start(&host.server, open);
    let policy = remote();
    obeys(&host, open, &policy);
    manager.stand_alone(&host.server);
    host.expect(ALLOWED, Proto::Tcp, true, &policy);
    host.expect(OTHER, Proto::Tcp, false, &policy);
}

fn obeys(host: &Host, open: bool, policy: &Policy) {
    for party in [ALLOWED, OTHER] {
        for proto in Proto::BOTH {
            host.expect(party, proto, open, policy);
        }
    }
    let beside = host.beside();

    host.carry_out(policy);

    let is_remote = !policy.allow.is_empty();
    host.await_daemon(if is_remote { SERVER } else { LOOPBACK });
    host.expect(ALLOWED, Proto::Tcp, is_remote, policy);
    host.expect(OTHER, Proto::Tcp, false, policy);
    host.expect(ALLOWED, Proto::Udp, is_remote && policy.udp, policy);
    host.expect(OTHER, Proto::Udp, false, policy);
    assert_eq!(host.beside(), beside, "another port changed");
    let again = host.report(policy).plan();
    assert!(again.empty, "there is more to do:\n{}", again.to_json());
}

/// A server and its clients.
struct Host {
    // The server goes first, and with it its end of the cable.
    server: Server,
    clients: Namespace,
}

impl Host {
    /// `None` where this machine cannot have one.
    fn new(launch: Launch, options: &str, firewall: &Firewall) -> Option<Self> {
        let host = Self::bare(&PROGRAMS)?;
        host.server.load(firewall.rules);
        host.server.start(launch, options);
        host.await_daemon(SERVER);
        Some(host)
    }

    /// One without rules and without memcached, that its clients can reach.
    fn bare(programs: &[&str]) -> Option<Self> {
        if !requirements::met(programs) {
            return None;
        }
        let clients = Namespace::new();
        let server = Server::new(&clients);
        clients.address([ALLOWED, OTHER].concat());
        server.stand_in(22);
        server.stand_in(80);
        let host = Self { server, clients };
        // An address of IPv6 can be listened on when the link is there.
        host.await_link();
        Some(host)
    }

    /// Waits until the host itself can use memcached.
    fn await_daemon(&self, at: Addresses) {
        for link in Link::each(at, at) {
            let used = || link.memcached(Proto::Tcp, PATIENCE).is_ok();
            self.server.within(|| eventually(used, link));
        }
    }

    fn await_link(&self) {
        for link in
            [ALLOWED, OTHER].map(|from| Link::each(from, SERVER)).concat()
        {
            let used = || link.echoes(22, PATIENCE).is_ok();
            self.clients.within(|| eventually(used, link));
        }
        // An address that is still tried out makes two snapshots differ.
        let tried = "while ip -6 address show tentative | grep -q .; do \
                     sleep 0.05; done";
        self.server.shell(tried);
    }

    fn report(&self, policy: &Policy) -> Report {
        audit(&self.server.snapshot(), policy).expect("it can be read")
    }

    /// Makes the plan and runs its script while the clients look on.
    fn carry_out(&self, policy: &Policy) {
        let plan = self.report(policy).plan();
        let script = script(&plan);
        let mut shut_out = vec![OTHER];
        shut_out.extend(policy.allow.is_empty().then_some(ALLOWED));
        watch::during(&self.clients, ALLOWED, &shut_out, || {
            self.server.carry_out(&script);
            // What comes up late is seen too.
            thread::sleep(Duration::from_millis(300));
        });
    }

    /// Whether a client reaches memcached, both for real and as memsec says.
    fn expect(&self, from: Addresses, proto: Proto, is: bool, by: &Policy) {
        let exposures = self.report(by).exposures;
        let patience = if is { PATIENCE } else { GLANCE };
        for link in Link::each(from, SERVER) {
            let used = || link.memcached(proto, patience);
            let used = self.clients.within(used);
            let what = format!("{proto:?} of {link:?}");
            assert_eq!(used.is_ok(), is, "{what}: {used:?}");
            let said = said(&exposures, link, proto);
            assert_eq!(said, [is; 2], "may and must, {what}: {exposures:#?}");
        }
    }

    /// Whether the port of another service can be reached.
    fn beside(&self) -> [bool; 2] {
        Link::each(OTHER, SERVER).map(|link| {
            self.clients.within(|| link.echoes(80, PATIENCE).is_ok())
        })
    }
}

fn script(plan: &Plan) -> String {
    let text = plan.to_json();
    assert!(plan.proof.holds, "the plan is not proved:\n{text}");
    assert!(!plan.empty, "there is much to do:\n{text}");
    plan.render(Render::Shell).expect("a plan that is proved has a script")
}

/// Whether memsec says that a client may reach memcached, and that it must.
fn said(exposures: &[Exposure], link: Link, proto: Proto) -> [bool; 2] {
    let is_met = |exposure: &&Exposure| {
        exposure.proto == proto
            && exposure.port == MEMCACHED
            && exposure.family == Family::of(link.from)
            && exposure.interface.as_deref() == Some("eth0")
            && exposure.destinations.contains(&link.to)
    };
    let has = |set: &CidrSet| set.iter().any(|net| net.contains(link.from));
    let met: Vec<_> = exposures.iter().filter(is_met).collect();
    [
        met.iter().any(|found| has(&found.may) && !has(&found.except)),
        met.iter().any(|found| has(&found.must)),
    ]
}

fn eventually(mut is: impl FnMut() -> bool, what: Link) {
    let start = Instant::now();
    while !is() {
        let waited = start.elapsed();
        assert!(waited < Duration::from_secs(10), "{what:?} never works");
        thread::sleep(Duration::from_millis(10));
    }
}
