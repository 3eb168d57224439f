//! The strategy of native nft rules: an accept at the head of each input
//! chain of the host's own that would drop the clients. It applies where a
//! listing tells the chains, in JSON or else as text, and leaves the tables of
//! firewall managers to them.

mod accept;
mod file;
mod listing;
mod text;

use super::place::{admits, set_output};
use crate::{
    Error,
    audit::ShutOut,
    managers::{self, Manager},
    plan::{
        Run, Step, StepKind,
        daemon::{settles, words},
        draft::Draft,
    },
};
use accept::Accept;
use file::kept;
use listing::{Chain, is_open};

/// What prints the rules: as JSON, and as text.
const LISTINGS: [&str; 2] = ["nft -j list ruleset", "nft list ruleset"];

/// One that is firewalld's while firewalld runs.
const FIREWALLD: &str = "firewalld";

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

/// A command that a shell runs, about a chain and a comment.
fn shell(script: &str, chain: &Chain, comment: &str) -> Run {
    let mut command = words(&["sh", "-c", script, "sh"]);
    command.extend(chain.words().map(str::to_owned));
    command.push(comment.to_owned());
    Run { command }
}

/// The rules as nft prints them.
struct Live {
    command: &'static str,
    text: String,
}

impl Live {
    /// What the model is read from: the text where there is no JSON.
    fn of(draft: &Draft<'_>) -> Option<Self> {
        LISTINGS.into_iter().find_map(|command| {
            let source = draft.snapshot.output(command)?;
            Some(Self { command, text: source.text().to_owned() })
        })
    }

    fn is_json(&self) -> bool {
        self.command == "nft -j list ruleset"
    }

    /// The chains in which clients of a protocol can be let in.
    fn chains(&self, protocol: &str) -> Vec<Chain> {
        if self.is_json() {
            let places = listing::places(&self.text, protocol);
            let places = places.unwrap_or_default().into_iter();
            return places.map(|place| place.chain).collect();
        }
        let all = text::heads(&self.text).into_iter();
        all.map(|head| head.chain)
            .filter(|chain| is_open(chain, protocol))
            .take(listing::MOST)
            .collect()
    }

    /// The rules with one more, first in some chains.
    fn with(&self, chains: &[Chain], accept: &Accept) -> Option<String> {
        if !self.is_json() {
            return text::with(&self.text, chains, accept);
        }
        let mut places = listing::places(&self.text, accept.protocol())?;
        places.retain(|place| chains.contains(&place.chain));
        Some(listing::with(&self.text, &places, accept))
    }
}

/// Adds the steps that let the clients in; false where no rule would.
pub(super) fn admit(
    draft: &mut Draft<'_>,
    shut: &ShutOut,
) -> Result<bool, Error> {
    let Some(live) = Live::of(draft) else { return Ok(false) };
    let accept = Accept::of(shut);
    let mut chains = live.chains(accept.protocol());
    if managers::loads(&draft.snapshot)?
        .iter()
        .any(|load| load.enabled && load.manager == Manager::Firewalld)
    {
        chains.retain(|chain| chain.table != FIREWALLD);
    }
    let works = |chains: &[Chain]| {
        let Some(text) = live.with(chains, &accept) else { return false };
        let mut trial = draft.clone();
        set_output(&mut trial.snapshot, live.command, text);
        admits(trial, shut)
    };
    if chains.is_empty() || !works(&chains) {
        return Ok(false);
    }
    let mut needed = chains.clone();
    for chain in &chains {
        let others = needed.iter().filter(|one| *one != chain);
        let fewer: Vec<_> = others.cloned().collect();
        if works(&fewer) {
            needed = fewer;
        }
    }
    for (number, chain) in needed.iter().enumerate() {
        let so_far = needed.get(..=number).unwrap_or_default();
        let text = live.with(so_far, &accept).unwrap_or_default();
        set_output(&mut draft.snapshot, live.command, text);
        insert(draft, chain, &accept)?;
    }
    Ok(true)
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
        undo: Some(shell(DELETE, chain, &comment)),
        check: Some(shell(IS_THERE, chain, &comment)),
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
