//! One packet under way, in what changes on its way.

use crate::{
    netfilter::{Base, MarkChange, Marking, State, Translated, Translation},
    reach::cell::{Address, Tuple},
};

/// What conntrack has made of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::reach) enum Tracking {
    /// It has not come to conntrack yet.
    Unseen,
    /// NOTRACK.
    Untracked,
    /// Its state; `None` for whichever.
    Known(Option<State>),
}

/// A packet under way. What is `None` is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::reach) struct Parcel {
    pub source: Address,
    pub sport: Option<u16>,
    pub destination: Address,
    pub dport: Option<u16>,
    pub mark: Option<u32>,
    pub connection_mark: Option<u32>,
    pub tracking: Tracking,
    /// True if its connection is looked for in a zone by itself.
    pub zoned: bool,
    /// True if this packet's connection has another destination now.
    pub dnat: bool,
    /// True if that is this host.
    pub redirected: bool,
    /// True if it has another source.
    pub snat: bool,
    /// True if it is decided where the connection goes, and from where:
    /// the nat chains that follow are not asked.
    pub bound: [bool; 2],
    /// False where another packet like it went another way.
    pub sure: bool,
}

/// Which end of a connection a nat chain decides.
pub(super) const DESTINATION: usize = 0;
pub(super) const SOURCE: usize = 1;

impl Parcel {
    pub(super) fn new(tuple: Tuple) -> Self {
        Self {
            source: tuple.source,
            sport: tuple.sport,
            destination: tuple.destination,
            dport: tuple.dport,
            mark: Some(0),
            connection_mark: Some(0),
            tracking: Tracking::Unseen,
            zoned: false,
            dnat: false,
            redirected: false,
            snat: false,
            bound: [false; 2],
            sure: true,
        }
    }

    pub(super) fn tuple(&self) -> Tuple {
        Tuple {
            source: self.source,
            sport: self.sport,
            destination: self.destination,
            dport: self.dport,
        }
    }

    /// True if conntrack has a connection for it.
    pub(super) fn connected(&self) -> bool {
        let none = State::Invalid | State::Untracked;
        matches!(
            self.tracking,
            Tracking::Known(state) if state.is_none_or(|s| !s.meets(none))
        )
    }

    /// True where it is not known whether it is the first packet of a
    /// connection, which alone a nat chain is asked about.
    pub(super) fn may_pass_by(&self, base: &Base) -> bool {
        base.nat && self.tracking == Tracking::Known(None)
    }

    /// nf_conntrack_core.c, and xt_CT.c: before conntrack a packet stays out
    /// of it, unless a zone was set; behind it, only one that has no
    /// connection does.
    pub(super) fn untrack(&mut self) {
        let none =
            matches!(self.tracking, Tracking::Known(Some(State::Invalid)));
        if none || self.tracking == Tracking::Unseen && !self.zoned {
            self.tracking = Tracking::Untracked;
        }
    }

    /// Its connection is looked for in a zone by itself, where the one that is
    /// known has no mark: nf_conntrack_core.c, nf_ct_zone().
    pub(super) fn set_zone(&mut self) {
        self.zoned = true;
        self.connection_mark = self.connection_mark.filter(|mark| *mark == 0);
    }

    /// xt_mark.c, xt_connmark.c, nft_meta.c, nft_ct.c.
    pub(super) fn mark(&mut self, marking: Marking) {
        let changed = |mark: Option<u32>, change: MarkChange| {
            mark.map(|mark| mark & change.keep ^ change.flip)
        };
        let moved =
            |to: Option<u32>, from: Option<u32>, keep: u32, take: u32| {
                Some(to? & !keep ^ from? & take)
            };
        let (mark, own) = (self.mark, self.connection_mark);
        match marking {
            Marking::Packet(change) => self.mark = changed(mark, change),
            Marking::Unknown => {
                self.mark = None;
                self.connection_mark = None;
            }
            _ if !self.connected() => {}
            Marking::Connection(change) => {
                self.connection_mark = changed(own, change);
            }
            Marking::Save { from, to } => {
                self.connection_mark = moved(own, mark, to, from);
            }
            Marking::Restore { from, to } => {
                self.mark = moved(mark, own, to, from);
            }
        }
    }

    /// What a target that is not known may have made of it, where it goes on.
    pub(super) fn whatever(mut self) -> [Self; 3] {
        self.mark = None;
        self.connection_mark = None;
        let (mut untracked, mut zoned) = (self, self);
        untracked.untrack();
        if self.tracking == Tracking::Unseen {
            zoned.set_zone();
        }
        [self, untracked, zoned]
    }

    /// The same, with its destination translated to anything: what a target
    /// that is not known may do in a nat chain.
    pub(super) fn elsewhere(mut self) -> Self {
        let anything = Translation { of: Translated::Unknown, ports: None };
        self.translate(&anything, None);
        self
    }

    /// nf_nat_core.c. `here` is where a redirected packet goes. False if it
    /// goes nowhere.
    pub(super) fn translate(
        &mut self,
        to: &Translation,
        here: Option<Address>,
    ) -> bool {
        let ports = to.ports;
        let exact = ports.map(|(first, last)| (first == last).then_some(first));
        if to.of == Translated::Source {
            self.snat = true;
            self.bound[SOURCE] = true;
            self.source = Address::Unknown;
            self.sport = exact.unwrap_or_default();
            return true;
        }
        self.dnat = true;
        self.redirected = to.of == Translated::Redirect;
        self.bound[DESTINATION] = true;
        self.destination = match &to.of {
            Translated::Destination(None) => self.destination,
            Translated::Destination(Some((first, last))) if first == last => {
                Address::Known(*first)
            }
            Translated::Redirect => match here {
                Some(here) => here,
                None => return false,
            },
            Translated::Network { address, prefix } => match self.destination {
                Address::Known(old) => {
                    Address::Known(network(*address, *prefix, old))
                }
                _ => Address::Unknown,
            },
            _ => Address::Unknown,
        };
        match exact {
            Some(port) => self.dport = port,
            None if to.of == Translated::Unknown => self.dport = None,
            None => {}
        }
        true
    }
}

/// The first bits of `address`, and the rest of `old`. Both are as wide as
/// the family's addresses; the new bits stand where they belong.
fn network(address: u128, prefix: u8, old: u128) -> u128 {
    // An IPv4 address is a number below 2^32: its prefix is of 32 bits.
    let wide = if address >> 32 == 0 && old >> 32 == 0 { 32 } else { 128 };
    let host = u32::from(wide as u8).saturating_sub(u32::from(prefix));
    let mask = 1u128.checked_shl(host).map_or(u128::MAX, |bit| bit - 1);
    address & !mask | old & mask
}
