//! A report for a terminal: the answer first, then what is wrong, and then
//! what both rest on.

mod screen;

use std::fmt;

use screen::{Paint, Screen};

pub use screen::Style;

use super::{
    ways::{Way, ways},
    words::{FEW, family, upper},
};
use crate::{
    Exposure, Finding, Report, Scope, Severity, Unknown,
    reach::{one_line, rule_line},
    text::Place,
};

/// Where the words of a finding begin, below its severity.
const FINDING: usize = 11;

/// As [`Report::to_text`] has it without colours, a line each.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(Style::default()))
    }
}

pub(super) fn render(report: &Report, style: Style) -> String {
    let mut screen = Screen::new(style);
    screen.line(0, 0, &[(answer_paint(report), &report.answer())]);
    // What this host says to itself is no news.
    let others = |e: &&Exposure| e.scope > Scope::Host || e.may.is_empty();
    let others = ways(report.exposures.iter().filter(others));
    let down = report.down();
    section(&mut screen, "What does not start:", &down, exit);
    let wrong = "What is wrong, the worst first:";
    section(&mut screen, wrong, &report.findings, finding);
    section(&mut screen, "Who gets in:", &others, exposure);
    section(&mut screen, "What is not known:", &report.unknown, unknown);
    screen.into_text()
}

fn answer_paint(report: &Report) -> Paint {
    match report.widest() {
        None => Paint::Good,
        Some(Scope::Internet) => Paint::Critical,
        Some(_) => Paint::Title,
    }
}

fn section<T>(
    screen: &mut Screen,
    title: &str,
    entries: &[T],
    show: impl Fn(&mut Screen, &T),
) {
    if entries.is_empty() {
        return;
    }
    screen.blank();
    screen.line(0, 0, &[(Paint::Title, title)]);
    entries.iter().for_each(|entry| show(screen, entry));
}

#[expect(clippy::ptr_arg, reason = "a section hands out its entries")]
fn exit(screen: &mut Screen, line: &String) {
    screen.line(2, 4, &[(Paint::Plain, line)]);
}

/// "  memcached, TCP port 11211, IPv4 by eth0: everyone"
fn exposure(screen: &mut Screen, way: &Way<'_>) {
    let exposure = way.exposure;
    let instance = exposure.instance.as_deref().unwrap_or("the host");
    let port = format!(
        "{}, {} port {}, {} by {}: ",
        one_line(instance),
        upper(exposure.proto),
        exposure.port,
        family(exposure.family),
        way.by()
    );
    let paint = match exposure.scope {
        Scope::Host => Paint::Plain,
        Scope::Link | Scope::Private => Paint::Medium,
        Scope::Internet => Paint::Critical,
    };
    let sources = exposure.sources();
    screen.line(2, 4, &[(Paint::Plain, &port), (paint, &sources)]);
    if exposure.scope > Scope::Host {
        exposure.because.iter().take(FEW).for_each(|rule| {
            screen.line(4, 6, &[(Paint::Soft, &because(rule))]);
        });
    }
}

/// "by iptables-save:11: -A INPUT -j ACCEPT"
fn because(rule: &Place) -> String {
    let place = one_line(&rule.to_string());
    match &rule.text {
        Some(text) => format!("by {place}: {}", rule_line(text)),
        None => format!("by {place}"),
    }
}

/// A line with the severity and the title, then the place, what and the fix.
fn finding(screen: &mut Screen, finding: &Finding) {
    let severity = format!("{:<8}", finding.severity.name().to_uppercase());
    let (id, title) = (one_line(&finding.id), one_line(&finding.title));
    let title = format!(" {id} {title}");
    let paint = match finding.accepted {
        Some(_) => Paint::Soft,
        None => severity_paint(finding.severity),
    };
    screen.line(2, FINDING, &[(paint, &severity), (Paint::Title, &title)]);
    let place = one_line(&finding.place.to_string());
    let message = format!("{place}: {}", one_line(&finding.message));
    screen.line(FINDING, FINDING, &[(Paint::Plain, &message)]);
    let fix = format!("fix: {}", one_line(&finding.fix));
    screen.line(FINDING, FINDING, &[(Paint::Soft, &fix)]);
    if let Some(accepted) = &finding.accepted {
        let why = one_line(&accepted.reason());
        screen.line(FINDING, FINDING, &[(Paint::Soft, &why)]);
    }
}

fn severity_paint(severity: Severity) -> Paint {
    match severity {
        Severity::Info => Paint::Soft,
        Severity::Low => Paint::Low,
        Severity::Medium => Paint::Medium,
        Severity::High => Paint::High,
        Severity::Critical => Paint::Critical,
    }
}

/// "  what is not known (its place)"
fn unknown(screen: &mut Screen, unknown: &Unknown) {
    let place = one_line(&unknown.place.to_string());
    let line = format!("{} ({place})", one_line(&unknown.what));
    screen.line(2, 4, &[(Paint::Plain, &line)]);
}
