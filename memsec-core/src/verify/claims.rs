//! The claims of a plan, worked out from the texts of the rules.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use super::{
    rules::Table,
    segments::{Range, Segments},
    way::{Course, Reach, Way},
    words::addresses,
    world::World,
};
use crate::{
    Claim, ClaimKind, Error, Packet, Policy, Proto, Witness,
    plan::{Networks, Segment},
};

/// Who gets in at one moment, and by which rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    pub tables: Vec<Table>,
    pub reach: BTreeMap<Way, Reach>,
    /// The ports that administer the host.
    pub kept: BTreeMap<Way, Reach>,
}

impl Moment {
    /// # Errors
    ///
    /// Rules that are not read or not followed.
    pub(super) fn of(world: &World, policy: &Policy) -> Result<Self, Error> {
        let tables = world.tables()?;
        let mut moment = Self::default();
        for way in world.ways() {
            let reach = world.reach(&way, &tables)?;
            moment.reach.insert(way, reach);
        }
        let any: [IpAddr; 2] =
            [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        for port in policy.kept() {
            let at = (port.proto, port.port);
            for way in any.iter().flat_map(|a| world.at(at, *a, Course::Here)) {
                let reach = world.open(&way, &tables)?;
                moment.kept.insert(way, reach);
            }
        }
        moment.tables = tables;
        Ok(moment)
    }
}

/// What is claimed about, and what it is claimed of.
pub(super) struct Claims<'a> {
    pub policy: &'a Policy,
    pub world: &'a World,
    pub moments: &'a [Moment],
}

