use crate::text::{At, Source, Span};

/// A line of a dump, without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub source: &'a Source,
    pub text: &'a str,
    /// In bytes from the start of the dump.
    start: usize,
    /// Counted from 1.
    number: usize,
}

impl<'a> Line<'a> {
    /// The lines of a dump, in their order.
    pub(super) fn all(source: &'a Source) -> impl Iterator<Item = Self> {
        let mut start = 0;
        let lines = source.text().split_inclusive('\n').enumerate();
        lines.map(move |(index, line)| {
            let text = line.trim_end_matches(['\n', '\r']);
            let this = Self { source, text, start, number: index + 1 };
            start += line.len();
            this
        })
    }

    pub(super) fn at(&self) -> At {
        At::new(self.start, self.text.len(), self.number)
    }

    pub(super) fn span(&self) -> Span {
        self.source.span(self.at())
    }

    /// A part of it, in bytes from its start.
    pub(super) fn part(&self, from: usize, len: usize) -> Span {
        let at = At::new(self.start + from, len, self.number);
        self.source.span(at)
    }
}
