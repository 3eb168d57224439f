//! What makes the guard come back at boot: the files of rules that the host
//! loads, or a service of its own.

mod file;
mod init;

use super::{Guard, Loader};
use crate::{
    Error, FileChange, Snapshot,
    managers::{self, csf},
    net::Family,
    plan::{Run, Step, StepKind, daemon::settles, draft::Draft},
    snapshot::Content,
};
#[cfg(test)]
pub(in crate::plan) use file::with;
use init::Init;

/// How the guard comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Boot {
    /// The files of iptables-restore that the host loads, by their families.
    files: Vec<(Family, String)>,
    /// What starts a service of our own, where those files are not all.
    init: Option<Init>,
    /// The script of a manager that loads it whenever that has emptied the
    /// tables, as it is to be.
    script: Option<FileChange>,
}

impl Boot {
    fn of(snapshot: &Snapshot, loader: &Loader) -> Result<Self, Error> {
        let families = match loader {
            Loader::Nft => &[][..],
            Loader::Iptables(families) => families,
        };
        let stored = |&family: &Family| {
            managers::stored(snapshot, family).map(|path| (family, path))
        };
        let files: Vec<_> = families.iter().filter_map(stored).collect();
        let all = !families.is_empty() && files.len() == families.len();
        let init = (!all).then(|| Init::of(snapshot)).transpose()?;
        let script = match loader {
            Loader::Nft => None,
            Loader::Iptables(_) => csf::loading_guard(snapshot)?,
        };
        Ok(Self { files, init, script })
    }

    /// Why it is done in this way.
    fn why(&self, loader: &Loader) -> &'static str {
        match (loader, &self.init) {
            (Loader::Nft, _) => "",
            (_, None) => ", with the host's other rules",
            (_, Some(_)) if self.files.is_empty() => {
                ": no file of rules is loaded then"
            }
            (_, Some(_)) => ": no file of rules of each family is loaded then",
        }
    }
}

/// Makes the guard come back at boot, unless it does already.
pub(in crate::plan) fn persist(draft: &mut Draft<'_>) -> Result<(), Error> {
    let Some(guard) = draft.guard.clone() else { return Ok(()) };
    let loader = draft.loader.clone();
    let boot = Boot::of(&draft.snapshot, &loader)?;
    let why = boot.why(&loader);
    for (family, path) in &boot.files {
        stored(draft, &guard, *family, path, why)?;
    }
    if let Some(init) = boot.init {
        service(draft, init, &loader, why)?;
    }
    match boot.script.filter(|file| file.before != file.after) {
        Some(file) => scripted(draft, file),
        None => Ok(()),
    }
}

/// Has csf load the guard whenever it starts.
fn scripted(draft: &mut Draft<'_>, file: FileChange) -> Result<(), Error> {
    draft.write(&file);
    draft.step(Step {
        kind: StepKind::Persist,
        summary: format!(
            "{}: load the guard whenever csf starts, which empties the tables \
             of iptables",
            file.path
        ),
        settles: settles(&["FW-010"]),
        file: Some(file),
        ..Step::default()
    })
}

/// Puts the guard into a file that the host loads.
fn stored(
    draft: &mut Draft<'_>,
    guard: &Guard,
    family: Family,
    path: &str,
    why: &str,
) -> Result<(), Error> {
    let before = draft.text(path);
    let text = before.clone().unwrap_or_default();
    if file::has(&text, guard, family) {
        return Ok(());
    }
    let after = Some(file::with(&text, guard, family));
    let file = FileChange { path: path.to_owned(), before, after };
    draft.write(&file);
    draft.step(Step {
        kind: StepKind::Persist,
        summary: format!("{path}: load the guard at boot{why}"),
        settles: settles(&["FW-010"]),
        file: Some(file),
        ..Step::default()
    })
}

/// Has a service of our own load the guard.
fn service(
    draft: &mut Draft<'_>,
    init: Init,
    loader: &Loader,
    why: &str,
) -> Result<(), Error> {
    let (path, after) = (init.path(), init.text(loader));
    let before = draft.text(path);
    if before.as_ref() == Some(&after) {
        return Ok(());
    }
    let file = FileChange { path: path.to_owned(), before, after: Some(after) };
    draft.write(&file);
    draft.step(Step {
        kind: StepKind::Persist,
        summary: format!("load the guard at boot, {}{why}", init.when()),
        settles: settles(&["FW-010"]),
        file: Some(file),
        command: init.enable(),
        undo: Some(Run { command: init.disable() }),
        check: Some(Run { command: init.check() }),
        ..Step::default()
    })
}

/// Whether the guard of the host would be gone after a boot.
pub(in crate::plan) fn guard_is_lost_at_boot(draft: &Draft<'_>) -> bool {
    let loader = Loader::of(&draft.snapshot, &draft.host);
    let boot = loader.and_then(|loader| {
        let boot = Boot::of(&draft.snapshot, &loader)?;
        Ok((loader, boot))
    });
    let Ok((loader, boot)) = boot else { return false };
    let there = |path: &str| {
        let file = draft.snapshot.files.get(path);
        file.is_some_and(|f| !matches!(f.content, Content::Error(_)))
    };
    let stored = |(_, path): &(Family, String)| {
        draft.text(path).is_some_and(|text| file::has_any(&text))
    };
    let kept = boot.files.iter().all(stored)
        && boot.script.is_none_or(|file| file.before == file.after)
        && boot
            .init
            .is_none_or(|init| there(init.path()) && there(loader.file()));
    draft.host.ruleset.has_guard() && !kept
}
