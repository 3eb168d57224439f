//! A shell, as far as one needs it to know what a text makes of variables
//! and which words a command gets: bash and dash. What it does not follow
//! (what commands print, file names, loops, functions) is unknown, and what
//! may depend on that is too.

mod builtin;
mod command;
mod expand;
mod lexer;
mod run;
mod value;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use expand::Fields;
pub(super) use value::Value;

use super::super::{argv::ARG_MAX, word::Traced};
use expand::Expander;
use lexer::{Lexer, Token};
pub(super) use run::Ended;

/// The state of a shell.
#[derive(Debug)]
pub(super) struct Shell {
    variables: BTreeMap<String, Value>,
    exported: BTreeSet<String>,
    /// Why a variable that is not set here may be set all the same.
    lost: Option<String>,
    bash: bool,
    /// How much text may still be expanded.
    left: usize,
}

impl Shell {
    /// `/bin/sh` of Debian and of Alpine.
    pub(super) fn dash() -> Self {
        Self {
            variables: BTreeMap::new(),
            exported: BTreeSet::new(),
            lost: None,
            bash: false,
            left: 2 * ARG_MAX,
        }
    }

    pub(super) fn bash() -> Self {
        let mut shell = Self { bash: true, ..Self::dash() };
        // Set by bash itself, or by what starts a service.
        const OWN: [&str; 14] = [
            "EUID", "HOME", "HOSTNAME", "HOSTTYPE", "IFS", "LANG", "LINENO",
            "PATH", "PPID", "PWD", "RANDOM", "SHELL", "TERM", "UID",
        ];
        for name in OWN {
            shell.assign(name, Value::unknown(format!("what ${name} is")));
        }
        shell
    }

    /// The shell that one with `-c` is: of the variables it has those that
    /// are exported.
    pub(super) fn child(&self) -> Self {
        let exported = self.exported.iter();
        let mut child = if self.bash { Self::bash() } else { Self::dash() };
        for name in exported {
            if let Some(value) = self.variables.get(name) {
                child.assign(name, value.clone());
            }
        }
        child.lost.clone_from(&self.lost);
        child
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) {
        self.variables.insert(name.to_owned(), value);
    }

    pub(super) fn get(&self, name: &str) -> Option<Value> {
        let lost = || self.lost.clone().map(Value::unknown);
        self.variables.get(name).cloned().or_else(lost)
    }

    /// Why any variable may have any value.
    pub(super) fn lost(&self) -> Option<&String> {
        self.lost.as_ref()
    }

    /// From here on every variable may have any value.
    fn lose(&mut self, why: &str) {
        self.variables.clear();
        self.lost = Some(why.to_owned());
    }

    /// The words of a text, as arguments.
    pub(super) fn fields(&mut self, text: &Traced) -> Fields {
        let mut lexer = Lexer { text: text.chars(), at: 0 };
        let mut expander = Expander::words(self);
        while let Ok(Some(token)) = lexer.token() {
            if let Token::Word(range) = token {
                expander.word(text.chars().get(range).unwrap_or_default());
            }
        }
        expander.finish()
    }
}

#[cfg(test)]
mod tests;
