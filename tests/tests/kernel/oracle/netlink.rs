//! A socket to netfilter.

use std::os::fd::{AsRawFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner,
    NetfilterProtoFamily,
};
use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType,
        bind, recv, send, setsockopt, socket, sockopt::RcvBufForce,
    },
};

/// What the kernel may hold back for a socket: more than a window needs.
const BUFFER: usize = 64 << 20;

/// A socket to netfilter, in the network of the thread that made it.
#[derive(Debug)]
pub struct Netfilter {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Netfilter {
    /// Opens it.
    pub fn open() -> nix::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkNetFilter,
        )?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        setsockopt(&socket, RcvBufForce, &BUFFER)?;
        Ok(Self { socket, buffer: vec![0; 1 << 16] })
    }

    /// Asks for something, and waits until it is done.
    pub fn ask(
        &mut self,
        family: NetfilterProtoFamily,
        group: u16,
        what: impl Into<NetfilterMessageInner>,
    ) -> nix::Result<()> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
        let about = NetfilterHeader::new(family, 0, group);
        let mut message = NetlinkMessage::new(
            header,
            NetlinkPayload::from(NetfilterMessage::new(about, what)),
        );
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        send(self.socket.as_raw_fd(), &bytes, MsgFlags::empty())?;
        let mut answer = Ok(());
        self.receive(MsgFlags::empty(), |payload| {
            if let NetlinkPayload::Error(error) = payload {
                answer = match error.code {
                    None => Ok(()),
                    Some(code) => Err(Errno::from_raw(-code.get())),
                };
            }
        })?;
        answer
    }

    /// Reads what there is, until there is no more.
    pub fn drain(
        &mut self,
        mut each: impl FnMut(NetlinkPayload<NetfilterMessage>),
    ) -> nix::Result<()> {
        loop {
            match self.receive(MsgFlags::MSG_DONTWAIT, &mut each) {
                Err(Errno::EAGAIN) => return Ok(()),
                other => other?,
            }
        }
    }

    fn receive(
        &mut self,
        flags: MsgFlags,
        mut each: impl FnMut(NetlinkPayload<NetfilterMessage>),
    ) -> nix::Result<()> {
        let length = recv(self.socket.as_raw_fd(), &mut self.buffer, flags)?;
        let mut bytes = &self.buffer[..length];
        while !bytes.is_empty() {
            let message = NetlinkMessage::deserialize(bytes)
                .expect("the kernel writes messages");
            let length = message.header.length as usize;
            bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
            each(message.payload);
        }
        Ok(())
    }
}
