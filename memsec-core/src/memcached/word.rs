use std::ops::Range;

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

/// A character, and where it was written: a place among [`Sources`].
pub(super) type Char = (char, Option<usize>);

/// A text whose characters know where they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Traced(Vec<Char>);

impl Traced {
    pub(super) fn push(&mut self, c: char, at: Option<usize>) {
        self.0.push((c, at));
    }

    /// A text that is in no file.
    pub(super) fn plain(text: &str) -> Self {
        Self(text.chars().map(|c| (c, None)).collect())
    }

    /// A part of a source, from a place on.
    pub(super) fn at(text: &str, start: usize) -> Self {
        let chars = text.char_indices();
        Self(chars.map(|(i, c)| (c, Some(start + i))).collect())
    }

    pub(super) fn chars(&self) -> &[Char] {
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

    pub(super) fn extend(&mut self, other: &[Char]) {
        self.0.extend_from_slice(other);
    }

    /// Where it stands, if it stands there in one piece.
    fn range(&self) -> Option<Range<usize>> {
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

impl From<&[Char]> for Traced {
    fn from(chars: &[Char]) -> Self {
        Self(chars.to_vec())
    }
}

/// Texts that are read together. A place among them is one number: the
/// bytes of all the sources before, and those before it in its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    all: Vec<(usize, Source)>,
    end: usize,
}

impl Sources {
    /// Adds a source, and says where it begins.
    pub(super) fn add(&mut self, source: &Source) -> usize {
        let start = self.end;
        self.all.push((start, source.clone()));
        // One byte in between: no word goes on in another source.
        self.end += source.text().len() + 1;
        start
    }

    /// Adds a source, and gives its text.
    pub(super) fn read(&mut self, source: &Source) -> Traced {
        let start = self.add(source);
        Traced::at(source.text(), start)
    }

    /// The source of a place, and the place in it.
    pub(super) fn find(&self, at: usize) -> Option<(&Source, usize)> {
        let after = self.all.partition_point(|&(start, _)| start <= at);
        let (start, source) = self.all.get(after.checked_sub(1)?)?;
        Some((source, at - start))
    }

    /// A word of a traced text.
    pub(super) fn word(&self, traced: &Traced) -> Word {
        let span = traced.range().and_then(|range| {
            let (source, start) = self.find(range.start)?;
            source.at(start..start + range.len())
        });
        Word { text: traced.text(), span }
    }

    pub(super) fn words(&self, all: &[Traced]) -> Vec<Word> {
        all.iter().map(|word| self.word(word)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_knows_its_line() {
        let mut sources = Sources::default();
        sources.add(&Source::new("e", "x\n"));
        let start = sources.add(&Source::new("f", "ab\n-l 1.2\n"));
        let word = sources.word(&Traced::at("1.2", start + 6));
        let span = word.span.clone().unwrap();
        assert_eq!((span.line(), span.column(), span.text()), (2, 4, "1.2"));
        assert_eq!(span.source_name(), "f");
        assert_eq!(word.tail(2).span.unwrap().column(), 6);
    }

    #[test]
    fn a_word_in_pieces_has_no_place() {
        let mut sources = Sources::default();
        let start = sources.add(&Source::new("f", "a\\b"));
        let mut traced = Traced::at("a", start);
        traced.extend(Traced::at("b", start + 2).chars());
        assert!(sources.word(&traced).span.is_none());
    }
}
