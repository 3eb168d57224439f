//! The routing decision for a packet under way.

use std::net::IpAddr;

use super::{
    Journey, Parcel,
    routing::{self, Course, Routed},
};
use crate::{
    netfilter::{AddressType, PacketType},
    reach::cell::Address,
};

impl Journey<'_> {
    /// True if the kernel drops it before the first hook.
    pub(in crate::reach) fn refused(&self) -> bool {
        let Address::Known(to) = self.tuple.destination else { return false };
        let to = self.family.address(to);
        let arrival = self.arrival();
        let routed = Routed { host: self.host, from: self.peer, to, arrival };
        let other = self.shape.frame == Some(PacketType::OtherHost);
        !self.looped() && (routed.refused() || other)
    }

    /// Where routing sends a parcel; `None` where its destination is not
    /// known.
    pub(in crate::reach) fn course(&self, parcel: &Parcel) -> Option<Course> {
        let to = match parcel.destination {
            _ if self.given.is_some() && !parcel.dnat => {
                return Some(Course::Here);
            }
            _ if parcel.dnat && self.host.interfaces.is_none() => return None,
            Address::Known(to) => self.family.address(to),
            _ => return None,
        };
        if self.looped() {
            return Some(self.sent_to(parcel, to));
        }
        let from = match parcel.source {
            Address::Known(from) => Some(self.family.address(from)),
            _ => None,
        };
        let (host, arrival) = (self.host, self.arrival());
        let routed = Routed { host, from, to, arrival };
        if routed.is_doubtful() {
            return None;
        }
        let course = routed.course();
        // ip_forward(), ip6_forward(): not what came to everybody.
        let everybody = match self.tuple.destination {
            Address::Known(to) => self.everybody(self.family.address(to)),
            _ => false,
        };
        let frame = self.shape.frame;
        let everybody =
            everybody || frame.is_some_and(|frame| frame != PacketType::Host);
        match course {
            Course::Onward if everybody => Some(Course::Dropped),
            course => Some(course),
        }
    }

    pub(super) fn everybody(&self, to: IpAddr) -> bool {
        let all = AddressType::Broadcast | AddressType::Multicast;
        !to.is_loopback()
            && !to.is_unspecified()
            && routing::kind(self.host, to).meets(all)
    }

    /// Where a packet goes that the host sends.
    fn sent_to(&self, parcel: &Parcel, to: IpAddr) -> Course {
        let lo = match parcel.source {
            Address::Known(from) => {
                let from = self.family.address(from);
                from.is_ipv4() && from.is_loopback()
            }
            _ => false,
        };
        let switch = self.host.settings.either(None, "route_localnet");
        match routing::kind(self.host, to) {
            AddressType::Unicast if lo && switch != Some(true) => {
                Course::Dropped
            }
            AddressType::Unicast => Course::Onward,
            _ => Course::Here,
        }
    }
}
