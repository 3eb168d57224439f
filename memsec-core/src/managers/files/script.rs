//! Files that `nft -f` loads, as the listing that comes of them: nft(8),
//! "INPUT FILE FORMATS".

use std::collections::HashMap;

use crate::{
    Error, Snapshot,
    text::{Place, Span},
};

/// As many files may include one another, as in nft: MAX_INCLUDE_DEPTH.
const DEPTH: usize = 16;
/// More than this of text is no configuration.
const MOST: usize = 16 << 20;

/// A listing, line by line, with the place of each.
#[derive(Debug, Default)]
pub(super) struct Script {
    items: Vec<Item>,
    defines: HashMap<String, String>,
    /// A definition that goes on in the next line.
    open: Option<(String, String)>,
    size: usize,
    /// What is not followed: then none of it is known.
    pub unknown: Vec<(String, Place)>,
}

/// A statement that stands alone.
#[derive(Debug)]
struct Item {
    /// "inet filter", for a table.
    table: Option<String>,
    lines: Vec<(String, Place)>,
    /// How many braces are open.
    depth: usize,
}

impl Script {
    /// Reads a file with those that it includes; `None` if there is none.
    ///
    /// # Errors
    ///
    /// A file that is not UTF-8.
    pub(super) fn read(
        snapshot: &Snapshot,
        path: &str,
    ) -> Result<Option<Self>, Error> {
        let mut script = Self::default();
        let found = script.file(snapshot, path, DEPTH)?;
        Ok(found.then_some(script))
    }

    /// The listing, and the place of each of its lines.
    pub(super) fn listing(&self) -> (String, Vec<Option<Place>>) {
        let lines = self.items.iter().flat_map(|item| &item.lines);
        let text = lines.clone().map(|(line, _)| format!("{line}\n")).collect();
        (text, lines.map(|(_, place)| Some(place.clone())).collect())
    }

    fn file(
        &mut self,
        snapshot: &Snapshot,
        path: &str,
        depth: usize,
    ) -> Result<bool, Error> {
        let Some(source) = snapshot.text(path)? else { return Ok(false) };
        for line in source.lines() {
            let text = without_comment(line.text()).trim();
            let alone = self.items.last().is_none_or(|i| i.depth == 0);
            match text.strip_prefix("include ").filter(|_| alone) {
                Some(named) if depth > 0 => {
                    self.include(snapshot, named, &line, depth - 1)?;
                }
                _ => self.line(text, &line),
            }
        }
        Ok(true)
    }

    /// A name may have stars; a directory of them is read by name.
    fn include(
        &mut self,
        snapshot: &Snapshot,
        named: &str,
        line: &Span,
        depth: usize,
    ) -> Result<(), Error> {
        let pattern = named.trim().trim_matches(['"', '\'']);
        // Relative names are looked for where nft was built to: /etc.
        let pattern = match pattern.trim_start_matches("./") {
            absolute if absolute.starts_with('/') => absolute.to_owned(),
            name => format!("/etc/{name}"),
        };
        let (head, tail) = pattern.split_once('*').unwrap_or((&pattern, ""));
        let stars = pattern.contains('*');
        let is = |path: &&String| {
            let rest = path.strip_prefix(head);
            let rest = rest.and_then(|rest| rest.strip_suffix(tail));
            rest.is_some_and(|rest| {
                if stars { !rest.contains('/') } else { rest.is_empty() }
            })
        };
        let paths: Vec<_> = snapshot.files.keys().filter(is).cloned().collect();
        if paths.is_empty() && !stars {
            self.lost(format!("{pattern} is included and not known"), line);
        }
        for path in paths {
            self.file(snapshot, &path, depth)?;
        }
        Ok(())
    }

    fn lost(&mut self, what: String, line: &Span) {
        self.unknown.push((what, line.place()));
    }

    fn line(&mut self, text: &str, line: &Span) {
        let text = self.expanded(text);
        self.size += text.len();
        if self.size > MOST {
            return;
        }
        if let Some((name, mut value)) = self.open.take() {
            value.push_str(&text);
            self.define(name, value);
            return;
        }
        if let Some(item) = self.items.last_mut().filter(|i| i.depth > 0) {
            item.push(text, line);
            return;
        }
        for statement in text.split(';').map(str::trim) {
            if text.contains('{') {
                return self.statement(&text, line);
            }
            self.statement(statement, line);
        }
    }

