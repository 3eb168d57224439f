//! The words of a listing.

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits, and what stands in addresses and names.
    Word,
    /// What stands between double quotes.
    Quoted,
    /// One of `{}(),;=!<>&|^`, or two of them.
    Sign,
    Line,
    Comment,
    End,
}

/// One word, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// In bytes from the start of the text.
    pub start: usize,
}

/// The words of a text in their order.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    next: Token<'a>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let none = Token { kind: Kind::End, text: "", start: 0 };
        let mut all = Self { text, at: 0, next: none };
        all.next = all.read();
        all
    }

    pub(super) fn peek(&self) -> Token<'a> {
        self.next
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        let next = self.read();
        std::mem::replace(&mut self.next, next)
    }

    /// Passes over a word if it is that one, outside of quotes.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is = self.is(text);
        if is {
            self.next();
        }
        is
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.next.kind != Kind::Quoted && self.next.text == text
    }

    /// The text of the next word, if it is one.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        match self.next.kind {
            Kind::Word | Kind::Quoted => Some(self.next().text),
            _ => None,
        }
    }

    /// Passes over ends of lines, and comments.
    pub(super) fn skip_lines(&mut self) {
        while matches!(self.next.kind, Kind::Line | Kind::Comment) {
            self.next();
        }
    }

    /// Passes over the rest of what a line begins, with the blocks in it.
    pub(super) fn skip_rest(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.next.kind, self.next.text) {
                (Kind::End, _) => return,
                (Kind::Line, _) | (Kind::Sign, ";" | "}") if depth == 0 => {
                    return;
                }
                (Kind::Sign, "{") => depth += 1,
                (Kind::Sign, "}") => depth -= 1,
                _ => {}
            }
            self.next();
        }
    }

    /// True at the end of a statement.
    pub(super) fn ended(&self) -> bool {
        match self.next.kind {
            Kind::End | Kind::Line | Kind::Comment => true,
            Kind::Sign => matches!(self.next.text, ";" | "}"),
            _ => false,
        }
    }

    fn read(&mut self) -> Token<'a> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r');
        let trimmed = rest.trim_start_matches(blank);
        let start = self.at + (rest.len() - trimmed.len());
        let (kind, len, text) = first(trimmed);
        self.at = start + len;
        Token { kind, text, start }
    }
}

/// The first word of a text that does not begin with a blank, and how long
/// it is.
fn first(text: &str) -> (Kind, usize, &str) {
    let part = |len: usize| text.get(..len).unwrap_or_default();
    let Some(c) = text.chars().next() else { return (Kind::End, 0, "") };
    match c {
        '\n' => (Kind::Line, 1, "\n"),
        '#' => {
            let len = text.find('\n').unwrap_or(text.len());
            (Kind::Comment, len, part(len))
        }
        '"' => {
            let inner = text.get(1..).unwrap_or_default();
            match inner.find('"') {
                Some(end) => {
                    let inner = inner.get(..end).unwrap_or_default();
                    (Kind::Quoted, end + 2, inner)
                }
                None => (Kind::Quoted, text.len(), inner),
            }
        }
        // A line that goes on.
        '\\' if text.starts_with("\\\n") => (Kind::Line, 2, "\n"),
        c if is_sign(c) => {
            let two = ["!=", "==", "<=", ">=", "<<", ">>"];
            let pair = two.iter().any(|pair| text.starts_with(pair));
            let len = if pair { 2 } else { 1 };
            (Kind::Sign, len, part(len))
        }
        c => {
            let end = |c: char| c.is_whitespace() || c == '"' || is_sign(c);
            let len = text.find(end).unwrap_or(text.len());
            let len = len.max(c.len_utf8());
            (Kind::Word, len, part(len))
        }
    }
}

fn is_sign(c: char) -> bool {
    "{}(),;=!<>&|^".contains(c)
}
