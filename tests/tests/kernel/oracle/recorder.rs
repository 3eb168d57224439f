//! The recorder: rules at the end of each hook that tell what came so far.

use std::net::SocketAddr;

use netlink_packet_core::NetlinkPayload;
use netlink_packet_netfilter::{
    NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
    nflog::{ConfigCmd, ConfigMode, ConfigNla, PacketNla, ULogMessage},
};

use super::{
    frame::{self, Sight, Tag},
    netlink::Netfilter,
};

/// The table of the recorder.
pub const TABLE: &str = "recorder";

const GROUP: u16 = 4242;

/// The rules. The last of input and postrouting drop, so that the packet is
/// gone before conntrack confirms a connection (at INT_MAX, in IPv6's input
/// at INT_MAX - 1), and before anybody answers: thousands of packets of the
/// same addresses and ports stay new. The first of output sees what the
/// kernel itself says of a packet.
pub const RULES: &str = r#"
table inet recorder {
    chain input {
        type filter hook input priority 2147483645
        log prefix "L" group 4242 snaplen 128
        drop
    }
    chain output {
        type filter hook output priority -2147483648
        log prefix "O" group 4242 snaplen 128
    }
    chain postrouting {
        type filter hook postrouting priority 2147483645
        oifname "lo" accept
        log prefix "F" group 4242 snaplen 128
        drop
    }
}
"#;

/// What the kernel does with a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It is gone.
    #[default]
    Dropped,
    /// It is gone, and its sender is told, if `heard`: the kernel's own
    /// output rules can drop that.
    Rejected {
        /// Whether the word gets out.
        heard: bool,
    },
    /// It goes out again, to there.
    Forwarded(SocketAddr),
    /// It came through every hook of input, to there.
    Delivered(SocketAddr),
}

/// Listens to the recorder.
#[derive(Debug)]
pub struct Recorder {
    netfilter: Netfilter,
}

impl Recorder {
    /// Listens in the network of this thread.
    pub fn new() -> nix::Result<Self> {
        let mut netfilter = Netfilter::open()?;
        let settings = vec![
            ConfigNla::Cmd(ConfigCmd::Bind),
            ConfigNla::Mode(ConfigMode::new_packet(128)),
            // Each word is sent at once.
            ConfigNla::QThresh(1),
        ];
        netfilter.ask(
            NetfilterProtoFamily::Unspec,
            GROUP,
            ULogMessage::Config(settings),
        )?;
        Ok(Self { netfilter })
    }

    /// What became of the packets with the tags from 1 to `count`, which
    /// have all been sent.
    pub fn fates(&mut self, count: usize) -> nix::Result<Vec<Fate>> {
        let mut fates = vec![Fate::default(); count];
        self.netfilter.drain(|message| {
            let Some((tag, fate)) = told(message) else { return };
            let at = usize::from(tag).checked_sub(1);
            if let Some(known) = at.and_then(|at| fates.get_mut(at)) {
                *known = furthest(*known, fate);
            }
        })?;
        Ok(fates)
    }
}

/// A packet can be seen more than once: a fragment, a copy to a group, one
/// of which the refusal is seen both where it starts and where it leaves.
fn furthest(known: Fate, new: Fate) -> Fate {
    let rank = |fate| match fate {
        Fate::Dropped => 0,
        Fate::Rejected { heard: false } => 1,
        Fate::Rejected { heard: true } => 2,
        Fate::Forwarded(_) => 3,
        Fate::Delivered(_) => 4,
    };
    if rank(new) > rank(known) { new } else { known }
}

fn told(message: NetlinkPayload<NetfilterMessage>) -> Option<(Tag, Fate)> {
    let NetlinkPayload::InnerMessage(NetfilterMessage {
        inner: NetfilterMessageInner::ULog(ULogMessage::Packet(parts)),
        ..
    }) = message
    else {
        return None;
    };
    let mut prefix = 0;
    let mut sight = None;
    for part in &parts {
        match part {
            PacketNla::Prefix(text) => prefix = *text.as_bytes().first()?,
            PacketNla::Payload(bytes) => sight = frame::sight(bytes),
            _ => {}
        }
    }
    match (prefix, sight?) {
        (b'L', Sight::Probe(tag, to)) => Some((tag, Fate::Delivered(to))),
        (b'F', Sight::Probe(tag, to)) => Some((tag, Fate::Forwarded(to))),
        (b'O', Sight::Refusal(tag)) => {
            Some((tag, Fate::Rejected { heard: false }))
        }
        (_, Sight::Refusal(tag)) => Some((tag, Fate::Rejected { heard: true })),
        _ => None,
    }
}
