//! The laws of sets, on random ones.

use std::net::IpAddr;

use proptest::{prelude::*, sample::select};

use super::*;
use crate::net::{Family, IpSet, PortSet, RangeSet};

/// Few values, so that sets meet.
const PORTS: [u16; 6] = [0, 22, 11210, 11211, 11212, u16::MAX];
const NAMES: [&str; 5] = ["lo", "eth0", "eth1", "eth", "a-name-15-bytes"];
const FOUR: [&str; 5] =
    ["0.0.0.0", "10.0.0.1", "10.0.0.2", "192.0.2.1", "255.255.255.255"];
const SIX: [&str; 4] = ["::", "::a00:1", "2001:db8::1", "ffff:ffff::"];

fn addresses(family: Family) -> Vec<IpAddr> {
    let all = match family {
        Family::Ipv4 => &FOUR[..],
        Family::Ipv6 => &SIX[..],
    };
    all.iter().map(|text| text.parse().unwrap()).collect()
}

fn any_family() -> impl Strategy<Value = Family> {
    select(Family::BOTH.to_vec())
}

fn any_ports() -> impl Strategy<Value = PortSet> {
    let port = || select(PORTS.to_vec());
    let range = (port(), port());
    prop_oneof![
        Just(PortSet::all()),
        range.prop_map(|(a, b)| PortSet::range(a.min(b), a.max(b))),
    ]
}

fn any_addresses(family: Family) -> impl Strategy<Value = IpSet> {
    let one = || select(addresses(family)).prop_map(Family::number);
    let ranges = prop::collection::vec((one(), one()), 0..3);
    let some = ranges.prop_map(move |ranges| {
        IpSet::from_numbers(family, &RangeSet::from_ranges(ranges))
    });
    prop_oneof![Just(IpSet::all(family)), some]
}

fn any_names() -> impl Strategy<Value = NameSet> {
    let name = || select(NAMES.to_vec());
    let some = prop_oneof![
        Just(NameSet::all()),
        name().prop_map(|name| NameSet::one(name).unwrap()),
        name().prop_map(|name| NameSet::prefix(name).unwrap()),
    ];
    (some, any::<bool>()).prop_map(|(names, not)| match not {
        true => names.complement(),
        false => names,
    })
}

fn any_tracking() -> impl Strategy<Value = Vec<Tracking>> {
    prop::sample::subsequence(Tracking::ALL.to_vec(), 1..=5)
}

fn any_protocols() -> impl Strategy<Value = RangeSet<u8>> {
    prop_oneof![
        Just(RangeSet::all()),
        select(vec![6, 17]).prop_map(RangeSet::one),
    ]
}

fn any_box() -> impl Strategy<Value = PacketBox> {
    any_family().prop_flat_map(|family| {
        let small = (any_protocols(), any_names(), any_tracking());
        let ports = (any_ports(), any_ports());
        let both = (any_addresses(family), any_addresses(family));
        (small, ports, both).prop_map(move |(small, ports, both)| PacketBox {
            family,
            protocols: small.0,
            interfaces: small.1,
            tracking: small.2,
            to: both.0,
            from: both.1,
            dport: ports.0,
            sport: ports.1,
        })
    })
}

/// Boxes that are put in and taken out in turn.
fn any_set() -> impl Strategy<Value = PacketSet> {
    let boxes = prop::collection::vec((any_box(), any::<bool>()), 0..5);
    boxes.prop_map(|boxes| {
        boxes.iter().fold(PacketSet::empty(), |set, (one, put)| {
            let one = PacketSet::from(one);
            if *put { or(&set, &one) } else { not(&or(&set, &one)) }
        })
    })
}

fn any_header() -> impl Strategy<Value = Header> {
    let port = || select(PORTS.to_vec());
    let small = (select(vec![0_u8, 6, 17]), select(NAMES.to_vec()));
    let tracking = select(Tracking::ALL.to_vec());
    any_family().prop_flat_map(move |family| {
        let address = || select(addresses(family));
        let all = (address(), address(), port(), port());
        (all, small.clone(), tracking.clone()).prop_map(
            |((from, to, sport, dport), (protocol, name), tracking)| {
                let interface = name.to_owned();
                Header { from, to, protocol, interface, tracking, sport, dport }
            },
        )
    })
}

fn or(a: &PacketSet, b: &PacketSet) -> PacketSet {
    a.union(b).unwrap()
}

fn and(a: &PacketSet, b: &PacketSet) -> PacketSet {
    a.intersection(b).unwrap()
}

