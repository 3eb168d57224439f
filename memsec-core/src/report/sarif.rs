//! SARIF 2.1.0, the Static Analysis Results Interchange Format: the OASIS
//! standard of 27 March 2020. The numbers in brackets are its sections.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::references::address;
use crate::{
    Acceptance, Check, Finding, Report, Severity, Unknown, checks,
    reach::one_line, text::Place,
};

/// What paths are relative to: the root of the host.
const ROOT: &str = "ROOT";
/// What the outputs of commands are relative to; it has no address.
const OUTPUT: &str = "OUTPUT";

/// More results of one run are refused by GitHub, which other code hosts
/// follow: docs.github.com, "SARIF results exceed one or more limits".
const MOST: usize = 25_000;

pub(super) fn render(report: &Report) -> String {
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/\
                    os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run(report)],
    });
    crate::json::write(&log)
}

/// One run of the tool (3.14).
fn run(report: &Report) -> Value {
    let mut seen = HashMap::new();
    let (told, left_out) =
        report.findings.split_at(report.findings.len().min(MOST));
    let results = told.iter().map(|finding| {
        let key = fingerprint(finding);
        let times: &mut u32 = seen.entry(key).or_default();
        *times += 1;
        result(finding, key, *times)
    });
    json!({
        "tool": { "driver": {
            "name": "memsec",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules(report),
        } },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            ROOT: {
                "uri": "file:///",
                "description": { "text": "The root of the host." },
            },
            OUTPUT: { "description": {
                "text": "What a command printed, by its command line, or a \
                         process, by its number."
            } },
        },
        "invocations": [{
            "executionSuccessful": true,
            "toolExecutionNotifications": notifications(report, left_out),
        }],
        "results": results.collect::<Vec<_>>(),
    })
}

/// Every check, as a reportingDescriptor (3.49).
fn rules(report: &Report) -> Vec<Value> {
    let mut worst: HashMap<&str, Severity> = HashMap::new();
    for finding in report.live() {
        let known = worst.entry(&finding.id).or_insert(finding.severity);
        *known = finding.severity.max(*known);
    }
    let of = |check: &Check| worst.get(check.id).copied();
    let all = checks().iter();
    all.map(|check| rule(check, of(check).unwrap_or(check.severity))).collect()
}

/// Code hosts read how bad a finding is from its rule, so the rule has the
/// worst severity that it has on this host.
fn rule(check: &Check, severity: Severity) -> Value {
    let mut rule = json!({
        "id": check.id,
        "shortDescription": { "text": check.title },
        "fullDescription": { "text": check.why },
        "help": { "text": format!("{}\n\nTo fix it: {}", check.why, check.fix) },
        "defaultConfiguration": { "level": level(check.severity) },
        "properties": {
            "security-severity": score(severity),
            "tags": ["security", "memcached"],
        },
    });
    let page = check.references.iter().find_map(|r| address(r));
    if let (Some(uri), Some(rule)) = (page, rule.as_object_mut()) {
        rule.insert("helpUri".to_owned(), json!(uri));
    }
    rule
}

/// One finding (3.27).
fn result(finding: &Finding, key: u64, times: u32) -> Value {
    let mut result = json!({
        "ruleId": one_line(&finding.id),
        "level": level(finding.severity),
        "message": { "text": one_line(&finding.message) },
        "locations": locations(&finding.place),
        "partialFingerprints": {
            "memsecFinding/v1": format!("{key:016x}:{times}"),
        },
        "properties": {
            "severity": finding.severity.name(),
            "security-severity": score(finding.severity),
            "fix": one_line(&finding.fix),
        },
    });
    let index = checks().iter().position(|check| check.id == finding.id);
    let Some(members) = result.as_object_mut() else { return result };
    if let Some(index) = index {
        members.insert("ruleIndex".to_owned(), json!(index));
    }
    if let Some(accepted) = &finding.accepted {
        let all = vec![suppression(accepted)];
        members.insert("suppressions".to_owned(), json!(all));
    }
    result
}

/// Why a finding does not count (3.35): the policy, not the code, says so.
fn suppression(accepted: &Acceptance) -> Value {
    json!({
        "kind": "external",
        "status": "accepted",
        "justification": one_line(&accepted.reason()),
    })
}

/// What is not known, and that results are left out.
fn notifications(report: &Report, left_out: &[Finding]) -> Vec<Value> {
    let unknown = report.unknown.iter().take(MOST).map(notification);
    let less = (!left_out.is_empty()).then(|| {
        let text = format!(
            "{} more results, none of them worse, are left out: no code host \
             takes more than {MOST}",
            left_out.len()
        );
        json!({ "level": "warning", "message": { "text": text } })
    });
    unknown.chain(less).collect()
}

/// Something that is not known, as a notification (3.58).
fn notification(unknown: &Unknown) -> Value {
    json!({
        "level": "note",
        "message": { "text": one_line(&unknown.what) },
        "locations": locations(&unknown.place),
    })
}

fn locations(place: &Place) -> Vec<Value> {
    place.source.iter().map(|source| location(source, place)).collect()
}

/// A location (3.28): a file, or what a command printed, and the line.
fn location(source: &str, place: &Place) -> Value {
    let (base, path) = match source.strip_prefix('/') {
        Some(path) => (ROOT, path),
        None => (OUTPUT, source),
    };
    let artifact = json!({ "uri": uri(path), "uriBaseId": base });
    let mut physical = json!({ "artifactLocation": artifact });
    // A line is counted from 1.
    let line = place.line.filter(|&line| line > 0);
    if let (Some(line), Some(physical)) = (line, physical.as_object_mut()) {
        let mut region = json!({ "startLine": line });
        if let (Some(text), Some(region)) =
            (&place.text, region.as_object_mut())
        {
            let snippet = json!({ "text": one_line(text) });
            region.insert("snippet".to_owned(), snippet);
        }
        physical.insert("region".to_owned(), region);
    }
    json!({ "physicalLocation": physical })
}

