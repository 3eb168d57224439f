//! Carries plans out, and undoes them.
//!
//! A run is a directory below `/var/lib/memsec`: the plan, the files before
//! and after, a journal, and a shell script that undoes what the journal says
//! was begun. The script is the one way back; a watcher outside our process
//! runs it as soon as we end before our time, since the kernel then frees the
//! lock that it waits for.

mod boot;
mod carry;
mod directory;
mod execute;
mod guard;
mod journal;
mod live;
mod outcome;
mod place;
mod run;
mod script;
mod session;
mod watch;

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

pub use outcome::{Carried, Ended, Outcome, StepStatus};

use crate::{Error, Plan};
use directory::{number, number_of};
use journal::Record;
use run::Run;

/// How a plan is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apply {
    /// How long to wait for a confirmation before all is undone. Without
    /// it, a plan that was carried out and checked stays.
    pub confirm: Option<Duration>,
    /// How long a command may take.
    pub limit: Duration,
    /// Whether a file that is a symbolic link, or has a second name, may be
    /// written: the file that it leads to, or a file of its own.
    pub follow_links: bool,
}

impl Default for Apply {
    fn default() -> Self {
        Self {
            confirm: None,
            limit: Duration::from_secs(90),
            follow_links: false,
        }
    }
}

/// How long another process may hold the lock for what it does.
const PATIENCE: Duration = Duration::from_secs(60);

/// The runs of this host, by their names: numbers, the later the greater.
///
/// ```no_run
/// use std::time::Duration;
/// use memsec_core::{Policy, audit, system::{Apply, Runs, collect}};
///
/// let plan = audit(&collect()?, &Policy::new())?.plan();
/// let runs = Runs::default();
/// let confirm = Some(Duration::from_secs(60));
/// let run = runs.apply(&plan, &Apply { confirm, ..Apply::default() })?;
/// let outcome = runs.wait(&run.name)?;
/// # Ok::<(), memsec_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    directory: PathBuf,
}

impl Default for Runs {
    fn default() -> Self {
        Self::at("/var/lib/memsec")
    }
}

impl Runs {
    /// Runs that are kept in another directory.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Carries a plan out on this host. If a step fails, or the host does not
    /// obey the policy afterwards, all is undone: the outcome says so.
    ///
    /// # Errors
    ///
    /// What keeps it from beginning; nothing is changed then. A plan that is
    /// not proved or was not made from a host, a host that changed since
    /// (`Stale`), another run that is not finished (`Busy`), a link where a
    /// file should be, no space.
    pub fn apply(&self, plan: &Plan, how: &Apply) -> Result<Outcome, Error> {
        let basis = carry::basis(plan)?;
        if plan.steps.is_empty() {
            return Ok(Outcome::unchanged());
        }
        carry::has_programs()?;
        self.make_directory()?;
        let lock = self.lock(Duration::ZERO)?;
        self.nothing_pending()?;
        self.sweep();
        let did_run = live::fresh(basis)?;
        let run = self.next()?;
        let places = carry::places(plan, &run.name, how)?;
        run.create(plan, &places, how)?;
        let carried = carry::Carrier::begin(&run, plan, &places, how)
            .and_then(|mut carrier| carrier.carry(&basis.policy, did_run));
        drop(lock);
        match carried {
            Ok(()) => self.settled(&run),
            Err(carry::Stop::BeforeFirst(error)) => {
                run.script_command("")?;
                Err(error)
            }
            Err(carry::Stop::UndoAll) => undo(&run),
        }
    }

