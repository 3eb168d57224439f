//! Whether a rule that rejects is heard: nf_reject_ipv4.c, nf_reject_ipv6.c,
//! icmp.c.

use super::{Journey, Parcel};
use crate::{
    netfilter::{PacketType, Refusal},
    reach::{
        Fragment,
        cell::{Address, Truth},
    },
};

impl Journey<'_> {
    /// Whether the sender of a packet that a rule rejects is told:
    /// nf_reject_ipv4.c, nf_reject_ipv6.c, icmp.c.
    pub(super) fn tells(&self, how: Refusal, parcel: &Parcel) -> Truth {
        const RST: u8 = 4;
        let frame = self.shape.frame;
        let reset = self.flags & RST != 0;
        let error = self.shape.is_error(self.family)
            || frame.is_some_and(|frame| frame != PacketType::Host);
        let silent = match how {
            Refusal::Reset => reset,
            Refusal::Error => error,
            Refusal::Hidden => reset && error,
        };
        let hidden = how == Refusal::Hidden && reset != error;
        let later = self.shape.fragment == Some(Fragment::Later);
        let nobody = |address| match address {
            Address::Known(number) => {
                let address = self.family.address(number);
                address.is_multicast()
                    || address.is_ipv6() && address.is_unspecified()
            }
            _ => false,
        };
        let everybody = match parcel.destination {
            Address::Known(to) => self.everybody(self.family.address(to)),
            _ => false,
        };
        match silent
            || later
            || everybody
            || self.shape.damaged
            || nobody(parcel.source)
        {
            true => Truth::No,
            // What has no checksum that the kernel knows looks damaged, or
            // does not: nf_reject_verify_csum().
            false if self.proto.is_checked() && !hidden => Truth::Yes,
            false => Truth::Maybe,
        }
    }
}
