use std::ops::Range;

use super::{
    super::super::word::{Char, Traced},
    lexer::Lexer,
};

/// The value of a variable: a text, and why no more of it is known.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Value {
    pub text: Traced,
    pub unknown: Option<String>,
    pub written: Option<Written>,
}

/// How a value is written, among the sources.
#[derive(Clone, Debug)]
pub(in super::super) struct Written {
    /// With its quotes.
    pub range: Range<usize>,
    /// The quote that is around all of it.
    pub quote: Option<char>,
}

impl Value {
    pub(in super::super) fn plain(text: &str) -> Self {
        Self { text: Traced::plain(text), ..Self::default() }
    }

    /// A value that is in a file, as it is written there.
    pub(in super::super) fn written_at(
        text: Traced,
        range: Range<usize>,
        quote: Option<char>,
    ) -> Self {
        let written = Some(Written { range, quote });
        Self { text, unknown: None, written }
    }

    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { unknown: Some(why.into()), ..Self::default() }
    }

    /// Whether a variable with this value counts as set; where `filled`, an
    /// empty one does not.
    pub(super) fn is_set(&self, filled: bool) -> Option<bool> {
        match &self.unknown {
            _ if !filled || !self.text.is_empty() => Some(true),
            None => Some(false),
            Some(_) => None,
        }
    }
}

impl Written {
    /// Of a word that assigns, and where its value begins in it.
    pub(super) fn of(word: &[Char], from: usize) -> Option<Self> {
        // The sign before it is one byte.
        let start = word.get(from.checked_sub(1)?)?.1? + 1;
        let &(last, at) = word.last()?;
        let range = start..at? + last.len_utf8();
        let value = word.get(from..)?;
        let mut lexer = Lexer { text: value, at: 0 };
        let first = lexer.peek(0).filter(|c| matches!(c, '"' | '\''));
        let one = lexer.part().is_ok() && lexer.at == value.len();
        Some(Self { range, quote: first.filter(|_| one) })
    }
}
