use memchr::memchr;

use crate::text::{At, Source, Span};

/// A line of a dump, without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub source: &'a Source,
    pub text: &'a str,
    /// In bytes from the start of the dump.
    start: usize,
}

impl<'a> Line<'a> {
    /// The lines of a dump, in their order.
    pub(super) fn all(source: &'a Source) -> impl Iterator<Item = Self> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let rest = source.text().get(start..)?;
            let end = memchr(b'\n', rest.as_bytes());
            if end.is_none() && rest.is_empty() {
                return None;
            }
            let text = rest.get(..end.unwrap_or(rest.len()))?;
            let text = text.trim_end_matches('\r');
            let this = Self { source, text, start };
            start += end.map_or(rest.len(), |end| end + 1);
            Some(this)
        })
    }

    pub(super) fn at(&self) -> At {
        At::new(self.start, self.text.len())
    }

    pub(super) fn span(&self) -> Span {
        self.source.span(self.at())
    }

    /// A part of it, in bytes from its start.
    pub(super) fn part(&self, from: usize, len: usize) -> Span {
        self.source.span(At::new(self.start + from, len))
    }
}
