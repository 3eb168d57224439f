//! The strategy of native nft rules: an accept at the head of each input
//! chain of the host's own that would drop the clients. It applies where a
//! listing in JSON tells the chains, and leaves the tables of firewall
//! managers to them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::place::{admits, set_output};
use crate::{
    Cidr, Error, FileChange,
    audit::ShutOut,
    managers::{self, Manager},
    net::Family,
    netfilter::listing_objects,
    plan::{
        Run, Step, StepKind,
        daemon::{settles, words},
        draft::Draft,
        guard::element,
    },
};

const LISTING: &str = "nft -j list ruleset";

/// The files that nftables.service loads.
const FILES: [&str; 2] = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];

/// Tables that somebody else writes, and writes again.
const OWNED: [&str; 2] = ["memsec", "f2b-table"];
/// One that is firewalld's while firewalld runs.
const FIREWALLD: &str = "firewalld";

/// More chains than this nobody has.
const MOST: usize = 16;

/// A rule is told by its comment: nft deletes by a handle, which is not known
/// before the rule is there. The texts are fixed, and what they are about is
/// in their arguments.
const DELETE: &str = r#"nft -a list chain "$1" "$2" "$3" |
sed -n "s|.* comment \"$4\" # handle \([0-9]*\)\$|\1|p" |
while read -r handle; do
    nft delete rule "$1" "$2" "$3" handle "$handle" || exit 1
done"#;
const IS_THERE: &str =
    r#"nft list chain "$1" "$2" "$3" | grep -q -F "comment \"$4\"""#;

/// A base chain at the input hook.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chain {
    family: String,
    table: String,
    name: String,
}

impl Chain {
    fn words(&self) -> [&str; 3] {
        [&self.family, &self.table, &self.name]
    }

    /// A command that a shell runs, about this chain and a comment.
    fn shell(&self, script: &str, comment: &str) -> Run {
        let mut command = words(&["sh", "-c", script, "sh"]);
        command.extend(self.words().map(str::to_owned));
        command.push(comment.to_owned());
        Run { command }
    }
}

/// A name that neither nft nor a pattern takes for anything else.
fn is_plain(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(good)
}

/// The rule that lets clients in.
struct Accept {
    clients: Cidr,
    proto: &'static str,
    port: u16,
}

impl Accept {
    fn of(shut: &ShutOut) -> Self {
        let ShutOut { clients, proto, port, .. } = *shut;
        Self { clients, proto: proto.name(), port }
    }

    fn protocol(&self) -> &'static str {
        match self.clients.family() {
            Family::Ipv4 => "ip",
            Family::Ipv6 => "ip6",
        }
    }

    fn comment(&self) -> String {
        let Self { clients, proto, port } = self;
        format!("memsec {proto} {port} from {clients}")
    }

    fn words(&self) -> Vec<String> {
        let (clients, port) = (self.clients.to_string(), self.port.to_string());
        let comment = format!("\"{}\"", self.comment());
        words(&[
            self.protocol(),
            "saddr",
            &clients,
            self.proto,
            "dport",
            &port,
            "accept",
            "comment",
            &comment,
        ])
    }

    fn json(&self, chain: &Chain) -> String {
        let equal = |protocol: &str, field: &str, right: Value| {
            let left = json!({ "protocol": protocol, "field": field });
            let left = json!({ "payload": left });
            json!({"match": { "op": "==", "left": left, "right": right }})
        };
        let rule = json!({ "rule": {
            "family": chain.family, "table": chain.table, "chain": chain.name,
            "comment": self.comment(),
            "expr": [
                equal(
                    self.protocol(),
                    "saddr",
                    element(&self.clients.to_string()),
                ),
                equal(self.proto, "dport", json!(self.port)),
                { "accept": null },
            ],
        }});
        rule.to_string()
    }
}

