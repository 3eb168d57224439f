//! The forms that a plan can be written in.

mod diff;
mod rules;
mod shell;
mod text;

pub(crate) use shell::line as command_line;
#[cfg(feature = "host")]
pub(crate) use shell::quote;
pub(crate) use text::line as claim_line;

use super::Plan;
use crate::Error;

/// A form to write a plan in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Render {
    /// A list for a person.
    Text,
    /// A unified diff of the files that it changes, for `patch -p1 -d /`.
    Diff,
    /// A POSIX shell script that carries it out, and undoes it if a step
    /// fails.
    Shell,
    /// Input for `nft -f`: the guard.
    Nft,
    /// Input for `iptables-restore --noflush` and `ip6tables-restore
    /// --noflush`: each takes the lines of its family.
    IptablesRestore,
}

impl Render {
    /// Every form by its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("text", Self::Text),
        ("diff", Self::Diff),
        ("shell", Self::Shell),
        ("nft", Self::Nft),
        ("iptables-restore", Self::IptablesRestore),
    ];
}

impl std::str::FromStr for Render {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|&(_, form)| form).ok_or_else(|| {
            let names = Self::ALL.map(|(name, _)| name).join(", ");
            Error::argument(format!("{name:?} is not one of {names}"))
        })
    }
}

impl Plan {
    /// Writes the plan in a form.
    ///
    /// # Errors
    ///
    /// A plan whose proof does not hold can only be written as text.
    pub fn render(&self, form: Render) -> Result<String, Error> {
        if form != Render::Text {
            self.must_hold()?;
        }
        Ok(match form {
            Render::Text => text::render(self),
            Render::Diff => diff::render(self),
            Render::Shell => shell::render(self),
            Render::Nft => rules::nft(self),
            Render::IptablesRestore => rules::iptables_restore(self),
        })
    }

    pub(crate) fn must_hold(&self) -> Result<(), Error> {
        let fails = self.proof.claims.iter().find(|claim| !claim.holds);
        match fails.and_then(|claim| claim.witness.as_ref()) {
            Some(witness) => Err(Error::unsupported(format!(
                "the plan is refused: {}",
                witness.message
            ))),
            None => Ok(()),
        }
    }
}
