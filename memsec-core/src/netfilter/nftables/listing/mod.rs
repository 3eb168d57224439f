//! The text of `nft list ruleset`.

#[cfg(test)]
mod define_tests;
mod elements;
mod expression;
mod statement;
mod token;
mod value;

use super::{
    INCLUDED, Native,
    alike::Alike,
    building::{Head, Key, Tables, Whole},
    own,
    set::{ADDRESS, Content},
};
use crate::{
    Error,
    netfilter::Hook,
    text::{At, Source},
};
use token::{Kind, Token, Tokens};

/// Reads the tables. A statement that is not known is a doubt in its rule.
///
/// # Errors
///
/// Text that is not such a listing; a jump that leads nowhere, or in a
/// circle.
pub(in crate::netfilter) fn tables(
    source: &Source,
) -> Result<Vec<Native>, Error> {
    let mut reader = Reader {
        source,
        tokens: Tokens::new(source.text()),
        tables: Tables::new(source),
    };
    loop {
        reader.tokens.skip_lines();
        let token = reader.tokens.peek();
        match (token.kind, token.text) {
            (Kind::End, _) => break,
            (Kind::Sign, ";") => {
                reader.tokens.next();
            }
            (Kind::Word, "table") => reader.table()?,
            // As the first thing in a file that is loaded.
            (Kind::Word, "flush") => reader.flush()?,
            (Kind::Word, "define") => reader.define(token)?,
            (Kind::Word, "include") => reader.include(token),
            _ => return Err(reader.wrong(token)),
        }
    }
    reader.tables.finish()
}

struct Reader<'a> {
    source: &'a Source,
    tokens: Tokens<'a>,
    tables: Tables<'a>,
}

impl<'a> Reader<'a> {
    fn wrong(&self, token: Token<'_>) -> Error {
        let at = At::new(token.start, token.text.len());
        let message = match token.kind {
            Kind::End => "cut off: a block is not closed".to_owned(),
            _ => format!("nft list ruleset does not print {:?}", token.text),
        };
        Error::parse(&self.source.span(at), message)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let token = self.tokens.next();
        if !self.tokens.take("ruleset") {
            return Err(self.wrong(token));
        }
        self.tables = Tables::new(self.source);
        Ok(())
    }

    fn define(&mut self, token: Token<'_>) -> Result<(), Error> {
        self.tokens.define().ok_or_else(|| self.wrong(token))
    }

    /// What another file says is not known.
    fn include(&mut self, token: Token<'_>) {
        self.tokens.next();
        let path = self.tokens.word().unwrap_or_default();
        let key = (INCLUDED.to_owned(), path.to_owned());
        self.tables.declare(&key, self.at(token));
    }

