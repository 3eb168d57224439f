//! The real memcached is asked, on ports of loopback that are free.

use std::{
    net::{TcpListener, UdpSocket},
    process::{Child, Command, Stdio},
    thread,
};

use proptest::prelude::*;

use super::*;

/// A memcached of this test; it ends with it.
struct Daemon(Child);

impl Daemon {
    /// `None` where there is no memcached, and says so.
    fn start(arguments: &[&str]) -> Option<Self> {
        let child = Command::new("memcached")
            .args(["-u", "nobody"])
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Some(Self(child)),
            Err(error) => {
                println!("skipped: memcached does not start: {error}");
                None
            }
        }
    }

    /// Asks until it is there.
    fn answers<T>(&self, ask: impl Fn(u32) -> Option<T>) -> T {
        for _ in 0..100 {
            if let Some(answer) = ask(self.0.id()) {
                return answer;
            }
            thread::sleep(Duration::from_millis(30));
        }
        panic!("memcached never answers");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that is free, for TCP and for UDP.
fn port() -> u16 {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address.port();
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

#[test]
fn a_daemon_tells_over_tcp() {
    let port = port();
    let list = format!("127.0.0.1:{port}");
    let Some(daemon) = Daemon::start(&["-l", &list, "-m", "8"]) else { return };
    let answer = daemon.answers(|_| Way::Tcp(loopback(port)).ask());
    assert!(answer.version.unwrap().starts_with("1."));
    assert_eq!(answer.settings.get("inter"), Some(list.as_str()));
}

#[test]
fn a_daemon_tells_over_a_unix_socket() {
    let path = format!("/tmp/memsec-probe-{}.sock", std::process::id());
    let Some(daemon) = Daemon::start(&["-s", &path]) else { return };
    let way = |pid| Way::Unix { pid, path: path.clone() };
    let answer = daemon.answers(|pid| way(pid).ask());
    assert_eq!(answer.settings.get("domain_socket"), Some(path.as_str()));
    drop(daemon);
    let _ = std::fs::remove_file(&path);
}

#[test]
fn a_daemon_tells_over_udp_how_much_comes_back() {
    let port = port();
    let text = port.to_string();
    let arguments = ["-l", "127.0.0.1", "-p", &text, "-U", &text];
    let Some(daemon) = Daemon::start(&arguments) else { return };
    daemon.answers(|_| Way::Tcp(loopback(port)).ask());
    let answer = Way::Udp(loopback(port)).datagram().unwrap();
    assert_eq!((answer.sent, answer.datagrams), (17, 1));
    assert!((20..40).contains(&answer.received), "{answer:?}");
}

#[test]
fn a_daemon_that_wants_a_password_does_not_tell() {
    let path = format!("/tmp/memsec-probe-{}.auth", std::process::id());
    std::fs::write(&path, "user:pass\n").unwrap();
    let port = port();
    let list = format!("127.0.0.1:{port}");
    let arguments = ["-l", &list, "-Y", &path];
    let Some(daemon) = Daemon::start(&arguments) else { return };
    daemon.answers(|_| TcpStream::connect(loopback(port)).ok());
    assert_eq!(Way::Tcp(loopback(port)).ask(), None);
    drop(daemon);
    let _ = std::fs::remove_file(&path);
}

#[test]
fn a_whole_host_is_asked() {
    let port = port();
    let text = port.to_string();
    let arguments = ["-l", "127.0.0.1", "-p", &text, "-U", &text];
    let Some(daemon) = Daemon::start(&arguments) else { return };
    daemon.answers(|_| Way::Tcp(loopback(port)).ask());
    let snapshot = crate::system::collect_with(Probe { udp: true }).unwrap();
    let pid = daemon.0.id();
    let mut own = snapshot.processes.iter().filter(|p| p.pid == pid);
    let own = own.next().expect("it runs");
    if own.settings.is_none() {
        let ss = snapshot.commands.get("ss -lntupxH");
        assert_ne!(ss.map(|ss| ss.status), Some(0), "{ss:?}");
        println!("skipped: no ss");
        return;
    }
    let settings = own.settings.as_ref().unwrap();
    assert_eq!(settings.get("udpport"), Some(text.as_str()));
    assert_eq!(own.udp.unwrap().datagrams, 1);
    let unasked = crate::system::collect().unwrap();
    assert!(unasked.processes.iter().all(|process| process.udp.is_none()));
}

#[test]
fn a_hostile_daemon_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
        }
    });
    let start = Instant::now();
    assert_eq!(Way::Tcp(to).ask(), None);
    assert!(start.elapsed() < 4 * PATIENCE);
}

#[test]
fn a_daemon_that_says_nothing_is_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let start = Instant::now();
    assert_eq!(Way::Tcp(to).ask(), None);
    assert!(start.elapsed() < 4 * PATIENCE);
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = silent.local_addr().unwrap();
    let answer = Way::Udp(to).datagram().unwrap();
    assert_eq!((answer.sent, answer.datagrams), (17, 0));
}

#[test]
fn only_this_host_is_asked() {
    let own = |address: &str| {
        let address = address.parse().unwrap();
        let entry = crate::net::InterfaceAddress { address, prefix: 24 };
        vec![Interface {
            name: "eth0".to_owned(),
            loopback: false,
            addresses: vec![entry],
        }]
    };
    let table = [
        ("0.0.0.0", Some("127.0.0.1")),
        ("::", Some("::1")),
        ("127.0.0.2", Some("127.0.0.2")),
        ("192.0.2.10", Some("192.0.2.10")),
        ("192.0.2.11", None),
        ("fe80::1", None),
        ("255.255.255.255", None),
    ];
    for (address, expected) in table {
        let expected = expected.map(|text| text.parse().unwrap());
        let near = near(address.parse().unwrap(), &own("192.0.2.10"));
        assert_eq!(near, expected, "{address}");
    }
}

#[test]
fn a_socket_of_another_program_is_not_asked() {
    let line = "tcp LISTEN 0 1 127.0.0.1:5 *:* users:((\"x\",pid=7,fd=1))\n\
                tcp LISTEN 0 1 127.0.0.1:6 *:* \
                users:((\"memcached\",pid=8,fd=1))\n\
                tcp LISTEN 0 1 127.0.0.1:7 *:* \
                users:((\"memcached\",pid=7,fd=1))\n";
    let open = sockets(&crate::text::Source::new("ss", line));
    assert_eq!(ways(&open, &[], 7), [Way::Tcp(loopback(7))]);
}

#[test]
fn what_is_no_answer_is_none() {
    let read = |text: &str| Answer::read(text.as_bytes());
    assert_eq!(read("CLIENT_ERROR unauthenticated\r\n"), None);
    assert_eq!(read("VERSION \u{1b}[2J\r\n"), None);
    assert_eq!(read("STAT a b\r\n"), None);
    let old = read("VERSION 1.2.8\r\nERROR\r\n").unwrap();
    assert_eq!(old.version.as_deref(), Some("1.2.8"));
    assert!(old.settings.0.is_empty());
}

proptest! {
    #[test]
    fn any_reply_gives_a_value(
        reply in prop::collection::vec(any::<u8>(), 0..300)
    ) {
        Answer::read(&reply);
        is_complete(&reply);
    }
}