fn less(a: &PacketSet, b: &PacketSet) -> PacketSet {
    a.difference(b).unwrap()
}

fn not(a: &PacketSet) -> PacketSet {
    a.complement().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_box_holds_what_is_in_each_of_its_sets(
        one in any_box(), packet in any_header(),
    ) {
        let within = one.family == Family::of(packet.from)
            && one.protocols.contains(packet.protocol)
            && one.interfaces.contains(&packet.interface)
            && one.tracking.contains(&packet.tracking)
            && one.to.contains(packet.to)
            && one.dport.contains(packet.dport)
            && one.sport.contains(packet.sport)
            && one.from.contains(packet.from);
        prop_assert_eq!(PacketSet::from(&one).contains(&packet), within);
    }

    #[test]
    fn operations_are_those_on_members(
        a in any_set(), b in any_set(), packet in any_header(),
    ) {
        let [x, y] = [&a, &b].map(|set| set.contains(&packet));
        prop_assert_eq!(or(&a, &b).contains(&packet), x || y);
        prop_assert_eq!(and(&a, &b).contains(&packet), x && y);
        prop_assert_eq!(less(&a, &b).contains(&packet), x && !y);
        prop_assert_eq!(not(&a).contains(&packet), !x);
    }

    /// Both sides are built in other ways, and are one value.
    #[test]
    fn it_is_a_boolean_algebra(
        a in any_set(), b in any_set(), c in any_set(),
    ) {
        prop_assert_eq!(or(&a, &b), or(&b, &a));
        prop_assert_eq!(and(&a, &b), and(&b, &a));
        prop_assert_eq!(or(&a, &or(&b, &c)), or(&or(&a, &b), &c));
        prop_assert_eq!(and(&a, &or(&b, &c)), or(&and(&a, &b), &and(&a, &c)));
        prop_assert_eq!(or(&a, &and(&b, &c)), and(&or(&a, &b), &or(&a, &c)));
        prop_assert_eq!(or(&a, &and(&a, &b)), a.clone());
        prop_assert_eq!(not(&or(&a, &b)), and(&not(&a), &not(&b)));
        prop_assert_eq!(less(&a, &b), and(&a, &not(&b)));
        prop_assert_eq!(or(&a, &not(&a)), PacketSet::all());
        prop_assert_eq!(and(&a, &not(&a)), PacketSet::empty());
        prop_assert_eq!(not(&not(&a)), a);
    }

    #[test]
    fn a_subset_leaves_no_difference(a in any_set(), b in any_set()) {
        prop_assert_eq!(a.is_subset(&b).unwrap(), less(&a, &b).is_empty());
        prop_assert_eq!(a.is_subset(&b).unwrap(), or(&a, &b) == b);
        prop_assert!(and(&a, &b).is_subset(&a).unwrap());
    }

    #[test]
    fn a_witness_is_a_member(a in any_set()) {
        match a.witness() {
            Some(packet) => prop_assert!(a.contains(&packet), "{packet:?}"),
            None => prop_assert_eq!(a, PacketSet::empty()),
        }
    }

    #[test]
    fn its_boxes_are_the_set_and_share_nothing(a in any_set()) {
        let mut all = PacketSet::empty();
        for one in a.boxes() {
            let one = PacketSet::from(&one);
            prop_assert!(!one.is_empty() && and(&all, &one).is_empty());
            all = or(&all, &one);
        }
        prop_assert_eq!(all, a);
    }
}

#[test]
fn nothing_has_one_form() {
    let none =
        PacketBox { dport: PortSet::empty(), ..PacketBox::all(Family::Ipv6) };
    assert_eq!(PacketSet::from(&none), PacketSet::empty());
    assert_eq!(PacketSet::empty().boxes().count(), 0);
    assert_eq!(PacketSet::all().boxes().count(), 2);
    assert_eq!(format!("{:?}", PacketSet::default()), "[]");
}

/// The sources are one part of the diagram, however many ranges they have.
#[test]
fn many_sources_are_taken_out_at_once() {
    let odd = (0..500_000_u128).map(|n| (4 * n, 4 * n));
    let odd = IpSet::from_numbers(Family::Ipv4, &RangeSet::from_ranges(odd));
    let all = PacketBox::all(Family::Ipv4);
    let blocked = PacketSet::from(&PacketBox { from: odd.clone(), ..all });
    let rest = not(&blocked);
    assert_eq!(not(&rest), blocked);
    assert_eq!(blocked.boxes().next().unwrap().from, odd);
}