    /// Where the line of a token stands, from the token on.
    fn at(&self, token: Token<'_>) -> At {
        let rest = self.source.text().get(token.start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default().trim_end();
        At::new(token.start, line.len())
    }

    fn open(&mut self) -> Result<(), Error> {
        if self.tokens.take("{") {
            return Ok(());
        }
        Err(self.wrong(self.tokens.peek()))
    }

    fn table(&mut self) -> Result<(), Error> {
        let start = self.tokens.next();
        let mut words = Vec::new();
        while let Some(word) = self.tokens.word() {
            words.push(word.to_owned());
        }
        let key: Key = match words.as_slice() {
            [name] => ("ip".to_owned(), name.clone()),
            [family, name] => (family.clone(), name.clone()),
            _ => return Err(self.wrong(start)),
        };
        let at = self.at(start);
        self.tables.declare(&key, at);
        // A table may be declared without a body.
        if self.tokens.ended() {
            return Ok(());
        }
        self.open()?;
        self.block(&key, Self::in_table)
    }

    /// Reads what stands between braces, item by item.
    fn block(
        &mut self,
        key: &Key,
        item: impl Fn(&mut Self, &Key, Token<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        loop {
            self.tokens.skip_lines();
            if self.tokens.take(";") {
                continue;
            }
            if self.tokens.take("}") {
                return Ok(());
            }
            let token = self.tokens.peek();
            if token.kind == Kind::End {
                return Err(self.wrong(token));
            }
            item(self, key, token)?;
        }
    }

    fn in_table(&mut self, key: &Key, token: Token<'a>) -> Result<(), Error> {
        match (token.kind, token.text) {
            (Kind::Word, "chain") => self.chain(key, token),
            (Kind::Word, "define") => self.define(token),
            (Kind::Word, "set" | "map") => self.set(key),
            (Kind::Word, "flags") => {
                self.tokens.next();
                let sleeps = self.line().contains(&"dormant");
                if let Some(table) = self.tables.get(key).filter(|_| sleeps) {
                    table.sleeps();
                }
                Ok(())
            }
            (Kind::Word, _) => {
                self.tokens.skip_rest();
                // The block of an object that is not asked.
                self.past(token)
            }
            _ => Err(self.wrong(token)),
        }
    }

    /// An error if nothing was read since a token.
    fn past(&self, token: Token<'_>) -> Result<(), Error> {
        if self.tokens.peek().start > token.start {
            return Ok(());
        }
        Err(self.wrong(token))
    }

    /// The words up to the end of a statement.
    fn line(&mut self) -> Vec<&'a str> {
        let mut words = Vec::new();
        let mut depth = 0_usize;
        while !self.tokens.ended() || depth > 0 {
            let token = self.tokens.next();
            match (token.kind, token.text) {
                (Kind::End, _) => break,
                (Kind::Sign, "{") => depth += 1,
                (Kind::Sign, "}") => depth = depth.saturating_sub(1),
                _ => {}
            }
            words.push(token.text);
        }
        words
    }

    fn name(&mut self) -> Result<String, Error> {
        let token = self.tokens.peek();
        let name = self.tokens.word().map(str::to_owned);
        name.ok_or_else(|| self.wrong(token))
    }

    fn set(&mut self, key: &Key) -> Result<(), Error> {
        let map = self.tokens.next().text == "map";
        let name = self.name()?;
        let (mut content, mut addresses) = (None, false);
        self.open()?;
        loop {
            self.tokens.skip_lines();
            let token = self.tokens.peek();
            if self.tokens.take("}") {
                break;
            } else if self.tokens.take("elements") {
                self.tokens.take("=");
                content =
                    Some(elements::content(&mut self.tokens, map, addresses));
            } else if self.tokens.take("type") {
                addresses = self.line() == [ADDRESS];
            } else if token.kind == Kind::End {
                return Err(self.wrong(token));
            } else if !self.tokens.take(";") {
                self.tokens.skip_rest();
                self.past(token)?;
            }
        }
        let none = if map {
            Content::Pairs(Vec::new())
        } else {
            Content::Elements(Vec::new())
        };
        if let Some(table) = self.tables.get(key) {
            table.sets.insert(&name, content.unwrap_or(none));
        }
        Ok(())
    }

    fn chain(&mut self, key: &Key, start: Token<'a>) -> Result<(), Error> {
        self.tokens.next();
        let mut head = Head { name: self.name()?, ..Head::default() };
        self.open()?;
        let mut at = self.at(start);
        // "type filter hook input priority filter; policy drop;"
        loop {
            self.tokens.skip_lines();
            let token = self.tokens.peek();
            if self.tokens.take("type") {
                at = self.at(token);
                self.kind(&mut head)?;
            } else if self.tokens.take("policy") {
                head.drops = self.line() == ["drop"];
            } else if self.tokens.is("comment") || self.tokens.is("flags") {
                self.tokens.skip_rest();
            } else if !self.tokens.take(";") {
                break;
            }
        }
        let name = head.name.clone();
        if let Some(table) = self.tables.get(key) {
            table.chain(head, at);
        }
        self.block(key, |reader, key, token| reader.rule(key, &name, token))
    }

    fn kind(&mut self, head: &mut Head) -> Result<(), Error> {
        let start = self.tokens.peek();
        let words = self.line();
        let mut rest = words.iter().copied();
        head.nat = rest.next() == Some("nat");
        while let Some(word) = rest.next() {
            match word {
                "hook" => head.hook = rest.next().and_then(Hook::named),
                "device" => {
                    head.devices.extend(rest.next().map(str::to_owned));
                }
                "priority" => {
                    let value: Vec<&str> = rest.by_ref().collect();
                    let known = priority(&value);
                    head.priority = known.ok_or_else(|| self.wrong(start))?;
                }
                "devices" | "=" | "{" | "}" | "," => {}
                name => head.devices.push(name.to_owned()),
            }
        }
        Ok(())
    }

    fn rule(
        &mut self,
        key: &Key,
        chain: &str,
        token: Token<'a>,
    ) -> Result<(), Error> {
        let at = self.at(token);
        // It may also stand behind rules, in a file that is loaded.
        if self.tokens.take("policy") {
            let drops = self.line() == ["drop"];
            if let Some(table) = self.tables.get(key).filter(|_| drops) {
                table.drops(chain, at);
            }
            return Ok(());
        }
        let line = self.tokens.line(token);
        let alike = line.and_then(Alike::line);
        if let (Some(alike), Some(table)) = (&alike, self.tables.get(key)) {
            if table.like(chain, alike, at).is_some() {
                self.tokens.skip_line();
                return Ok(());
            }
        }
        let statements = statement::all(&mut self.tokens);
        self.past(token)?;
        let inexpressible = Some(!own::is_translated(&statements));
        let chain = chain.to_owned();
        let whole = Whole::new(chain, statements, at, inexpressible);
        if let Some(table) = self.tables.get(key) {
            table.rule(whole, alike);
        }
        Ok(())
    }
}

/// Of a chain in the families of IP: nft(8), "standard priority names".
fn priority(words: &[&str]) -> Option<i32> {
    let named = |word: &str| {
        Some(match word {
            "raw" => -300,
            "mangle" => -150,
            "dstnat" => -100,
            "filter" | "out" => 0,
            "security" => 50,
            "srcnat" => 100,
            number => number.parse::<i32>().ok()?,
        })
    };
    match words {
        [one] => named(one),
        [name, "+", more] => {
            named(name)?.checked_add(more.parse::<i32>().ok()?)
        }
        [name, "-", less] => {
            named(name)?.checked_sub(less.parse::<i32>().ok()?)
        }
        _ => None,
    }
}
