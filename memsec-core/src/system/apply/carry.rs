//! The steps of a plan, one after another.

use std::{fs::File, io};

use nix::fcntl::{Flock, FlockArg};

use super::{
    Apply, boot,
    execute::{Ended, execute},
    is_program,
    journal::Journal,
    journal::Record,
    live,
    place::Place,
    run::Run,
    session::Moment,
    watch,
};
use crate::{Error, Plan, Policy, Step, StepKind, plan::Basis};

/// What the rollback script needs besides what every shell has.
const PROGRAMS: &[&str] = &["flock", "setsid", "cp", "grep", "sync"];

/// Why the steps do not go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nothing was changed.
    BeforeFirst(Error),
    /// The journal says why.
    UndoAll,
}

/// What a plan was made from; it can be carried out.
pub(super) fn basis(plan: &Plan) -> Result<&Basis, Error> {
    plan.must_hold()?;
    if !plan.proof.holds {
        return Err(Error::unsupported("the plan is not proved"));
    }
    plan.made_from.as_ref().ok_or_else(|| {
        Error::argument("the plan does not say which host it was made for")
    })
}

pub(super) fn has_programs() -> Result<(), Error> {
    match PROGRAMS.iter().find(|name| !is_program(name)) {
        None => Ok(()),
        Some(name) => {
            let what = "is needed to undo a plan, and is not on this host";
            Err(Error::unsupported(format!("{name} {what}")))
        }
    }
}

/// Where each step writes.
pub(super) fn places(
    plan: &Plan,
    run: &str,
    how: &Apply,
) -> Result<Vec<Option<Place>>, Error> {
    let steps = plan.steps.iter().enumerate();
    let places = steps.map(|(index, step)| {
        let file = step.file.as_ref().filter(|file| file.before != file.after);
        file.map(|file| Place::find(file, run, index + 1, how.follow_links))
            .transpose()
    });
    places.collect()
}

/// A run under way.
#[derive(Debug)]
pub(super) struct Carrier<'a> {
    plan: &'a Plan,
    places: &'a [Option<Place>],
    how: &'a Apply,
    journal: Journal,
    output: Flock<File>,
}

impl<'a> Carrier<'a> {
    /// Arms the watcher, and writes the new files beside the old ones.
    pub(super) fn begin(
        run: &Run,
        plan: &'a Plan,
        places: &'a [Option<Place>],
        how: &'a Apply,
    ) -> Result<Self, Stop> {
        let begun = || {
            let output = run.output()?;
            let output = Flock::lock(output, FlockArg::LockExclusiveNonblock)
                .map_err(|_| Error::busy("the run is under way"))?;
            let journal = run.journal()?;
            let path = run.directory.display().to_string();
            boot::arm(run).map_err(|error| Error::io(path, &error))?;
            watch::arm(run)?;
            Ok(Self { plan, places, how, journal, output })
        };
        let carrier = begun().map_err(Stop::BeforeFirst)?;
        carrier.stage().map_err(Stop::BeforeFirst)?;
        Ok(carrier)
    }

    fn stage(&self) -> Result<(), Error> {
        let mut known = std::collections::BTreeMap::new();
        for (step, place) in self.plan.steps.iter().zip(self.places) {
            let Some((file, place)) = step.file.as_ref().zip(place.as_ref())
            else {
                continue;
            };
            // A file that a step before writes is then as that one leaves it.
            let before = known.insert(&place.path, &file.after);
            let holds = match before {
                Some(before) => *before == file.before,
                None => place.holds(file.before.as_deref()),
            };
            if !holds {
                let what = "is not as the plan knows it";
                return Err(Error::stale(format!("{} {what}", file.path)));
            }
            if let Some(text) = &file.after {
                place.stage(text, &place.path)?;
            }
        }
        Ok(())
    }

    /// Carries every step out, and looks at the host again.
    pub(super) fn carry(
        &mut self,
        policy: &Policy,
        must_run: bool,
    ) -> Result<(), Stop> {
        let (plan, places) = (self.plan, self.places);
        for (index, (step, place)) in plan.steps.iter().zip(places).enumerate()
        {
            let number = index + 1;
            self.step(number, step, place.as_ref())
                .map_err(|why| self.fail(number, why))?;
        }
        live::obeys(policy, must_run).map_err(|why| self.fail(0, why))?;
        self.end().map_err(|why| self.fail(0, why))
    }

    fn end(&mut self) -> Result<(), String> {
        if self.how.confirm.is_none() {
            return self.note(&Record::Confirmed);
        }
        self.note(&Record::Since(Moment::now()))?;
        self.note(&Record::Applied)
    }

    fn fail(&mut self, step: usize, why: String) -> Stop {
        // The way back does not depend on this record.
        let _ = self.journal.write(&Record::Failed(step, why));
        Stop::UndoAll
    }

    fn note(&mut self, record: &Record) -> Result<(), String> {
        self.journal.write(record).map_err(|e| format!("the journal: {e}"))
    }

    fn step(
        &mut self,
        number: usize,
        step: &Step,
        place: Option<&Place>,
    ) -> Result<(), String> {
        if self.is_there(step) {
            return self.note(&Record::Skip(number));
        }
        self.note(&Record::Begin(number))?;
        if let Some((place, file)) = place.zip(step.file.as_ref()) {
            place.swap(file).map_err(|error| error.to_string())?;
        }
        let from = self.written();
        let ran = self.run(&step.command);
        let held = match (&ran.problem, &step.check) {
            (None, Some(check)) => self.run(&check.command),
            _ => Ended::nothing(),
        };
        if !step.command.is_empty() {
            let (status, to) = (ran.status, self.written());
            self.note(&Record::Ran { step: number, status, from, to })?;
        }
        if let Some(problem) = ran.problem {
            return Err(problem);
        }
        if let Some(problem) = held.problem {
            return Err(format!("it did not take hold: {problem}"));
        }
        self.note(&Record::Done(number))
    }

    /// Whether the check of a step holds before it: its rule must not stand
    /// there twice, nor be taken away when the step is undone.
    fn is_there(&self, step: &Step) -> bool {
        let check = step
            .check
            .as_ref()
            .filter(|_| step.kind == StepKind::Manager && step.file.is_none());
        check.is_some_and(|check| self.run(&check.command).problem.is_none())
    }

    fn run(&self, line: &[String]) -> Ended {
        match line.is_empty() {
            true => Ended::nothing(),
            false => execute(line, &self.output, self.how.limit),
        }
    }

    fn written(&self) -> u64 {
        let meta: io::Result<_> = self.output.metadata();
        meta.map(|meta| meta.len()).unwrap_or_default()
    }
}
