//! The script that undoes a run. There is no other way back: we run it, what
//! watches over us runs it, and so can a person with nothing but a shell.

use std::{fmt::Write, path::Path};

use super::{boot, guard::Kept, place::Place};
use crate::{
    Step, StepKind,
    plan::{command_line, quote},
    system::command::PATH,
};

const END: &str = include_str!("rollback.sh");

/// What a script is made of.
#[derive(Debug)]
pub(super) struct Script<'a> {
    /// The directory of the run.
    pub run: &'a str,
    pub directory: &'a Path,
    /// A directory that is made for the unit of the boot.
    pub made: Option<&'a Path>,
    pub steps: &'a [Step],
    /// Where each step writes, if it does.
    pub places: &'a [Option<Place>],
    /// The guard that was loaded before.
    pub guard: Option<&'a Kept>,
    /// Seconds that a command may take.
    pub limit: u64,
    /// Seconds that the run waits for its confirmation.
    pub confirm: Option<u64>,
}

impl Script<'_> {
    pub(super) fn text(&self) -> String {
        let steps = self.steps.iter().zip(self.places).enumerate();
        let undo: String = steps.rev().map(|(i, s)| self.undo(i, s)).collect();
        let confirm = self.confirm.map(|s| s.to_string()).unwrap_or_default();
        format!(
            "#!/bin/sh\n# Made by memsec.\n\
             PATH={PATH}\nLC_ALL=C\nexport PATH LC_ALL\n\
             dir={}\nlimit={}\nconfirm={confirm}\n\n\
             undo() {{\n    :\n{undo}}}\n\n\
             tidy() {{\n    :\n{}}}\n\n{END}",
            word(self.directory),
            self.limit,
            self.tidy(),
        )
    }

    /// Directories that are not empty are in use, and stay.
    fn tidy(&self) -> String {
        let [unit, link] = boot::paths(self.run).map(|path| word(&path));
        let mut out = format!("    rm -f {link} {unit}\n");
        if let Some(made) = self.made {
            let made = word(made);
            let _ = writeln!(out, "    rmdir {made} 2>/dev/null");
        }
        for place in self.places.iter().flatten().rev() {
            let [old, new] = [place.old(), place.staged()].map(|p| word(&p));
            let _ = writeln!(out, "    rm -f {old} {new}");
            for made in place.missing.iter().rev() {
                let made = word(made);
                let _ = writeln!(out, "    rmdir {made} 2>/dev/null");
            }
        }
        out
    }

    fn undo(
        &self,
        index: usize,
        (step, place): (&Step, &Option<Place>),
    ) -> String {
        let number = index + 1;
        let file = place.as_ref().map(|place| self.file(number, place));
        let kept = self.guard.filter(|_| step.kind == StepKind::Guard);
        let command = match kept {
            Some(Kept { by, name, .. }) => {
                format!("        run {by} \"$dir/{name}\"\n")
            }
            None => command(step),
        };
        let file = file.unwrap_or_default();
        let both = match step.kind {
            StepKind::Persist => persist(&command, &file),
            _ => file + &command,
        };
        format!(
            "    if begun {number}; then\n{both}        \
             if well; then\n            note undone {number}\n        fi\n    \
             fi\n",
        )
    }

    fn file(&self, number: usize, place: &Place) -> String {
        let mut out = format!(
            "        file {number} {} {}",
            word(&place.path),
            word(&place.old())
        );
        // Where it was written before, it may be back further than this.
        let earlier = self.places.iter().take(number - 1).enumerate();
        for (index, other) in earlier {
            if other.as_ref().is_some_and(|other| other.path == place.path) {
                let _ = write!(out, " \"$dir/before/{}\"", index + 1);
            }
        }
        out + "\n"
    }
}

/// A unit that is gone cannot be disabled, so its file goes last, and stays
/// where that failed: whoever undoes the run again then finds it enabled.
fn persist(command: &str, file: &str) -> String {
    match command {
        "" => file.to_owned(),
        command => {
            format!("{command}        if well; then\n    {file}        fi\n")
        }
    }
}

/// Where the check of a step says that it did not take hold, there is nothing
/// to undo. The check of a service says something else: that it runs.
fn command(step: &Step) -> String {
    let Some(undo) = &step.undo else { return String::new() };
    let undo = command_line(&undo.command);
    let tells = matches!(
        step.kind,
        StepKind::Guard | StepKind::Manager | StepKind::Persist
    );
    match step.check.as_ref().filter(|_| tells) {
        Some(check) => format!(
            "        if held {}; then\n            run {undo}\n        fi\n",
            command_line(&check.command)
        ),
        None => format!("        run {undo}\n"),
    }
}

fn word(path: &Path) -> String {
    quote(&path.to_string_lossy())
}
