//! Targets that may be chains that come later.

use std::{collections::HashMap, sync::Arc};

use crate::{
    Error,
    netfilter::{Action, Chain},
    text::Span,
};

/// A target that was no known one when it was read.
#[derive(Debug)]
pub(super) struct Wanted {
    pub name: String,
    /// True if it had options, as only targets have.
    pub options: bool,
    pub span: Span,
}

impl Wanted {
    /// The chain of that name; `None` for a target that is not known.
    pub(super) fn find(
        &self,
        index: &HashMap<Arc<str>, usize>,
    ) -> Result<Option<usize>, Error> {
        let found = index.get(self.name.as_str()).copied();
        if found.is_none() && !self.options {
            let message = format!("there is no chain {}", self.name);
            return Err(Error::parse(&self.span, message));
        }
        Ok(found)
    }
}

/// Puts the chains that were found in the place of what stood for them.
pub(super) fn resolve(chain: &mut Chain, found: &[Option<usize>]) {
    for rule in Arc::make_mut(&mut chain.rules) {
        let (call, at): (fn(usize) -> Action, _) = match rule.action() {
            Action::Jump(at) => (Action::Jump, *at),
            Action::Goto(at) => (Action::Goto, *at),
            _ => continue,
        };
        match found.get(usize::MAX - at) {
            Some(Some(chain)) => *rule = rule.acting(call(*chain)),
            Some(None) => {
                *rule = rule.acting(Action::Unknown("target".into()));
            }
            None => {}
        }
    }
}
