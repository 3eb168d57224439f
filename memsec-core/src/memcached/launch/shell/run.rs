//! Runs complete commands, one after the other.

use super::{
    super::super::word::{Char, Traced},
    Shell, Value,
    builtin::{Does, builtin},
    command::{Complete, complete},
    expand::{Expander, Fields, is_name},
    lexer::{Lexer, Token},
    value::Written,
};

/// How a text ends.
#[derive(Debug)]
pub(in super::super) enum Ended {
    /// At its end, or with `return`.
    Text,
    /// With `exit`.
    Exit,
    /// The shell refuses what follows.
    Syntax(String),
    /// With the program that was asked for: its arguments.
    Program(Fields),
    /// With something that is not followed.
    Unknown(String),
}

/// Whether a command is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Yes,
    No,
    Maybe,
}

/// An `if`.
struct If {
    /// Whether its commands are run at all.
    outer: bool,
    /// Whether a branch was taken.
    taken: bool,
    /// Whether the part that is read is run.
    on: bool,
}

/// What is looked for among the programs that are run.
type Wanted = fn(&str) -> bool;

impl Shell {
    /// Runs a text to its end, as `.` does.
    pub(in super::super) fn source(&mut self, text: &Traced) -> Ended {
        self.run(text, |_| false)
    }

    /// Runs a text up to the first program that is wanted.
    pub(in super::super) fn run(
        &mut self,
        text: &Traced,
        wanted: Wanted,
    ) -> Ended {
        let mut lexer = Lexer { text: text.chars(), at: 0 };
        loop {
            let found = match complete(&mut lexer) {
                Ok(Some(complete)) => {
                    Runner::new(self, text.chars(), wanted).run(&complete)
                }
                Ok(None) => return Ended::Text,
                Err(syntax) => return Ended::Syntax(syntax.0),
            };
            if let Some(ended) = found {
                let rest = text.chars().get(lexer.at..).unwrap_or_default();
                return match ended {
                    Ended::Program(_) if names(rest, wanted) => {
                        Ended::Unknown(ANOTHER.to_owned())
                    }
                    ended => ended,
                };
            }
        }
    }
}

/// What may run beside the first program, or after it.
const ANOTHER: &str = "the same program, which is named again";

/// Whether a word of a text is the name of a program that is wanted.
fn names(text: &[Char], wanted: Wanted) -> bool {
    let mut words = text
        .split(|&(c, _)| !(c.is_ascii_alphanumeric() || "/._-".contains(c)));
    words.any(|word| wanted(&word.iter().map(|c| c.0).collect::<String>()))
}

struct Runner<'a> {
    shell: &'a mut Shell,
    text: &'a [Char],
    wanted: Wanted,
    ifs: Vec<If>,
    /// Of the last command, where it is known.
    status: Option<bool>,
    gate: Gate,
}

impl<'a> Runner<'a> {
    fn new(shell: &'a mut Shell, text: &'a [Char], wanted: Wanted) -> Self {
        let (ifs, status) = (Vec::new(), Some(true));
        Self { shell, text, wanted, ifs, status, gate: Gate::Yes }
    }

    fn run(&mut self, complete: &Complete) -> Option<Ended> {
        if let Some(odd) = complete.odd {
            self.shell.lose(odd);
            return self.unfollowed(&complete.tokens, odd);
        }
        let mut rest = complete.tokens.as_slice();
        while let Some((token, after)) = rest.split_first() {
            rest = match token {
                Token::Operator("(") => {
                    let (inner, after) = parentheses(after);
                    self.status = None;
                    if let Some(ended) = self.unfollowed(inner, "a subshell") {
                        return Some(ended);
                    }
                    after
                }
                Token::Operator(operator) => {
                    self.operator(operator);
                    after
                }
                Token::Newline => {
                    self.gate = Gate::Yes;
                    after
                }
                Token::Word(range) if self.keyword(range.clone()) => after,
                Token::Word(_) => {
                    let (words, after) = simple(rest);
                    if let Some(ended) = self.simple(words, after.first()) {
                        return Some(match ended {
                            Ended::Program(_) => {
                                self.unfollowed(after, ANOTHER).unwrap_or(ended)
                            }
                            ended => ended,
                        });
                    }
                    after
                }
            };
        }
        None
    }