    /// Makes a run stay that waits for its confirmation.
    ///
    /// # Errors
    ///
    /// A run that does not wait, and a confirmation by a connection that was
    /// open before the plan was carried out: that it still lives proves
    /// nothing. A connection is one of ssh; a process that has none above it
    /// is at the host itself.
    pub fn confirm(&self, name: &str) -> Result<Outcome, Error> {
        let run = self.find(name)?;
        let _lock = self.lock(PATIENCE)?;
        let outcome = run.outcome()?;
        match outcome.state {
            Ended::Confirmed => return Ok(outcome),
            Ended::Waiting => {}
            _ => {
                let what = "is not waiting for a confirmation";
                return Err(Error::argument(format!("run {name} {what}")));
            }
        }
        if run.saw_our_connection()? {
            return Err(Error::unsupported(
                "confirm from a new connection: this one was open before",
            ));
        }
        let path = run.path("journal").display().to_string();
        let written = run.journal()?.write(&Record::Confirmed);
        written.map_err(|error| Error::io(path, &error))?;
        self.settled(&run)
    }

    /// Undoes a run, whether it waits, was cut off or is confirmed.
    ///
    /// # Errors
    ///
    /// No such run, and one that another came after.
    pub fn rollback(&self, name: &str) -> Result<Outcome, Error> {
        let run = self.find(name)?;
        if run.outcome()?.state == Ended::RolledBack {
            return run.outcome();
        }
        let number = number(name);
        for later in self.all()?.iter().filter(|r| number_of(r) > number) {
            if later.outcome()?.state != Ended::RolledBack {
                return Err(Error::unsupported(format!(
                    "run {} came after it: roll that one back first",
                    later.name
                )));
            }
        }
        undo(&run)
    }

    /// Waits until a run waits for nothing more, and gives its outcome.
    ///
    /// # Errors
    ///
    /// No such run.
    pub fn wait(&self, name: &str) -> Result<Outcome, Error> {
        loop {
            if let Some(outcome) = self.ended(name)? {
                return Ok(outcome);
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// What became of a run, or `None` while it waits for its confirmation
    /// or is under way.
    ///
    /// # Errors
    ///
    /// No such run.
    pub fn ended(&self, name: &str) -> Result<Option<Outcome>, Error> {
        let outcome = self.outcome(name)?;
        let goes_on = match outcome.state {
            Ended::Waiting => true,
            Ended::Unfinished => self.lock(Duration::ZERO).is_err(),
            _ => false,
        };
        Ok((!goes_on).then_some(outcome))
    }

    /// What became of a run so far.
    ///
    /// # Errors
    ///
    /// No such run.
    pub fn outcome(&self, name: &str) -> Result<Outcome, Error> {
        self.find(name)?.outcome()
    }

    /// The runs that somebody has to finish, the earliest first.
    ///
    /// # Errors
    ///
    /// A directory of runs that may not be read.
    pub fn pending(&self) -> Result<Vec<Outcome>, Error> {
        let outcomes = self.all()?.into_iter().map(|run| run.outcome());
        let outcomes: Result<Vec<_>, _> = outcomes.collect();
        let is_pending = |outcome: &Outcome| outcome.state.is_pending();
        Ok(outcomes?.into_iter().filter(is_pending).collect())
    }

    fn nothing_pending(&self) -> Result<(), Error> {
        match self.pending()?.first() {
            None => Ok(()),
            Some(Outcome { name, .. }) => Err(Error::busy(format!(
                "run {name} is not finished: memsec confirm {name}, or \
                 memsec rollback {name}"
            ))),
        }
    }

    fn settled(&self, run: &Run) -> Result<Outcome, Error> {
        let outcome = run.outcome()?;
        if outcome.state == Ended::Confirmed {
            run.script_command("tidy")?;
        }
        Ok(outcome)
    }
}

/// Undoes a run by its script, and says loudly where that failed.
fn undo(run: &Run) -> Result<Outcome, Error> {
    let started = run.script_command("");
    let mut outcome = run.outcome()?;
    if outcome.state != Ended::RolledBack {
        outcome.state = Ended::RollbackFailed;
        outcome.left.extend(started.err().map(|error| error.to_string()));
        let script = run.path("rollback.sh");
        outcome.left.push(format!("run: sh {}", script.display()));
    }
    Ok(outcome)
}

fn is_program(name: &str) -> bool {
    let mut directories = super::command::PATH.split(':');
    directories.any(|at| Path::new(at).join(name).is_file())
}
