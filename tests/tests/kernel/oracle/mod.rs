//! The kernel's own verdict on a packet. In a network namespace of its own,
//! frames are written to TAP devices; rules at the end of each hook tell how
//! far each came. No packet leaves.

mod connections;
mod device;
mod frame;
mod host;
mod load;
mod netlink;
mod recorder;

use std::{
    collections::HashMap,
    fs::File,
    io::Write,
    net::{IpAddr, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
    thread,
    time::Duration,
};

use memsec_core::{Frame, Packet, Snapshot, State};
use nix::{
    sched::{CloneFlags, unshare},
    sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType,
        SockaddrStorage, sendto, socket,
    },
};

use self::{
    connections::Connections, host::ROUTES, load::run, recorder::Recorder,
};
pub use self::{
    host::{INTERFACES, SETUPS, Setup},
    load::{Load, Tool},
    recorder::Fate,
};

/// What is asked of the kernel beside the rules, once for a host.
const COMMANDS: [&str; 4] =
    ["ip -j address", "ip -j route", "ip -6 -j route", "sysctl -a"];

/// Tables that a tool of the old interface can leave rules in.
const LEGACY: &str = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT \
    ACCEPT\nCOMMIT\n*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT \
    ACCEPT\n:POSTROUTING ACCEPT\nCOMMIT\n*mangle\n:PREROUTING \
    ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING \
    ACCEPT\nCOMMIT\n*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n\
    *security\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n";

/// A host that is asked. It belongs to the thread that made it.
#[derive(Debug)]
pub struct Oracle {
    cables: HashMap<&'static str, (File, [u8; 6])>,
    local: [OwnedFd; 2],
    recorder: Recorder,
    connections: Connections,
    facts: Snapshot,
    loaded: Vec<Tool>,
}

impl Oracle {
    /// Makes the host in a network of its own, which this thread then is in
    /// for good.
    pub fn new(host: Setup) -> Result<Self, String> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|e| e.to_string())?;
        host.begin();
        let cables = cables()?;
        host.settle().map_err(|error| error.to_string())?;
        let open = || -> nix::Result<_> {
            let local =
                [local(AddressFamily::Inet)?, local(AddressFamily::Inet6)?];
            Ok((local, Recorder::new()?, Connections::new()?))
        };
        let (local, recorder, connections) =
            open().map_err(|error| error.to_string())?;
        let facts = facts()?;
        // The recorder is to be loaded first.
        let loaded = vec![Tool::Nft];
        let mut oracle =
            Self { cables, local, recorder, connections, facts, loaded };
        oracle.load(&[])?;
        oracle.wait();
        Ok(oracle)
    }

    /// Waits until the host has its addresses of IPv6: they become its own
    /// a while after they are given.
    fn wait(&mut self) {
        let every = INTERFACES.iter().flat_map(|(_, list)| *list);
        let probes: Vec<_> = every
            .filter_map(|entry| entry.split('/').next()?.parse().ok())
            .map(|to: IpAddr| {
                let from =
                    if to.is_ipv4() { "198.51.100.1" } else { "2001:db8:9::1" };
                Packet {
                    to: Some(to),
                    interface: Some("eth0".to_owned()),
                    ..Packet::new(from.parse().expect("an address"))
                }
            })
            .collect();
        while !self
            .ask(&probes)
            .iter()
            .all(|fate| matches!(fate, Fate::Delivered(_)))
        {
            thread::yield_now();
        }
    }

    /// Puts these rules in the place of all that there were, and of what
    /// conntrack knows by them.
    pub fn load(&mut self, loads: &[Load]) -> Result<(), String> {
        let (nft, others): (Vec<_>, Vec<_>) =
            loads.iter().partition(|load| load.tool == Tool::Nft);
        let before = std::mem::take(&mut self.loaded);
        for tool in before.iter().filter(|tool| tool.is_legacy()) {
            tool.load(LEGACY)?;
        }
        self.loaded = loads.iter().map(|load| load.tool).collect();
        if !nft.is_empty() || before.iter().any(|tool| tool.is_nft()) {
            let first = ["flush ruleset\n", recorder::RULES].into_iter();
            let rules = nft.iter().map(|load| load.text.as_str());
            Tool::Nft.load(&first.chain(rules).collect::<String>())?;
        }
        if before.contains(&Tool::Ipset) {
            retire_sets()?;
        }
        others.iter().try_for_each(|load| load.tool.load(&load.text))?;
        self.connections.forget_all().map_err(|error| error.to_string())
    }

    /// What a snapshot of the host has now. With `text`, the rules of nft
    /// are there as text and not as JSON.
    pub fn snapshot(&self, text: bool) -> Result<Snapshot, String> {
        let mut snapshot = self.facts.clone();
        for tool in Tool::all() {
            let nft = tool == Tool::Nft
                && self.loaded.iter().any(|tool| tool.is_nft());
            if tool == Tool::Nft && text {
                let shown = if nft { load::nft_text()? } else { String::new() };
                snapshot = snapshot.with_command("nft list ruleset", &shown);
                continue;
            }
            let shown = match nft || self.loaded.contains(&tool) {
                true => tool.show()?,
                false if tool == Tool::Nft => r#"{"nftables":[]}"#.to_owned(),
                false => String::new(),
            };
            snapshot = snapshot.with_command(tool.key(), &shown);
        }
        Ok(snapshot)
    }

    /// What becomes of each packet, with no other before it.
    pub fn ask(&mut self, packets: &[Packet]) -> Vec<Fate> {
        let mut fates = vec![Fate::default(); packets.len()];
        let (alone, together): (Vec<_>, Vec<_>) =
            (0..packets.len()).partition(|&at| is_remembered(&packets[at]));
        let mut rounds = vec![together];
        rounds.extend(distinct(packets, alone));
        for (index, round) in rounds.iter().enumerate() {
            let chosen: Vec<_> = round.iter().map(|&at| &packets[at]).collect();
            let answers = self.round(&chosen, index > 0);
            let answers = answers.unwrap_or_else(|error| panic!("{error}"));
            for (at, fate) in round.iter().zip(answers) {
                fates[*at] = fate;
            }
        }
        fates
    }

    fn round(
        &mut self,
        packets: &[&Packet],
        remembered: bool,
    ) -> Result<Vec<Fate>, nix::Error> {
        for packet in packets {
            if packet.state == State::Established {
                self.connections.establish(packet, destination(packet))?;
            }
        }
        for (tag, packet) in (1..).zip(packets) {
            self.send(packet, tag)?;
        }
        let fates = self.recorder.fates(packets.len());
        for packet in packets.iter().filter(|_| remembered) {
            self.connections.forget(packet, destination(packet))?;
        }
        fates
    }

    fn send(&self, packet: &Packet, tag: frame::Tag) -> nix::Result<()> {
        let to = destination(packet);
        let bytes = frame::packet(packet, to, tag);
        let name = packet.interface.as_deref().unwrap_or("eth0");
        let Some((cable, hardware)) = self.cables.get(name) else {
            let socket = &self.local[usize::from(to.is_ipv6())];
            let to = SockaddrStorage::from(SocketAddr::new(to, 0));
            // A sender is told of a packet that output drops.
            let _ = sendto(socket.as_raw_fd(), &bytes, &to, MsgFlags::empty());
            return Ok(());
        };
        let mut cable = cable;
        let everybody = host::is_broadcast(to).then_some(Frame::Broadcast);
        let whom = packet.frame.or(everybody);
        let frame = frame::frame(&bytes, to, *hardware, whom);
        cable.write_all(&frame).expect("the interface is up");
        Ok(())
    }
}

