//! Asks the daemons of this host what they are: `version` and `stats
//! settings`, over a socket of theirs. What they answer is input.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddr, UnixStream},
    },
    time::{Duration, Instant},
};

use super::Probe;
use crate::{
    Proto, Snapshot,
    net::{BoundSocket, Interface, Local, interfaces, sockets},
    snapshot::{Process, StatsSettings, UdpAnswer},
};

/// A daemon on the same host answers in less than a millisecond.
const PATIENCE: Duration = Duration::from_millis(500);
/// What still comes after the first datagram comes at once.
const AFTERWARDS: Duration = Duration::from_millis(50);
/// `stats settings` has less than 4 kilobytes.
const MOST: u64 = 64 << 10;
/// No daemon has more datagrams in the answer to `version`.
const DATAGRAMS: u64 = 1000;
/// More sockets of one daemon than this are not tried.
const SOCKETS: usize = 4;

const REQUEST: &[u8] = b"version\r\nstats settings\r\n";
/// A request number, the place in a row, the length of the row, zero, and
/// the request. Another length of the row ends memcached 1.6.0 to 1.6.7
/// (CVE-2022-48571).
const DATAGRAM: &[u8] = b"\x00\x01\x00\x00\x00\x01\x00\x00version\r\n";

/// Asks each daemon that is in the network of this program, by the sockets
/// that it listens on.
pub(super) fn ask(snapshot: &mut Snapshot, probe: Probe) {
    let output = |name| snapshot.output(name);
    let Some(open) = output("ss -lntupxH").map(|text| sockets(&text)) else {
        return;
    };
    let own = output("ip -j address").map(|text| interfaces(&text));
    let own = own.and_then(Result::ok).unwrap_or_default();
    let here =
        |process: &&mut Process| process.netns.as_deref() == Some("host");
    for process in snapshot.processes.iter_mut().filter(here) {
        let ways = ways(&open, &own, process.pid);
        let answers = ways.iter().take(SOCKETS).map(Way::ask);
        if let Some(answer) = answers.flatten().next() {
            answer.fill(process);
        }
        if probe.udp {
            process.udp = ways.iter().find_map(Way::datagram);
        }
    }
}

/// A way to ask a daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Tcp(SocketAddr),
    Udp(SocketAddr),
    Unix { pid: u32, path: String },
}

fn ways(open: &[BoundSocket], own: &[Interface], pid: u32) -> Vec<Way> {
    let of = |socket: &&BoundSocket| {
        let mut owners = socket.owners.iter();
        owners.any(|owner| owner.pid == pid && owner.name == "memcached")
    };
    open.iter().filter(of).filter_map(|s| way(&s.local, own, pid)).collect()
}

fn way(local: &Local, own: &[Interface], pid: u32) -> Option<Way> {
    let socket = match local {
        Local::Inet(socket) => socket,
        Local::Unix(path) => {
            return Some(Way::Unix { pid, path: path.clone() });
        }
    };
    let address = near(socket.address, own)?;
    let to = SocketAddr::new(address, socket.port);
    Some(match socket.proto {
        Proto::Tcp => Way::Tcp(to),
        Proto::Udp => Way::Udp(to),
    })
}

/// The address of this host that a socket answers at; `None` for one that
/// may lead elsewhere: an address can be bound that no interface has.
fn near(address: IpAddr, own: &[Interface]) -> Option<IpAddr> {
    let mut all = own.iter().flat_map(|interface| &interface.addresses);
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => {
            Some(Ipv4Addr::LOCALHOST.into())
        }
        IpAddr::V6(v6) if v6.is_unspecified() => {
            Some(Ipv6Addr::LOCALHOST.into())
        }
        // Without its interface it is no address to connect to.
        IpAddr::V6(v6) if v6.is_unicast_link_local() => None,
        address if address.is_loopback() => Some(address),
        address => all.any(|own| own.address == address).then_some(address),
    }
}

/// What a daemon said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Answer {
    version: Option<String>,
    settings: StatsSettings,
}

