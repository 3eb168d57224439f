//! The model against what the real memcached did.

use serde::Deserialize;
use serde_json::Value;

use super::{Listener, Start, instances};
use crate::{
    Snapshot,
    net::{Interface, InterfaceAddress},
    snapshot::{Content, Process, SecretForm},
    truth::shared,
};

const HOSTS: &str = "127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
127.0.1.1 myhost.example.test myhost
192.0.2.10 cache1.example.test cache1
192.0.2.99 elsewhere.example.test elsewhere
2001:db8::10 cache6.example.test cache6
192.0.2.10 dual.example.test
2001:db8::10 dual.example.test
192.0.2.10 notlshost.example.test
192.0.2.10 tagged.example.test
192.0.2.10 protohost.example.test
";
const PASSWD: &str = "root:x:0:0::/root:/bin/sh
nobody:x:65534:65534::/:/bin/false
memcache:x:110:110::/:/bin/false
";

pub(super) fn rows<T: for<'a> Deserialize<'a>>(path: &str) -> Vec<T> {
    let Some(path) = shared(path) else { return Vec::new() };
    let text = std::fs::read_to_string(path).unwrap();
    let parse = |line| serde_json::from_str(line).unwrap();
    text.lines().map(parse).collect()
}

#[derive(Debug, Deserialize)]
struct Row {
    version: String,
    argv: Vec<String>,
    env: std::collections::BTreeMap<String, String>,
    exit: Option<i32>,
    running: bool,
    sockets: Vec<Value>,
    fixture: Option<String>,
    #[serde(default)]
    pre: Vec<String>,
    #[serde(default)]
    hold: Vec<(String, std::net::IpAddr, u16)>,
    uid: Option<u32>,
}

pub(super) fn interfaces(ipv6: bool) -> Vec<Interface> {
    let interface = |name: &str, loopback, addresses: &[(&str, u8)]| {
        let addresses = addresses.iter().map(|&(address, prefix)| {
            let address = address.parse().unwrap();
            InterfaceAddress { address, prefix }
        });
        let addresses = addresses.filter(|own| ipv6 || own.address.is_ipv4());
        let addresses = addresses.collect();
        Interface { name: name.to_owned(), loopback, addresses }
    };
    let eth0 = [
        ("192.0.2.10", 24),
        ("192.0.2.1", 24),
        ("192.0.2.11", 24),
        ("2001:db8::10", 64),
        ("fe80::ff:fe00:a", 64),
    ];
    vec![
        interface("lo", true, &[("127.0.0.1", 8), ("::1", 128)]),
        interface("eth0", false, &eth0),
    ]
}

pub(super) fn network() -> Snapshot {
    let mut snapshot = Snapshot::new()
        .with_file("/etc/hosts", HOSTS)
        .with_file("/etc/passwd", PASSWD);
    let secrets = [
        ("auth", SecretForm::WellFormed),
        ("auth.empty", SecretForm::Empty),
        ("auth.bad", SecretForm::Malformed),
        ("tls/cert.pem", SecretForm::WellFormed),
        ("tls/key.pem", SecretForm::WellFormed),
    ];
    for (name, form) in secrets {
        let path = format!("/etc/memcached-fixtures/{name}");
        snapshot.files.insert(path, Content::Secret(form).into());
    }
    let missing = Content::Error("ENOENT".to_owned());
    snapshot.files.insert("/nonexistent/auth".to_owned(), missing.into());
    let directory = Content::Error("EISDIR".to_owned());
    snapshot.files.insert("/tmp".to_owned(), directory.into());
    snapshot
}