/// Adds the steps that let the clients in; false where no rule would.
pub(super) fn admit(
    draft: &mut Draft<'_>,
    shut: &ShutOut,
) -> Result<bool, Error> {
    let Some(source) = draft.snapshot.output(LISTING) else {
        return Ok(false);
    };
    let text = source.text();
    let accept = Accept::of(shut);
    let mut places = places(text, accept.protocol()).unwrap_or_default();
    if managers::loads(&draft.snapshot)?
        .iter()
        .any(|load| load.enabled && load.manager == Manager::Firewalld)
    {
        places.retain(|place| place.chain.table != FIREWALLD);
    }
    let works = |places: &[Place]| {
        let mut trial = draft.clone();
        let text = with(text, places, &accept);
        set_output(&mut trial.snapshot, LISTING, text);
        trial.update().is_ok() && admits(&trial.host, draft, shut)
    };
    if places.is_empty() || !works(&places) {
        return Ok(false);
    }
    let mut needed = places.clone();
    for place in &places {
        let others = needed.iter().filter(|one| *one != place);
        let fewer: Vec<_> = others.cloned().collect();
        if works(&fewer) {
            needed = fewer;
        }
    }
    for (number, place) in needed.iter().enumerate() {
        let so_far = needed.get(..=number).unwrap_or_default();
        let text = with(text, so_far, &accept);
        set_output(&mut draft.snapshot, LISTING, text);
        insert(draft, &place.chain, &accept)?;
    }
    Ok(true)
}

/// A chain, and where in the listing a rule goes that is its first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    chain: Chain,
    /// In bytes.
    offset: usize,
    /// Whether that is behind the last object of the listing.
    last: bool,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    chain: Option<Member<'a>>,
    #[serde(borrow)]
    rule: Option<Member<'a>>,
}

/// What is asked of a chain or of a rule.
#[derive(Deserialize)]
struct Member<'a> {
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    table: Cow<'a, str>,
    /// Of a chain.
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    hook: Cow<'a, str>,
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
    /// Of a rule.
    #[serde(borrow, default)]
    chain: Cow<'a, str>,
}

impl Member<'_> {
    /// The chain, if clients of a protocol can be let in there.
    fn chain(&self, protocol: &str) -> Option<Chain> {
        let fits = self.hook == "input"
            && self.r#type == "filter"
            && ["inet", protocol].contains(&&*self.family)
            && !OWNED.contains(&&*self.table)
            && [&self.table, &self.name].into_iter().all(|n| is_plain(n));
        fits.then(|| Chain {
            family: self.family.to_string(),
            table: self.table.to_string(),
            name: self.name.to_string(),
        })
    }

    fn is_in(&self, chain: &Chain) -> bool {
        [&*self.family, &*self.table, &*self.chain] == chain.words()
    }
}

/// The chains in which clients can be let in; `None` for what is no listing.
fn places(text: &str, protocol: &str) -> Option<Vec<Place>> {
    let all = listing_objects(text).ok()?;
    let mut places: Vec<Place> = Vec::new();
    let mut rules = Vec::new();
    for &(offset, raw) in &all {
        let Ok(object) = serde_json::from_str::<Object<'_>>(raw) else {
            continue;
        };
        let chain = object.chain.and_then(|chain| chain.chain(protocol));
        places.extend(chain.map(|chain| Place { chain, offset, last: true }));
        rules.extend(object.rule.map(|rule| (rule, offset)));
    }
    let &(end, last) = all.last()?;
    places.truncate(MOST);
    for place in &mut places {
        let mut own = rules.iter().filter(|(rule, _)| rule.is_in(&place.chain));
        let first = own.next().map(|(_, offset)| *offset);
        place.last = first.is_none();
        place.offset = first.unwrap_or(end + last.len());
    }
    Some(places)
}

/// The listing with the rule first in some chains.
fn with(text: &str, places: &[Place], accept: &Accept) -> String {
    let mut places: Vec<_> = places.iter().collect();
    places.sort_by_key(|place| place.offset);
    let (mut out, mut from) = (String::with_capacity(text.len() + 1024), 0);
    for place in places {
        out += text.get(from..place.offset).unwrap_or_default();
        let rule = accept.json(&place.chain);
        out += &match place.last {
            true => format!(", {rule}"),
            false => format!("{rule}, "),
        };
        from = place.offset;
    }
    out + text.get(from..).unwrap_or_default()
}

