//! What a daemon listens on, as data.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Proto;

/// How a daemon exits that does not start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Exit {
    /// The exit status; negative for a signal.
    pub status: i32,
    /// Why.
    pub message: String,
}

/// What a daemon listens on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "proto", rename_all = "lowercase")]
pub enum Listener {
    /// A TCP socket.
    Tcp(Socket),
    /// A UDP socket.
    Udp(Socket),
    /// A unix stream socket.
    Unix {
        /// Its path; "@" begins an abstract one.
        path: String,
        /// Its permission bits in octal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<String>,
    },
}

/// An address and a port to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Socket {
    /// The address; 0.0.0.0 or :: for every one of the family.
    pub address: IpAddr,
    /// The port; 0 if the kernel chooses it.
    pub port: u16,
    /// Whether the kernel chooses the port.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ephemeral: bool,
}

impl Listener {
    /// The protocol and the socket, unless it is a unix one.
    pub fn socket(&self) -> Option<(Proto, &Socket)> {
        match self {
            Self::Tcp(socket) => Some((Proto::Tcp, socket)),
            Self::Udp(socket) => Some((Proto::Udp, socket)),
            Self::Unix { .. } => None,
        }
    }
}
