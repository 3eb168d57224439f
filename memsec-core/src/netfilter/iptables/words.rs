use std::borrow::Cow;

use memchr::memchr;

/// One word of a line.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub text: Cow<'a, str>,
    /// Where it begins, in bytes from the start of the line.
    pub at: usize,
    /// How long it is in the line, in bytes.
    pub len: usize,
}

/// The words of a line, split as iptables-restore does (xshared.c,
/// add_param_to_argv): at blanks outside of double quotes, and a backslash
/// within them takes the next character as it is.
#[derive(Debug)]
pub(super) struct Words<'a> {
    line: &'a str,
    at: usize,
    peeked: Option<Word<'a>>,
}

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self::starting(line, 0)
    }

    /// The words behind so many bytes of a line.
    pub(super) fn starting(line: &'a str, at: usize) -> Self {
        Self { line, at, peeked: None }
    }

    pub(super) fn peek(&mut self) -> Option<&Word<'a>> {
        if self.peeked.is_none() {
            self.peeked = self.read();
        }
        self.peeked.as_ref()
    }

    fn read(&mut self) -> Option<Word<'a>> {
        let bytes = self.line.as_bytes().get(self.at..)?;
        let start = self.at + bytes.iter().position(|byte| !blank(*byte))?;
        let rest = self.line.get(start..)?;
        let mut bytes = rest.bytes();
        let end = bytes.position(blank).unwrap_or(rest.len());
        let plain = rest.get(..end)?;
        if memchr(b'"', plain.as_bytes()).is_none() {
            self.at = start + end;
            let text = Cow::Borrowed(plain);
            return Some(Word { text, at: start, len: end });
        }
        let (text, len) = quoted(rest);
        self.at = start + len;
        Some(Word { text: Cow::Owned(text), at: start, len })
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        self.peeked.take().or_else(|| self.read())
    }
}

fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The first word of `rest` without its quotes, and its length with them.
fn quoted(rest: &str) -> (String, usize) {
    let (mut text, mut open, mut escaped) = (String::new(), false, false);
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => {
                text.push(c);
                escaped = false;
            }
            '\\' if open => escaped = true,
            '"' => open = !open,
            ' ' | '\t' | '\r' | '\n' if !open => return (text, at),
            c => text.push(c),
        }
    }
    (text, rest.len())
}
