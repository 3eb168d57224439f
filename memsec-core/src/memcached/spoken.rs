//! Which protocols a daemon speaks: `settings.binding_protocol` and the
//! `proto[..]` items of `-l` (`server_sockets` and `server_socket` of
//! memcached.c).

use super::{Listener, Running, Version};
use crate::Proto;

/// The first version with protocols of single listeners.
const ITEMS: Version = Version(1, 6, 17);
/// The first version that speaks the binary protocol.
const BINARY: Version = Version(1, 3, 0);

/// A protocol of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Ascii,
    Binary,
    /// Either: the first byte of a connection says which.
    Negotiating,
    Proxy,
}

/// The protocol that a listener speaks to which `-l` gives none.
pub(super) fn usual(running: &Running) -> Spoken {
    let has = |letter| running.options.contains_key(&letter);
    let given = running.options.get(&'B').map(|word| word.text.as_str());
    match given {
        _ if running.suboptions.contains_key("proxy_config") => Spoken::Proxy,
        _ if has('Y') => Spoken::Ascii,
        _ if has('S') => Spoken::Binary,
        Some("ascii") => Spoken::Ascii,
        Some("binary") => Spoken::Binary,
        _ if running.version < BINARY => Spoken::Ascii,
        _ => Spoken::Negotiating,
    }
}

/// The protocols that `-l` gives to single TCP listeners.
pub(super) fn items(running: &Running) -> Vec<Spoken> {
    let tcp = running.sockets().any(|(proto, _)| proto == Proto::Tcp);
    let list = running.options.get(&'l').map(|word| word.text.as_str());
    match list {
        Some(list) if tcp && running.version >= ITEMS => {
            list.split([',', ';']).filter_map(item).collect()
        }
        _ => Vec::new(),
    }
}

/// What follows the prefix for TLS can be `proto[x]`, where x begins the
/// name of a protocol. Another name is that of no protocol, and ignored.
fn item(element: &str) -> Option<Spoken> {
    let tls = ["notls", "btls", "mtls"];
    let rest = tls.iter().find_map(|tls| element.strip_prefix(tls));
    let rest = rest.map_or(Some(element), |rest| {
        rest.char_indices().nth(1).and_then(|(at, _)| rest.get(at..))
    });
    let (name, _) = rest?.strip_prefix("proto[")?.split_once(']')?;
    let named = [
        ("ascii", Spoken::Ascii),
        ("binary", Spoken::Binary),
        ("negotiating", Spoken::Negotiating),
        ("proxy", Spoken::Proxy),
    ];
    let known = named.iter().find(|(full, _)| full.starts_with(name));
    known.map(|&(_, spoken)| spoken)
}

/// Everything that it speaks on some listener. Over UDP the ASCII protocol
/// is spoken whatever `-B` says.
pub(super) fn spoken(running: &Running) -> Vec<Spoken> {
    let mut all = items(running);
    let listeners = &running.listeners;
    if listeners.iter().any(|l| !matches!(l, Listener::Udp(_))) {
        all.push(usual(running));
    }
    if running.sockets().any(|(proto, _)| proto == Proto::Udp) {
        let over_udp = match usual(running) {
            Spoken::Ascii | Spoken::Proxy => Spoken::Ascii,
            Spoken::Binary | Spoken::Negotiating => Spoken::Negotiating,
        };
        all.push(over_udp);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_prefixes_of_names() {
        let table = [
            ("proto[binary]:127.0.0.1", Some(Spoken::Binary)),
            ("proto[b]:127.0.0.1", Some(Spoken::Binary)),
            ("proto[]:127.0.0.1", Some(Spoken::Ascii)),
            ("proto[neg]:[::1]:1", Some(Spoken::Negotiating)),
            ("notls:proto[p]:::1", Some(Spoken::Proxy)),
            ("btls_proto[a]", Some(Spoken::Ascii)),
            ("proto[nonsense]:::1", None),
            ("proto[binary", None),
            ("tag[a]:proto[b]:::1", None),
            ("127.0.0.1", None),
            ("notls", None),
            ("mtls\u{e9}", None),
            ("", None),
        ];
        for (element, expected) in table {
            assert_eq!(item(element), expected, "{element:?}");
        }
    }
}
