//! The step that loads the guard.

use super::{Guard, inside};
use crate::{
    Error, FileChange,
    plan::{Step, StepKind, daemon::settles, draft::Draft},
    reach::Taker,
};

/// Loads the guard.
pub(in crate::plan) fn load(
    draft: &mut Draft<'_>,
    ports: Vec<u16>,
) -> Result<(), Error> {
    let inside = inside(&draft.host);
    let guard = Guard { inside, ..Guard::new(draft.policy, ports) };
    let before = draft.text(draft.loader.file());
    step(draft, guard.clone(), before.clone())?;
    if !is_led_past(draft) {
        return Ok(());
    }
    draft.steps.pop();
    draft.states.pop();
    step(draft, Guard { redirected: true, ..guard }, before)
}

/// Whether somebody who is not allowed comes to memcached all the same, by
/// another port.
fn is_led_past(draft: &Draft<'_>) -> bool {
    let last = draft.states.last().into_iter().flat_map(|s| &s.reached);
    let mut own = last.filter(|r| {
        r.instance.is_some() && !r.local && r.taker == Taker::Socket
    });
    own.any(|reached| !reached.beyond(draft.policy).is_empty())
}

fn step(
    draft: &mut Draft<'_>,
    guard: Guard,
    before: Option<String>,
) -> Result<(), Error> {
    let loader = draft.loader.clone();
    let file = FileChange {
        path: loader.file().to_owned(),
        before,
        after: Some(loader.text(&guard)),
    };
    draft.write(&file);
    draft.guard = Some(guard.clone());
    let ports: Vec<_> = guard.ports.iter().map(u16::to_string).collect();
    draft.step(Step {
        kind: StepKind::Guard,
        summary: format!(
            "guard port {}: {} drops whoever is not allowed",
            ports.join(", "),
            loader.means()
        ),
        settles: settles(&["FW-001", "FW-002", "FW-003", "AUTH-001"]),
        undo: Some(loader.undo(&file)),
        file: Some(file),
        command: loader.command(),
        check: Some(loader.check()),
        guard: Some(guard),
    })
}
