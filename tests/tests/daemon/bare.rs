//! Hosts that have no nft, or no systemd.

use memsec_core::{Policy, Proto, Strategy, system::Ended};
use memsec_tests::{
    client::{ALLOWED, OTHER, SERVER},
    server::Launch,
};

use super::{EVERYBODY, Host, PROGRAMS, apply::goes_there_and_back, remote};

/// hide DIRECTORY PROGRAM: what is mounted there then has all but the program.
const HIDE: &str = "\
hide() {
    mkdir -p \"/run/real$1\" \"/run/shown$1\"
    mount --bind \"$1\" \"/run/real$1\"
    ln -s \"/run/real$1\"/* \"/run/shown$1\"
    rm \"/run/shown$1/$2\"
    mount --bind \"/run/shown$1\" \"$1\"
}
";

/// Has iptables be that of the old back end.
const LEGACY: &str = "\
for name in iptables ip6tables; do
    for end in '' -save -restore; do
        ln -sf \"/usr/sbin/$name-legacy$end\" \"/etc/alternatives/$name$end\"
    done
done";

/// Takes systemd away, and leaves what Debian has for others.
const NO_SYSTEMD: &str = "\
hide /usr/bin systemctl
rm /run/bin/systemctl
rmdir /run/systemd/system
mkdir -p /etc/init.d /etc/rc0.d /etc/rc1.d /etc/rc2.d /etc/rc3.d /etc/rc4.d \
    /etc/rc5.d /etc/rc6.d /etc/rcS.d
echo 12.1 >/etc/debian_version";

/// What others have in the table of the guard.
const MARKS: &str = "*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth9 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
";

/// A host without nft, and memcached on it open to everybody.
fn bare(prepare: &str) -> Option<Host> {
    let host = Host::bare(&PROGRAMS)?;
    host.server.shell(&[HIDE, "hide /usr/sbin nft\n", prepare].concat());
    host.server.load([MARKS; 2]);
    host.server.start(Launch::Debian, EVERYBODY);
    host.await_daemon(SERVER);
    Some(host)
}

#[test]
fn without_nft_there_and_back() {
    if let Some(host) = bare("") {
        goes_there_and_back(&host, &remote());
    }
}

#[test]
fn without_nft_there_and_back_with_the_old_back_end() {
    if let Some(host) = bare(LEGACY) {
        goes_there_and_back(&host, &remote());
        let dump = host.server.shell("iptables-save");
        assert!(!dump.contains("nf_tables"), "{dump}");
    }
}

/// The guard comes back after a boot: by the script that its unit runs, which
/// can run again.
#[test]
fn without_nft_the_guard_comes_back() {
    let Some(host) = bare("") else { return };
    let policy = guarded();
    super::obeys(&host, true, &policy);
    let calls = "iptables-save -t mangle | grep -c -e '-j MEMSEC'";
    host.server.shell("systemctl restart memsec-guard.service");
    assert_eq!(host.server.shell(calls).trim(), "1");
    let rules = host.server.shell("ip6tables-save | grep '^-A'");
    host.server.load([MARKS; 2]);
    host.expect(OTHER, Proto::Tcp, true, &policy);
    host.server.shell("systemctl restart memsec-guard.service");
    assert_eq!(host.server.shell("ip6tables-save | grep '^-A'"), rules);
    host.expect(OTHER, Proto::Tcp, false, &policy);
    host.expect(ALLOWED, Proto::Tcp, true, &policy);
}

/// The guard that was there before is put back, or none.
#[test]
fn without_nft_a_script_that_fails_undoes_the_guard() {
    let Some(host) = bare("mkdir /etc/memsec") else { return };
    let mut policy = guarded();
    for _ in 0..2 {
        let before = host.server.state();
        let script = super::script(&host.report(&policy).plan());
        host.server.write(
            "/run/fails.sh",
            &script.replace("\nstep=done\n", "\nfalse\n"),
        );
        host.server.shell("! sh /run/fails.sh 2>/dev/null");
        host.becomes(&before);
        host.server.carry_out(&script);
        policy = policy.allow("198.51.100.0/24".parse().unwrap());
    }
}

#[test]
fn without_systemd_an_init_script_is_enabled() {
    if !memsec_tests::requirements::met(&["update-rc.d"]) {
        return;
    }
    let Some(host) = bare("") else { return };
    host.server.shell(&[HIDE, NO_SYSTEMD].concat());
    let before = host.server.state();
    let plan = host.report(&guarded()).plan().to_json();
    let outcome = host.server.memsec(&["apply"], &plan).unwrap();
    assert_eq!(outcome.state, Ended::Confirmed, "{outcome:#?}");
    host.server.load([MARKS; 2]);
    host.server.shell("for script in /etc/rc2.d/S*; do $script start; done");
    host.expect(OTHER, Proto::Tcp, false, &guarded());
    let again = host.report(&guarded()).plan();
    assert!(again.empty, "there is more to do:\n{}", again.to_json());
    let outcome = host.server.memsec(&["rollback", &outcome.name], "");
    assert_eq!(outcome.unwrap().state, Ended::RolledBack);
    host.becomes(&before);
}

/// Only the guard keeps others out.
fn guarded() -> Policy {
    let mut policy = remote();
    policy.by = vec![Strategy::Guard];
    policy
}
