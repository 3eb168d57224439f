//! The checker and the model read the same rules, each in its own way: what
//! one is sure of, the other holds to be possible.

use std::{fs, net::IpAddr};

use proptest::prelude::*;
use serde_json::Value;

use super::{
    segments::Segments,
    way::{Course, Reach, Way},
    world::{World, number},
};
use crate::{
    Error, Proto,
    net::IpSet,
    plan::addresses,
    reach::{
        Query,
        agreement_tests::{host, rules},
        sources,
        truth_tests::kernel,
    },
    truth::shared,
};

/// Who gets in to a port, as the checker has it.
fn checked(
    world: &World,
    interface: &str,
    to: IpAddr,
    (proto, port): (Proto, u16),
) -> Result<Reach, Error> {
    let way = Way {
        six: to.is_ipv6(),
        proto,
        port,
        interface: Some(interface.to_owned()),
        to: Some(to),
        course: Course::Here,
    };
    world.open(&way, &world.tables()?)
}

fn has(set: &Segments, from: IpAddr) -> bool {
    let from = number(from);
    !set.within(&[(from, from)]).is_empty()
}

/// Whether one is sure of what the other rules out.
fn contradicts(
    reach: &Reach,
    [may, must]: [&IpSet; 2],
    from: IpAddr,
) -> Option<&'static str> {
    let sure = has(&reach.delivered, from) || has(&reach.must, from);
    if must.contains(from) && !has(&reach.may, from) {
        return Some("the model alone lets it in");
    }
    (sure && !may.contains(from)).then_some("the checker alone lets it in")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn neither_is_sure_of_what_the_other_rules_out(
        text in rules(),
        tcp in any::<bool>(),
    ) {
        let host = host(&text);
        let to = IpAddr::from([192, 0, 2, 1]);
        let proto = if tcp { Proto::Tcp } else { Proto::Udp };
        let found = sources(&host, &Query::new(Some("eth0"), to, proto, 11211));
        let world = World {
            addresses: addresses(&host),
            texts: [("iptables-save".to_owned(), text)].into(),
            ..World::default()
        };
        let reach = checked(&world, "eth0", to, (proto, 11211)).unwrap();
        for last in 0..5 {
            let from = IpAddr::from([10, 0, 0, last]);
            let both = [&found.may, &found.must];
            prop_assert_eq!(contradicts(&reach, both, from), None, "{}", from);
        }
    }
}

/// The addresses of the host of the cases: truth/kernel/README.md.
const OWN: [&str; 5] = [
    "192.0.2.1",
    "10.0.0.1",
    "172.17.0.1",
    "2001:db8:0:1::1",
    "2001:db8:0:2::1",
];

/// What the kernel did with the packet of a case, and who gets in there as
/// the checker has it, if it is a packet like any other to this host.
fn case(line: &str) -> Option<(String, bool, Result<Reach, Error>, IpAddr)> {
    let case: Value = serde_json::from_str(line).unwrap();
    let probe = &case["probe"];
    let (from, to, proto) = kernel::way(probe)?;
    OWN.contains(&to.to_string().as_str()).then_some(())?;
    let delivered = kernel::delivered(&case)?;
    let texts = kernel::snapshot(&case)?.commands.into_iter();
    let texts = texts.map(|(name, output)| (name, output.stdout.to_string()));
    let world = World { texts: texts.collect(), ..World::default() };
    let port = probe["dport"].as_u64()? as u16;
    let interface = probe["if"].as_str()?;
    let reach = checked(&world, interface, to, (proto, port));
    Some((case["name"].to_string(), delivered, reach, from))
}

#[test]
fn the_checker_is_sure_of_nothing_that_the_kernel_denies() {
    let Some(path) = shared("truth/kernel/cases.jsonl") else { return };
    let (mut cases, mut unread, mut wrong) = (0, 0, Vec::new());
    let text = fs::read_to_string(path).unwrap();
    for (name, delivered, reach, from) in text.lines().filter_map(case) {
        cases += 1;
        let Ok(reach) = reach else {
            unread += 1;
            continue;
        };
        let denied = match delivered {
            true => !has(&reach.may, from),
            false => has(&reach.delivered, from),
        };
        wrong.extend(denied.then(|| format!("{name}: delivered {delivered}")));
    }
    println!("kernel: {cases} cases, {unread} that the checker does not read");
    assert!(wrong.is_empty() && unread * 10 < cases, "{}", wrong.join("\n"));
}
