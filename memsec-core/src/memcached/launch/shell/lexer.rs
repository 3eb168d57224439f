//! The tokens of a shell program: POSIX XCU 2.3, as bash and dash have them.

use std::ops::Range;

use super::super::super::word::Char;

/// A word is still with its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Range<usize>),
    Operator(&'static str),
    Newline,
}

/// Longer ones first.
const OPERATORS: [&str; 19] = [
    "<<-", "&>>", "&&", "||", ";;", "<<", "<&", "<>", ">>", ">&", ">|", "&>",
    ";", "&", "|", "(", ")", "<", ">",
];

/// The text ends within something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unterminated;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nest {
    Double,
    Paren,
    Brace,
    Backtick,
}

/// Reads tokens from a text.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    pub text: &'a [Char],
    pub at: usize,
}

impl Lexer<'_> {
    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).map(|&(c, _)| c)
    }

    /// The next token, or `None` at the end.
    pub(super) fn token(&mut self) -> Result<Option<Token>, Unterminated> {
        self.blanks();
        let Some(c) = self.peek(0) else { return Ok(None) };
        if c == '\n' {
            self.at += 1;
            return Ok(Some(Token::Newline));
        }
        if let Some(operator) = self.operator() {
            self.at += operator.len();
            return Ok(Some(Token::Operator(operator)));
        }
        let start = self.at;
        self.word()?;
        Ok(Some(Token::Word(start..self.at)))
    }

    fn operator(&self) -> Option<&'static str> {
        let is = |operator: &&&str| {
            let mut chars = operator.chars().enumerate();
            chars.all(|(i, c)| self.peek(i) == Some(c))
        };
        let begins = matches!(self.peek(0)?, '<' | '>' | ';' | '&' | '|')
            || matches!(self.peek(0)?, '(' | ')');
        begins.then(|| OPERATORS.iter().find(is).copied()).flatten()
    }

    fn blanks(&mut self) {
        loop {
            match self.peek(0) {
                Some(' ' | '\t') => self.at += 1,
                Some('\\') if self.peek(1) == Some('\n') => self.at += 2,
                Some('#') => self.skip_until('\n'),
                _ => return,
            }
        }
    }

    fn skip_until(&mut self, end: char) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|&&(c, _)| c != end).count();
    }

    fn word(&mut self) -> Result<(), Unterminated> {
        while let Some(c) = self.peek(0) {
            if matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>')
                || matches!(c, '(' | ')')
            {
                break;
            }
            self.part()?;
        }
        Ok(())
    }

    /// One character of a word, or one thing that is quoted or expanded.
    pub(super) fn part(&mut self) -> Result<(), Unterminated> {
        let next = self.peek(1);
        match self.peek(0) {
            Some('\\') => self.at = (self.at + 2).min(self.text.len()),
            Some('\'') => self.single()?,
            Some('"') => self.nested(Nest::Double, 1)?,
            Some('`') => self.nested(Nest::Backtick, 1)?,
            Some('$') if next == Some('(') => self.nested(Nest::Paren, 2)?,
            Some('$') if next == Some('{') => self.nested(Nest::Brace, 2)?,
            _ => self.at += 1,
        }
        Ok(())
    }

    fn single(&mut self) -> Result<(), Unterminated> {
        self.at += 1;
        self.skip_until('\'');
        self.peek(0).ok_or(Unterminated)?;
        self.at += 1;
        Ok(())
    }

    fn nested(&mut self, first: Nest, skip: usize) -> Result<(), Unterminated> {
        self.at += skip;
        let mut open = vec![first];
        while let Some(&inner) = open.last() {
            let c = self.peek(0).ok_or(Unterminated)?;
            let next = self.peek(1);
            self.at += 1;
            match (inner, c) {
                (_, '\\') => self.at += 1,
                (Nest::Double, '"')
                | (Nest::Paren, ')')
                | (Nest::Brace, '}')
                | (Nest::Backtick, '`') => drop(open.pop()),
                (Nest::Backtick, _) => {}
                (Nest::Paren, '(') => open.push(Nest::Paren),
                (Nest::Paren | Nest::Brace, '"') => open.push(Nest::Double),
                (Nest::Paren | Nest::Brace, '\'') => {
                    self.at -= 1;
                    self.single()?;
                }
                (_, '`') => open.push(Nest::Backtick),
                (_, '$') if next == Some('(') => {
                    self.at += 1;
                    open.push(Nest::Paren);
                }
                (_, '$') if next == Some('{') => {
                    self.at += 1;
                    open.push(Nest::Brace);
                }
                _ => {}
            }
        }
        self.at = self.at.min(self.text.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcached::word::Traced;

    fn tokens(text: &str) -> String {
        let traced = Traced::plain(text);
        let mut lexer = Lexer { text: traced.chars(), at: 0 };
        let mut out = Vec::new();
        loop {
            match lexer.token() {
                Ok(Some(Token::Word(range))) => {
                    out.push(text.get(range).unwrap().to_owned());
                }
                Ok(Some(Token::Operator(op))) => out.push(format!("<{op}>")),
                Ok(Some(Token::Newline)) => out.push("NL".to_owned()),
                Ok(None) => return out.join(" "),
                Err(Unterminated) => return "open".to_owned(),
            }
        }
    }

    #[test]
    fn tokens_are_as_posix_has_them() {
        for (text, expected) in [
            ("A=b  c", "A=b c"),
            ("A='b c'\"d e\" # f", "A='b c'\"d e\""),
            ("a#b;c&&d\n", "a#b <;> c <&&> d NL"),
            ("a 2>>b", "a 2 <>>> b"),
            ("A=$(b 'c)' \"$(d)\") e", "A=$(b 'c)' \"$(d)\") e"),
            ("A=${B:-c d} e", "A=${B:-c d} e"),
            ("a \\\n b", "a b"),
            ("a\\ b c", "a\\ b c"),
            ("A=\"b", "open"),
            ("A=`b", "open"),
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }
}
