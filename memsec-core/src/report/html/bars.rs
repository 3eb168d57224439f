//! Who gets in, by ranges of addresses that a reader knows.

use super::{
    markup::{escape, table},
    target::{Moment, Sources, Target},
};
use crate::{
    Cidr,
    net::{Family, IpSet},
    report::words::part_of,
};

/// A range, and what it is called. IPv4: the private ranges of RFC 1918 and
/// 6598, the links of RFC 3927. IPv6: RFC 4291 and 4193.
const RANGES: &[(&str, Family, &[&str])] = &[
    ("10.0.0.0/8, private", Family::Ipv4, &["10.0.0.0/8"]),
    ("172.16.0.0/12, private", Family::Ipv4, &["172.16.0.0/12"]),
    ("192.168.0.0/16, private", Family::Ipv4, &["192.168.0.0/16"]),
    ("100.64.0.0/10, of carriers", Family::Ipv4, &["100.64.0.0/10"]),
    ("169.254.0.0/16, the link", Family::Ipv4, &["169.254.0.0/16"]),
    ("2000::/3, the internet", Family::Ipv6, &["2000::/3"]),
    ("fc00::/7, private", Family::Ipv6, &["fc00::/7"]),
    ("fe80::/10, the link", Family::Ipv6, &["fe80::/10"]),
];

/// The length of a bar, in its own units.
const LENGTH: u128 = 100;

/// A table of the ranges, with a bar for each moment.
pub(super) fn bars(target: &Target) -> String {
    let mut columns = vec!["Addresses", "Now"];
    columns.extend(target.after.as_ref().map(|_| "After the plan"));
    let rows = std::iter::once(("The internet, IPv4", internet()));
    let rows = rows.chain(
        RANGES.iter().map(|(name, family, nets)| (*name, of(*family, nets))),
    );
    let rows: Vec<_> = rows
        .map(|(name, range)| {
            let moments = std::iter::once(&target.now).chain(&target.after);
            let cells = moments.map(|moment| cell(moment, &range));
            std::iter::once(escape(name)).chain(cells).collect()
        })
        .collect();
    let caption = format!("{}: who gets in, by range", target.title());
    table("bars", &caption, &columns, &rows)
}

fn of(family: Family, nets: &[&str]) -> IpSet {
    let nets = nets.iter().filter_map(|net| net.parse::<Cidr>().ok());
    IpSet::of(family, nets)
}

/// What is neither in a range above nor loopback, multicast or reserved.
fn internet() -> IpSet {
    let near = RANGES.iter().flat_map(|range| range.2);
    let near: Vec<&str> = near
        .copied()
        .chain(["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3"])
        .collect();
    of(Family::Ipv4, &near).complement()
}

fn cell(moment: &Moment, range: &IpSet) -> String {
    let family = |sources: &&Sources| sources.family() == range.family();
    let Some(sources) = moment.iter().find(family) else {
        return String::new();
    };
    let said = escape(&part_of(&sources.all(), range));
    let strangers = share(&sources.strangers, range);
    let clients = share(&sources.clients, range).min(LENGTH - strangers);
    format!(
        "<svg class=\"bar\" viewBox=\"0 0 {LENGTH} 8\" \
         preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"nobody\" width=\"{LENGTH}\" height=\"8\"/>\
         <rect class=\"strangers\" width=\"{strangers}\" height=\"8\"/>\
         <rect class=\"clients\" x=\"{strangers}\" width=\"{clients}\" \
         height=\"8\"/></svg> {said}"
    )
}

/// How much of a range is in a set, in hundredths: not 0 unless nothing is,
/// and not 100 unless all is.
fn share(set: &IpSet, range: &IpSet) -> u128 {
    let inside = size(&set.intersection(range));
    let all = size(range).max(1);
    match inside {
        0 => 0,
        inside if inside == all => LENGTH,
        // A range is smaller than 2 to the power of 126.
        inside => (inside / (all / LENGTH).max(1)).clamp(1, LENGTH - 1),
    }
}

fn size(set: &IpSet) -> u128 {
    let ranges = set.numbers().ranges();
    let sizes = ranges.map(|(first, last)| (last - first).saturating_add(1));
    sizes.fold(0, u128::saturating_add)
}
