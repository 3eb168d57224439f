//! What `/bin/sh` makes of a simple command: dash, as Debian has it.

use super::super::word::Traced;

/// The words of a command line.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub words: Vec<Traced>,
    /// Why the words after these are not known, or why nothing is run.
    pub stopped: Option<Stopped>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The shell itself refuses the line.
    Syntax(&'static str),
    /// The shell expands something.
    Expansion(char),
}

type Char = (char, Option<usize>);

/// Splits a line up to the end of its first command. What is redirected is
/// left out; the commands after the first do not matter to it.
pub(super) fn words(line: &Traced) -> Command {
    let mut shell = Shell {
        rest: line.chars(),
        word: None,
        literal: false,
        command: Command::default(),
    };
    shell.command.stopped = shell.all().err();
    shell.end_word();
    shell.command
}

struct Shell<'a> {
    rest: &'a [Char],
    word: Option<Traced>,
    /// Whether the word has a colon, so that no pattern in it matches.
    literal: bool,
    command: Command,
}

impl Shell<'_> {
    fn next(&mut self) -> Option<Char> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn push(&mut self, (c, at): Char) {
        self.word.get_or_insert_default().push(c, at);
    }

    fn end_word(&mut self) {
        self.command.words.extend(self.word.take());
        self.literal = false;
    }

    fn all(&mut self) -> Result<(), Stopped> {
        while let Some(next) = self.next() {
            match next.0 {
                ' ' | '\t' => self.end_word(),
                '\'' | '"' => self.quoted(next.0)?,
                '\\' => {
                    if let Some(escaped) = self.next() {
                        self.push(escaped);
                    }
                }
                '#' if self.word.is_none() => break,
                ';' | '\n' | '&' | '|' => break,
                '(' | ')' => return Err(Stopped::Syntax("parenthesis")),
                '<' | '>' => self.redirection()?,
                '$' | '`' => return Err(Stopped::Expansion(next.0)),
                '*' | '?' => self.pattern(next)?,
                '~' if self.word.is_none() => self.home(next)?,
                _ => self.push(next),
            }
        }
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), Stopped> {
        self.word.get_or_insert_default();
        loop {
            let next = self.next();
            let (c, _) = next.ok_or(Stopped::Syntax("unterminated quote"))?;
            match c {
                _ if c == quote => return Ok(()),
                '$' | '`' if quote == '"' => {
                    return Err(Stopped::Expansion(c));
                }
                '\\' if quote == '"' && self.escapes() => {
                    let escaped = self.next();
                    escaped.into_iter().for_each(|c| self.push(c));
                }
                _ => next.into_iter().for_each(|c| self.push(c)),
            }
        }
    }

    /// Whether a backslash in double quotes is one.
    fn escapes(&self) -> bool {
        let next = self.rest.first().map(|&(c, _)| c);
        matches!(next, Some('$' | '`' | '"' | '\\'))
    }

    /// A pattern stands for itself where no file has such a name: none in
    /// the root directory has a colon in it.
    fn pattern(&mut self, next: Char) -> Result<(), Stopped> {
        let is = |of: &Char, c: char| of.0 == c;
        let rest = self.rest.iter().take_while(|c| !is(c, ' '));
        let mut word = self.word.iter().flat_map(Traced::chars).chain(rest);
        self.literal = self.literal || word.any(|c| is(c, ':'));
        if self.literal {
            self.push(next);
            return Ok(());
        }
        Err(Stopped::Expansion(next.0))
    }

    /// systemd sets no HOME for a unit without a user, so `~/` stays.
    fn home(&mut self, next: Char) -> Result<(), Stopped> {
        match self.rest.first() {
            None | Some((' ' | '/', _)) => {
                self.push(next);
                Ok(())
            }
            _ => Err(Stopped::Expansion('~')),
        }
    }

    /// Leaves out `2>> file` and the like.
    fn redirection(&mut self) -> Result<(), Stopped> {
        let number = self.word.as_ref().is_some_and(|word| {
            word.chars().iter().all(|(c, _)| c.is_ascii_digit())
        });
        if number {
            self.word = None;
        }
        self.end_word();
        let operator = |&&(c, _): &&Char| "<>&|-".contains(c);
        let skip = self.rest.iter().take_while(operator).count();
        self.rest = self.rest.get(skip..).unwrap_or_default();
        let blanks =
            self.rest.iter().take_while(|(c, _)| " \t".contains(*c)).count();
        self.rest = self.rest.get(blanks..).unwrap_or_default();
        let plain = |&&(c, _): &&Char| !" \t;&|<>()$`'\"\\*?".contains(c);
        let file = self.rest.iter().take_while(plain).count();
        self.rest = self.rest.get(file..).unwrap_or_default();
        match self.rest.first() {
            Some(&(c, _)) if !" \t;&|<>".contains(c) => {
                Err(Stopped::Expansion(c))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> (Vec<String>, Option<Stopped>) {
        let command = words(&Traced::at(line, 0));
        let words = command.words.iter().map(Traced::text).collect();
        (words, command.stopped)
    }

    #[test]
    fn words_are_as_dash_has_them() {
        let table: &[(&str, &[&str])] = &[
            ("a  b", &["a", "b"]),
            ("'a b'c \"d\\\"e\"", &["a bc", "d\"e"]),
            ("a '' b", &["a", "", "b"]),
            ("a\\ b", &["a b"]),
            ("a #b", &["a"]),
            ("a#b", &["a#b"]),
            ("a; b", &["a"]),
            ("a & b", &["a"]),
            ("a 2>> /f -l b", &["a", "-l", "b"]),
            ("a >/f b", &["a", "b"]),
            ("a 2>&1 b", &["a", "b"]),
            ("-l *:1", &["-l", "*:1"]),
            ("~/a", &["~/a"]),
        ];
        for (line, words) in table {
            let words: Vec<_> = words.iter().map(|&w| w.into()).collect();
            assert_eq!(split(line), (words, None), "{line:?}");
        }
    }

    #[test]
    fn what_is_not_known_stops() {
        let table = [
            ("a $B", Stopped::Expansion('$')),
            ("a \"$B\"", Stopped::Expansion('$')),
            ("a *", Stopped::Expansion('*')),
            ("a (b)", Stopped::Syntax("parenthesis")),
            ("a 'b", Stopped::Syntax("unterminated quote")),
        ];
        for (line, stopped) in table {
            assert_eq!(split(line).1, Some(stopped), "{line:?}");
        }
    }
}
