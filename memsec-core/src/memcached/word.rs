use crate::text::{Source, Span};

/// One argument, and where in a file it was written, if it was.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub text: String,
    pub span: Option<Span>,
}

impl Word {
    /// A word that is in no file.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), span: None }
    }

    /// The word from a byte on. Where the file has another text than the
    /// word, the place of the whole stays.
    pub(super) fn tail(&self, at: usize) -> Self {
        let text = self.text.get(at..).unwrap_or_default().to_owned();
        let span = self.span.clone().map(|span| {
            let same = span.text() == self.text;
            if same { span.part(at..self.text.len()) } else { span }
        });
        Self { text, span }
    }
}

/// A text whose characters know where in a source they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Traced(Vec<(char, Option<usize>)>);

impl Traced {
    pub(super) fn push(&mut self, c: char, at: Option<usize>) {
        self.0.push((c, at));
    }

    pub(super) fn plain(text: &str) -> Self {
        Self(text.chars().map(|c| (c, None)).collect())
    }

    /// A part of a source, from a byte on.
    #[cfg(test)]
    pub(super) fn at(text: &str, start: usize) -> Self {
        let chars = text.char_indices();
        Self(chars.map(|(i, c)| (c, Some(start + i))).collect())
    }

    pub(super) fn chars(&self) -> &[(char, Option<usize>)] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    pub(super) fn text(&self) -> String {
        self.0.iter().map(|&(c, _)| c).collect()
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Where it stands in its source, in bytes, if it stands there in one
    /// piece.
    fn range(&self) -> Option<std::ops::Range<usize>> {
        let (_, start) = *self.0.first()?;
        let start = start?;
        let mut end = start;
        for &(c, at) in &self.0 {
            if at? != end {
                return None;
            }
            end += c.len_utf8();
        }
        Some(start..end)
    }
}

/// The lines of a source, to find places in it.
#[derive(Debug)]
pub(super) struct Lines(Vec<Span>);

impl Lines {
    pub(super) fn new(source: &Source) -> Self {
        Self(source.lines().collect())
    }

    /// A word of a traced text.
    pub(super) fn word(&self, traced: &Traced) -> Word {
        let span = traced.range().and_then(|range| {
            let after = self
                .0
                .partition_point(|line| line.range().start <= range.start);
            let line = self.0.get(after.checked_sub(1)?)?;
            let start = line.range().start;
            let inside = range.end <= line.range().end;
            let part = range.start - start..range.end - start;
            inside.then(|| line.part(part))
        });
        Word { text: traced.text(), span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_knows_its_line() {
        let source = Source::new("f", "ab\n-l 1.2\n");
        let word = Lines::new(&source).word(&Traced::at("1.2", 6));
        let span = word.span.clone().unwrap();
        assert_eq!((span.line(), span.column(), span.text()), (2, 4, "1.2"));
        assert_eq!(word.tail(2).span.unwrap().column(), 6);
    }

    #[test]
    fn a_word_in_pieces_has_no_place() {
        let source = Source::new("f", "a\\b");
        let mut traced = Traced::at("a", 0);
        traced.append(Traced::at("b", 2));
        assert!(Lines::new(&source).word(&traced).span.is_none());
    }
}
