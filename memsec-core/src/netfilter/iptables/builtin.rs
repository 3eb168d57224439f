use crate::netfilter::{Base, Hook};

/// The built-in chains: table, chain, priority (linux/netfilter_ipv4.h).
const CHAINS: [(&str, &str, i32); 17] = [
    ("raw", "PREROUTING", -300),
    ("raw", "OUTPUT", -300),
    ("mangle", "PREROUTING", -150),
    ("mangle", "INPUT", -150),
    ("mangle", "FORWARD", -150),
    ("mangle", "OUTPUT", -150),
    ("mangle", "POSTROUTING", -150),
    ("nat", "PREROUTING", -100),
    ("nat", "INPUT", 100),
    ("nat", "OUTPUT", -100),
    ("nat", "POSTROUTING", 100),
    ("filter", "INPUT", 0),
    ("filter", "FORWARD", 0),
    ("filter", "OUTPUT", 0),
    ("security", "INPUT", 50),
    ("security", "FORWARD", 50),
    ("security", "OUTPUT", 50),
];

/// Where the kernel enters a chain; `None` for a chain that rules lead to.
pub(super) fn base(table: &str, chain: &str) -> Option<Base> {
    let mut rows = CHAINS.iter();
    let row = rows.find(|row| row.0 == table && row.1 == chain)?;
    Some(Base {
        hook: Hook::named(chain)?,
        priority: row.2,
        accepts: true,
        nat: table == "nat",
        span: None,
    })
}

/// True if iptables has a table of that name.
pub(super) fn is_table(name: &str) -> bool {
    CHAINS.iter().any(|row| row.0 == name)
}