    /// What is not followed may be where the program is.
    fn unfollowed(&self, tokens: &[Token], what: &str) -> Option<Ended> {
        let mut words = tokens.iter().filter_map(|token| match token {
            Token::Word(range) => self.text.get(range.clone()),
            _ => None,
        });
        let is = |raw: &[Char]| {
            let word: String = raw.iter().map(|&(c, _)| c).collect();
            (self.wanted)(&word)
        };
        words.any(is).then(|| Ended::Unknown(what.to_owned()))
    }

    fn operator(&mut self, operator: &str) {
        self.gate = match (operator, self.status) {
            ("&&", Some(true)) | ("||", Some(false)) => self.gate,
            ("&&" | "||", _) if self.gate == Gate::No => Gate::No,
            ("&&" | "||", None) => Gate::Maybe,
            ("&&" | "||", _) => Gate::No,
            _ => Gate::Yes,
        };
    }

    /// Takes a word of the shell's grammar.
    fn keyword(&mut self, range: std::ops::Range<usize>) -> bool {
        let raw = self.text.get(range).unwrap_or_default();
        let word: String = raw.iter().take(5).map(|&(c, _)| c).collect();
        let outer = self.ifs.last().is_none_or(|inner| inner.on);
        let on = outer && self.gate != Gate::No;
        match (word.as_str(), self.ifs.last_mut()) {
            ("if", _) => {
                self.ifs.push(If { outer: on, taken: false, on });
            }
            ("then", Some(inner)) => {
                let known = self.status.is_some() || !inner.on;
                inner.on &= self.status == Some(true) && !inner.taken;
                inner.taken |= inner.on || !known;
                if !known {
                    self.shell.lose("an if whose condition is not known");
                }
            }
            ("elif" | "else", Some(inner)) => {
                inner.on = inner.outer && !inner.taken;
            }
            ("fi", Some(_)) => drop(self.ifs.pop()),
            ("!", _) => {}
            _ => return false,
        }
        self.gate = Gate::Yes;
        true
    }

    fn simple(
        &mut self,
        tokens: &[Token],
        after: Option<&Token>,
    ) -> Option<Ended> {
        let on = self.ifs.last().is_none_or(|inner| inner.on);
        if !on || self.gate == Gate::No {
            return None;
        }
        let words = words(tokens, self.text);
        let assigns = words.iter().take_while(|raw| name(raw).is_some());
        let (assigned, command) = words.split_at(assigns.count());
        // What runs in a process of its own changes nothing here.
        let apart = matches!(after, Some(Token::Operator("|" | "&")));
        if command.is_empty() {
            if !apart {
                assigned.iter().for_each(|raw| self.assign(raw));
            }
            self.status = Some(true);
            return None;
        }
        self.command(command, apart)
    }

    fn assign(&mut self, raw: &[Char]) {
        let Some((name, adds, from)) = name(raw) else { return };
        if adds && !self.shell.bash {
            return;
        }
        let of = raw.get(from..).unwrap_or_default();
        let mut value = Expander::value(self.shell, of);
        value.written = Written::of(raw, from);
        if adds {
            let mut whole = self.shell.get(&name).unwrap_or_default();
            if whole.unknown.is_none() {
                whole.text.extend(value.text.chars());
                whole.unknown = value.unknown;
            }
            whole.written = value.written;
            value = whole;
        }
        if self.gate == Gate::Maybe {
            value = Value::unknown(format!("whether {name} is set"));
        }
        if name == "IFS" {
            self.shell.lose("another IFS");
        }
        self.shell.assign(&name, value);
    }

    fn command(&mut self, words: &[&[Char]], apart: bool) -> Option<Ended> {
        let mut expander = Expander::words(self.shell);
        let (first, rest) = words.split_first()?;
        expander.word(first);
        let mut fields = expander.finish();
        let does = match fields.words.first() {
            Some(word) => builtin(&word.text(), self.shell.bash),
            None => Does::Anything,
        };
        if does == Does::Assign {
            self.assign_all(rest);
            return None;
        }
        let mut expander = Expander::words(self.shell);
        rest.iter().for_each(|raw| expander.word(raw));
        let more = expander.finish();
        fields.words.extend(more.words);
        fields.unknown = fields.unknown.or(more.unknown);
        if does == Does::Exec {
            fields.words = fields.words.into_iter().skip(1).collect();
        }
        self.call(does, fields, apart)
    }

