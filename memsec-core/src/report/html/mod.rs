//! One self-contained HTML page.

mod bars;
mod grid;
mod map;
mod markup;
mod reach;
mod sections;
mod target;
#[cfg(test)]
mod tests;

use crate::{Plan, Report, Scope, Severity};
use markup::{escape, list};

const STYLE: &str = include_str!("page.css");

/// Nothing is loaded from anywhere, and no script runs, whatever a snapshot
/// says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'";

/// The hatching of the maps, for all of them.
const PATTERN: &str = "<svg class=\"patterns\" width=\"0\" height=\"0\" \
aria-hidden=\"true\"><pattern id=\"hatch\" width=\"4\" height=\"4\" \
patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<rect class=\"nobody\" width=\"4\" height=\"4\"/>\
<rect class=\"strangers\" width=\"2\" height=\"4\"/></pattern></svg>\n";

pub(super) fn render(report: &Report, plan: Option<&Plan>) -> String {
    let answer = escape(&report.answer());
    let body = [
        reach::pictures(report, plan),
        sections::findings(report),
        reach::exposures(report),
        plan.map(sections::plan).unwrap_or_default(),
        sections::unknowns(report),
        sections::instances(report),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>memsec: {answer}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n{PATTERN}<header class=\"{}\">\n\
         <p class=\"brand\">memsec</p>\n<h1>{answer}</h1>\n{}</header>\n\
         <main>\n{}</main>\n<footer><p>Made by memsec {} from one snapshot \
         of a host.</p></footer>\n</body>\n</html>\n",
        tone(report),
        tally(report),
        body.concat(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// How the answer is coloured. That allowed clients get in is no alarm.
fn tone(report: &Report) -> &'static str {
    let mut targets = target::targets(report, None).into_iter();
    match report.widest().filter(|_| targets.any(|t| t.is_open())) {
        None => "closed",
        Some(Scope::Internet) => "open",
        Some(_) => "near",
    }
}

/// How many findings there are of each severity.
fn tally(report: &Report) -> String {
    let severities = [
        Severity::Critical,
        Severity::High,
        Severity::Medium,
        Severity::Low,
        Severity::Info,
    ];
    let counts = severities.map(|severity| {
        let all = report.live();
        let count = all.filter(|f| f.severity == severity).count();
        let name = severity.name();
        (count > 0).then(|| {
            format!("<span class=\"{name}\"><b>{count}</b> {name}</span>")
        })
    });
    let counts: Vec<_> = counts.into_iter().flatten().collect();
    match counts.is_empty() {
        true => String::new(),
        false => list("tally", &counts),
    }
}
