//! What is wrong, what to do about it, and what is not known.

use super::markup::{escape, escape_lines, list, section, table};
use crate::{
    Finding, Instance, Listener, Plan, Render, Report, Step,
    plan::{claim_line, command_line},
    reach::rule_line,
    report::references::address,
};

pub(super) fn findings(report: &Report) -> String {
    if report.findings.is_empty() {
        let none = "<p>No check has found anything.</p>\n";
        return section("wrong", "What is wrong", none);
    }
    let body: String = report.findings.iter().map(finding).collect();
    section("wrong", "What is wrong, the worst first", &body)
}

fn finding(finding: &Finding) -> String {
    let severity = match finding.accepted {
        Some(_) => "accepted",
        None => finding.severity.name(),
    };
    let text = finding.place.text.as_deref().unwrap_or_default();
    let text = rule_line(text);
    let text = match text.is_empty() {
        true => String::new(),
        false => format!(": <code>{}</code>", escape(&text)),
    };
    format!(
        "<article class=\"finding {severity}\">\n\
         <h3><span class=\"badge\">{severity}</span> {}</h3>\n\
         <p class=\"message\">{}</p>\n\
         <p class=\"place\">{} at <code>{}</code>{text}</p>\n\
         <p><strong>Fix:</strong> {}</p>\n{}{}</article>\n",
        escape(&finding.title),
        escape(&finding.message),
        escape(&finding.id),
        escape(&finding.place.to_string()),
        escape(&finding.fix),
        accepted(finding),
        references(&finding.references),
    )
}

fn accepted(finding: &Finding) -> String {
    let Some(accepted) = &finding.accepted else { return String::new() };
    format!("<p class=\"place\">{}</p>\n", escape(&accepted.reason()))
}

fn references(references: &[String]) -> String {
    let link = |reference: &String| {
        let text = escape(reference);
        match address(reference).as_deref().map(escape) {
            Some(to) => {
                format!("<a rel=\"noreferrer\" href=\"{to}\">{text}</a>")
            }
            None => text,
        }
    };
    let links: Vec<_> = references.iter().map(link).collect();
    match links.is_empty() {
        true => String::new(),
        false => {
            format!("<p class=\"place\">Read more: {}</p>\n", links.join(", "))
        }
    }
}

pub(super) fn plan(plan: &Plan) -> String {
    if plan.empty {
        return section("plan", "The plan", "<p>Nothing to do.</p>\n");
    }
    let steps: String = plan.steps.iter().map(step).collect();
    let claims = plan.proof.claims.iter();
    let claims: Vec<_> =
        claims.map(|claim| escape(&claim_line(claim))).collect();
    let title = match plan.proof.holds {
        true => "The plan that puts it right",
        false => "There is no plan that can be proved",
    };
    let body = format!(
        "<ol class=\"steps\">\n{steps}</ol>\n{}{}",
        list("claims", &claims),
        diff(plan)
    );
    section("plan", title, &body)
}

fn step(step: &Step) -> String {
    let command = match step.command.is_empty() {
        true => String::new(),
        false => {
            let line = escape(&command_line(&step.command));
            format!("<pre><code>{line}</code></pre>")
        }
    };
    format!("<li>{}{command}</li>\n", escape(&step.summary))
}

fn diff(plan: &Plan) -> String {
    let text = plan.render(Render::Diff).unwrap_or_default();
    if text.is_empty() {
        return String::new();
    }
    format!(
        "<h3>What changes in files</h3>\n<pre><code>{}</code></pre>\n",
        escape_lines(&text)
    )
}

pub(super) fn unknowns(report: &Report) -> String {
    if report.unknown.is_empty() {
        return String::new();
    }
    let items = report.unknown.iter().map(|unknown| {
        let place = escape(&unknown.place.to_string());
        format!("{} <code>{place}</code>", escape(&unknown.what))
    });
    let body = list("unknowns", &items.collect::<Vec<_>>());
    section("unknown", "What is not known", &body)
}

pub(super) fn instances(report: &Report) -> String {
    if report.instances.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = report.instances.iter().map(instance).collect();
    let columns = ["Daemon", "Configured by", "Version", "Listens on"];
    let body = table("daemons", "The daemons", &columns, &rows);
    section("daemons", "The daemons", &body)
}

fn instance(instance: &Instance) -> Vec<String> {
    let version = instance.version.as_deref().unwrap_or("not known");
    let listeners = instance.listeners.iter().map(listener);
    let listeners: Vec<_> = listeners.map(|text| escape(&text)).collect();
    let listens = match &instance.error {
        Some(exit) => {
            let (status, message) = (exit.status, escape(&exit.message));
            format!("it exits with {status}: {message}")
        }
        None if listeners.is_empty() => "nothing".to_owned(),
        None => listeners.join("<br>\n"),
    };
    vec![
        escape(&instance.id),
        format!("<code>{}</code>", escape(&instance.source)),
        escape(version),
        listens,
    ]
}

fn listener(listener: &Listener) -> String {
    match (listener, listener.socket()) {
        (_, Some((proto, socket))) => {
            let at = std::net::SocketAddr::new(socket.address, socket.port);
            format!("{} {at}", proto.name())
        }
        (Listener::Unix { path, .. }, _) => format!("unix {path}"),
        _ => String::new(),
    }
}
