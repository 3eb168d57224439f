use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::{
    grid::{Grid, Kind, place},
    target::{Sources, targets},
};
use crate::{Cidr, Policy, Report, Snapshot, audit, net::Family};

const ADDRESSES: &str = r#"[
  {"ifname": "eth0", "link_type": "ether", "addr_info": [
    {"local": "192.0.2.10", "prefixlen": 24},
    {"local": "2001:db8::10", "prefixlen": 64}]}]"#;

fn report(rules: &str, policy: &Policy) -> Report {
    let rules = format!("*filter\n:INPUT ACCEPT [0:0]\n{rules}COMMIT\n");
    let snapshot = Snapshot::new()
        .with_file("/etc/memcached.conf", "-l 0.0.0.0\n-U 0\n-u memcache\n")
        .with_command("memcached -V", "memcached 1.6.18\n")
        .with_command("ip -j address", ADDRESSES)
        .with_command("nft --version", "nftables v1.0.6")
        .with_command("iptables-save", &rules)
        .with_command("ip6tables-save", "");
    audit(&snapshot, policy).unwrap()
}

fn clients(allow: &[&str]) -> Policy {
    let allow = allow.iter().map(|net| net.parse::<Cidr>().unwrap());
    let mut policy = Policy::new();
    policy.allow.extend(allow);
    policy
}

/// Who gets in over IPv4, by the rules of a host.
fn over_ipv4(rules: &str, allow: &[&str]) -> Sources {
    let report = report(rules, &clients(allow));
    let [ipv4, _] = targets(&report, None).into_iter().next().unwrap().now;
    ipv4
}

fn kind_at(grid: &Grid, address: &str) -> Kind {
    let address: Ipv4Addr = address.parse().unwrap();
    let cell = address.to_bits() >> (32 - 2 * grid.order);
    let (x, y) = place(grid.order, usize::try_from(cell).unwrap());
    let holds = |at: usize, first: usize, len: usize| {
        (first..first + len).contains(&at)
    };
    let mut rects = grid.rects.iter().filter(|rect| {
        holds(x, rect.x, rect.width) && holds(y, rect.y, rect.height)
    });
    let kind = rects.next().map_or(Kind::Nobody, |rect| rect.kind);
    assert_eq!(rects.next(), None, "two at {address}");
    kind
}

macro_rules! drawn {
    ($($name:ident: $rules:expr, $allow:expr, $at:expr => $kind:ident;)*) => {$(
        #[test]
        fn $name() {
            let grid = Grid::new(&over_ipv4($rules, &$allow));
            assert_eq!(kind_at(&grid, $at), Kind::$kind);
        }
    )*};
}

drawn! {
    everyone_gets_in: "", [], "198.51.100.7" => Strangers;
    a_client_is_no_stranger: "", ["10.0.0.0/8"], "10.9.0.1" => Clients;
    a_client_is_a_part: "-A INPUT ! -s 10.9.0.0/24 -j DROP\n",
        ["10.9.0.0/24"], "10.9.0.1" => SomeClients;
    a_stranger_is_a_part:
        "-A INPUT ! -s 10.9.0.0/24 -j DROP\n", [], "10.9.0.1" => SomeStrangers;
    a_drop_is_nobody:
        "-A INPUT -s 10.0.0.0/8 -j DROP\n", [], "10.9.0.1" => Nobody;
    a_limit_is_a_maybe:
        "-A INPUT -m limit --limit 1/s -j ACCEPT\n-A INPUT -j DROP\n", [],
        "10.9.0.1" => MaybeStrangers;
}

#[test]
fn the_curve_steps_to_a_neighbour_and_meets_every_cell() {
    let path: Vec<_> = (0..4096).map(|cell| place(6, cell)).collect();
    let next = |pair: &[(usize, usize)]| {
        pair[0].0.abs_diff(pair[1].0) + pair[0].1.abs_diff(pair[1].1) == 1
    };
    assert!(path.windows(2).all(next));
    let cells: std::collections::HashSet<_> = path.into_iter().collect();
    assert_eq!(cells.len(), 4096);
}

#[test]
fn a_finer_curve_goes_the_same_way() {
    let half = |(x, y): (usize, usize)| (x / 2, y / 2);
    assert!((0..4096).all(|cell| half(place(6, cell)) == place(5, cell / 4)));
}

#[test]
fn a_page_stays_small_however_many_networks_there_are() {
    let rules = (0..256_u32).flat_map(|a| {
        (0..20).map(move |b| {
            format!("-A INPUT -s {a}.{}.0.0/16 -j DROP\n", b * 12)
        })
    });
    let report = report(&rules.collect::<String>(), &Policy::new());
    let page = report.to_html(Some(&report.plan()));
    assert!(page.len() < 400_000, "{} bytes", page.len());
}

