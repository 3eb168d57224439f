//! The words of a listing.

use std::{collections::HashMap, ops::Range, rc::Rc};

use memchr::memchr;

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

/// The words of a text in their order. In the place of what a file defines
/// stands what it is defined as: nft(8), "symbolic variables".
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    /// The part of the text that is being read.
    part: Range<usize>,
    /// The parts that are read on behind it, the next one last.
    outer: Vec<Range<usize>>,
    defined: Rc<HashMap<&'a str, Range<usize>>>,
    /// How many bytes definitions may still stand for. A few lines could
    /// define more than there is room for.
    room: usize,
    next: Token<'a>,
}

/// How many bytes all uses of definitions may stand for together.
const ROOM: usize = 1 << 20;

/// Definitions in definitions, no deeper than so.
const DEPTH: usize = 16;

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let none = Token { kind: Kind::End, text: "", start: 0 };
        let mut all = Self {
            text,
            part: 0..text.len(),
            outer: Vec::new(),
            defined: Rc::default(),
            room: ROOM,
            next: none,
        };
        all.next = all.read();
        all
    }

    /// Reads "define NAME = VALUE" up to its end.
    pub(super) fn define(&mut self) -> Option<()> {
        // What is defined by it is looked up where it is used.
        let room = std::mem::replace(&mut self.room, 0);
        self.next();
        let name = self.word();
        let assigned = self.take("=");
        let start = self.next.start;
        self.skip_rest();
        let value = start..self.next.start;
        self.room = room;
        let name = name.filter(|_| assigned)?;
        Rc::make_mut(&mut self.defined).insert(name, value);
        Some(())
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

    /// The rest of the line that a token begins, which is the next one; none
    /// in what is defined elsewhere.
    pub(super) fn line(&self, token: Token<'a>) -> Option<&'a str> {
        let rest = self.text.get(token.start..self.part.end)?;
        let end = memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let line = rest.get(..end).filter(|_| self.outer.is_empty());
        line.map(str::trim_ascii_end)
    }

    /// Passes over the rest of the line that the next token is in.
    pub(super) fn skip_line(&mut self) {
        let from = self.text.get(self.next.start..self.part.end);
        let from = from.unwrap_or_default();
        let end = memchr(b'\n', from.as_bytes()).unwrap_or(from.len());
        self.part.start = self.next.start + end;
        self.next = self.read();
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
        loop {
            let token = self.raw();
            if token.kind == Kind::End {
                let Some(part) = self.outer.pop() else { return token };
                self.part = part;
            } else if !self.enter(token) {
                return token;
            }
        }
    }

    /// Goes on with what a word is defined as, if it is.
    fn enter(&mut self, token: Token<'a>) -> bool {
        let name = token.text.strip_prefix('$');
        let name = name.filter(|_| token.kind == Kind::Word);
        let value = name.and_then(|name| self.defined.get(name));
        let room = value.and_then(|v| self.room.checked_sub(v.len().max(1)));
        let fits = self.outer.len() < DEPTH;
        let (Some(value), Some(room), true) = (value, room, fits) else {
            return false;
        };
        let value = value.clone();
        self.room = room;
        self.outer.push(std::mem::replace(&mut self.part, value));
        true
    }

    fn raw(&mut self) -> Token<'a> {
        let rest = self.text.get(self.part.clone()).unwrap_or_default();
        let blank = |c: char| matches!(c, ' ' | '\t' | '\r');
        let trimmed = rest.trim_start_matches(blank);
        let start = self.part.start + (rest.len() - trimmed.len());
        let (kind, len, text) = first(trimmed);
        self.part.start = start + len;
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
