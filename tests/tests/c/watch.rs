//! `examples/c/watch.c` on a host of its own.

use std::{
    io::{BufRead, BufReader},
    process::{ChildStderr, Stdio},
};

use memsec_tests::{
    namespace::{Namespace, must},
    requirements,
};

use super::program::Program;

/// An /etc of its own, where one may write.
const ETC: &str = "set -e
at=$(mktemp -d)
mount -t tmpfs none $at
cp -a /etc/. $at
mount --bind $at /etc
rm -f /etc/sysconfig/memcached /etc/default/memcached
printf -- '-l 127.0.0.1\\n-U 0\\n-u memcache\\n' >/etc/memcached.conf
iptables -P INPUT ACCEPT
";

const OPEN: &str = "set -e
printf -- '-l 0.0.0.0\\n-U 0\\n-u memcache\\n' >/etc/new
mv /etc/new /etc/memcached.conf
";

fn host() -> (Namespace, Namespace) {
    let (host, peer) = (Namespace::new(), Namespace::new());
    host.connect(&peer);
    host.address(["192.0.2.10".parse().unwrap()]);
    must(host.command("sh"), ETC);
    (host, peer)
}

/// Reads the log up to a line that ends so.
#[track_caller]
fn wait(log: &mut impl Iterator<Item = String>, end: &str) {
    let mut seen = Vec::new();
    for line in log {
        if line.ends_with(end) {
            return;
        }
        seen.push(line);
    }
    panic!("no {end:?} in {seen:#?}");
}

fn lines(log: ChildStderr) -> impl Iterator<Item = String> {
    BufReader::new(log).lines().map(Result::unwrap)
}

#[test]
fn the_daemon_tells_when_exposure_grows() {
    if !requirements::met(&["cc", "ip", "iptables", "nsenter", "timeout"]) {
        return;
    }
    let (host, _peer) = host();
    let program = Program::new(&["examples/c/watch.c"]);
    let mut command = program.inside(&host);
    let mut watch = command.arg("1").stderr(Stdio::piped()).spawn().unwrap();
    let mut log = lines(watch.stderr.take().unwrap());
    wait(&mut log, "watching");
    must(host.command("sh"), OPEN);
    wait(&mut log, "tcp port 11211 by eth0: now reached from 0.0.0.0/0");
    let iptables = |words: &str| {
        let mut command = host.command("iptables");
        command.args(words.split(' '));
        must(command, "");
    };
    iptables("-I INPUT -s 10.0.0.0/8 -p tcp --dport 11211 -j DROP");
    wait(&mut log, "by eth0: no longer reached from 10.0.0.0/8");
    iptables("-D INPUT -s 10.0.0.0/8 -p tcp --dport 11211 -j DROP");
    wait(&mut log, "by eth0: now reached from 10.0.0.0/8");
    drop(host);
    watch.wait().unwrap();
}
