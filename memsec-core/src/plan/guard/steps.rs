//! The steps that load the guard and make it come back.

use super::{FILE, Guard, inside};
use crate::{
    Error, FileChange, Snapshot,
    plan::{
        Run, Step, StepKind,
        daemon::{settles, words},
        draft::Draft,
    },
    reach::Taker,
    snapshot::Content,
};

/// The unit that loads the guard at boot.
const UNIT: &str = "/etc/systemd/system/memsec-guard.service";

const GUARD_SERVICE: &str = "memsec-guard.service";

/// After nftables.service, which empties the rule set when it starts; before
/// the network is up, so that there is no open moment at boot.
const UNIT_TEXT: &str = "\
[Unit]
Description=memsec: only the allowed clients reach memcached
DefaultDependencies=no
After=local-fs.target nftables.service
Before=network-pre.target memcached.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/memsec/guard.nft

[Install]
WantedBy=sysinit.target
";

/// What a shell says of a command that is not there.
const NOT_FOUND: i32 = 127;

/// Whether nft is on the host, or not known to be missing.
pub(in crate::plan) fn has_nft(snapshot: &Snapshot) -> bool {
    let listing = snapshot.commands.get("nft -j list ruleset");
    listing.is_none_or(|output| output.status != NOT_FOUND)
}

/// Loads the guard.
pub(in crate::plan) fn load(
    draft: &mut Draft<'_>,
    ports: Vec<u16>,
) -> Result<(), Error> {
    let inside = inside(&draft.host);
    let guard = Guard { inside, ..Guard::new(draft.policy, ports) };
    let before = draft.text(FILE);
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
    let file = FileChange {
        path: FILE.to_owned(),
        before,
        after: Some(guard.to_nft()),
    };
    draft.write(&file);
    draft.guard = Some(guard.clone());
    let ports: Vec<_> = guard.ports.iter().map(u16::to_string).collect();
    draft.step(Step {
        kind: StepKind::Guard,
        summary: format!(
            "guard port {}: a table of its own drops whoever is not allowed",
            ports.join(", ")
        ),
        settles: settles(&["FW-001", "FW-002", "FW-003", "AUTH-001"]),
        undo: Some(Run { command: undo(&file) }),
        file: Some(file),
        command: words(&["nft", "-f", FILE]),
        check: Some(Run {
            command: words(&["nft", "list", "table", "inet", "memsec"]),
        }),
        guard: Some(guard),
    })
}

/// The guard that was there before comes back from its file.
fn undo(file: &FileChange) -> Vec<String> {
    match file.before {
        Some(_) => words(&["nft", "-f", FILE]),
        None => words(&["nft", "delete", "table", "inet", "memsec"]),
    }
}

/// Makes the guard come back at boot, unless it does already.
pub(in crate::plan) fn persist(draft: &mut Draft<'_>) -> Result<(), Error> {
    let before = draft.text(UNIT);
    if before.as_deref() == Some(UNIT_TEXT) {
        return Ok(());
    }
    let file = FileChange {
        path: UNIT.to_owned(),
        before,
        after: Some(UNIT_TEXT.to_owned()),
    };
    draft.write(&file);
    draft.step(Step {
        kind: StepKind::Persist,
        summary: "load the guard at boot, before the network is up".to_owned(),
        settles: settles(&["FW-010"]),
        file: Some(file),
        command: words(&["systemctl", "enable", GUARD_SERVICE]),
        undo: Some(Run {
            command: words(&["systemctl", "disable", GUARD_SERVICE]),
        }),
        check: Some(Run {
            command: words(&["systemctl", "is-enabled", GUARD_SERVICE]),
        }),
        ..Step::default()
    })
}

/// Whether the guard of the host would be gone after a boot.
pub(in crate::plan) fn guard_is_lost_at_boot(draft: &Draft<'_>) -> bool {
    let there = |path: &str| {
        let file = draft.snapshot.files.get(path);
        file.is_some_and(|f| !matches!(f.content, Content::Error(_)))
    };
    draft.host.ruleset.has_table("memsec") && !(there(UNIT) && there(FILE))
}