/// The destination of a packet that is sent; it has one.
pub fn destination(packet: &Packet) -> IpAddr {
    packet.to.expect("a packet that is sent has a destination")
}

/// Whether conntrack remembers something before or after the packet: an
/// answer to the host itself, to one that is rejected, confirms a connection.
fn is_remembered(packet: &Packet) -> bool {
    packet.state != State::New
        || packet.interface.as_deref() == Some("local")
        || host::is_own(packet.from)
}

/// Packets in rounds, in each of which no two are of one connection.
fn distinct(packets: &[Packet], mut rest: Vec<usize>) -> Vec<Vec<usize>> {
    let mut rounds = Vec::new();
    while !rest.is_empty() {
        let mut met = std::collections::HashSet::new();
        let (now, later) =
            rest.into_iter().partition(|&at| met.insert(ends(&packets[at])));
        rounds.push(now);
        rest = later;
    }
    rounds
}

fn ends(packet: &Packet) -> (SocketAddr, SocketAddr, u8) {
    let from = SocketAddr::new(packet.from, packet.sport);
    let to = SocketAddr::new(destination(packet), packet.port);
    (from.min(to), from.max(to), packet.proto.number())
}

fn cables() -> Result<HashMap<&'static str, (File, [u8; 6])>, String> {
    let mut cables = HashMap::new();
    let mut batch = "link set lo up\n".to_owned();
    for (index, (name, addresses)) in (1..).zip(INTERFACES) {
        let cable = device::tap(name).map_err(|e| format!("TAP: {e}"))?;
        cables.insert(name, (cable, frame::hardware(index)));
        batch += &format!(
            "link set dev {name} address 02:00:00:00:01:{index:02x}\n\
             link set dev {name} up\n"
        );
        for address in addresses {
            let how = match address.contains(':') {
                true => "nodad",
                false => "broadcast +",
            };
            batch += &format!("addr add {address} {how} dev {name}\n");
        }
    }
    run(&["ip", "-batch", "-"], &batch)?;
    for route in ROUTES {
        let family = if route.contains("::") { "-6" } else { "-4" };
        run(&["ip", family, "-batch", "-"], &format!("{route}\n"))?;
    }
    Ok(cables)
}

/// Destroys every set. The kernel still counts the rules that used them for
/// a moment after those are gone.
fn retire_sets() -> Result<(), String> {
    let mut last = Ok(());
    for _ in 0..100 {
        last = Tool::Ipset.load("flush\ndestroy\n");
        if last.is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    last
}

/// A socket that sends whole IP packets.
fn local(family: AddressFamily) -> nix::Result<OwnedFd> {
    socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw)
}

/// What a snapshot says of the host beside its rules.
fn facts() -> Result<Snapshot, String> {
    let mut snapshot = Snapshot::new();
    for command in COMMANDS {
        let words: Vec<_> = command.split(' ').collect();
        let shown = run(&words, "")?;
        let net = |line: &&str| line.starts_with("net.");
        let shown = match command {
            "sysctl -a" => {
                let lines = shown.lines().filter(net);
                lines.map(|line| format!("{line}\n")).collect()
            }
            _ => shown,
        };
        snapshot = snapshot.with_command(command, &shown);
    }
    Ok(snapshot)
}
