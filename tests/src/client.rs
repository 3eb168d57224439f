//! Those who would like to reach memcached.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    os::fd::AsRawFd,
    time::Duration,
};

use memsec_core::Proto;
use nix::{
    errno::Errno,
    sys::{
        socket::{
            AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect,
            setsockopt, socket, sockopt::SendTimeout,
        },
        time::TimeVal,
    },
};

/// The addresses of one party: of IPv4 and of IPv6.
pub type Addresses = [IpAddr; 2];

/// The host that runs memcached.
pub const SERVER: Addresses = addresses(0x10, 10);
/// The client that the policy allows.
pub const ALLOWED: Addresses = addresses(0x20, 20);
/// A client that it does not allow.
pub const OTHER: Addresses = addresses(0x21, 21);
/// The host itself.
pub const LOOPBACK: Addresses =
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Its port.
pub const MEMCACHED: u16 = 11211;

const fn addresses(v6: u16, v4: u8) -> Addresses {
    let net = [0x2001, 0xdb8, 1];
    [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, v4)),
        IpAddr::V6(Ipv6Addr::new(net[0], net[1], net[2], 0, 0, 0, 0, v6)),
    ]
}

/// What a client waits for an answer: less than it takes until a packet that
/// was lost is sent again.
pub const PATIENCE: Duration = Duration::from_millis(900);

/// What a client waits that is not to have one: much more than an answer
/// takes here.
pub const GLANCE: Duration = Duration::from_millis(200);

/// Who asks whom: the two addresses are of one family.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Who asks.
    pub from: IpAddr,
    /// Who is asked.
    pub to: IpAddr,
}

impl Link {
    /// From one party to another, by IPv4 and by IPv6.
    pub fn each(from: Addresses, to: Addresses) -> [Self; 2] {
        [0, 1].map(|family| Self { from: from[family], to: to[family] })
    }

    /// Uses memcached.
    pub fn memcached(self, proto: Proto, patience: Duration) -> io::Result<()> {
        match proto {
            Proto::Tcp => stores(&self.connect(MEMCACHED, patience)?),
            Proto::Udp => self.version(patience),
        }
    }

    /// Asks for the version over UDP. The header of a datagram is a request
    /// number, the place in a row, the length of the row and zero.
    fn version(self, patience: Duration) -> io::Result<()> {
        let socket = UdpSocket::bind((self.from, 0))?;
        socket.set_read_timeout(Some(patience))?;
        socket.connect((self.to, MEMCACHED))?;
        socket.send(b"\x12\x34\0\0\0\x01\0\0version\r\n")?;
        let mut answer = [0; 64];
        let length = socket.recv(&mut answer)?;
        expect(b"VERSION ", answer[..length].get(8..16).unwrap_or_default())
    }

    /// Hears from a port what it says to it.
    pub fn echoes(self, port: u16, patience: Duration) -> io::Result<()> {
        ask(&self.connect(port, patience)?, "hello\n", "hello\n")
    }

    /// A connection from `from`, which std cannot say. It is an error of the
    /// kind `TimedOut` if there is no answer at all.
    pub fn connect(
        self,
        port: u16,
        patience: Duration,
    ) -> io::Result<TcpStream> {
        let family = match self.from {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        let flags = SockFlag::SOCK_CLOEXEC;
        let descriptor = socket(family, SockType::Stream, flags, None)?;
        let micros = patience.as_micros() as i64;
        let wait = TimeVal::new(micros / 1_000_000, micros % 1_000_000);
        setsockopt(&descriptor, SendTimeout, &wait)?;
        let [from, to] = [(self.from, 0), (self.to, port)]
            .map(|end| SockaddrStorage::from(SocketAddr::from(end)));
        bind(descriptor.as_raw_fd(), &from)?;
        connect(descriptor.as_raw_fd(), &to).map_err(|error| match error {
            Errno::EINPROGRESS => io::ErrorKind::TimedOut.into(),
            other => io::Error::from(other),
        })?;
        let stream = TcpStream::from(descriptor);
        stream.set_read_timeout(Some(patience))?;
        Ok(stream)
    }
}

/// Writes a value and reads it again.
pub fn stores(stream: &TcpStream) -> io::Result<()> {
    ask(stream, "set memsec 0 9 5\r\nhello\r\n", "STORED\r\n")?;
    ask(stream, "get memsec\r\n", "VALUE memsec 0 5\r\nhello\r\nEND\r\n")
}

fn ask(mut stream: &TcpStream, say: &str, hear: &str) -> io::Result<()> {
    stream.write_all(say.as_bytes())?;
    let mut answer = vec![0; hear.len()];
    stream.read_exact(&mut answer)?;
    expect(hear.as_bytes(), &answer)
}

fn expect(expected: &[u8], found: &[u8]) -> io::Result<()> {
    if expected == found {
        return Ok(());
    }
    let found = String::from_utf8_lossy(found);
    Err(io::Error::new(io::ErrorKind::InvalidData, found))
}
