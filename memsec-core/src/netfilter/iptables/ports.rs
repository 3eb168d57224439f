use crate::net::PortSet;

/// Names of /etc/services that rules written by hand have.
const SERVICES: [(&str, u16); 24] = [
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("http", 80),
    ("www", 80),
    ("pop3", 110),
    ("sunrpc", 111),
    ("auth", 113),
    ("ntp", 123),
    ("imap2", 143),
    ("imap", 143),
    ("snmp", 161),
    ("https", 443),
    ("submission", 587),
    ("imaps", 993),
    ("pop3s", 995),
    ("mysql", 3306),
    ("memcache", 11211),
    ("memcached", 11211),
];

/// Ports and ranges with commas between. A range from a higher port to a
/// lower one, which old versions took, holds none.
pub(super) fn list(text: &str) -> Option<PortSet> {
    let ranges = text.split(',').map(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let first = if first.is_empty() { 0 } else { port(first)? };
        let last = if last.is_empty() { u16::MAX } else { port(last)? };
        Some((first, last))
    });
    ranges.collect::<Option<Vec<_>>>().map(PortSet::from_ranges)
}

/// A port, by number or name.
pub(in crate::netfilter) fn port(text: &str) -> Option<u16> {
    text.parse().ok().or_else(|| {
        let row = SERVICES.iter().find(|row| row.0 == text)?;
        Some(row.1)
    })
}
