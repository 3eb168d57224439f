use super::{
    address::{self, Parsed},
    module,
    protocol::protocol,
    target::{self, Target},
    words::{Word, Words},
};
use crate::{
    Error,
    net::{Family, RangeSet},
    netfilter::{Match, Name, Test, ipset::Sets, line::Line},
};

/// A rule that is being read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub matches: Vec<Match>,
    pub target: Option<Target>,
    pub goto: bool,
    /// True if options follow the target.
    pub options: bool,
    /// The extension that was named last, and where its conditions begin.
    pub module: Option<(String, usize)>,
    /// True if one of the extensions is undecided: what options are not
    /// known are its.
    pub undecided: bool,
    /// True if a condition only holds for some protocols, so that without
    /// one of them the rule does not load.
    pub needs_protocol: bool,
}

/// The words of a rule, and what goes with them.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub family: Family,
    pub sets: &'a Sets,
    pub words: Words<'a>,
    pub line: Line<'a>,
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
        next.ok_or_else(|| {
            Error::parse(&self.line.span(), "the last option is cut")
        })
    }

    /// The addresses of an argument; `None` for a name, which is looked up
    /// when it is loaded.
    pub(super) fn addresses(&mut self) -> Result<Option<Parsed>, Error> {
        let word = self.argument()?;
        let list = address::list(self.family, &word.text);
        if list.is_none() && address::is_numeric(&word.text) {
            let at = self.line.part(word.at, word.len);
            let message = format!("{:?} is not an address", word.text);
            return Err(Error::parse(&at, message));
        }
        Ok(list)
    }
}

impl Draft {
    /// Reads the words after the name of the chain.
    pub(super) fn read(
        mut reader: Reader<'_>,
        table: &str,
    ) -> Result<Self, Error> {
        let mut draft = Self::default();
        while let Some(word) = reader.words.next() {
            if word.text == "!" {
                reader.negated = true;
                continue;
            }
            draft.option(&word, &mut reader, table)?;
            reader.negated = false;
        }
        draft.end_module();
        draft.check_protocol();
        Ok(draft)
    }

    pub(super) fn push(&mut self, test: Test, negated: bool) {
        self.matches.push(Match { negated, test });
    }

    /// A condition that is not known.
    pub(super) fn doubt(&mut self) {
        self.once(Test::Unknown);
    }

    /// A condition that is the same if it comes again.
    pub(super) fn once(&mut self, test: Test) {
        if self.matches.last().is_none_or(|last| last.test != test) {
            self.matches.push(Match::new(test));
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
            "-f" | "--fragment" => {
                self.push(Test::LaterFragment, reader.negated);
            }
            "-m" | "--match" => {
                let name = reader.argument()?;
                self.end_module();
                module::begin(self, &name.text);
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

    fn addresses(
        &mut self,
        set: Option<Parsed>,
        test: fn(RangeSet<u128>) -> Test,
        negated: bool,
    ) {
        match set {
            Some(Parsed::Set(set)) => self.push(test(set), negated),
            _ => self.once(Test::Undecided),
        }
    }

    fn protocol(&mut self, reader: &mut Reader<'_>) -> Result<(), Error> {
        let name = reader.argument()?;
        match protocol(&name.text) {
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

    /// xt_conntrack.c: a packet without a connection matches if the same
    /// match also names states, and those hold.
    fn end_module(&mut self) {
        let start = self.module.as_ref().map_or(0, |(_, start)| *start);
        let own = self.matches.get_mut(start..).unwrap_or_default();
        if !own.iter().any(|one| matches!(one.test, Test::State(_))) {
            return;
        }
        for one in own {
            if let Test::Connection { without, .. } = &mut one.test {
                *without = true;
            }
        }
    }

    /// xt_check_match: such a rule does not load, so nobody knows what it
    /// would do.
    fn check_protocol(&mut self) {
        let named = self
            .matches
            .iter()
            .any(|one| !one.negated && matches!(one.test, Test::Protocol(_)));
        if self.needs_protocol && !named {
            self.doubt();
        }
    }
}