    /// A statement that no table holds.
    fn statement(&mut self, text: &str, line: &Span) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let key = |words: &[&str]| {
            let words: Vec<_> =
                words.iter().take_while(|word| **word != "{").collect();
            match words.as_slice() {
                [name] => format!("ip {}", name.trim_end_matches('{')),
                [family, name, ..] => {
                    format!("{family} {}", name.trim_end_matches('{'))
                }
                [] => String::new(),
            }
        };
        match words.as_slice() {
            [] => {}
            ["flush", "ruleset"] => self.items.clear(),
            ["define" | "redefine", rest @ ..] => {
                let rest = rest.join(" ");
                let (name, value) = rest.split_once('=').unwrap_or_default();
                self.define(name.trim().to_owned(), value.trim().to_owned());
            }
            ["delete" | "destroy", "table", rest @ ..] => {
                let gone = Some(key(rest));
                self.items.retain(|item| item.table != gone);
            }
            ["add", "table", rest @ ..] | ["table", rest @ ..] => {
                let mut item = Item {
                    table: Some(key(rest)),
                    lines: Vec::new(),
                    depth: 0,
                };
                let start = text.find("table").unwrap_or_default();
                let text = text.get(start..).unwrap_or_default();
                item.push(text.to_owned(), line);
                self.items.push(item);
            }
            _ => self.lost(format!("{text}: not followed"), line),
        }
    }

    fn define(&mut self, name: String, value: String) {
        if braces(&value) > 0 {
            self.open = Some((name, value));
        } else {
            self.defines.insert(name, value);
        }
    }

    /// A text with the values of the `$NAME` in it.
    fn expanded(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = part.find(|c| !word(c)).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            match self.defines.get(name) {
                Some(value) if out.len() < MOST => out.push_str(value),
                _ => out.push_str(&format!("${name}")),
            }
            out.push_str(rest);
        }
        out
    }
}

impl Item {
    fn push(&mut self, text: String, line: &Span) {
        let depth = self.depth.saturating_add_signed(braces(&text));
        self.depth = depth;
        if !text.is_empty() {
            self.lines.push((text, line.place()));
        }
    }
}

/// How many braces a text opens, beyond those that it closes.
fn braces(text: &str) -> isize {
    let mut quoted = false;
    let each = text.chars().map(|c| match c {
        '"' => {
            quoted = !quoted;
            0
        }
        '{' if !quoted => 1,
        '}' if !quoted => -1,
        _ => 0,
    });
    each.sum()
}

fn without_comment(text: &str) -> &str {
    let mut quoted = false;
    let end = text.find(|c| {
        quoted ^= c == '"';
        c == '#' && !quoted
    });
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "/etc/nftables.conf";

    fn read(files: &[(&str, &str)]) -> (String, Vec<String>) {
        let all = files.iter().fold(Snapshot::new(), |all, (path, text)| {
            all.with_file(path, text)
        });
        let script = Script::read(&all, MAIN).unwrap().unwrap();
        let (text, places) = script.listing();
        assert_eq!(places.len(), text.lines().count());
        let unknown = script.unknown.into_iter().map(|(what, _)| what);
        (text, unknown.collect())
    }

    macro_rules! listed {
        ($($name:ident: $text:expr => $listing:expr;)*) => {$(
            #[test]
            fn $name() {
                let (text, unknown) = read(&[(MAIN, $text)]);
                assert_eq!((text.as_str(), unknown), ($listing, vec![]));
            }
        )*};
    }

    listed! {
        comments_go: "#!/usr/sbin/nft -f\ntable ip a { # x\ncomment \"#\"\n}\n"
            => "table ip a {\ncomment \"#\"\n}\n";
        a_flush_empties: "table ip a { }\nflush ruleset\ntable ip b { }\n"
            => "table ip b { }\n";
        a_table_is_replaced:
            "table inet a\ndelete table inet a\ntable inet a {\n}\n"
            => "table inet a {\n}\n";
        names_stand_for_values: "define A = { 1,\n 2 }\ndefine B = $A\n\
            table ip a {\ntcp dport $B accept\n}\n"
            => "table ip a {\ntcp dport { 1,2 } accept\n}\n";
    }

    #[test]
    fn what_is_included_is_read_by_name() {
        let (text, unknown) = read(&[
            (MAIN, "include \"/etc/nftables.d/*.nft\"\ninclude \"x.nft\"\n"),
            ("/etc/nftables.d/b.nft", "table ip b { }\n"),
            ("/etc/nftables.d/a.nft", "table ip a { }\n"),
            ("/etc/nftables.d/a.old", "table ip c { }\n"),
        ]);
        assert_eq!(text, "table ip a { }\ntable ip b { }\n");
        assert_eq!(unknown, ["/etc/x.nft is included and not known"]);
    }

    #[test]
    fn what_is_not_followed_is_unknown() {
        let (_, unknown) = read(&[(MAIN, "add rule ip a b accept\n")]);
        assert_eq!(unknown, ["add rule ip a b accept: not followed"]);
    }

    #[test]
    fn a_file_may_include_itself() {
        let (text, _) =
            read(&[(MAIN, "table ip a { }\ninclude \"/etc/nftables.conf\"\n")]);
        assert_eq!(text.lines().count(), DEPTH + 1);
    }

    #[test]
    fn names_that_double_do_not_fill_the_memory() {
        let mut text = "define A0 = xxxxxxxxxxxxxxxx\n".to_owned();
        for at in 0..64 {
            text += &format!("define A{} = $A{at}$A{at}\n", at + 1);
        }
        read(&[(MAIN, &text)]);
    }
}
