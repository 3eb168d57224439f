//! The strategy of open connections: those of clients that are not allowed
//! any more are closed, where memcached itself was not restarted.

use std::collections::BTreeSet;

use super::{Step, StepKind, daemon::words, draft::Draft};
use crate::{Cidr, Error, Proto, net::Family};

/// Closes them by `ss -K`, of one port and of no client that is allowed.
/// Gives why there is nothing to close.
pub(super) fn cut(
    draft: &mut Draft<'_>,
) -> Result<Option<&'static str>, Error> {
    if draft.steps.is_empty() {
        return Ok(Some("the plan changes nothing"));
    }
    let ports = open_before(draft);
    if ports.is_empty() {
        return Ok(Some("no connection of others can be left over"));
    }
    if draft.snapshot.output("ss -lntupxH").is_none() {
        return Ok(Some("ss, which closes connections, is not on this host"));
    }
    for port in ports {
        draft.step(Step {
            kind: StepKind::Cut,
            summary: format!(
                "close the connections to port {port} of whoever is not allowed"
            ),
            command: command(draft, port),
            ..Step::default()
        })?;
    }
    Ok(None)
}

/// The TCP ports that others reached, of daemons that still run.
fn open_before(draft: &Draft<'_>) -> BTreeSet<u16> {
    let open = draft.first.reached.iter().filter(|r| {
        r.instance.is_some()
            && r.proto == Proto::Tcp
            && !draft.restarted.contains(&r.port)
            && !r.beyond(draft.policy).is_empty()
    });
    open.map(|reached| reached.port).collect()
}

/// All but those of the clients and of this host.
fn command(draft: &Draft<'_>, port: u16) -> Vec<String> {
    let mut line = words(&["ss", "-K", "-tnH", "state", "established"]);
    line.extend(words(&["sport", "=", &format!(":{port}"), "and", "not", "("]));
    let interfaces = draft.host.interfaces.iter().flatten();
    let own = interfaces.flat_map(|interface| {
        Family::BOTH.into_iter().flat_map(|family| interface.of(family))
    });
    let near = ["127.0.0.0/8", "::1"].iter().filter_map(|net| net.parse().ok());
    let kept = near.chain(draft.policy.allow.iter().copied());
    let kept = kept.chain(own.map(Cidr::host));
    for (index, net) in kept.enumerate() {
        if index > 0 {
            line.push("or".to_owned());
        }
        line.extend(["dst".to_owned(), peer(net)]);
    }
    line.push(")".to_owned());
    line
}

/// As ss reads a network: one of IPv6 in brackets.
fn peer(net: Cidr) -> String {
    let (address, prefix) = (net.address(), net.prefix());
    match net.family() {
        Family::Ipv4 => format!("{address}/{prefix}"),
        Family::Ipv6 => format!("[{address}/{prefix}]"),
    }
}