    /// The arguments of `export` and the like.
    fn assign_all(&mut self, words: &[&[Char]]) {
        for raw in words {
            self.assign(raw);
            let end = name(raw).map_or(raw.len(), |(name, ..)| name.len());
            let of = raw.iter().take(end).map(|&(c, _)| c);
            self.shell.exported.insert(of.collect());
        }
        self.status = Some(true);
    }

    fn call(
        &mut self,
        does: Does,
        fields: Fields,
        apart: bool,
    ) -> Option<Ended> {
        let mut words = fields.words.iter().map(Traced::text);
        let program = words.next().unwrap_or_default();
        if (self.wanted)(&program) {
            let words = fields.words.into_iter().skip(1).collect();
            return Some(Ended::Program(Fields { words, ..fields }));
        }
        let sure = self.gate == Gate::Yes && !apart;
        self.status = None;
        match does {
            Does::Nothing(status) => self.status = status,
            Does::Test => {
                let words: Vec<_> = words.collect();
                let known = fields.unknown.is_none();
                self.status = known.then(|| test(&words)).flatten();
            }
            Does::Return if sure => return Some(Ended::Text),
            Does::Exit | Does::Exec if sure => return Some(Ended::Exit),
            Does::Unset if sure => words.for_each(|name| {
                self.shell.variables.remove(&name);
            }),
            Does::Program | Does::Assign => {}
            _ if apart => {}
            _ => self.shell.lose(&format!("what {program:?} does")),
        }
        None
    }
}

/// `[`, where it asks for texts.
fn test(words: &[String]) -> Option<bool> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let words = words.strip_suffix(&["]"]).unwrap_or(&words);
    match words {
        [] => Some(false),
        ["-n", text] => Some(!text.is_empty()),
        ["-z", text] => Some(text.is_empty()),
        [text] => Some(!text.is_empty()),
        [one, "=" | "==", other] => Some(one == other),
        [one, "!=", other] => Some(one != other),
        _ => None,
    }
}

/// The tokens up to the `)` that closes, and those after it.
fn parentheses(tokens: &[Token]) -> (&[Token], &[Token]) {
    let mut depth = 1_usize;
    let closes = |token: &Token| {
        match token {
            Token::Operator("(") => depth += 1,
            Token::Operator(")") => depth -= 1,
            _ => {}
        }
        depth == 0
    };
    let end = tokens.iter().position(closes).unwrap_or(tokens.len());
    let (inner, after) = tokens.split_at(end);
    (inner, after.get(1..).unwrap_or_default())
}

fn redirects(token: &Token) -> bool {
    matches!(token, Token::Operator(op) if op.contains(['<', '>']))
}

/// The tokens of a simple command, and those after it.
fn simple(tokens: &[Token]) -> (&[Token], &[Token]) {
    let own = |t: &&Token| matches!(t, Token::Word(_)) || redirects(t);
    tokens.split_at(tokens.iter().take_while(own).count())
}

/// The words of a simple command, without what is redirected.
fn words<'t>(tokens: &[Token], text: &'t [Char]) -> Vec<&'t [Char]> {
    let mut words: Vec<&[Char]> = Vec::new();
    let mut end = 0;
    let mut file = false;
    for token in tokens {
        match token {
            Token::Word(range) if !std::mem::take(&mut file) => {
                words.extend(text.get(range.clone()));
                end = range.end;
            }
            Token::Word(_) | Token::Newline => {}
            Token::Operator(_) => {
                file = true;
                // `2>`: digits that touch it belong to it.
                let touches = text.get(end).is_some_and(|c| "<>".contains(c.0));
                let number =
                    |raw: &[Char]| raw.iter().all(|(c, _)| c.is_ascii_digit());
                if touches && words.last().is_some_and(|raw| number(raw)) {
                    words.pop();
                }
            }
        }
    }
    words
}

/// The name of an assignment, whether it adds, and where the value begins.
fn name(raw: &[Char]) -> Option<(String, bool, usize)> {
    let length = raw.iter().take_while(|&&(c, _)| is_name(c)).count();
    let name: String = raw.iter().take(length).map(|&(c, _)| c).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let sign = |at: usize| raw.get(length + at).map(|&(c, _)| c);
    match (sign(0), sign(1)) {
        (Some('='), _) => Some((name, false, length + 1)),
        (Some('+'), Some('=')) => Some((name, true, length + 2)),
        _ => None,
    }
}
