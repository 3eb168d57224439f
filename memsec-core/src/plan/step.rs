//! What a plan is made of, as data.

use serde::{Deserialize, Serialize};

use super::{guard::Guard, proof::Proof};
use crate::{
    Policy, Strategy,
    schema::Version,
    snapshot::{FileChange, Fingerprint},
};

/// Ordered changes that make a host obey a policy, and their proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[must_use = "a plan changes nothing by itself"]
pub struct Plan {
    #[serde(default)]
    pub(crate) schema: Version,
    /// Whether there is nothing to do.
    pub empty: bool,
    /// The changes in their order.
    pub steps: Vec<Step>,
    /// That they do what the policy asks, and nothing else.
    pub proof: Proof,
    /// The strategies, and why each was taken or was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<Considered>,
    /// What it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<Basis>,
}

/// What a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Basis {
    /// What the plan is to reach.
    pub policy: Policy,
    /// The host as it was then.
    pub fingerprint: Fingerprint,
}

/// A strategy, and whether the plan uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Considered {
    /// Which.
    pub strategy: Strategy,
    /// Whether the plan uses it.
    pub taken: bool,
    /// Why, in one line.
    pub why: String,
}

/// One change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Step {
    /// What it changes.
    pub kind: StepKind,
    /// It in one line.
    pub summary: String,
    /// The checks whose findings it settles.
    pub settles: Vec<String>,
    /// The file that it writes, first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileChange>,
    /// The command that it then runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// How it is undone, the file apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Run>,
    /// What shows that it took hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Run>,
    /// What the guard lets in, in a step that loads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<Guard>,
}

/// What a step changes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// A configuration file.
    #[default]
    Edit,
    /// memsec's own firewall table.
    Guard,
    /// The host's own firewall.
    Manager,
    /// A service, which it restarts.
    Service,
    /// What comes back at the next boot.
    Persist,
    /// Connections that are open.
    Cut,
}

/// A command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Run {
    /// The program and its arguments. It went well if it exits with 0.
    pub command: Vec<String>,
}

impl Plan {
    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }

    /// Reads a plan from JSON; `name` stands in errors for the text.
    ///
    /// # Errors
    ///
    /// Text that is not a plan.
    pub fn from_json(name: &str, json: &str) -> Result<Self, crate::Error> {
        crate::json::read(name, json)
    }
}