impl Claims<'_> {
    /// # Errors
    ///
    /// A claim that cannot be decided, for rules that are not read in full.
    pub(super) fn all(&self) -> Result<Vec<Claim>, Error> {
        let witnesses = [
            (ClaimKind::OnlyAllowed, self.only_allowed()?),
            (ClaimKind::AllAllowed, self.all_allowed()?),
            (ClaimKind::NeverWider, self.never_wider()?),
            (ClaimKind::ManagementKept, self.management_kept()?),
        ];
        let claims = witnesses.into_iter().map(|(claim, witness)| Claim {
            claim,
            holds: witness.is_none(),
            witness,
        });
        Ok(claims.collect())
    }

    fn allowed(&self, six: bool) -> Segments {
        let nets = self.policy.allow.iter();
        let nets = nets.filter(|net| net.address().is_ipv6() == six);
        Segments::of(nets.map(|net| net.bounds()))
    }

    fn only_allowed(&self) -> Result<Option<Witness>, Error> {
        let Some(last) = self.moments.last() else { return Ok(None) };
        for (way, reach) in &last.reach {
            let beyond = reach.may.clone().without(&self.allowed(way.six));
            let what = "is not allowed, and could still get in";
            if let Some(found) = refute(way, reach, &beyond, what)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn never_wider(&self) -> Result<Option<Witness>, Error> {
        let Some((first, others)) = self.moments.split_first() else {
            return Ok(None);
        };
        for (way, reach) in others.iter().flat_map(|moment| &moment.reach) {
            let mut known = self.allowed(way.six);
            if let Some(before) = first.reach.get(way) {
                known.add(&before.may);
            }
            let more = reach.may.clone().without(&known);
            let what = "could get in between two steps, and not before";
            if let Some(found) = refute(way, reach, &more, what)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn all_allowed(&self) -> Result<Option<Witness>, Error> {
        let Some(last) = self.moments.last() else { return Ok(None) };
        let wanted = |way: &&Way| way.proto == Proto::Tcp || self.policy.udp;
        let owed = |way: &&Way| wanted(way) && self.world.owes(way);
        let ports = last.reach.keys().filter(owed);
        let ports: BTreeSet<_> = ports.map(|w| (w.proto, w.port)).collect();
        for (proto, port) in ports {
            for net in &self.policy.allow {
                let six = net.address().is_ipv6();
                let net = Segments::of([net.bounds()])
                    .without(&self.world.nobodys(six));
                let own = last.reach.iter().filter(|(way, _)| {
                    (way.proto, way.port, way.six) == (proto, port, six)
                        && way.course.is_meant()
                });
                let ways: Vec<_> =
                    own.filter(|(way, _)| self.arrives(way, &net)).collect();
                if let Some(found) = shut(&ways, &net)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// Whether clients can come by a way: where an interface is on their
    /// network, by no other one.
    fn arrives(&self, way: &Way, net: &Segments) -> bool {
        let Some(all) = &self.world.addresses else { return true };
        let near = all.iter().filter(|one| {
            let text = format!("{}/{}", one.address, one.prefix);
            let on = addresses(&text).map(|range| Segments::of([range]));
            !one.loopback
                && one.address.is_ipv6() == way.six
                && on.is_some_and(|on| !on.meet(net).is_empty())
        });
        let names: Vec<_> = near.map(|one| &one.interface).collect();
        names.is_empty()
            || way.interface.as_ref().is_none_or(|name| names.contains(&name))
    }

    fn management_kept(&self) -> Result<Option<Witness>, Error> {
        let Some((first, others)) = self.moments.split_first() else {
            return Ok(None);
        };
        for (way, reach) in others.iter().flat_map(|moment| &moment.kept) {
            let before = first.kept.get(way);
            let Some(before) = before.map(|reach| &reach.must) else {
                continue;
            };
            let lost = before.clone().without(&reach.must);
            // Perhaps they still do.
            let sure = lost.clone().without(&reach.may);
            let Some(from) = lost.first() else { continue };
            match sure.first() {
                Some(from) => {
                    let what = "would not get in any more (MEMSEC-FW-009)";
                    return Ok(Some(witness(way, reach, from, what)));
                }
                None => return Err(undecided(way, reach, from)),
            }
        }
        Ok(None)
    }
}

/// A packet of one of those who get in, if it is sure to.
fn refute(
    way: &Way,
    reach: &Reach,
    set: &Segments,
    what: &str,
) -> Result<Option<Witness>, Error> {
    let Some(from) = set.first() else { return Ok(None) };
    match set.meet(&reach.delivered).first() {
        Some(from) => Ok(Some(witness(way, reach, from, what))),
        None => Err(undecided(way, reach, from)),
    }
}

/// One client that none of some ways lets in.
fn shut(
    ways: &[(&Way, &Reach)],
    net: &Segments,
) -> Result<Option<Witness>, Error> {
    // Each client is behind one of the interfaces.
    let mut lost = net.clone();
    for (_, reach) in ways {
        lost = lost.without(&reach.must);
    }
    if lost.is_empty() {
        return Ok(None);
    }
    let Some((way, reach)) = ways.first() else {
        let message =
            "nobody listens on an address that a client can reach".to_owned();
        return Ok(Some(Witness { message, ..Witness::default() }));
    };
    let from = lost.first().unwrap_or_default();
    match lost.without(&reach.delivered).without(&unsure(reach)).first() {
        Some(from) => {
            let what = "is a client, and is not sure to get in";
            Ok(Some(witness(way, reach, from, what)))
        }
        None => Err(undecided(way, reach, from)),
    }
}

/// Clients of whom it cannot be told.
fn unsure(reach: &Reach) -> Segments {
    match reach.unsure.is_empty() {
        true => Segments::default(),
        false => reach.may.clone(),
    }
}

fn undecided(way: &Way, reach: &Reach, from: u128) -> Error {
    let from = address(way.six, from);
    let (proto, port) = (way.proto.name(), way.port);
    let rule = reach.unsure.first().map(|place| {
        let text = place.text.as_deref().unwrap_or_default();
        format!(": {place}: {text}")
    });
    Error::unsupported(format!(
        "cannot check whether {from} gets in to {proto} port {port}{}",
        rule.unwrap_or_default()
    ))
}

pub(super) fn witness(
    way: &Way,
    reach: &Reach,
    from: u128,
    what: &str,
) -> Witness {
    let from = address(way.six, from);
    Witness {
        message: format!("{from} {what}"),
        packet: Some(Packet {
            to: way.to,
            proto: way.proto.into(),
            port: way.port,
            interface: way.interface.clone(),
            ..Packet::new(from)
        }),
        because: reach.decided.iter().take(4).cloned().collect(),
    }
}

pub(super) fn address(six: bool, number: u128) -> IpAddr {
    match u32::try_from(number) {
        Ok(four) if !six => Ipv4Addr::from(four).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

/// What a certificate says of who gets in and does not lie within what the
/// rules say. Daemons may share an address: by a way come the clients of any
/// of them.
pub(super) fn differs<'s>(
    moment: &Moment,
    said: &'s [Segment],
) -> Option<&'s Segment> {
    let mut sure: BTreeMap<&Way, Option<Segments>> = BTreeMap::new();
    for segment in said {
        let must = segment.must.as_ref().map(set);
        for (way, _) in ways(moment, segment) {
            let all =
                sure.entry(way).or_insert_with(|| Some(Segments::default()));
            let both = all.take().zip(must.as_ref());
            *all = both.map(|(mut all, must)| {
                all.add(must);
                all
            });
        }
    }
    let within = |(way, reach): (&Way, &Reach), segment: &Segment| {
        let may = segment.may.as_ref().map(set);
        let must = sure.get(way).and_then(Option::as_ref);
        may.is_none_or(|may| may.is_within(&reach.may))
            && must.is_none_or(|must| reach.sure.is_within(must))
    };
    said.iter().find(|segment| {
        let mut own = ways(moment, segment).peekable();
        own.peek().is_none() || !own.all(|way| within(way, segment))
    })
}

/// The ways that a part of a certificate is about.
fn ways<'m>(
    moment: &'m Moment,
    segment: &Segment,
) -> impl Iterator<Item = (&'m Way, &'m Reach)> {
    moment.reach.iter().filter(|(way, _)| {
        (way.proto, way.port, &way.interface)
            == (segment.proto, segment.port, &segment.interface)
            && segment.destinations.iter().any(|to| {
                to.is_ipv6() == way.six
                    && (to.is_unspecified() || way.to.as_ref() == Some(to))
            })
    })
}

fn set(networks: &Networks) -> Segments {
    let ranges = |nets: &[crate::Cidr]| -> Vec<Range> {
        nets.iter().map(|net| net.bounds()).collect()
    };
    let except = Segments::of(ranges(&networks.except));
    Segments::of(ranges(&networks.of)).without(&except)
}
