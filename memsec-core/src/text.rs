//! Where a fact came from.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};

/// A text and the name it goes by: a path, or the command that printed it.
/// Copies share the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Source(Arc<Named>);

struct Named {
    name: String,
    text: String,
    /// Where each line begins, in bytes; made when it is first asked for.
    lines: OnceLock<Vec<usize>>,
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for Named {}

impl Source {
    /// A text by its name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self(Arc::new(Named {
            name: name.into(),
            text: text.into(),
            lines: OnceLock::new(),
        }))
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
        let starts = self.0.lines.get_or_init(|| {
            let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
        });
        let line = starts.partition_point(|&start| start <= range.start);
        let line_start = *starts.get(line.checked_sub(1)?)?;
        Some(Span { source: self.clone(), line, line_start, range })
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
            let span = Span {
                source: self.clone(),
                line: i + 1,
                line_start: start,
                range,
            };
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
    line: u32,
}

impl At {
    /// `len` bytes from `start` on, in a line counted from 1. Beyond the
    /// first 4 GiB it is lost.
    pub(crate) fn new(start: usize, len: usize, line: usize) -> Self {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: number(start), len: number(len), line: number(line) }
    }
}

impl Source {
    /// The part of this text that `at` was made from.
    pub(crate) fn span(&self, at: At) -> Span {
        let start = at.start as usize;
        let before = self.text().get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let range = start..start + at.len as usize;
        let (source, line) = (self.clone(), at.line as usize);
        Span { source, line, line_start, range }
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
    line_start: usize,
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
        let before = self.line_start..self.range.start;
        let before = self.source.text().get(before).unwrap_or_default();
        before.chars().count() + 1
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
