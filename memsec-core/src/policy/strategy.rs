use serde::{Deserialize, Serialize};

use crate::Error;

/// A way by which a plan makes a host obey a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Strategy {
    /// memcached's own options, in the file that its launcher reads.
    Daemon,
    /// A firewall table of its own, which drops whoever is not allowed.
    Guard,
    /// The host's own firewall, asked in its own terms.
    Manager,
    /// Connections of those who are not allowed any more are closed.
    Cut,
}

impl Strategy {
    /// Every one, in the order in which a plan considers them.
    pub const ALL: [Self; 4] =
        [Self::Daemon, Self::Guard, Self::Manager, Self::Cut];

    /// Its name: "daemon".
    pub fn name(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Guard => "guard",
            Self::Manager => "manager",
            Self::Cut => "cut",
        }
    }
}

impl std::str::FromStr for Strategy {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|one| one.name() == name);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::argument(format!("{name:?} is not one of {names}"))
        })
    }
}