fn insert(
    draft: &mut Draft<'_>,
    chain: &Chain,
    accept: &Accept,
) -> Result<(), Error> {
    let Accept { clients, port, .. } = accept;
    let comment = accept.comment();
    let mut command = words(&["nft", "insert", "rule"]);
    command.extend(chain.words().map(str::to_owned));
    command.extend(accept.words());
    let kept = kept(draft, chain, accept);
    let more = match &kept {
        Some(_) => "",
        None => "; no file that is known loads that chain at boot",
    };
    draft.step(Step {
        kind: StepKind::Manager,
        summary: format!(
            "let {clients} in to port {port}, first in chain {} of table {} \
             {}{more}",
            chain.name, chain.family, chain.table
        ),
        settles: settles(&["FW-006"]),
        command,
        undo: Some(chain.shell(DELETE, &comment)),
        check: Some(chain.shell(IS_THERE, &comment)),
        ..Step::default()
    })?;
    let Some(file) = kept else { return Ok(()) };
    draft.write(&file);
    draft.step(Step {
        kind: StepKind::Persist,
        summary: format!("{}: the same rule, for the next boot", file.path),
        settles: settles(&["FW-010"]),
        file: Some(file),
        ..Step::default()
    })
}

/// The same rule in the file that the chain is loaded from at boot.
fn kept(
    draft: &Draft<'_>,
    chain: &Chain,
    accept: &Accept,
) -> Option<FileChange> {
    FILES.into_iter().find_map(|path| {
        let before = draft.text(path)?;
        let after = written(&before, chain, &accept.words().join(" "))?;
        let path = path.to_owned();
        Some(FileChange { path, before: Some(before), after: Some(after) })
    })
}

/// A file of nft with a rule first in a chain: after the line that says where
/// the chain hooks in.
fn written(text: &str, chain: &Chain, rule: &str) -> Option<String> {
    let [family, table, name] = chain.words();
    let heads = [format!("table {family} {table}"), format!("chain {name}")];
    let mut open = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        offset += line.len();
        let code = line.split('#').next().unwrap_or_default();
        let words: Vec<_> = code.split_whitespace().collect();
        let head = words.join(" ").replace('{', "");
        if words.first() == Some(&"table") {
            open = 0;
        }
        match heads.get(open) {
            Some(wanted) if head.trim() == *wanted => open += 1,
            None if words.first() == Some(&"type") => {
                let (before, after) = text.split_at_checked(offset)?;
                let indent = line.len() - line.trim_start().len();
                let indent = line.get(..indent)?;
                return Some(format!("{before}{indent}{rule}\n{after}"));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Chain {
        let [family, table, name] =
            ["inet", "filter", "input"].map(str::to_owned);
        Chain { family, table, name }
    }

    #[test]
    fn a_file_gets_the_rule_first_in_its_chain() {
        let head = "table inet filter {\n\tchain output {\n\t\ttype filter \
                    hook output priority 0;\n\t}\n\tchain input { # in\n\t\t\
                    type filter hook input priority 0; policy drop;\n";
        let tail = "\t\tiif lo accept\n\t}\n}\n";
        let new = written(&format!("{head}{tail}"), &chain(), "accept");
        assert_eq!(new, Some(format!("{head}\t\taccept\n{tail}")));
    }

    #[test]
    fn a_file_without_the_chain_stays() {
        let text = "table ip filter {\n\tchain input {\n\t\ttype filter hook \
                    input priority 0;\n\t}\n}\n";
        assert_eq!(written(text, &chain(), "accept"), None);
    }

    #[test]
    fn a_chain_of_another_table_stays() {
        let text = "table inet filter {\n}\ntable inet other {\n\tchain \
                    input {\n\t\ttype filter hook input priority 0;\n\t}\n}\n";
        assert_eq!(written(text, &chain(), "accept"), None);
    }

    #[test]
    fn names_that_a_pattern_would_read_are_left() {
        for name in ["a b", "a|b", "a.b", "$a", "", "1a"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("filter_INPUT"));
    }
}
