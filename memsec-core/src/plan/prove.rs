//! The claims of a proof, checked on the model of the host.

use std::net::IpAddr;

use super::{Claim, ClaimKind, Proof, Witness, draft::Draft};
use crate::{
    Packet,
    audit::{Reached, ShutOut, reached, shut_out},
    host::Host,
    net::{IpSet, PortSet},
};

/// Checks the claims about the steps of a draft on a host.
pub(super) fn proof(before: &Host, draft: &Draft<'_>) -> Proof {
    let first = reached(before, draft.policy);
    let last = draft.reached();
    let claims = vec![
        claim(ClaimKind::OnlyAllowed, only_allowed(draft, &last)),
        claim(ClaimKind::AllAllowed, all_allowed(draft, &last)),
        claim(ClaimKind::Unchanged, unchanged(before, draft)),
        claim(ClaimKind::NeverWider, never_wider(draft, &first)),
    ];
    Proof { holds: claims.iter().all(|claim| claim.holds), claims }
}

fn claim(claim: ClaimKind, witness: Option<Witness>) -> Claim {
    Claim { claim, holds: witness.is_none(), witness }
}

fn only_allowed(draft: &Draft<'_>, last: &[Reached]) -> Option<Witness> {
    last.iter().filter(|r| r.instance.is_some()).find_map(|reached| {
        let from = reached.beyond(draft.policy).first()?;
        let message = format!("{from} is not allowed, and could still get in");
        Some(open(draft, reached, from, message))
    })
}

fn all_allowed(draft: &Draft<'_>, last: &[Reached]) -> Option<Witness> {
    let shut = shut_out(&draft.host, draft.policy, last);
    let ShutOut { from, to, port, interface, message, because, .. } =
        shut.into_iter().next()?;
    let packet = Packet { to, port, interface, ..Packet::new(from) };
    Some(Witness {
        message: with_obstacles(draft, message),
        packet: Some(packet),
        because: because.into_iter().collect(),
    })
}

/// The rules that a plan adds speak of memcached's ports only, so that any
/// other packet takes the way that it took; those that were there are there
/// still, in their order.
fn unchanged(before: &Host, draft: &Draft<'_>) -> Option<Witness> {
    let mut ports = draft.ports();
    ports.extend(draft.guard.iter().flat_map(|guard| &guard.ports));
    let ports = PortSet::from_ranges(ports.iter().map(|&p| (p, p)));
    let (old, new) = (&before.ruleset, &draft.host.ruleset);
    let rule = new.differs_beyond(old, "memsec", &ports)?;
    Some(Witness {
        message: "a rule of the plan could touch another port".to_owned(),
        because: vec![rule],
        packet: None,
    })
}

fn never_wider(draft: &Draft<'_>, first: &[Reached]) -> Option<Witness> {
    let states = draft.states.iter().flatten();
    states.filter(|r| r.instance.is_some() && !r.local).find_map(|reached| {
        let allowed = draft.policy.allowed(reached.family());
        let more = |to: &IpAddr| {
            let known = before(first, reached, *to).union(&allowed);
            reached.sources.may.difference(&known).first()
        };
        let from = reached.destinations.iter().find_map(more)?;
        let message =
            format!("{from} could get in between two steps, and not before");
        Some(open(draft, reached, from, message))
    })
}

/// Who reached the same port of an address in the same way before the plan.
fn before(first: &[Reached], now: &Reached, to: IpAddr) -> IpSet {
    let same = |r: &&Reached| {
        r.instance.is_some()
            && (r.proto, r.port, r.family(), &r.interface)
                == (now.proto, now.port, now.family(), &now.interface)
            && r.destinations.iter().any(|d| *d == to || d.is_unspecified())
    };
    let sets = first.iter().filter(same).map(|r| &r.sources.may);
    sets.fold(IpSet::empty(now.family()), |all, set| all.union(set))
}

fn open(
    draft: &Draft<'_>,
    reached: &Reached,
    from: IpAddr,
    message: String,
) -> Witness {
    Witness {
        message: with_obstacles(draft, message),
        packet: Some(Packet {
            to: reached.destinations.first().copied(),
            proto: reached.proto.into(),
            port: reached.port,
            interface: reached.interface.clone(),
            ..Packet::new(from)
        }),
        because: reached.sources.because.clone(),
    }
}

fn with_obstacles(draft: &Draft<'_>, message: String) -> String {
    match draft.obstacles.join("; ") {
        none if none.is_empty() => message,
        some => format!("{message} ({some})"),
    }
}
