//! What became of a run, as data.

use serde::{Deserialize, Serialize};

use super::journal::Record;
use crate::{Plan, StepKind, schema::Version};

/// What became of a plan that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[must_use = "it may say that the host is not as it was"]
pub struct Outcome {
    #[serde(default)]
    schema: Version,
    /// The name of the run; empty if there was nothing to do.
    pub name: String,
    /// How it ended.
    pub state: Ended,
    /// Why it did not go on, if it did not.
    pub message: Option<String>,
    /// The steps of the plan.
    pub steps: Vec<Carried>,
    /// What is left to do by hand, where the way back failed.
    pub left: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// There was nothing to do.
    Unchanged,
    /// The plan is carried out and stays.
    Confirmed,
    /// The plan is carried out, and undone unless it is confirmed in time.
    Waiting,
    /// The host is what it was.
    RolledBack,
    /// The host is not what it was: see what is left to do.
    RollbackFailed,
    /// It was cut off, or is under way.
    Unfinished,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Carried {
    /// What it changes.
    pub kind: StepKind,
    /// It in one line.
    pub summary: String,
    /// How far it came.
    pub status: StepStatus,
    /// The exit status of its command; 124 where it took too long, 127 where
    /// it is not there, and -1 where a signal ended it.
    pub exit: Option<i32>,
    /// What its command and its check printed: the end of it.
    pub output: String,
    /// Why it failed, if it did.
    pub message: Option<String>,
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// It was not begun.
    Pending,
    /// It was begun.
    Begun,
    /// It was not needed: what it does was there.
    Skipped,
    /// It is done, and was seen to be.
    Done,
    /// It failed.
    Failed,
    /// It is undone.
    Undone,
}

impl Outcome {
    /// Of a plan with no steps.
    pub(super) fn unchanged() -> Self {
        Self {
            schema: Version,
            name: String::new(),
            state: Ended::Unchanged,
            message: None,
            steps: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Of a run by its journal.
    pub(super) fn of(
        name: &str,
        plan: &Plan,
        records: &[Record],
        output: &[u8],
    ) -> Self {
        let mut outcome = Self {
            name: name.to_owned(),
            state: Ended::Unfinished,
            steps: plan.steps.iter().map(Carried::pending).collect(),
            ..Self::unchanged()
        };
        for record in records {
            outcome.add(record, output);
        }
        outcome
    }

    fn add(&mut self, record: &Record, output: &[u8]) {
        match record {
            Record::Begin(step) => self.set(*step, StepStatus::Begun),
            Record::Skip(step) => self.set(*step, StepStatus::Skipped),
            Record::Done(step) => self.set(*step, StepStatus::Done),
            Record::Undone(step) => self.set(*step, StepStatus::Undone),
            Record::Ran { step, status, from, to } => {
                if let Some(step) = self.step(*step) {
                    step.exit = Some(*status);
                    step.output = end_of(output, *from, *to);
                }
            }
            Record::Failed(number, why) => {
                self.message = Some(why.clone());
                if let Some(step) = self.step(*number) {
                    step.status = StepStatus::Failed;
                    step.message = Some(why.clone());
                }
            }
            Record::Since(_) => {}
            Record::Applied => self.state = Ended::Waiting,
            Record::Confirmed => self.state = Ended::Confirmed,
            Record::RollingBack => self.state = Ended::Unfinished,
            Record::RolledBack => self.state = Ended::RolledBack,
            Record::RollbackFailed => self.state = Ended::RollbackFailed,
        }
    }

    fn step(&mut self, number: usize) -> Option<&mut Carried> {
        self.steps.get_mut(number.checked_sub(1)?)
    }

    /// That a step failed stays to be seen when it is undone.
    fn set(&mut self, number: usize, status: StepStatus) {
        if let Some(step) = self.step(number) {
            if step.status != StepStatus::Failed {
                step.status = status;
            }
        }
    }

    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }

    /// Reads an outcome from JSON; `name` stands in errors for the text.
    ///
    /// # Errors
    ///
    /// Text that is not an outcome.
    pub fn from_json(name: &str, json: &str) -> Result<Self, crate::Error> {
        crate::json::read(name, json)
    }
}

impl Carried {
    fn pending(step: &crate::Step) -> Self {
        Self {
            kind: step.kind,
            summary: step.summary.clone(),
            status: StepStatus::Pending,
            exit: None,
            output: String::new(),
            message: None,
        }
    }
}

impl Ended {
    /// Whether somebody has to finish it: to confirm it, or to roll it back.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Waiting | Self::Unfinished | Self::RollbackFailed)
    }
}

/// More of what one step printed is not kept in an outcome.
const MOST: u64 = 16 << 10;

fn end_of(output: &[u8], from: u64, to: u64) -> String {
    let from = from.max(to.saturating_sub(MOST));
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let bytes = range.and_then(|(from, to)| output.get(from..to));
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(records: &[Record]) -> Ended {
        let plan = r#"{"empty": false, "steps": [],
            "proof": {"holds": true, "claims": []}}"#;
        let plan = Plan::from_json("plan", plan).unwrap();
        Outcome::of("1", &plan, records, b"").state
    }

    #[test]
    fn the_last_word_counts() {
        use Record::{
            Applied, Begin, Confirmed, RollbackFailed, RolledBack, RollingBack,
        };
        assert_eq!(state(&[Begin(1)]), Ended::Unfinished);
        assert_eq!(state(&[Applied]), Ended::Waiting);
        assert_eq!(state(&[Applied, Confirmed]), Ended::Confirmed);
        assert_eq!(state(&[Confirmed, RollingBack]), Ended::Unfinished);
        let failed = [RollingBack, RollbackFailed];
        assert_eq!(state(&failed), Ended::RollbackFailed);
        let again = [RollbackFailed, RollingBack, RolledBack];
        assert_eq!(state(&again), Ended::RolledBack);
    }

    #[test]
    fn of_a_long_output_the_end_is_kept() {
        let long = vec![b'x'; 20_000];
        assert_eq!(end_of(&long, 0, 20_000).len(), 16 << 10);
        assert_eq!(end_of(b"abc", 1, 3), "bc");
        assert_eq!(end_of(b"abc", 1, 9), "");
    }
}