impl Answer {
    /// `None` for what is no answer of memcached: with TLS or with
    /// authentication it does not tell.
    fn read(reply: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(reply);
        let line = text.lines().find_map(|l| l.strip_prefix("VERSION "));
        let good = |c: char| c.is_ascii_graphic();
        let version = line.filter(|v| v.len() <= 64 && v.chars().all(good));
        let version = version.map(str::to_owned);
        let complete = text.lines().any(|line| line == "END");
        let settings = match complete {
            true => StatsSettings::parse(&text),
            false => StatsSettings::default(),
        };
        let empty = version.is_none() && settings.0.is_empty();
        (!empty).then_some(Self { version, settings })
    }

    fn fill(self, process: &mut Process) {
        process.version = self.version;
        let said = !self.settings.0.is_empty();
        process.settings = said.then_some(self.settings);
    }
}

impl Way {
    fn ask(&self) -> Option<Answer> {
        let reply = match self {
            Self::Tcp(to) => {
                let stream = TcpStream::connect_timeout(to, PATIENCE).ok()?;
                stream.set_write_timeout(Some(PATIENCE)).ok()?;
                let wait = |left| stream.set_read_timeout(Some(left)).ok();
                exchange(&stream, &stream, wait)?
            }
            Self::Unix { pid, path } => {
                let stream = connect_unix(*pid, path)?;
                stream.set_write_timeout(Some(PATIENCE)).ok()?;
                let wait = |left| stream.set_read_timeout(Some(left)).ok();
                exchange(&stream, &stream, wait)?
            }
            Self::Udp(_) => return None,
        };
        Answer::read(&reply)
    }

    /// Sends one datagram, and counts what comes back.
    fn datagram(&self) -> Option<UdpAnswer> {
        let Self::Udp(to) = self else { return None };
        let any: IpAddr = match to.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(to).ok()?;
        let sent = socket.send(DATAGRAM).ok()?;
        Some(count(&socket, u64::try_from(sent).ok()?))
    }
}

/// Connects to a socket as the daemon sees it: its unit can give it a /tmp
/// of its own.
fn connect_unix(pid: u32, path: &str) -> Option<UnixStream> {
    if let Some(name) = path.strip_prefix('@') {
        // ss writes each NUL of a name as @.
        let name = name.replace('@', "\0");
        let to = UnixAddr::from_abstract_name(name).ok()?;
        return UnixStream::connect_addr(&to).ok();
    }
    let own = format!("/proc/{pid}/root{path}");
    let absolute = path.starts_with('/');
    let found = absolute.then(|| UnixStream::connect(own).ok()).flatten();
    found.or_else(|| UnixStream::connect(path).ok())
}

/// Sends the request and reads until its end, a limit of bytes or of time.
fn exchange(
    mut write: impl Write,
    mut read: impl Read,
    wait: impl Fn(Duration) -> Option<()>,
) -> Option<Vec<u8>> {
    write.write_all(REQUEST).ok()?;
    let end = Instant::now() + PATIENCE;
    let mut reply = Vec::new();
    let mut part = [0; 4096];
    while !is_complete(&reply) && reply.len() as u64 <= MOST {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || wait(left).is_none() {
            break;
        }
        match read.read(&mut part) {
            Ok(length @ 1..) => reply.extend(part.iter().take(length)),
            _ => break,
        }
    }
    Some(reply)
}

/// Whether the reply to the last command is there, or an error.
fn is_complete(reply: &[u8]) -> bool {
    let ends: [&[u8]; 2] = [b"END\r\n", b"ERROR\r\n"];
    let error = reply.starts_with(b"CLIENT_ERROR");
    ends.iter().any(|end| reply.ends_with(end))
        || error && reply.ends_with(b"\r\n")
}

fn count(socket: &UdpSocket, sent: u64) -> UdpAnswer {
    let mut answer = UdpAnswer { sent, ..UdpAnswer::default() };
    let end = Instant::now() + PATIENCE;
    let mut part = [0; 2048];
    while answer.datagrams < DATAGRAMS {
        let left = end.saturating_duration_since(Instant::now());
        let left = match answer.datagrams {
            0 => left,
            _ => left.min(AFTERWARDS),
        };
        if left.is_zero() || socket.set_read_timeout(Some(left)).is_err() {
            break;
        }
        let Ok(length) = socket.recv(&mut part) else { break };
        answer.datagrams += 1;
        answer.received += u64::try_from(length).unwrap_or_default();
    }
    answer
}

#[cfg(test)]
mod tests;
