//! Complete commands: all that a shell reads before it runs any of it.

use super::{
    super::super::word::Char,
    lexer::{Lexer, Token, Unterminated},
};

/// What a shell reads at once: mostly a line.
#[derive(Debug, Default)]
pub(super) struct Complete {
    pub tokens: Vec<Token>,
    /// A construct in it that is not followed.
    pub odd: Option<&'static str>,
}

/// Why a shell refuses a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Syntax(pub String);

impl From<Unterminated> for Syntax {
    fn from(_: Unterminated) -> Self {
        Self("unterminated quote".to_owned())
    }
}

/// Where the reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before a command.
    Start,
    /// Before one that must come.
    Must,
    /// After the first word of one.
    First,
    /// After further words.
    Words,
    /// After a whole compound command.
    End,
}

const OPENERS: [(&str, &str); 7] = [
    ("if", "fi"),
    ("for", "done"),
    ("while", "done"),
    ("until", "done"),
    ("select", "done"),
    ("case", "esac"),
    ("{", "}"),
];

struct Reader {
    complete: Complete,
    open: Vec<&'static str>,
    at: At,
}

/// Reads one complete command; `None` at the end.
pub(super) fn complete(
    lexer: &mut Lexer<'_>,
) -> Result<Option<Complete>, Syntax> {
    let complete = Complete::default();
    let mut reader = Reader { complete, open: Vec::new(), at: At::Start };
    while let Some(token) = lexer.token()? {
        if token == Token::Newline
            && reader.open.is_empty()
            && reader.at != At::Must
        {
            return Ok(Some(reader.complete));
        }
        reader.token(&token, lexer.text)?;
        reader.complete.tokens.push(token);
    }
    match (&reader.open.is_empty(), reader.at) {
        (false, _) | (_, At::Must) => Err(Syntax("the end".to_owned())),
        _ if reader.complete.tokens.is_empty() => Ok(None),
        _ => Ok(Some(reader.complete)),
    }
}

impl Reader {
    fn token(&mut self, token: &Token, text: &[Char]) -> Result<(), Syntax> {
        // In a case there are parentheses that close nothing.
        let in_case = self.open.last() == Some(&"esac");
        match token {
            Token::Word(range) => {
                let raw = text.get(range.clone()).unwrap_or_default();
                self.word(raw)
            }
            _ if in_case => Ok(()),
            Token::Operator(operator) => self.operator(operator),
            Token::Newline => {
                if self.at != At::Must {
                    self.at = At::Start;
                }
                Ok(())
            }
        }
    }

    fn word(&mut self, raw: &[Char]) -> Result<(), Syntax> {
        let is = |word: &str| raw.iter().map(|&(c, _)| c).eq(word.chars());
        let before = self.at;
        let command = matches!(before, At::Start | At::Must);
        let closer = self.open.last().copied();
        if closer == Some("esac") && !is("esac") {
            return Ok(());
        }
        let opener = OPENERS.iter().find(|(word, _)| is(word));
        if let (true, Some(&(word, closer))) = (command, opener) {
            self.open.push(closer);
            if word != "if" {
                self.odd("a loop, a case or a group of commands");
            }
            self.at = At::Must;
        } else if command && is("!") {
            self.at = At::Must;
        } else if closer == Some("esac") || command && closer.is_some_and(is) {
            if before == At::Must && closer != Some("esac") {
                return refuse(raw);
            }
            self.open.pop();
            self.at = At::End;
        } else if command
            && ["then", "else", "elif", "do"].iter().any(|w| is(w))
        {
            let fits = matches!(closer, Some("fi")) != is("do");
            if before == At::Must || closer.is_none() || !fits {
                return refuse(raw);
            }
            self.at = At::Must;
        } else if command && ["fi", "done", "esac", "}"].iter().any(|w| is(w))
            || before == At::End
        {
            return refuse(raw);
        } else {
            self.at = if command { At::First } else { At::Words };
        }
        Ok(())
    }

    fn operator(&mut self, operator: &str) -> Result<(), Syntax> {
        let command = matches!(self.at, At::Start | At::Must);
        match operator {
            "(" if command => {
                self.open.push(")");
                self.at = At::Must;
            }
            // A function, or an array.
            "(" if self.at == At::First => {
                self.odd("a function or an array");
                self.open.push(")");
                self.at = At::Start;
            }
            ")" if self.open.last() == Some(&")") && self.at != At::Must => {
                self.open.pop();
                // The body of a function comes after `()`.
                let body = self.at == At::Start;
                self.at = if body { At::Must } else { At::End };
            }
            "<<" | "<<-" => self.odd("a here-document"),
            "(" | ")" | ";;" => return refused(operator),
            "<" | ">" | "<&" | "<>" | ">>" | ">&" | ">|" | "&>" | "&>>" => {
                if command {
                    self.at = At::First;
                }
            }
            _ if command => return refused(operator),
            "&&" | "||" | "|" => self.at = At::Must,
            _ => self.at = At::Start,
        }
        Ok(())
    }

    fn odd(&mut self, what: &'static str) {
        self.complete.odd.get_or_insert(what);
    }
}

fn refuse(raw: &[Char]) -> Result<(), Syntax> {
    let word: String = raw.iter().map(|&(c, _)| c).collect();
    refused(&word)
}

fn refused(what: &str) -> Result<(), Syntax> {
    Err(Syntax(format!("unexpected {what:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memcached::word::Traced;

    /// How many tokens each complete command has, and how it ends.
    fn read(text: &str) -> String {
        let traced = Traced::plain(text);
        let mut lexer = Lexer { text: traced.chars(), at: 0 };
        let mut out = String::new();
        loop {
            match complete(&mut lexer) {
                Ok(Some(Complete { tokens, odd: None })) => {
                    out += &tokens.len().to_string();
                }
                Ok(Some(_)) => out.push('?'),
                Ok(None) => return out,
                Err(_) => return out + "!",
            }
        }
    }

    #[test]
    fn a_shell_reads_line_by_line() {
        for (text, expected) in [
            ("A=b\nc d e\n", "13"),
            ("A=b\n;c\n", "1!"),
            ("a; b && c & d", "7"),
            ("a &&\n b\nc", "41"),
            ("a ;; b", "!"),
            ("a; ; b", "!"),
            ("if a; then\nb; fi\nc", "81"),
            ("if a; then fi", "!"),
            ("if a; then b", "!"),
            ("A=1\nfi\n", "1!"),
            ("case a in\nb) c ;;\nesac\nd", "?1"),
            ("for a in b; do c; done; d", "?"),
            ("f() { a; }\nb", "?1"),
            ("(a; b) && c", "7"),
            ("a (b)", "?"),
            ("a b (c)", "!"),
            ("a b )", "!"),
            ("> f\n", "2"),
            ("\n\n", "00"),
            ("a 'b\n", "!"),
            ("then\r\n", "1"),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }
}
