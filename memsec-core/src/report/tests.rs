//! What others wrote into a snapshot stays text in every form.

use proptest::prelude::*;

use super::Style;
use crate::{Plan, Report};

/// The elements that never have an end, of those that a page has.
const VOID: [&str; 2] = ["meta", "br"];

/// The tags of a page, in their order. What is between two has no angle
/// bracket and no control character, and each tag is one of ours.
fn tags(page: &str) -> Vec<&str> {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let mut out = Vec::new();
    for piece in [head, body].iter().flat_map(|part| part.split('<').skip(1)) {
        let (tag, text) = piece.split_once('>').unwrap();
        assert!(!text.contains('>'), "{text}");
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t')
        );
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        out.push(tag.split([' ', '/']).next().unwrap());
        let name = tag.trim_start_matches('/').split([' ', '/']).next();
        let name = name.unwrap();
        assert!(!["script", "iframe", "object", "style"].contains(&name));
    }
    out
}

/// Each element is closed in the order in which they were opened.
fn is_nested(page: &str) -> bool {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let mut open = Vec::new();
    for piece in [head, body].iter().flat_map(|part| part.split('<').skip(1)) {
        let tag = piece.split('>').next().unwrap();
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        let name = name.trim_end_matches('/');
        match tag.strip_prefix('/') {
            Some(_) if open.pop() != Some(name) => return false,
            None if !tag.ends_with('/')
                && !tag.starts_with('!')
                && !VOID.contains(&name) =>
            {
                open.push(name);
            }
            _ => {}
        }
    }
    open.is_empty()
}

fn hostile() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload='x",
        "</style>",
        "]]>",
        "<!--",
        "&lt;",
        "javascript:x",
        "\u{202e}\u{2066}gnp.exe\u{2028}",
        "\u{0}\u{1b}[2J\r\n\t",
        "</code></pre></article>",
    ]);
    let any = any::<String>();
    prop::collection::vec(prop_oneof![nasty.prop_map(str::to_owned), any], 1..4)
        .prop_map(|parts| parts.concat())
}

/// A report and a plan that say a word wherever they can say one.
fn made_of(word: &str) -> (Report, Plan) {
    let word = serde_json::to_string(word).unwrap();
    let place = format!(r#"{{"source": {word}, "line": 1, "text": {word}}}"#);
    let json = format!(
        r#"{{"instances": [{{"id": {word}, "source": {word}, "version": {word},
             "argv": [{word}], "starts": false,
             "error": {{"status": 1, "message": {word}}},
             "listeners": [{{"proto": "unix", "path": {word}}}]}}],
             "exposures": [{{"instance": {word}, "proto": "tcp", "port": 1,
             "family": "ipv4", "interface": {word}, "destinations": [],
             "scope": "internet", "exact": true, "may": ["0.0.0.0/0"],
             "except": [], "must": [], "because": [{place}]}}],
             "findings": [{{"id": {word}, "severity": "low", "title": {word},
             "message": {word}, "where": {place}, "fix": {word},
             "references": [{word}]}}],
             "unknown": [{{"what": {word}, "where": {place}}}]}}"#
    );
    let report: Report = serde_json::from_str(&json).unwrap();
    let plan = format!(
        r#"{{"empty": false, "steps": [{{"kind": "edit", "summary": {word},
             "settles": [], "command": [{word}], "file": {{"path": {word},
             "before": {word}, "after": ""}}}}],
             "proof": {{"holds": true, "claims": [{{"claim": "only-allowed",
             "holds": true, "witness": {{"message": {word}}}}}]}}}}"#
    );
    (report, Plan::from_json("plan", &plan).unwrap())
}

fn page(word: &str) -> String {
    let (report, plan) = made_of(word);
    report.to_html(Some(&plan))
}

/// Whether a terminal or a reader would take it for what it is not.
fn misleads(text: &str) -> bool {
    let turns = ['\u{202e}', '\u{2066}', '\u{2028}'];
    let obeys = |c: char| c.is_control() && c != '\n' && c != '\t';
    text.contains(turns) || text.contains(obeys)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_page_has_its_own_tags_only(word in hostile()) {
        // Where there is nothing to say, its tags are left out.
        prop_assume!(!word.is_empty());
        let (page, plain) = (page(&word), page("plain"));
        prop_assert_eq!(tags(&page), tags(&plain));
        prop_assert!(is_nested(&page));
        prop_assert!(!misleads(&page));
    }

    #[test]
    fn a_terminal_obeys_nothing_of_others(word in hostile()) {
        let lines = |word: &str, style| {
            let text = made_of(word).0.to_text(style);
            prop_assert!(!misleads(&text), "{:?}", text);
            Ok(text.lines().count())
        };
        let plain = lines("plain", Style::default())?;
        prop_assert_eq!(lines(&word, Style::default())?, plain);
        lines(&word, Style { color: false, width: Some(40) })?;
    }

    #[test]
    fn a_sarif_log_has_addresses_only(word in hostile()) {
        let log = made_of(&word).0.to_sarif();
        let log: serde_json::Value = serde_json::from_str(&log).unwrap();
        let result = &log["runs"][0]["results"][0];
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        let known = |c: char| c.is_ascii_alphanumeric() || "-._~%/".contains(c);
        prop_assert!(uri.chars().all(known), "{}", uri);
        prop_assert!(!uri.starts_with('/'), "{}", uri);
        prop_assert!(!misleads(result["message"]["text"].as_str().unwrap()));
    }
}