#[test]
fn after_the_plan_only_clients_get_in() {
    let report = report("", &clients(&["192.0.2.64/26"]));
    let plan = report.plan();
    assert!(plan.proof.holds);
    let all = targets(&report, Some(&plan));
    let after = all.first().unwrap().after.as_ref().unwrap();
    assert!(after.iter().all(|sources| sources.strangers.is_empty()));
    let clients: Vec<_> = after[0].clients.cidrs().collect();
    assert_eq!(clients, ["192.0.2.64/26".parse().unwrap()]);
}

#[test]
fn the_plan_of_another_report_tells_nothing() {
    let one = report("", &clients(&["192.0.2.64/26"]));
    let other = report("", &Policy::new());
    let all = targets(&one, Some(&other.plan()));
    assert!(all.iter().all(|target| target.after.is_none()));
}

#[test]
fn what_is_closed_is_not_drawn() {
    let report = report("-A INPUT -j DROP\n", &Policy::new());
    let page = report.to_html(Some(&report.plan()));
    assert!(!page.contains("<svg class=\"map\""));
    assert!(page.contains("<h1>Nobody but this host can reach memcached."));
}

#[test]
fn allowed_clients_are_no_alarm() {
    let rules = "-A INPUT ! -s 8.8.8.0/24 -j DROP\n";
    let page = |allow: &[&str]| report(rules, &clients(allow)).to_html(None);
    assert!(page(&["8.8.8.0/24"]).contains("<header class=\"closed\">"));
    assert!(page(&["8.8.8.0/25"]).contains("<header class=\"open\">"));
    assert!(page(&[]).contains("<header class=\"open\">"));
}

#[test]
fn a_report_from_json_has_a_page() {
    let json = report("", &Policy::new()).to_json();
    let report: Report = serde_json::from_str(&json).unwrap();
    let page = report.to_html(None);
    assert!(page.contains("<h1>Anyone on the internet"));
    assert!(!page.contains("After the plan"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_map_is_of_the_sources(
        nets in prop::collection::vec((any::<u32>(), 0_u8..=32), 0..5),
        probe: u32,
    ) {
        let cidr = |(address, prefix)| {
            Cidr::truncated(Ipv4Addr::from_bits(address).into(), prefix).unwrap()
        };
        let nets: Vec<Cidr> = nets.into_iter().map(cidr).collect();
        let rules: String = nets
            .iter()
            .map(|net| format!("-A INPUT -s {net} -j DROP\n"))
            .collect();
        let sources = over_ipv4(&rules, &[]);
        prop_assert_eq!(sources.family(), Family::Ipv4);
        let grid = Grid::of_order(&sources, 8);
        let address = Ipv4Addr::from_bits(probe);
        let cell = cidr((probe, 16)).bounds();
        let within = sources.strangers.numbers();
        let all = within.covers(cell.0, cell.1);
        let none = within.complement().covers(cell.0, cell.1);
        let expected = match (all, none) {
            (true, _) => Kind::Strangers,
            (_, true) => Kind::Nobody,
            _ => Kind::SomeStrangers,
        };
        prop_assert_eq!(kind_at(&grid, &address.to_string()), expected);
    }
}

/// The colours of a theme, by name.
fn colours(css: &str) -> std::collections::BTreeMap<&str, [f64; 3]> {
    let lines = css.lines().filter_map(|line| line.trim().strip_prefix("--"));
    let entries = lines.filter_map(|line| line.split_once(": #"));
    let channel = |hex: &str, at: usize| {
        let byte = u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let c = f64::from(byte) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    entries
        .map(|(name, hex)| (name, [0, 2, 4].map(|at| channel(hex, at))))
        .collect()
}

/// The contrast of two colours, by WCAG 2.2.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let light = |c: [f64; 3]| 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
    let (a, b) = (light(a) + 0.05, light(b) + 0.05);
    a.max(b) / a.min(b)
}

#[test]
fn text_can_be_read_in_both_themes() {
    let (light, rest) = super::STYLE.split_once("@media").unwrap();
    let dark = rest.split_once("* {").unwrap().0;
    for theme in [colours(light), colours(dark)] {
        for paper in ["paper", "card", "code"] {
            for ink in ["ink", "soft", "link", "bad", "warn", "good"] {
                let ratio = contrast(theme[paper], theme[ink]);
                assert!(ratio >= 4.5, "{ink} on {paper}: {ratio}");
            }
        }
        // What is no text must stand out as well: at least 1 to 3 between
        // those who get in and nobody is not reachable for five colours at
        // once, so only the two that matter most are held to it.
        for kind in ["strangers", "clients"] {
            let ratio = contrast(theme[kind], theme["nobody"]);
            assert!(ratio >= 3.0, "{kind}: {ratio}");
        }
    }
}
