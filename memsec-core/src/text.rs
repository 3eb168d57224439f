//! Where a fact came from.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use memchr::{memchr_iter, memrchr};
use serde::{Deserialize, Serialize};

/// A text and the name it goes by: a path, or the command that printed it.
/// Copies share the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Arc<Named>);

struct Named {
    name: String,
    text: Arc<String>,
    /// How many lines end before each block; made when first asked for.
    ends: OnceLock<Vec<usize>>,
}

/// Lines are counted in blocks of so many bytes.
const BLOCK: usize = 1 << 12;

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for Named {}

impl Source {
    /// A text by its name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::sharing(name, Arc::new(text.into()))
    }

    /// The same with a text that others hold too.
    pub fn sharing(name: impl Into<String>, text: Arc<String>) -> Self {
        let (name, ends) = (name.into(), OnceLock::new());
        Self(Arc::new(Named { name, text, ends }))
    }

    /// What the text goes by.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The part at `range`, in bytes; `None` where that is not a part of one
    /// line.
    ///
    /// ```
    /// let source = memsec_core::text::Source::new("a", "-p 1\n-U 0");
    /// let span = source.at(8..9).unwrap();
    /// assert_eq!((span.line(), span.column(), span.text()), (2, 4, "0"));
    /// assert_eq!(source.at(3..8), None);
    /// ```
    pub fn at(&self, range: Range<usize>) -> Option<Span> {
        let text = self.text();
        if text.get(range.clone())?.contains('\n') {
            return None;
        }
        Some(self.span_of(range))
    }

    /// A part that is known to be of one line.
    fn span_of(&self, range: Range<usize>) -> Span {
        let before = self.text().as_bytes().get(..range.start);
        let before = before.unwrap_or_default();
        let (block, rest) = before.split_at(before.len() & !(BLOCK - 1));
        let ends = self.0.ends.get_or_init(|| {
            let blocks = self.text().as_bytes().chunks(BLOCK);
            let ends = blocks.scan(0, |ends, block| {
                let before = *ends;
                *ends += memchr_iter(b'\n', block).count();
                Some(before)
            });
            ends.collect()
        });
        let whole = ends.get(block.len() / BLOCK).copied();
        // A place behind the last block: all lines are before it.
        let whole = whole.unwrap_or_else(|| memchr_iter(b'\n', block).count());
        let line = whole + memchr_iter(b'\n', rest).count() + 1;
        Span { source: self.clone(), line, range }
    }

    /// The lines in their order, each without its line feed.
    ///
    /// ```
    /// let source = memsec_core::text::Source::new("a", "-p 1\n-U 0");
    /// let last = source.lines().last().unwrap();
    /// assert_eq!((last.line(), last.text()), (2, "-U 0"));
    /// ```
    pub fn lines(&self) -> impl Iterator<Item = Span> + '_ {
        let mut start = 0;
        self.text().split_inclusive('\n').enumerate().map(move |(i, line)| {
            let range = start..start + line.trim_end_matches('\n').len();
            let span = Span { source: self.clone(), line: i + 1, range };
            start += line.len();
            span
        })
    }
}

/// A [`Span`] without its source: what is kept of each of a million rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    start: u32,
    len: u32,
}

impl At {
    /// `len` bytes of one line, from `start` on. Beyond the first 4 GiB it
    /// is lost.
    pub(crate) fn new(start: usize, len: usize) -> Self {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: number(start), len: number(len) }
    }
}

impl Source {
    /// The part of this text that `at` was made from.
    pub(crate) fn span(&self, at: At) -> Span {
        let start = at.start as usize;
        self.span_of(start..start + at.len as usize)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name(), self.text().len())
    }
}

/// A part of one line of a [`Source`].
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    source: Source,
    line: usize,
    range: Range<usize>,
}

impl Span {
    /// The part of this span at `range`, in bytes from its start. What
    /// reaches past its end is cut off.
    pub fn part(&self, range: Range<usize>) -> Self {
        let end = (self.range.start + range.end).min(self.range.end);
        let start = (self.range.start + range.start).min(end);
        Self { range: start..end, ..self.clone() }
    }

    /// The text of the span.
    pub fn text(&self) -> &str {
        self.source.text().get(self.range.clone()).unwrap_or_default()
    }

    /// The source that this is a part of.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The name of the source.
    pub fn source_name(&self) -> &str {
        self.source.name()
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The first column, in characters, counted from 1.
    pub fn column(&self) -> usize {
        let before = self.source.text().get(..self.range.start);
        let before = before.unwrap_or_default();
        let start = memrchr(b'\n', before.as_bytes());
        let start = start.map_or(0, |end| end + 1);
        before.get(start..).unwrap_or_default().chars().count() + 1
    }

    /// Where it stands in its source, in bytes.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// As data, with the text.
    pub fn place(&self) -> Place {
        Place {
            source: Some(self.source_name().to_owned()),
            line: Some(self.line),
            text: Some(self.text().to_owned()),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.line, self.column());
        write!(f, "{}:{line}:{column} {:?}", self.source_name(), self.text())
    }
}

/// A place in a text, as data. What does not apply is absent.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Place {
    /// The path of the file, or the command that printed the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The line, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Place {
    /// A whole file or command output.
    pub fn whole(source: impl Into<String>) -> Self {
        Self { source: Some(source.into()), ..Self::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.as_deref().unwrap_or("?"))?;
        match self.line {
            Some(line) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}
