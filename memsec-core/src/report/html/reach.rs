//! Who gets in, as a picture and as tables.

use super::{
    bars::bars,
    grid::Kind,
    map::map,
    markup::{escape, list, section, table},
    target::{Moment, Target, targets},
};
use crate::{
    Plan, Report, Scope,
    net::{Family, IpSet},
    reach::rule_line,
    report::{
        ways::{Way, ways},
        words::{FEW, family, part_of, upper},
    },
    text::Place,
};

/// So many ports are drawn; the tables have them all.
const DRAWN: usize = 6;

/// What the colours of the maps stand for.
const LEGEND: [(Kind, &str); 6] = [
    (Kind::Strangers, "everyone here"),
    (Kind::MaybeStrangers, "everyone here could, by what is known"),
    (Kind::SomeStrangers, "some here"),
    (Kind::Clients, "the allowed clients"),
    (Kind::SomeClients, "some here, all of them allowed clients"),
    (Kind::Nobody, "nobody"),
];

pub(super) fn pictures(report: &Report, plan: Option<&Plan>) -> String {
    let mut targets = targets(report, plan);
    targets.retain(|target| !target.is_closed());
    if targets.is_empty() {
        return String::new();
    }
    let drawn = targets.iter().take(DRAWN).enumerate();
    let mut body: String =
        drawn.map(|(i, target)| picture(i, target)).collect();
    if let Some(more @ 1..) = targets.len().checked_sub(DRAWN) {
        body += &format!("<p>{more} more are in the table below.</p>\n");
    }
    section("reach", "Who gets in", &(legend() + &body))
}

fn picture(number: usize, target: &Target) -> String {
    let mut maps = figure(&format!("map{number}a"), "Now", &target.now);
    if let Some(after) = &target.after {
        maps += &figure(&format!("map{number}b"), "After the plan", after);
    }
    format!(
        "<h3>{}</h3>\n<div class=\"maps\">\n{maps}</div>\n{}",
        escape(&target.title()),
        bars(target)
    )
}

fn figure(id: &str, when: &str, [ipv4, ipv6]: &Moment) -> String {
    let said = |all: IpSet, range: Family| part_of(&all, &IpSet::all(range));
    let over_ipv4 = said(ipv4.all(), Family::Ipv4);
    let over_ipv6 = said(ipv6.all(), Family::Ipv6);
    format!(
        "<figure>\n<figcaption><strong>{when}</strong> IPv4: {}<br>\
         IPv6: {}</figcaption>\n{}</figure>\n",
        escape(&over_ipv4),
        escape(&over_ipv6),
        map(id, ipv4, &over_ipv4)
    )
}

fn legend() -> String {
    let items = LEGEND.map(|(kind, said)| {
        let class = kind.class();
        format!(
            "<svg class=\"key\" viewBox=\"0 0 12 12\" aria-hidden=\"true\">\
             <rect class=\"{class}\" width=\"12\" height=\"12\"/></svg> {said}"
        )
    });
    format!(
        "<p class=\"about\">Each map holds every IPv4 address once, along a \
         Hilbert curve, so that a network is one square or two. Who gets \
         in:</p>\n{}",
        list("legend", &items)
    )
}

/// A table of every exposure.
pub(super) fn exposures(report: &Report) -> String {
    if report.exposures.is_empty() {
        return String::new();
    }
    let ways = ways(report.exposures.iter());
    let rows: Vec<_> = ways.iter().map(row).collect();
    let columns = ["Daemon", "Port", "Arrives by", "Who gets in", "Decided by"];
    let caption = "Every way in, by port, family and interface";
    let body = table("ways", caption, &columns, &rows);
    section("ways", "Every way in", &body)
}

fn row(way: &Way<'_>) -> Vec<String> {
    let exposure = way.exposure;
    let instance = exposure.instance.as_deref().unwrap_or("the host");
    let port = format!(
        "{} {}, {}",
        upper(exposure.proto),
        exposure.port,
        family(exposure.family)
    );
    let class = match exposure.scope {
        Scope::Host => "near",
        Scope::Link | Scope::Private => "mid",
        Scope::Internet => "far",
    };
    let sources = escape(&exposure.sources());
    vec![
        escape(instance),
        escape(&port),
        escape(&way.by()),
        format!("<span class=\"{class}\">{sources}</span>"),
        because(&exposure.because),
    ]
}

fn because(rules: &[Place]) -> String {
    let rule = |rule: &Place| {
        let text = rule_line(rule.text.as_deref().unwrap_or_default());
        let place = escape(&rule.to_string());
        match text.is_empty() {
            true => place,
            false => format!("{place}: <code>{}</code>", escape(&text)),
        }
    };
    let shown: Vec<_> = rules.iter().take(FEW).map(rule).collect();
    let shown = shown.join("<br>\n");
    match rules.len().saturating_sub(FEW) {
        0 if rules.is_empty() => "no rule".to_owned(),
        0 => shown,
        more => format!("{shown}<br>\nand {more} more"),
    }
}
