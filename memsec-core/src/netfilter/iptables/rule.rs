use std::sync::Arc;

use super::{
    address::{self, Parsed},
    module,
    target::{self, Target},
    words::{Word, Words},
};
use crate::{
    Error,
    net::{Family, RangeSet},
    netfilter::{Match, Name, Test, ipset::Sets},
    text::Span,
};

/// A rule that is being read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub matches: Vec<Match>,
    pub target: Option<Target>,
    pub goto: bool,
    /// True if options follow the target.
    pub options: bool,
}

/// The words of a rule, and what goes with them.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub family: Family,
    pub sets: &'a Sets,
    pub words: Words<'a>,
    pub line: &'a Span,
    /// Whether "!" stands before.
    pub negated: bool,
}

impl<'a> Reader<'a> {
    /// The argument of an option, after the "!" that old versions put there.
    pub(super) fn argument(&mut self) -> Result<Word<'a>, Error> {
        let mut next = self.words.next();
        if next.as_ref().is_some_and(|word| word.text == "!") {
            self.negated = true;
            next = self.words.next();
        }
        next.ok_or_else(|| Error::parse(self.line, "the last option is cut"))
    }

    pub(super) fn error(&self, word: &Word<'_>, what: &str) -> Error {
        let at = self.line.part(word.at..word.at + word.len);
        Error::parse(&at, format!("{:?} is not {what}", word.text))
    }

    pub(super) fn addresses(&mut self) -> Result<Option<Parsed>, Error> {
        let word = self.argument()?;
        let list = address::list(self.family, &word.text);
        list.map(Some).ok_or_else(|| self.error(&word, "an address"))
    }
}

impl Draft {
    /// Reads the words after the name of the chain.
    pub(super) fn read(
        (family, sets): (Family, &Sets),
        table: &str,
        words: Words<'_>,
        line: &Span,
    ) -> Result<Self, Error> {
        let mut draft = Self::default();
        let mut reader = Reader { family, sets, words, line, negated: false };
        while let Some(word) = reader.words.next() {
            if word.text == "!" {
                reader.negated = true;
                continue;
            }
            draft.option(&word, &mut reader, table)?;
            reader.negated = false;
        }
        Ok(draft)
    }

    pub(super) fn push(&mut self, test: Test, negated: bool) {
        self.matches.push(Match { negated, test });
    }

    /// A condition that cannot be decided.
    pub(super) fn doubt(&mut self) {
        if self.matches.last().is_none_or(|m| m.test != Test::Unknown) {
            self.matches.push(Match::new(Test::Unknown));
        }
    }

    fn option(
        &mut self,
        word: &Word<'_>,
        reader: &mut Reader<'_>,
        table: &str,
    ) -> Result<(), Error> {
        match &*word.text {
            "-s" | "--source" | "--src" => {
                let set = reader.addresses()?;
                self.addresses(set, Test::Source, reader.negated);
            }
            "-d" | "--destination" | "--dst" => {
                let set = reader.addresses()?;
                self.addresses(set, Test::Destination, reader.negated);
            }
            "-i" | "--in-interface" => {
                let name = reader.argument()?;
                let name = Name::new(&name.text, '+');
                self.push(Test::In(vec![name]), reader.negated);
            }
            "-o" | "--out-interface" => {
                let name = reader.argument()?;
                let name = Name::new(&name.text, '+');
                self.push(Test::Out(vec![name]), reader.negated);
            }
            "-p" | "--protocol" | "--proto" => self.protocol(reader)?,
            // Later fragments; reassembled before they get to a socket.
            "-f" | "--fragment" if !reader.negated => {
                self.matches.push(Match::new(Test::Header));
            }
            "-f" | "--fragment" => {}
            "-m" | "--match" => {
                let module = reader.argument()?;
                if module::is_header(&module.text) {
                    self.matches.push(Match::new(Test::Header));
                } else if !module::is_known(&module.text) {
                    self.doubt();
                }
            }
            "-j" | "--jump" | "-g" | "--goto" => {
                let name = reader.argument()?;
                self.goto = matches!(&*word.text, "-g" | "--goto");
                self.target = Some(Target::new(&name, table));
            }
            "-c" | "--set-counters" => {
                reader.argument()?;
                reader.argument()?;
            }
            _ if self.target.is_some() => {
                self.options = true;
                target::option(self, word, reader)?;
            }
            _ => module::option(self, word, reader)?,
        }
        Ok(())
    }

    pub(super) fn addresses(
        &mut self,
        set: Option<Parsed>,
        test: fn(Arc<RangeSet<u128>>) -> Test,
        negated: bool,
    ) {
        match set {
            Some(Parsed::Set(set)) => self.push(test(Arc::new(set)), negated),
            _ => self.doubt(),
        }
    }

    fn protocol(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let name = reader.argument()?;
        match module::protocol(&name.text) {
            // "all" is no condition at all.
            Some(0) if !reader.negated => {}
            Some(number) if number != 0 => {
                let one = Test::Protocol(RangeSet::one(number));
                self.push(one, reader.negated);
            }
            _ => self.doubt(),
        }
        Ok(())
    }
}
