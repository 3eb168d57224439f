//! The directory of a run: all that is needed to finish or to undo it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    Apply, Outcome, boot,
    guard::{self, Kept},
    journal::{self, Journal, Record},
    place::{self, Place},
    script::Script,
};
use crate::{Error, Plan, system::command::PATH};

/// A run that is on the disk.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub name: String,
    pub directory: PathBuf,
}

impl Run {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn error(&self, error: &io::Error) -> Error {
        Error::io(self.directory.display().to_string(), error)
    }

    /// Writes a new run down, whole or not at all.
    pub(super) fn create(
        &self,
        plan: &Plan,
        places: &[Option<Place>],
        how: &Apply,
    ) -> Result<(), Error> {
        let guard = guard::kept(plan);
        let guard = guard.as_ref();
        let hidden = self.directory.with_file_name(format!(".{}", self.name));
        let draft = Self { directory: hidden, name: self.name.clone() };
        let made = draft
            .fill(plan, places, &self.script(plan, places, how, guard), guard)
            .and_then(|()| fs::rename(&draft.directory, &self.directory))
            .and_then(|()| place::sync_directory(&self.directory));
        made.map_err(|error| {
            // What is left is hidden, and swept away by the next run.
            let _ = fs::remove_dir_all(&draft.directory);
            self.error(&error)
        })
    }

    fn script(
        &self,
        plan: &Plan,
        places: &[Option<Place>],
        how: &Apply,
        guard: Option<&Kept>,
    ) -> String {
        let script = Script {
            run: &self.name,
            directory: &self.directory,
            made: boot::missing(),
            steps: &plan.steps,
            places,
            guard,
            limit: how.limit.as_secs().max(1),
            confirm: how.confirm.map(|time| time.as_secs().max(1)),
        };
        script.text()
    }

    fn fill(
        &self,
        plan: &Plan,
        places: &[Option<Place>],
        rollback: &str,
        guard: Option<&Kept>,
    ) -> io::Result<()> {
        let none = Path::new("");
        for part in ["", "before", "after"] {
            fs::DirBuilder::new().mode(0o700).create(self.path(part))?;
        }
        let steps = plan.steps.iter().zip(places).enumerate();
        for (index, (step, place)) in steps {
            let Some((file, place)) = step.file.as_ref().zip(place.as_ref())
            else {
                continue;
            };
            let name = (index + 1).to_string();
            let sides = [("before", &file.before), ("after", &file.after)];
            for (side, text) in sides {
                if let Some(text) = text {
                    let copy = self.path(side).join(&name);
                    place::write(&copy, text.as_bytes(), &place.path)?;
                }
            }
        }
        place::write(&self.path("plan.json"), plan.to_json().as_bytes(), none)?;
        place::write(&self.path("rollback.sh"), rollback.as_bytes(), none)?;
        if let Some(Kept { name, text, .. }) = guard {
            place::write(&self.path(name), text.as_bytes(), none)?;
        }
        for side in ["before/1", "after/1", "journal"] {
            place::sync_directory(&self.path(side))?;
        }
        Journal::open(&self.path("journal")).map(drop)
    }

    pub(super) fn journal(&self) -> Result<Journal, Error> {
        Journal::open(&self.path("journal")).map_err(|e| self.error(&e))
    }

    /// What its commands print to. Its lock is held as long as one of them
    /// runs, whatever becomes of us.
    pub(super) fn output(&self) -> Result<File, Error> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        options.open(self.path("output")).map_err(|e| self.error(&e))
    }

    pub(super) fn outcome(&self) -> Result<Outcome, Error> {
        let read = |name| {
            fs::read_to_string(self.path(name)).map_err(|e| self.error(&e))
        };
        let plan = Plan::from_json(
            &self.path("plan.json").display().to_string(),
            &read("plan.json")?,
        )?;
        let records = journal::read(&self.path("journal"));
        let records = records.map_err(|error| self.error(&error))?;
        let output = fs::read(self.path("output")).unwrap_or_default();
        let mut outcome = Outcome::of(&self.name, &plan, &records, &output);
        let left = fs::read_to_string(self.path("left")).unwrap_or_default();
        outcome.left = left.lines().map(str::to_owned).collect();
        Ok(outcome)
    }

    /// Whether the connection that this process belongs to was there before
    /// the run was carried out.
    pub(super) fn saw_our_connection(&self) -> Result<bool, Error> {
        let records = journal::read(&self.path("journal"));
        let records = records.map_err(|error| self.error(&error))?;
        Ok(records.iter().any(|record| match record {
            Record::Since(moment) => moment.saw_our_connection(),
            _ => false,
        }))
    }

    /// Runs the script. It goes on if we are killed.
    pub(super) fn script_command(&self, what: &str) -> Result<(), Error> {
        let log = || {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600);
            options.open(self.path("rollback.log"))
        };
        let run = || {
            Command::new("sh")
                .arg(self.path("rollback.sh"))
                .args((!what.is_empty()).then_some(what))
                .env_clear()
                .env("PATH", PATH)
                .current_dir("/")
                .stdin(Stdio::null())
                .stdout(log()?)
                .stderr(log()?)
                .process_group(0)
                .status()
        };
        run().map(drop).map_err(|error| self.error(&error))
    }
}