/// A relative URI reference (RFC 3986). A colon is escaped too, or what is
/// before it could be taken for a scheme; so is a slash at the start, which
/// would begin a host.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || (byte == b'/' && !out.is_empty()) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The level (3.27.10).
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

/// A number on the scale of CVSS, as code hosts read it: critical is above
/// 9.0, high from 7.0, medium from 4.0.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "0.0",
        Severity::Low => "2.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

/// What stays the same while lines are moved: the check, the file, and what
/// stands there or else the message. By FNV-1a, which the Internet-Draft
/// draft-eastlake-fnv describes, so that any version gives the same.
fn fingerprint(finding: &Finding) -> u64 {
    let place = &finding.place;
    let text = place.text.as_deref().unwrap_or(&finding.message).trim();
    let source = place.source.as_deref().unwrap_or_default();
    let parts = [finding.id.as_str(), source, text].join("\0");
    let step = |hash: u64, byte: u8| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    };
    parts.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(findings: &str) -> Value {
        let json = format!(
            r#"{{"instances": [], "exposures": [], "findings": [{findings}],
                 "unknown": []}}"#
        );
        let report: Report = serde_json::from_str(&json).unwrap();
        serde_json::from_str(&report.to_sarif()).unwrap()
    }

    fn finding(place: &str) -> String {
        format!(
            r#"{{"id": "MEMSEC-NET-001", "severity": "low", "title": "t",
                 "message": "m", "where": {place}, "fix": "f",
                 "references": []}}"#
        )
    }

    fn physical(place: &str) -> Value {
        let log = log(&finding(place));
        let result = &log["runs"][0]["results"][0];
        result["locations"][0]["physicalLocation"].clone()
    }

    #[test]
    fn a_file_is_below_the_root() {
        let at =
            physical(r#"{"source": "/etc/a b:c", "line": 3, "text": "-l"}"#);
        let artifact = json!({ "uri": "etc/a%20b%3Ac", "uriBaseId": "ROOT" });
        assert_eq!(at["artifactLocation"], artifact);
        let region = json!({ "startLine": 3, "snippet": { "text": "-l" } });
        assert_eq!(at["region"], region);
    }

    #[test]
    fn what_a_command_printed_is_no_file() {
        let at = physical(r#"{"source": "nft list ruleset"}"#);
        let uri = "nft%20list%20ruleset";
        let artifact = json!({ "uri": uri, "uriBaseId": "OUTPUT" });
        assert_eq!(at, json!({ "artifactLocation": artifact }));
    }

    #[test]
    fn a_path_is_never_a_host() {
        let at = physical(r#"{"source": "//evil/x"}"#);
        assert_eq!(at["artifactLocation"]["uri"], "%2Fevil/x");
    }

    #[test]
    fn a_place_that_is_not_known_is_none() {
        assert_eq!(physical("{}"), Value::Null);
    }

    #[test]
    fn what_is_accepted_is_suppressed() {
        let accepted = r#""accepted": {"id": "MEMSEC-NET-001",
            "until": "2026-12-31", "because": "it moves"}, "references""#;
        let json = finding("{}").replace("\"references\"", accepted);
        let result = log(&json)["runs"][0]["results"][0].clone();
        let suppressed = &result["suppressions"][0];
        assert_eq!(suppressed["status"], "accepted");
        let why = "accepted until 2026-12-31: it moves";
        assert_eq!(suppressed["justification"], why);
    }

    #[test]
    fn no_more_results_than_a_code_host_takes() {
        let many = vec![finding("{}"); MOST + 2].join(",");
        let run = log(&many)["runs"][0].clone();
        assert_eq!(run["results"].as_array().unwrap().len(), MOST);
        let said = &run["invocations"][0]["toolExecutionNotifications"][0];
        let text = said["message"]["text"].as_str().unwrap();
        assert!(text.starts_with("2 more results"), "{text}");
    }

    #[test]
    fn a_rule_is_as_bad_as_its_worst_finding() {
        let log = log(&finding("{}"));
        let run = &log["runs"][0];
        let index = run["results"][0]["ruleIndex"].as_u64().unwrap();
        let index = usize::try_from(index).unwrap();
        let rule = &run["tool"]["driver"]["rules"][index];
        assert_eq!(rule["id"], "MEMSEC-NET-001");
        assert_eq!(rule["properties"]["security-severity"], "2.0");
    }

    #[test]
    fn a_fingerprint_outlives_a_move_and_tells_two_apart() {
        let key = |place: &str, at: usize| {
            let both = [finding(place), finding(place)].join(",");
            let log = log(&both);
            let result = &log["runs"][0]["results"][at];
            result["partialFingerprints"]["memsecFinding/v1"].clone()
        };
        let here = r#"{"source": "/a", "line": 1, "text": "-l"}"#;
        let there = r#"{"source": "/a", "line": 9, "text": "-l "}"#;
        let other = r#"{"source": "/b", "line": 1, "text": "-l"}"#;
        assert_eq!(key(here, 0), key(there, 0));
        assert_ne!(key(here, 0), key(here, 1));
        assert_ne!(key(here, 0), key(other, 0));
    }
}
