//! Rules that are taken, and not read yet.

use serde_json::Value;

use super::alike;
use crate::{netfilter::Origin, text::At};

/// A rule that is to be read.
#[derive(Debug)]
pub(super) enum Draft {
    Whole(Box<Whole>),
    /// One that is as the draft at `kind`, but for the source.
    Like {
        kind: u32,
        range: (u32, u32),
        at: At,
    },
}

/// A rule, with statements in the form of libnftables-json(5).
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub chain: String,
    pub statements: Vec<Value>,
    pub at: At,
    /// Whether only nft itself can have made it; `None` if the statements
    /// tell.
    pub inexpressible: Option<bool>,
    /// The source that it begins with, if others may be like it.
    pub source: Option<(u32, u32)>,
}

impl Whole {
    pub(super) fn new(
        chain: String,
        statements: Vec<Value>,
        at: At,
        inexpressible: Option<bool>,
    ) -> Self {
        Self { chain, statements, at, inexpressible, source: None }
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        self.source.map(alike::origin)
    }

    /// The same at another place, for another source.
    pub(super) fn with_source(&self, range: (u32, u32), at: At) -> Self {
        let mut other = Self { at, source: Some(range), ..self.clone() };
        let first = other.statements.first_mut();
        let right = first.and_then(|first| first.pointer_mut("/match/right"));
        if let Some(right) = right {
            *right = alike::value(range);
        }
        other
    }
}

/// The set that a statement changes.
pub(super) fn changed(statement: &Value) -> Option<&str> {
    let object = statement.as_object()?;
    let inner = ["set", "map", "meter"].iter().find_map(|k| object.get(*k))?;
    let name = inner.get("set").or_else(|| inner.get("map"))?.as_str()?;
    name.strip_prefix('@')
}
