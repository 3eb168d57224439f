//! Packets on the wire: many clients at once, each with a socket of its own.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use memsec_core::Proto;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, bind,
        connect, getsockopt, recv, send, setsockopt, socket,
        sockopt::{ReuseAddr, SocketError},
    },
};

/// One connection, or one datagram, that a client tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Who asks.
    pub from: IpAddr,
    /// The port that it asks from. Zero for any.
    pub sport: u16,
    /// How it asks.
    pub proto: Proto,
    /// Who is asked.
    pub to: IpAddr,
    /// At which port.
    pub port: u16,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// memcached answered.
    Memcached,
    /// Another service answered.
    Other,
    /// It was refused, or ended.
    Refused,
    /// An error of the network came back.
    Unreachable,
    /// Nothing came back.
    Silent,
}

impl Seen {
    /// Whether two are the same as far as a client can rely on it: a REJECT
    /// says so once in a while only, and not over every family.
    pub fn like(self, other: Self) -> bool {
        let quiet = |seen| matches!(seen, Self::Silent | Self::Unreachable);
        self == other || quiet(self) && quiet(other)
    }

    fn of(error: Errno) -> Self {
        match error {
            Errno::ECONNREFUSED | Errno::ECONNRESET | Errno::EPIPE => {
                Self::Refused
            }
            _ => Self::Unreachable,
        }
    }
}

/// Request 0x1234, the first datagram of one.
const HEADER: &[u8] = b"\x12\x34\0\0\0\x01\0\0";
const REQUEST: &[u8] = b"version\r\n";
const ANSWER: &[u8] = b"VERSION ";

/// Tries every row at once, in the network of this thread.
///
/// # Panics
///
/// If a client has not its address.
pub fn all(rows: &[Row], patience: Duration) -> Vec<Seen> {
    let mut tries: Vec<Try> = rows.iter().map(Try::begin).collect();
    let end = Instant::now() + patience;
    while tries.iter().any(|one| one.seen.is_none()) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        wait(&mut tries, left);
    }
    tries.into_iter().map(|one| one.seen.unwrap_or(Seen::Silent)).collect()
}

/// Tries a row every millisecond, each a new connection or datagram, until
/// it is done; gives what came of each that was not silent, and how many
/// there were.
///
/// # Panics
///
/// If a client has not its address.
pub fn hammer(row: &Row, done: &AtomicBool) -> (Vec<Seen>, usize) {
    let (mut open, mut seen, mut number) = (VecDeque::new(), Vec::new(), 0);
    while !done.load(Relaxed) {
        open.push_back(Try::begin(row));
        number += 1;
        wait(open.make_contiguous(), PACE);
        seen.extend(open.iter().filter_map(|one| one.seen));
        open.retain(|one| one.seen.is_none() && one.begun.elapsed() < AT_ONCE);
    }
    (seen, number)
}

/// How long after one try the next begins.
const PACE: Duration = Duration::from_millis(1);
/// What does not answer in this time was not let in.
const AT_ONCE: Duration = Duration::from_millis(200);

/// Waits until something comes of one of them, or for so long.
fn wait(tries: &mut [Try], left: Duration) {
    let open = tries.iter_mut().filter(|one| one.seen.is_none());
    let mut open: Vec<&mut Try> = open.collect();
    let mut fds: Vec<PollFd> = open.iter().map(|one| one.poll()).collect();
    let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    poll(&mut fds, wait).expect("the sockets are open");
    let ready: Vec<bool> =
        fds.iter().map(|fd| fd.any().unwrap_or_default()).collect();
    drop(fds);
    let ready = open.iter_mut().zip(ready).filter(|(_, ready)| *ready);
    ready.for_each(|(one, _)| one.go_on());
}

struct Try {
    begun: Instant,
    socket: OwnedFd,
    proto: Proto,
    /// Whether the request is out.
    asked: bool,
    seen: Option<Seen>,
}

impl Try {
    fn begin(row: &Row) -> Self {
        let socket = open(row).expect("a client has its addresses");
        let mut one = Self {
            begun: Instant::now(),
            socket,
            proto: row.proto,
            asked: false,
            seen: None,
        };
        let to = SockaddrStorage::from(SocketAddr::from((row.to, row.port)));
        match connect(one.socket.as_raw_fd(), &to) {
            Err(Errno::EINPROGRESS) => {}
            Err(error) => one.seen = Some(Seen::of(error)),
            Ok(()) => one.ask(),
        }
        one
    }

    fn ask(&mut self) {
        let request = match self.proto {
            Proto::Tcp => REQUEST.to_vec(),
            Proto::Udp => [HEADER, REQUEST].concat(),
        };
        let fd = self.socket.as_raw_fd();
        match send(fd, &request, MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => self.asked = true,
            Err(error) => self.seen = Some(Seen::of(error)),
        }
    }

    fn poll(&self) -> PollFd<'_> {
        let flags =
            if self.asked { PollFlags::POLLIN } else { PollFlags::POLLOUT };
        PollFd::new(self.socket.as_fd(), flags)
    }

    fn go_on(&mut self) {
        if self.asked {
            return self.hear();
        }
        match getsockopt(&self.socket, SocketError) {
            Ok(0) => self.ask(),
            Ok(error) => self.seen = Some(Seen::of(Errno::from_raw(error))),
            Err(error) => self.seen = Some(Seen::of(error)),
        }
    }

    fn hear(&mut self) {
        let mut answer = [0; 64];
        let flags = MsgFlags::MSG_DONTWAIT;
        self.seen = match recv(self.socket.as_raw_fd(), &mut answer, flags) {
            Err(Errno::EAGAIN) => None,
            Err(error) => Some(Seen::of(error)),
            Ok(0) => Some(Seen::Refused),
            Ok(length) => Some(who(self.proto, &answer[..length])),
        };
    }
}

fn who(proto: Proto, answer: &[u8]) -> Seen {
    let text = match proto {
        Proto::Tcp => answer,
        Proto::Udp => answer.get(HEADER.len()..).unwrap_or_default(),
    };
    if text.starts_with(ANSWER) { Seen::Memcached } else { Seen::Other }
}

fn open(row: &Row) -> io::Result<OwnedFd> {
    let family = match row.from {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    let kind = match row.proto {
        Proto::Tcp => SockType::Stream,
        Proto::Udp => SockType::Datagram,
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, kind, flags, None)?;
    setsockopt(&socket, ReuseAddr, &true)?;
    let from = SocketAddr::from((row.from, row.sport));
    bind(socket.as_raw_fd(), &SockaddrStorage::from(from))?;
    Ok(socket)
}

/// Says at a UDP port what it hears over IPv4, until the test ends.
///
/// # Errors
///
/// A port that is not free.
pub fn echo_datagrams(port: u16) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
    thread::spawn(move || {
        let mut heard = [0; 256];
        loop {
            match socket.recv_from(&mut heard) {
                Ok((length, from)) => {
                    let _ = socket.send_to(&heard[..length], from);
                }
                // Of an answer that nobody wanted.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => return,
            }
        }
    });
    Ok(())
}
