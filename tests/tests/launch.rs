//! Files that memsec has edited, through Debian's own wrapper and a real
//! memcached: it listens on what the model says, and nothing else.

use std::{
    collections::BTreeSet, io::Write, net::SocketAddr, process::Stdio, thread,
    time::Duration,
};

use memsec_core::{Listener, Policy, Snapshot, audit};
use memsec_tests::{
    namespace::{Namespace, must},
    requirements,
};

const CONF: &str = "/etc/memcached.conf";
const WRAPPER: &str = "/usr/share/memcached/scripts/systemd-memcached-wrapper";

/// Each way in which an edit changes a file: in place, on a new line, in
/// quotes, with what is repeated, with what is left out.
const FILES: &[&str] = &[
    "",
    "-u memcache\n-m 64\n",
    "# -l 127.0.0.1\n-u memcache\n-l 0.0.0.0 # all\n",
    "-d\nlogfile /x\r\n-u memcache\r\n-p 11300\r\n",
    "-u memcache\n-l '0.0.0.0'\n-l ::\n-U 11211\n",
    "-u memcache -l10.0.0.1,::1 -v\n",
    "-u memcache\n--listen=0.0.0.0\n--udp-port=11300\n",
    "-u memcache\n-l -U 0\n",
    "-u memcache\n-l 0.0.0.0:11400",
];

type Sockets = BTreeSet<(String, SocketAddr)>;

#[test]
fn edited_files_do_what_the_model_says() {
    if !requirements::met(&["memcached", "perl", "ss", WRAPPER]) {
        return;
    }
    for text in FILES {
        let host = Namespace::new();
        let before = snapshot(&host, text);
        let plan = audit(&before, &Policy::default()).unwrap().plan();
        assert!(plan.proof.holds, "{text:?}: {plan:?}");
        let mut files = plan.steps.iter().filter_map(|step| step.file.as_ref());
        let change = files.find(|file| file.path == CONF);
        let after = change.and_then(|c| c.after.clone()).unwrap();
        let expected = modelled(&snapshot(&host, &after));
        assert!(!expected.is_empty(), "{text:?} became {after:?}");
        assert!(expected.iter().all(|(_, to)| to.ip().is_loopback()));
        assert_eq!(started(&host, &after, &expected), expected, "{after:?}");
    }
}

fn snapshot(host: &Namespace, text: &str) -> Snapshot {
    let run = |line: &[&str]| {
        let mut command = host.command(line[0]);
        command.args(&line[1..]);
        must(command, "")
    };
    Snapshot::new()
        .with_file(CONF, text)
        .with_command("memcached -V", &run(&["memcached", "-V"]))
        .with_command("ip -j address", &run(&["ip", "-j", "address"]))
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "")
}

fn modelled(snapshot: &Snapshot) -> Sockets {
    let report = audit(snapshot, &Policy::default()).unwrap();
    let all = report.instances.iter().flat_map(|i| &i.listeners);
    let of = |listener: &Listener| match listener {
        Listener::Tcp(to) => ("tcp", to.address, to.port),
        Listener::Udp(to) => ("udp", to.address, to.port),
        Listener::Unix { .. } => panic!("no file asks for it"),
    };
    all.map(of).map(|(p, a, n)| (p.to_owned(), (a, n).into())).collect()
}

/// What is listened on once the wrapper has started memcached: as soon as it
/// is what is expected, or in the end.
fn started(host: &Namespace, text: &str, expected: &Sockets) -> Sockets {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let mut wrapper = host.command(WRAPPER);
    wrapper.arg(file.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = wrapper.spawn().unwrap();
    let mut seen = Sockets::new();
    for _ in 0..100 {
        thread::sleep(Duration::from_millis(20));
        seen = listening(host);
        if seen == *expected {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    seen
}

fn listening(host: &Namespace) -> Sockets {
    let mut ss = host.command("ss");
    ss.args(["-H", "-n", "-l", "-t", "-u"]);
    let text = must(ss, "");
    let of = |line: &str| {
        let mut words = line.split_whitespace();
        let (proto, local) = (words.next()?, words.nth(3)?);
        Some((proto.to_owned(), local.parse().ok()?))
    };
    text.lines().filter_map(of).collect()
}
