//! Who reaches what on one host, as sets of packets.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Reaches, ports::Classes};
use crate::{
    Error, Proto,
    audit::Reached,
    net::{Cidr, Family, IpSet, RangeSet},
    packets::{NameSet, PacketBox, PacketSet, Tracking},
};

/// What gets in, by the daemon that it is for; `None` for ports.
#[derive(Debug, Default)]
pub(super) struct Reachable(BTreeMap<Option<String>, Bounds>);

/// The packets that could get in, and those that are sure to.
#[derive(Clone, Debug, Default)]
struct Bounds {
    may: PacketSet,
    must: PacketSet,
}

/// Packets that differ in the source and the destination alone.
type Way<'a> = (&'a Option<String>, Option<&'a str>, Family, Proto, u16);

impl Reachable {
    /// Puts together what an audit found. Unless `destinations` tell, who
    /// may reach one of them may reach the host, and who must reach it must
    /// reach each.
    pub(super) fn of(
        all: &[Reached],
        classes: &Classes,
        destinations: bool,
    ) -> Result<Self, Error> {
        let mut ways: BTreeMap<Way<'_>, Vec<&Reached>> = BTreeMap::new();
        for one in all {
            let interface = one.interface.as_deref();
            let way =
                (&one.instance, interface, one.family(), one.proto, one.port);
            ways.entry(way).or_default().push(one);
        }
        let mut reachable = Self::default();
        for ((instance, .., port), group) in ways {
            let bounds = reachable.0.entry(instance.clone()).or_default();
            let dport = match instance {
                Some(_) => RangeSet::one(port),
                None => classes.class(port),
            };
            for (one, to, may, must) in joined(&group, destinations) {
                let packets =
                    PacketBox { dport: dport.clone(), to, ..packets(one) };
                bounds.add(&packets, &may, &must)?;
            }
        }
        Ok(reachable)
    }

    /// What is not the same on another host.
    pub(super) fn changes(&self, after: &Self) -> Result<Vec<Change>, Error> {
        let names: BTreeSet<_> = self.0.keys().chain(after.0.keys()).collect();
        let none = Bounds::default();
        let mut changes = Vec::new();
        for name in names {
            let of = |host: &Self| host.0.get(name).unwrap_or(&none).clone();
            of(self).changes(name, &of(after), &mut changes)?;
        }
        Ok(changes)
    }
}

/// Those of one way, with their destinations and sources; all as one, unless
/// `destinations` tell.
fn joined<'a>(
    group: &[&'a Reached],
    destinations: bool,
) -> Vec<(&'a Reached, IpSet, IpSet, IpSet)> {
    let each = group.iter().map(|one| {
        let (may, must) = (one.sources.may.clone(), one.sources.must.clone());
        (*one, destination(one), may, must)
    });
    if destinations {
        return each.collect();
    }
    let all = each.reduce(|(one, _, may, must), (_, _, also, sure)| {
        let none = IpSet::empty(one.family());
        (one, none, may.union(&also), must.intersection(&sure))
    });
    let whole = |(one, _, may, must): (&'a Reached, _, _, _)| {
        (one, IpSet::all(one.family()), may, must)
    };
    all.map(whole).into_iter().collect()
}

/// The new packets of a way in, of any source and to anywhere.
fn packets(one: &Reached) -> PacketBox {
    let name = match &one.interface {
        Some(name) => NameSet::one(name),
        // Whichever but the loopback.
        None => NameSet::one("lo").map(|lo| lo.complement()),
    };
    PacketBox {
        protocols: RangeSet::one(one.proto.number()),
        interfaces: name.unwrap_or_else(NameSet::all),
        tracking: vec![Tracking::New],
        ..PacketBox::all(one.family())
    }
}

fn destination(one: &Reached) -> IpSet {
    let family = one.family();
    if one.destinations.iter().any(|to| to.is_unspecified()) {
        return IpSet::all(family);
    }
    IpSet::of(family, one.destinations.iter().copied().map(Cidr::host))
}

impl Bounds {
    fn add(
        &mut self,
        packets: &PacketBox,
        may: &IpSet,
        must: &IpSet,
    ) -> Result<(), Error> {
        let from = |from: &IpSet| {
            let from = from.clone();
            PacketSet::from(&PacketBox { from, ..packets.clone() })
        };
        self.may = self.may.union(&from(may))?;
        self.must = self.must.union(&from(must))?;
        Ok(())
    }

    /// The packets that get in so.
    fn set(&self, reaches: Reaches) -> Result<PacketSet, Error> {
        match reaches {
            Reaches::No => self.may.complement(),
            Reaches::Maybe => self.may.difference(&self.must),
            Reaches::Yes => Ok(self.must.clone()),
        }
    }

    fn changes(
        &self,
        instance: &Option<String>,
        after: &Self,
        out: &mut Vec<Change>,
    ) -> Result<(), Error> {
        for was in Reaches::ALL {
            let before = self.set(was)?;
            for is in Reaches::ALL.into_iter().filter(|is| *is != was) {
                let both = before.intersection(&after.set(is)?)?;
                let changes = both
                    .boxes()
                    .map(|one| Change::new(instance, was, is, &one));
                out.extend(changes);
            }
        }
        Ok(())
    }
}
