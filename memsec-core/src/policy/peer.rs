use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

/// A connection of ssh, as sshd writes it in SSH_CONNECTION: the address and
/// the port of the client, then those of the host.
///
/// ```
/// use memsec_core::Peer;
///
/// let peer: Peer = "192.0.2.5 50122 192.0.2.10 22".parse().unwrap();
/// assert_eq!((peer.from.to_string().as_str(), peer.port), ("192.0.2.5", 22));
/// assert_eq!(peer.to_string(), "192.0.2.5 50122 192.0.2.10 22");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer {
    /// The address of the client.
    pub from: IpAddr,
    /// Its port.
    pub sport: u16,
    /// The address of the host.
    pub to: IpAddr,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, sport, to, port } = self;
        write!(f, "{from} {sport} {to} {port}")
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a connection like \"192.0.2.5 50122 \
                 192.0.2.10 22\""
            )
        };
        let words: Vec<_> = text.split_whitespace().collect();
        let [from, sport, to, port] = words.as_slice() else {
            return Err(wrong());
        };
        // An address of a link has the name of the link behind it.
        let address = |text: &str| {
            let bare = text.split('%').next().unwrap_or(text);
            bare.parse::<IpAddr>().map_err(|_| wrong())
        };
        let number = |text: &str| text.parse::<u16>().map_err(|_| wrong());
        Ok(Self {
            from: address(from)?,
            sport: number(sport)?,
            to: address(to)?,
            port: number(port)?,
        })
    }
}

impl TryFrom<String> for Peer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}
