//! The way of packets through a host, along every way that they may take.

mod answer;
mod batch;
mod crossing;
mod fragments;
mod hooks;
mod origin;
mod parcel;
mod refusal;
mod route;
mod routing;
mod tour;
mod tracked;
mod view;

use std::{cell, net::IpAddr, rc::Rc};

pub(super) use batch::{Batch, Batches};
pub(super) use origin::{Possible, groups, possible};
pub(super) use parcel::Parcel;
pub(super) use routing::{Course, address_type};

use super::{
    Direction, Fragment, Packet, Protocol, State as Before,
    cell::{Address, Interface, Tuple},
    chain::Budget,
    shape::{self, Shape},
};
use crate::{
    host::Host,
    net::Family,
    netfilter::{AddressType, State},
};

/// One packet on one host, or all that differ from it only in their source.
#[derive(Clone, Debug)]
pub(super) struct Journey<'a> {
    pub host: &'a Host,
    pub family: Family,
    pub proto: Protocol,
    /// The byte of TCP flags.
    pub flags: u8,
    /// Where it comes in.
    pub interface: Interface<'a>,
    /// What conntrack says of it; `None` for whichever.
    pub state: Option<State>,
    pub tuple: Tuple,
    /// What routing says of the destination, where that is given; it is then
    /// taken as one of this host.
    pub given: Option<AddressType>,
    /// The other end, as routing sees it; `None` where that is not told.
    pub peer: Option<IpAddr>,
    /// True for an answer.
    pub reply: bool,
    /// What it is beside.
    pub shape: Shape,
    /// The mark of its connection; `None` for whichever.
    pub connection_mark: Option<u32>,
    pub budget: Rc<Budget>,
    /// True once a rule asked for what `peer` would tell.
    pub asked: Rc<cell::Cell<bool>>,
}

/// Packets that are under way still, and how the others ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    pub under_way: Vec<Parcel>,
    pub dropped: bool,
    pub rejected: bool,
}

impl Traffic {
    pub(super) fn of(parcel: Parcel) -> Self {
        Self { under_way: vec![parcel], ..Self::default() }
    }
}

impl<'a> Journey<'a> {
    pub(super) fn new(
        host: &'a Host,
        packet: &Packet,
        to: IpAddr,
        flags: u8,
        interface: Interface<'a>,
        work: u64,
    ) -> Self {
        let family = Family::of(to);
        let proto = shape::protocol(packet, family);
        let shape = Shape::of(packet, to);
        let state = tracked::state(host, packet, flags, (proto, shape.icmp));
        let later = packet.fragment == Some(Fragment::Later);
        let port = |port| Some(port).filter(|_| proto.has_ports() && !later);
        Self {
            host,
            family,
            proto,
            flags,
            interface,
            state,
            tuple: Tuple {
                source: Address::Known(Family::number(packet.from)),
                sport: port(packet.sport),
                destination: Address::Known(Family::number(to)),
                dport: port(packet.port),
            },
            given: None,
            peer: Some(packet.from),
            reply: packet.direction == Some(Direction::Reply),
            connection_mark: match packet.state {
                Before::New | Before::Invalid => Some(0),
                _ => packet.connection_mark,
            },
            shape,
            budget: Rc::new(Budget::new(work)),
            asked: Rc::default(),
        }
    }

    /// True for what the host sends to itself.
    pub(super) fn looped(&self) -> bool {
        self.interface == Interface::Named("lo")
    }

    /// The packet, where it starts.
    pub(super) fn parcel(&self) -> Parcel {
        let mut parcel = Parcel::new(self.tuple);
        parcel.connection_mark = self.connection_mark;
        parcel
    }
}
