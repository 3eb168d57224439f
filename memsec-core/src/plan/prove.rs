//! The claims of a proof, checked on the model of the host.

use std::net::IpAddr;

use super::{
    Claim, ClaimKind, Proof, Witness,
    draft::{Draft, State},
    guard::inside,
};
use crate::{
    Packet, Policy, Port,
    audit::{Reached, ShutOut, reached, shut_out},
    host::Host,
    net::{IpSet, PortSet},
};

/// Checks the claims about the steps of a draft on a host.
pub(super) fn proof(before: &Host, draft: &Draft<'_>) -> Proof {
    // Of a draft that is not tried out, it is known already.
    let whole = draft.states.len() == draft.steps.len();
    let first = match whole {
        true => draft.first.reached.clone(),
        false => reached(before, draft.policy),
    };
    let last = match draft.states.last() {
        Some(state) => &state.reached,
        None => &first,
    };
    let each = |find: fn(&State) -> Option<&Witness>| {
        draft.states.iter().find_map(find).cloned()
    };
    let claims = vec![
        claim(ClaimKind::OnlyAllowed, only_allowed(draft, last)),
        claim(ClaimKind::AllAllowed, all_allowed(draft, last)),
        claim(ClaimKind::Unchanged, each(|state| state.touched.as_ref())),
        claim(ClaimKind::NeverWider, never_wider(draft, &first)),
        claim(ClaimKind::ManagementKept, each(|state| state.cut_off.as_ref())),
    ];
    let holds = claims.iter().all(|claim| claim.holds);
    Proof { holds, claims, certificate: None }
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

/// Every client gets in at the end; one that did before also does between
/// two steps.
fn all_allowed(draft: &Draft<'_>, last: &[Reached]) -> Option<Witness> {
    let shut = shut_out(&draft.host, draft.policy, last);
    if let Some(shut) = shut.into_iter().next() {
        return Some(shut_witness(draft, shut));
    }
    let mut shut = lost_between(draft)?.clone();
    shut.message += ", between two steps, and got in before";
    Some(shut_witness(draft, shut))
}

/// A client that got in before the plan, and would not after some step.
pub(super) fn lost_between<'d>(draft: &'d Draft<'_>) -> Option<&'d ShutOut> {
    let was_in = |shut: &&ShutOut| {
        !draft.first.shut.iter().any(|known| known.is_like(shut))
    };
    draft.states.iter().flat_map(|state| &state.shut).find(was_in)
}

fn shut_witness(draft: &Draft<'_>, shut: ShutOut) -> Witness {
    let ShutOut { from, to, proto, port, interface, message, because, .. } =
        shut;
    let proto = proto.into();
    let packet = Packet { to, proto, port, interface, ..Packet::new(from) };
    Witness {
        message: with_obstacles(draft, message),
        packet: Some(packet),
        because: because.into_iter().collect(),
    }
}

/// The rules of the host but for those that are for memcached alone are what
/// they were, and in their order: any other packet takes the way that it
/// took. What is for memcached alone names its ports, over TCP or UDP, and
/// sees only what comes in for this host.
pub(super) fn touched(draft: &Draft<'_>) -> Option<Witness> {
    let ports = guarded(draft);
    let (old, new) = (&draft.before.ruleset, &draft.host.ruleset);
    let inside = inside(&draft.host).into_iter();
    let inside: Vec<_> = inside.map(|inside| inside.network).collect();
    let rule = new.differs_beyond(old, &ports, &inside)?;
    Some(Witness {
        message: "a rule of the plan could touch another port".to_owned(),
        because: vec![rule],
        packet: None,
    })
}

/// The ports that the plan may close.
fn guarded(draft: &Draft<'_>) -> PortSet {
    let mut ports = draft.ports();
    ports.extend(draft.guard.iter().flat_map(|guard| &guard.ports));
    ports.extend(inside(&draft.host).iter().flat_map(|one| &one.ports));
    PortSet::from_ranges(ports.iter().map(|&p| (p, p)))
}

/// Whoever administers the host and is sure to get in before the plan still
/// is. Where the rules for other ports than memcached's are what they were,
/// that is so for each port of them; else packets show it.
pub(super) fn cut_off(
    draft: &Draft<'_>,
    touched: Option<&Witness>,
) -> Option<Witness> {
    let guarded = guarded(draft);
    let kept = draft.policy.kept();
    let near = |port: &Port| guarded.contains(port.port);
    if touched.is_none() && !kept.iter().any(near) {
        return None;
    }
    let mut policy = Policy::new();
    policy.ports = kept;
    let of = |host: &Host| {
        let mut all = reached(host, &policy);
        all.retain(|one| one.instance.is_none());
        all
    };
    let (was, is) = (of(draft.before), of(&draft.host));
    was.iter().find_map(|was| {
        let now = was.destinations.iter().find_map(|to| {
            let same = |now: &&Reached| {
                (now.proto, now.port, &now.interface, now.family())
                    == (was.proto, was.port, &was.interface, was.family())
                    && now.destinations.contains(to)
            };
            let now = is.iter().find(same)?;
            let lost = was.sources.must.difference(&now.sources.must);
            Some((now, administrator(draft, &lost)?))
        });
        let (now, from) = now?;
        let message = format!(
            "MEMSEC-FW-009: {from} would not get in to port {} any more",
            was.port
        );
        Some(open(draft, now, from, message))
    })
}

/// One of those who are cut off: whoever makes the plan, if they are.
fn administrator(draft: &Draft<'_>, lost: &IpSet) -> Option<IpAddr> {
    let peer = draft.policy.peer.map(|peer| peer.from);
    peer.filter(|&from| lost.contains(from)).or_else(|| lost.first())
}

fn never_wider(draft: &Draft<'_>, first: &[Reached]) -> Option<Witness> {
    let states = draft.states.iter().flat_map(|state| &state.reached);
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
