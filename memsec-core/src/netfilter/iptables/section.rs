use std::{collections::HashMap, sync::Arc};

use memchr::memchr;

use super::{
    builtin,
    insertion::Insertions,
    known::{Known, Tail},
    rule::{Draft, Reader},
    source,
    wanted::{Wanted, resolve},
    words::{Word, Words},
};
use crate::{
    Error,
    net::Family,
    netfilter::{
        Action, Base, Chain, Families, Origin, Rule, Table, calls, ipset::Sets,
        line::Line,
    },
    text::{Source, Span},
};

/// A table that is being read, from "*filter" to "COMMIT".
#[derive(Debug)]
pub(super) struct Section<'a> {
    family: Family,
    sets: &'a Sets,
    start: Line<'a>,
    name: &'a str,
    chains: Vec<Building>,
    index: HashMap<Arc<str>, usize>,
    /// The chain that the last rule was for.
    last: (&'a str, usize),
    /// Targets that may be chains that come later.
    names: Vec<Wanted>,
    known: Known<'a>,
}

#[derive(Debug)]
struct Building {
    name: Arc<str>,
    base: Option<Base>,
    rules: Insertions<Rule>,
}

impl<'a> Section<'a> {
    pub(super) fn new(family: Family, start: Line<'a>, sets: &'a Sets) -> Self {
        let name = start.text.trim().trim_start_matches('*').trim();
        Self {
            family,
            sets,
            name,
            start,
            chains: Vec::new(),
            index: HashMap::new(),
            last: ("", usize::MAX),
            names: Vec::new(),
            known: Known::default(),
        }
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// True if the kernel has a table of that name.
    pub(super) fn is_known(&self) -> bool {
        builtin::is_table(self.name)
    }

    pub(super) fn start(&self) -> Span {
        self.start.span()
    }

    pub(super) fn cut_off(&self) -> Error {
        let message = format!("table {}: cut off: no COMMIT", self.name);
        Error::parse(&self.start.span(), message)
    }

    /// Reads most of the lines between the first and the last, and says if
    /// this is one of them.
    pub(super) fn takes(&mut self, line: Line<'a>) -> bool {
        self.append(line).is_some()
    }

    /// Reads a line between the first and the last.
    pub(super) fn line(&mut self, line: Line<'a>) -> Result<(), Error> {
        let mut words = Words::new(line.text);
        if line.text.trim_start().starts_with(':') {
            return self.declaration(&mut words, line);
        }
        if !self.family_prefix(&mut words) {
            return Ok(());
        }
        let Some(command) = words.next() else { return Ok(()) };
        match &*command.text {
            "-A" | "--append" => self.rule(words, line, None),
            "-I" | "--insert" => self.rule(words, line, Some(())),
            "-N" | "--new-chain" => self.declaration(&mut words, line),
            "-P" | "--policy" => self.declaration(&mut words, line),
            "-F" | "--flush" => {
                self.flush(words.next());
                Ok(())
            }
            "-X" | "--delete-chain" | "-Z" | "--zero" => Ok(()),
            _ => Err(unknown(&command, line)),
        }
    }

    /// The short way: a rule in the form that iptables-save gives it, of
    /// which another one said the same but for the source. `None` if it is
    /// not one.
    fn append(&mut self, line: Line<'a>) -> Option<()> {
        let rest = line.text.strip_prefix("-A ")?;
        let (name, tail) = rest.split_at(memchr(b' ', rest.as_bytes())?);
        if name != self.last.0 {
            self.last = (name, *self.index.get(name)?);
        }
        let (origin, tail) = match source::split(self.family, tail) {
            Some((origin, tail)) => (Some(origin), tail),
            None => (None, tail),
        };
        let key = (origin.is_some(), tail);
        let rule = match self.known.find(key) {
            Some(like) => like.with(origin, line.at()),
            None => {
                let first = self.template(key, line)?;
                self.known.add(key, &first);
                first.with(origin, line.at())
            }
        };
        self.chains.get_mut(self.last.1)?.rules.push(rule);
        Some(())
    }

    /// The first rule of its kind, without the source before the tail.
    fn template(&self, tail: Tail<'a>, line: Line<'a>) -> Option<Rule> {
        let at = line.text.len() - tail.1.len();
        let words = Words::starting(line.text, at);
        let draft = self.draft(words, line).ok()?;
        let action = self.decided(&draft)?;
        let new = |matches| match tail.0 {
            true => Rule::of(Origin::Any, matches, action, line.at()),
            false => Rule::new(matches, action, line.at()),
        };
        Some(new(draft.matches))
    }

    fn draft(&self, words: Words<'a>, line: Line<'a>) -> Result<Draft, Error> {
        let (family, sets) = (self.family, self.sets);
        let reader = Reader { family, sets, words, line, negated: false };
        Draft::read(reader, self.name)
    }

    /// Passes over counters, and says whether a rule is for this family.
    fn family_prefix(&self, words: &mut Words<'_>) -> bool {
        let mut ours = true;
        while let Some(word) = words.peek() {
            match (&*word.text, self.family) {
                ("-4" | "--ipv4", family) => ours = family == Family::Ipv4,
                ("-6" | "--ipv6", family) => ours = family == Family::Ipv6,
                (text, _) if text.starts_with('[') => {}
                _ => break,
            }
            words.next();
        }
        ours
    }

    fn declaration(
        &mut self,
        words: &mut Words<'_>,
        line: Line<'a>,
    ) -> Result<(), Error> {
        let Some(word) = words.next() else { return Ok(()) };
        let name = word.text.strip_prefix(':').unwrap_or(&word.text);
        if name.is_empty() {
            return Err(unknown(&word, line));
        }
        let policy = words.next();
        let chain = self.chain(name);
        let base = self.chains.get_mut(chain).and_then(|c| c.base.as_mut());
        let (Some(base), Some(policy)) = (base, policy) else {
            return Ok(());
        };
        base.accepts = match &*policy.text {
            "ACCEPT" => true,
            "DROP" => false,
            _ => return Err(unknown(&policy, line)),
        };
        base.span = Some(line.span());
        Ok(())
    }

    /// The chain of a name, which is there from now on.
    fn chain(&mut self, name: &str) -> usize {
        if let Some(&at) = self.index.get(name) {
            return at;
        }
        let shared: Arc<str> = name.into();
        let base = builtin::base(self.name, name);
        let rules = Insertions::new();
        self.index.insert(shared.clone(), self.chains.len());
        self.chains.push(Building { name: shared, base, rules });
        // A target of that name is this chain from now on.
        self.known = Known::default();
        self.chains.len() - 1
    }

    fn rule(
        &mut self,
        mut words: Words<'a>,
        line: Line<'a>,
        insert: Option<()>,
    ) -> Result<(), Error> {
        let name = words.next().ok_or_else(|| short(line))?;
        let chain = self.existing(&name, line)?;
        let number = insert.map(|()| rule_number(&mut words));
        let draft = self.draft(words, line)?;
        let action = match self.decided(&draft) {
            Some(action) => action,
            None => self.wanted(&draft, line),
        };
        let rule = Rule::new(draft.matches, action, line.at());
        if let Some(chain) = self.chains.get_mut(chain) {
            match number {
                Some(number) => chain.rules.insert(number - 1, rule),
                None => chain.rules.push(rule),
            }
        }
        Ok(())
    }

    /// Forgets the rules of a chain, or of all.
    fn flush(&mut self, name: Option<Word<'_>>) {
        let only = name.map(|word| word.text);
        for chain in &mut self.chains {
            if only.as_ref().is_none_or(|name| **name == *chain.name) {
                chain.rules = Insertions::new();
            }
        }
    }

    fn existing(
        &mut self,
        name: &Word<'_>,
        line: Line<'a>,
    ) -> Result<usize, Error> {
        if let Some(&at) = self.index.get(&*name.text) {
            return Ok(at);
        }
        if builtin::base(self.name, &name.text).is_none() {
            let at = line.part(name.at, name.len);
            let message = format!("there is no chain {}", name.text);
            return Err(Error::parse(&at, message));
        }
        Ok(self.chain(&name.text))
    }

    /// What a rule does; a chain goes before a target of the same name.
    fn decided(&self, draft: &Draft) -> Option<Action> {
        let Some(target) = &draft.target else {
            return Some(Action::Continue);
        };
        let call = if draft.goto { Action::Goto } else { Action::Jump };
        match self.index.get(target.name.as_str()) {
            Some(&at) => Some(call(at)),
            None => target.action.clone(),
        }
    }

    /// A chain that is not there yet is looked for at the end; till then its
    /// place in `names` stands for it.
    fn wanted(&mut self, draft: &Draft, line: Line<'a>) -> Action {
        let Some(target) = &draft.target else { return Action::Continue };
        let call = if draft.goto { Action::Goto } else { Action::Jump };
        let span = line.part(target.at, target.name.len());
        let name = target.name.clone();
        self.names.push(Wanted { name, options: draft.options, span });
        call(usize::MAX - (self.names.len() - 1))
    }

    /// The whole table.
    pub(super) fn commit(mut self) -> Result<Table, Error> {
        let found = self.names.iter().map(|name| name.find(&self.index));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let chains = std::mem::take(&mut self.chains).into_iter();
        let source = self.start.source;
        let mut chains: Vec<Chain> =
            chains.map(|chain| chain.finish(source)).collect();
        if !found.is_empty() {
            chains.iter_mut().for_each(|chain| resolve(chain, &found));
        }
        calls::check_loops(&chains)?;
        let families = Families::Only(self.family);
        let name = self.name.to_owned();
        Ok(Table { families, name, chains, legacy: false })
    }
}

impl Building {
    fn finish(self, source: &Source) -> Chain {
        let name = self.name.as_ref().to_owned();
        let (base, rules) = (self.base, self.rules.finish().into());
        let source = source.clone();
        Chain { name, base, rules, source, index: Default::default() }
    }
}

/// The number after "-I CHAIN", counted from 1; it may be left out.
fn rule_number(words: &mut Words<'_>) -> usize {
    let number = words.peek().and_then(|word| word.text.parse().ok());
    if number.is_some() {
        words.next();
    }
    number.unwrap_or(1).max(1)
}

fn short(line: Line<'_>) -> Error {
    Error::parse(&line.span(), "the rule has no chain")
}

fn unknown(word: &Word<'_>, line: Line<'_>) -> Error {
    let at = line.part(word.at, word.len);
    let message = format!("iptables-save does not print {:?}", word.text);
    Error::parse(&at, message)
}
