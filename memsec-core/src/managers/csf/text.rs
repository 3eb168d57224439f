//! The bytes of csf's files as csf cuts them: ConfigServer/Slurp.pm.

use crate::{Snapshot, snapshot::Content, text::Place};

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub path: &'a str,
    /// Counted from 1, by the line feeds before it, as an editor counts.
    pub number: usize,
    pub bytes: &'a [u8],
    /// Where it starts in the file.
    pub at: usize,
}

impl<'a> Line<'a> {
    pub(super) fn place(&self) -> Place {
        Place {
            source: Some(self.path.to_owned()),
            line: Some(self.number),
            text: Some(String::from_utf8_lossy(self.bytes).into_owned()),
        }
    }

    /// Without the blanks at its ends.
    pub(super) fn trimmed(&self) -> &'a [u8] {
        self.bytes.trim_ascii()
    }

    /// What csf takes for a list's entry: the text up to the first blank.
    /// `None` for an empty line, a comment, and any line that has the word
    /// Include somewhere (`/^\s*\#|Include/`).
    pub(super) fn entry(&self) -> Option<&'a [u8]> {
        let text = self.trimmed();
        let skipped = text.is_empty()
            || text.first() == Some(&b'#')
            || text.windows(INCLUDE.len()).any(|word| word == INCLUDE);
        (!skipped).then(|| first_word(text))
    }

    /// The entry of a list that csf itself writes, which has no Includes.
    pub(super) fn plain_entry(&self) -> Option<&'a [u8]> {
        let text = self.trimmed();
        let skipped = text.is_empty() || text.first() == Some(&b'#');
        (!skipped).then(|| first_word(text))
    }

    /// The path behind an Include: `/^Include\s*(.*)$/`.
    pub(super) fn include(&self) -> Option<&'a [u8]> {
        self.bytes.strip_prefix(INCLUDE).map(<[u8]>::trim_ascii_start)
    }
}

const INCLUDE: &[u8] = b"Include";

fn first_word(text: &[u8]) -> &[u8] {
    text.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default()
}

/// The lines of a file: cut at CRLF, CR, LF, VT, FF and the byte 0x85,
/// which is also the second half of many letters in UTF-8.
pub(super) fn lines<'a>(path: &'a str, bytes: &'a [u8]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let (mut number, mut at) = (1, 0);
    for bytes in bytes.split_inclusive(|byte| ends(*byte)) {
        let cut = bytes.strip_suffix(b"\n");
        let text = match bytes.split_last() {
            Some((last, rest)) if ends(*last) => rest,
            _ => bytes,
        };
        lines.push(Line { path, number, bytes: text, at });
        number += usize::from(cut.is_some());
        at += bytes.len();
    }
    lines
}

fn ends(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0x0b | 0x0c | 0x85)
}

/// A byte for a character: what iptables refuses stays refused, and nothing
/// is lost.
pub(super) fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// A file of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read<'a> {
    /// The snapshot has none.
    Absent,
    /// There is one that could not be read.
    Unread,
    Bytes(&'a [u8]),
}

pub(super) fn read<'a>(snapshot: &'a Snapshot, path: &str) -> Read<'a> {
    match snapshot.files.get(path).map(|file| &file.content) {
        None => Read::Absent,
        Some(Content::Text(text)) => Read::Bytes(text.as_bytes()),
        Some(Content::Bytes(bytes)) => Read::Bytes(bytes),
        Some(Content::Error(_) | Content::Secret(_)) => Read::Unread,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8]) -> Vec<&[u8]> {
        lines("f", bytes).iter().map(|line| line.bytes).collect()
    }

    #[test]
    fn a_line_ends_at_any_of_six() {
        let all = cut(b"a\r\nb\rc\nd\x0be\x0cf\x85g");
        let some: Vec<_> = all.into_iter().filter(|l| !l.is_empty()).collect();
        assert_eq!(some, [b"a", b"b", b"c", b"d", b"e", b"f", b"g"]);
    }

    #[test]
    fn a_letter_can_end_a_line() {
        assert_eq!(cut("# Å1".as_bytes()), [b"# \xc3".as_slice(), b"1"]);
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts() {
        let bytes = b"a\r\nb\x0bc\nd";
        let numbers: Vec<_> = lines("f", bytes)
            .iter()
            .filter(|line| !line.bytes.is_empty())
            .map(|line| line.number)
            .collect();
        assert_eq!(numbers, [1, 2, 2, 3]);
    }

    #[test]
    fn an_include_stands_at_the_start() {
        let path = |text: &'static str| {
            lines("f", text.as_bytes()).first().and_then(Line::include)
        };
        assert_eq!(path("Include/a b"), Some(b"/a b".as_slice()));
        assert_eq!(path(" Include /a"), None);
        assert_eq!(path("include /a"), None);
    }
}