impl Row {
    fn start(&self) -> Start {
        let package = self.version.strip_suffix("debian");
        let process = Process {
            pid: 1,
            argv: self.argv.clone(),
            env: self.env.clone(),
            uid: self.uid,
            version: Some(package.unwrap_or(&self.version).to_owned()),
            package: package.map(|version| format!("{version}-1+deb12u1")),
            ..Process::default()
        };
        let interfaces = interfaces(self.fixture.is_none());
        let mut snapshot = network()
            .with_process(process)
            .with_command("ss -lntupxH", &self.sockets_held());
        for (path, content) in self.files() {
            snapshot.files.insert(path.to_owned(), content.into());
        }
        if let Some(fixture) = &self.fixture {
            assert_eq!(fixture, "disable_ipv6=1");
            let text = "net.ipv6.conf.all.disable_ipv6 = 1\n";
            snapshot = snapshot.with_command("sysctl -a", text);
        }
        let all = instances(&snapshot, Some(&interfaces)).unwrap();
        all.into_iter().next().unwrap().start
    }

    /// What the lines that ran first left behind.
    fn files(&self) -> Vec<(&str, Content)> {
        let left = |line: &String| {
            let mut words = line.split(' ');
            let last = line.rsplit(' ').next()?;
            match words.next()? {
                "touch" => {
                    Some((last.to_owned(), Content::Text(String::new())))
                }
                "ln" => Some((last.to_owned(), Content::Error("ELOOP".into()))),
                _ => None,
            }
        };
        let all = self.pre.iter().filter_map(left);
        all.map(|(path, content)| {
            let path: &str = self.argv.iter().find(|w| **w == path).unwrap();
            (path, content)
        })
        .collect()
    }

    fn sockets_held(&self) -> String {
        let line =
            |(proto, address, port): &(String, std::net::IpAddr, u16)| {
                let state = if proto == "tcp" { "LISTEN" } else { "UNCONN" };
                let local = std::net::SocketAddr::new(*address, *port);
                format!(
                    "{proto} {state} 0 128 {local} 0.0.0.0:* \
                 users:((\"python3\",pid=9,fd=3))\n"
                )
            };
        self.hold.iter().map(line).collect()
    }

    fn expected(&self) -> String {
        if !self.running && self.sockets.is_empty() {
            return format!("exits {}", self.exit.unwrap());
        }
        let mut sockets: Vec<_> = self.sockets.iter().map(socket).collect();
        sockets.sort();
        format!("runs {sockets:?}")
    }
}

fn socket(value: &Value) -> String {
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let address = text("addr").split('%').next().unwrap_or_default();
    let ephemeral = value["ephemeral"].as_bool().unwrap_or_default();
    // -1 in 16 bits, which 1.2.2 binds, was taken for the kernel's choice.
    let chosen = |port: &u64| ephemeral && *port != 65535;
    let port = value["port"].as_u64().filter(|p| !chosen(p)).unwrap_or(0);
    let mode = text("mode");
    format!("{} {address} {port} {mode}", text("proto"))
}

fn seen(start: &Start) -> String {
    let running = match start {
        Start::Runs(running) => running,
        Start::Exits(exit) => {
            return format!("exits {}", exit.status);
        }
    };
    let mut sockets: Vec<_> = running.listeners.iter().map(listener).collect();
    sockets.sort();
    format!("runs {sockets:?}")
}

fn listener(listener: &Listener) -> String {
    match listener {
        Listener::Unix { path, mode } => {
            // What the truth has no mode for could not be looked at.
            let known = path.starts_with('/');
            let mode = mode.as_deref().filter(|_| known).unwrap_or_default();
            format!("unix {path} 0 {mode}")
        }
        _ => {
            let (proto, socket) = listener.socket().unwrap();
            let proto = format!("{proto:?}").to_lowercase();
            format!("{proto} {} {} ", socket.address, socket.port)
        }
    }
}

#[test]
fn every_start_is_as_it_was() {
    let rows: Vec<Row> = rows("truth/memcached/argv.jsonl");
    let mut wrong = 0;
    let mut all = 0;
    for row in rows.iter() {
        all += 1;
        let (expected, start) = (row.expected(), row.start());
        if seen(&start) != expected {
            wrong += 1;
            println!(
                "{} {:?} {:?}: {expected}, not {} {start:.200?}",
                row.version,
                row.argv,
                row.uid,
                seen(&start)
            );
        }
    }
    println!("{} of {all} starts", all - wrong);
    assert_eq!(wrong, 0);
}
