//! What differs between two hosts, or between a host before and after.

mod difference;
mod ports;
mod reachable;
#[cfg(test)]
mod tests;
mod text;

use std::{borrow::Cow, collections::BTreeSet, net::IpAddr};

pub use difference::{Change, Difference, Reaches};

use crate::{
    Error, Policy, Port, Unknown, audit::reached, host::Host, net::Family,
    text::Place,
};
use ports::Classes;
use reachable::Reachable;

/// Which packets get in on one of two hosts and not on the other: to
/// memcached's listeners, to `ports`, and to every other port of TCP and UDP,
/// unless the rules tell too many of them apart.
///
/// Packets are those that begin a connection, or single datagrams. Where the
/// hosts do not have the same addresses, those to any address of the one are
/// held against those to any of the other, but for what a host sends to
/// itself. Whether somebody listens is asked
/// for memcached only.
///
/// ```
/// use memsec_core::{Host, Reaches, Snapshot, diff};
///
/// let host = |rules| {
///     let filter = format!("*filter\n:INPUT DROP [0:0]\n{rules}COMMIT\n");
///     let snapshot = Snapshot::new().with_command("iptables-save", &filter);
///     Host::new(&snapshot)
/// };
/// let before = host("")?;
/// let after = host("-A INPUT -s 10.0.0.0/8 -p tcp --dport 22 -j ACCEPT\n")?;
/// let difference = diff(&before, &after, &[])?;
/// let change = &difference.changes[0];
/// assert_eq!((change.before, change.after), (Reaches::No, Reaches::Yes));
/// assert_eq!((change.ports[0], change.from[0].prefix()), ((22, 22), 8));
/// assert!(diff(&after, &after, &[])?.changes.is_empty());
/// # Ok::<(), memsec_core::Error>(())
/// ```
///
/// # Errors
///
/// Rules that make too many sets: [`PacketSet::MOST`].
///
/// [`PacketSet::MOST`]: crate::packets::PacketSet::MOST
pub fn diff(
    before: &Host,
    after: &Host,
    ports: &[Port],
) -> Result<Difference, Error> {
    let mut unknown = Vec::new();
    let known = before.interfaces.is_some() && after.interfaces.is_some();
    let alike = known && addresses(before) == addresses(after);
    if known && !alike {
        unknown.push(other_addresses());
    }
    let classes = Classes::of([before, after], ports);
    if classes.limited {
        unknown.push(limited());
    }
    let ask = |host: &Host| {
        let host = match known {
            true => Cow::Borrowed(host),
            false => Cow::Owned(Host { interfaces: None, ..host.clone() }),
        };
        let mut policy = Policy::new();
        policy.ports = classes.asked();
        let mut all = reached(&host, &policy);
        all.retain(|one| alike || !known || !one.local);
        Reachable::of(&all, &classes, alike)
    };
    let changes = ask(before)?.changes(&ask(after)?)?;
    unknown.extend(notes("before", before));
    unknown.extend(notes("after", after));
    let schema = crate::schema::Version;
    Ok(Difference { schema, changes, unknown })
}

/// The addresses of a host.
fn addresses(host: &Host) -> BTreeSet<IpAddr> {
    let all = host.interfaces.iter().flatten();
    let of = |family| all.clone().flat_map(move |one| one.of(family));
    Family::BOTH.into_iter().flat_map(of).collect()
}

fn notes<'a>(
    which: &'a str,
    host: &'a Host,
) -> impl Iterator<Item = Unknown> + 'a {
    host.ruleset.unknowns().into_iter().map(move |(what, place)| {
        let what = format!("{which}: {what}");
        Unknown { what, place }
    })
}

fn other_addresses() -> Unknown {
    let what = "the hosts have other addresses: packets to any of each \
                host's own are compared, and none that it sends to itself";
    let place = Place::whole("ip -j address");
    Unknown { what: what.to_owned(), place }
}

fn limited() -> Unknown {
    let what = "other ports: the rules tell too many of them apart";
    Unknown { what: what.to_owned(), place: Place::default() }
}
