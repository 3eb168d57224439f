//! The sockets that programs listen on, as `ss -lntupxH` shows them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    Proto,
    text::{Source, Span},
};

/// A socket that somebody listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundSocket {
    /// What it is bound to.
    pub local: Local,
    /// The processes that have it open. Empty where ss was not allowed to
    /// see them.
    pub owners: Vec<Owner>,
    /// Its line.
    pub span: Span,
}

/// What a socket is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// An address and a port.
    Inet(InetSocket),
    /// A unix stream socket, by its path; "@" begins an abstract one, and
    /// stands for each NUL in its name.
    Unix(String),
}

/// A TCP or UDP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InetSocket {
    /// TCP or UDP.
    pub proto: Proto,
    /// The address; 0.0.0.0 or :: for every one of the family.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The interface that it is bound to, or that its address is of.
    pub device: Option<String>,
    /// Whether it is the `::` that takes IPv4 too (no IPV6_V6ONLY).
    pub dual: bool,
}

/// A process that has a socket open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its name, as in /proc/PID/comm.
    pub name: String,
    /// Its process identifier.
    pub pid: u32,
}

/// The sockets in the output of `ss -lntupxH`. Lines of other sockets, and
/// what is no line of ss, are passed over.
pub fn sockets(source: &Source) -> Vec<BoundSocket> {
    let mut all: Vec<_> = source.lines().filter_map(socket).collect();
    if all.iter().any(is_old_style) {
        old_style(&mut all);
    }
    all
}

/// Whether IPv6 addresses are written without brackets.
fn is_old_style(socket: &BoundSocket) -> bool {
    let local = socket.span.text().split_whitespace().nth(4);
    let inet = matches!(socket.local, Local::Inet(_));
    inet && local.is_some_and(|local| local.starts_with("::"))
}

/// Before 4.15 iproute2 wrote `*` for 0.0.0.0, and `::` whether it takes
/// IPv4 or not. It does unless somebody else has the port on IPv4.
fn old_style(all: &mut [BoundSocket]) {
    let mut taken = std::collections::HashSet::new();
    for socket in all.iter_mut() {
        let Local::Inet(socket) = &mut socket.local else { continue };
        if socket.dual {
            socket.dual = false;
            socket.address = Ipv4Addr::UNSPECIFIED.into();
        }
        if socket.address.is_ipv4() {
            taken.insert((socket.proto, socket.port));
        }
    }
    for socket in all {
        let Local::Inet(socket) = &mut socket.local else { continue };
        socket.dual = socket.address == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
            && !taken.contains(&(socket.proto, socket.port));
    }
}

/// Takes the first word off.
fn word<'a>(text: &mut &'a str) -> Option<&'a str> {
    let begun = text.trim_start();
    let end = begun.find(char::is_whitespace).unwrap_or(begun.len());
    let (word, rest) = begun.split_at_checked(end)?;
    *text = rest;
    (!word.is_empty()).then_some(word)
}

fn socket(span: Span) -> Option<BoundSocket> {
    let mut rest = span.text();
    let netid = word(&mut rest)?;
    let state = word(&mut rest)?;
    word(&mut rest).and_then(|_| word(&mut rest))?;
    let (local, users) = match (netid, state) {
        ("tcp", "LISTEN") => inet(Proto::Tcp, rest)?,
        ("udp", "UNCONN") => inet(Proto::Udp, rest)?,
        ("u_str", "LISTEN") => unix(rest)?,
        _ => return None,
    };
    let owners = owners(users);
    Some(BoundSocket { local, owners, span })
}

/// `0.0.0.0%eth0:53`, `[::]:53`, `:::53` or `*:53`, then the peer, and what
/// follows.
fn inet(proto: Proto, mut rest: &str) -> Option<(Local, &str)> {
    let (address, port) = word(&mut rest)?.rsplit_once(':')?;
    word(&mut rest)?;
    let (address, device) = match address.split_once('%') {
        Some((address, device)) => {
            (address, Some(device.trim_end_matches(']').to_owned()))
        }
        None => (address, None),
    };
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let dual = bare == "*";
    let address = match dual {
        true => Ipv6Addr::UNSPECIFIED.into(),
        false => bare.parse().ok()?,
    };
    let port = port.parse().ok()?;
    let socket = InetSocket { proto, address, port, device, dual };
    Some((Local::Inet(socket), rest))
}

/// `/run/a b.sock 1484688 * 0 users:((..))`: the path, which can hold
/// anything, its inode, the peer, and what follows.
fn unix(text: &str) -> Option<(Local, &str)> {
    let ends = text.match_indices(" users:((").map(|(at, _)| at);
    ends.chain([text.len()]).find_map(|end| {
        let (mut head, users) = text.split_at_checked(end)?;
        let mut last = || {
            let (rest, word) = head.trim_end().rsplit_once(' ')?;
            head = rest;
            Some(word)
        };
        let [peer, star, inode] = [last()?, last()?, last()?];
        let number = |word: &str| word.parse::<u64>().is_ok();
        let good = number(peer) && star == "*" && number(inode);
        good.then(|| (Local::Unix(head.trim().to_owned()), users))
    })
}

