//! The strategy of native nft rules: an accept at the head of each input
//! chain of the host's own that would drop the clients. It applies where a
//! listing in JSON tells the chains, and leaves the tables of firewall
//! managers to them.

mod accept;
mod file;
mod listing;

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
use listing::{Chain, Place, places, with};

const LISTING: &str = "nft -j list ruleset";

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
        admits(&trial, shut)
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