/// `users:(("nginx",pid=7,fd=6),("nginx",pid=8,fd=6))`.
fn owners(text: &str) -> Vec<Owner> {
    let mut all = Vec::new();
    let mut rest = text.trim_start().strip_prefix("users:(");
    while let Some((owner, after)) = rest.and_then(owner) {
        all.push(owner);
        rest = after.strip_prefix(',');
    }
    all
}

/// `("nginx",pid=7,fd=6)`, and what follows.
fn owner(text: &str) -> Option<(Owner, &str)> {
    let (name, rest) = text.strip_prefix("(\"")?.split_once("\",pid=")?;
    let (entry, rest) = rest.split_once(')')?;
    let (pid, _) = entry.split_once(',')?;
    let owner = Owner { name: name.to_owned(), pid: pid.parse().ok()? };
    Some((owner, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> BoundSocket {
        let source = Source::new("ss", line);
        let all = sockets(&source);
        assert_eq!(all.len(), 1, "{line}");
        all.into_iter().next().unwrap()
    }

    fn inet_of(text: &str) -> String {
        let line = format!("tcp LISTEN 0 128 {text} 0.0.0.0:* ");
        let Local::Inet(socket) = read(&line).local else { return text.into() };
        let InetSocket { address, port, device, dual, .. } = socket;
        let device = device.unwrap_or_default();
        let dual = if dual { " dual" } else { "" };
        format!("{address} {port} {device}{dual}")
    }

    #[test]
    fn local_addresses_are_as_ss_writes_them() {
        let table = [
            ("127.0.0.1:5001", "127.0.0.1 5001 "),
            ("0.0.0.0%lo:5009", "0.0.0.0 5009 lo"),
            ("[::ffff:127.0.0.1]:5006", "::ffff:127.0.0.1 5006 "),
            ("*:5003", ":: 5003  dual"),
            ("*%lo:5010", ":: 5010 lo dual"),
            ("[::]:5002", ":: 5002 "),
            ("[fe80::1]%eth0:53", "fe80::1 53 eth0"),
            ("[fe80::1%eth0]:53", "fe80::1 53 eth0"),
        ];
        for (text, expected) in table {
            assert_eq!(inet_of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_unix_path_can_hold_anything() {
        let table = [
            ("/tmp/a b.sock 1484688       * 0 ", "/tmp/a b.sock"),
            ("@abs tract 14 * 0", "@abs tract"),
            (
                "/tmp/x users:((\"y 14 * 0 users:((\"z\",pid=1,fd=2))",
                "/tmp/x users:((\"y",
            ),
        ];
        for (text, expected) in table {
            let line = format!("u_str LISTEN 0 1    {text}");
            assert_eq!(read(&line).local, Local::Unix(expected.to_owned()));
        }
    }

    #[test]
    fn owners_are_all_processes_that_share_it() {
        let line = "udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:* \
                    users:((\"a (\"b c\",pid=25473,fd=16),(\"d\",pid=7,fd=3))";
        let owner = |name: &str, pid| Owner { name: name.to_owned(), pid };
        let expected = [owner("a (\"b c", 25473), owner("d", 7)];
        assert_eq!(read(line).owners, expected);
    }

    #[test]
    fn the_old_style_tells_ipv4_by_the_star() {
        let text = "tcp LISTEN 0 128 *:22 *:*\ntcp LISTEN 0 128 :::22 :::*\n\
                    tcp LISTEN 0 128 :::80 :::*\n";
        let all = sockets(&Source::new("ss", text));
        let seen = all.iter().map(|socket| match &socket.local {
            Local::Inet(socket) => (socket.address.is_ipv4(), socket.dual),
            Local::Unix(_) => unreachable!(),
        });
        let seen: Vec<_> = seen.collect();
        assert_eq!(seen, [(true, false), (false, false), (false, true)]);
    }

    #[test]
    fn other_lines_are_passed_over() {
        for line in [
            "Netid State  Recv-Q Send-Q",
            "nl UNCONN 0 0 rtnl:kernel *",
            "tcp ESTAB 0 0 1.2.3.4:5 1.2.3.4:6",
            "u_dgr UNCONN 0 0 /run/a 14 * 0",
            "tcp LISTEN 0",
            "tcp LISTEN 0 128 1.2.3:5 *:*",
            "u_str LISTEN 0 1 /tmp/x",
            "",
        ] {
            assert_eq!(sockets(&Source::new("ss", line)), [], "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_value(text in "(?s).{0,200}") {
            sockets(&Source::new("ss", text));
        }

        #[test]
        fn any_words_give_a_value(
            words in prop::collection::vec(
                "tcp|udp|u_str|LISTEN|UNCONN|0|\\*|\\*:1|:::1|%|\\[|\\]|users:\\(\\(|\n| ",
                0..40,
            )
        ) {
            sockets(&Source::new("ss", words.join(" ")));
        }
    }
}
