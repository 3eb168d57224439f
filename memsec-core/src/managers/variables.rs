//! Files of settings that a shell sources: `NAME=value`.

use std::collections::HashMap;

use crate::text::{Place, Source};

/// The settings by their names; the last one counts.
#[derive(Debug, Default)]
pub(super) struct Variables {
    values: HashMap<String, String>,
    /// What a shell would work out, and this does not.
    pub unknown: Vec<(String, Place)>,
}

impl Variables {
    /// Takes over what a further file sets.
    pub(super) fn source(&mut self, source: &Source) {
        for line in source.lines() {
            let text = line.text().trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match assignment(text) {
                Some((name, value)) => {
                    self.values.insert(name.to_owned(), value);
                }
                None => {
                    let what = format!("{}: not a plain setting", line.text());
                    self.unknown.push((what, line.place()));
                }
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// `export NAME="value" # comment`, without anything to expand.
fn assignment(text: &str) -> Option<(&str, String)> {
    let text = text.strip_prefix("export ").unwrap_or(text).trim_start();
    let (name, value) = text.split_once('=')?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(good) {
        return None;
    }
    let (value, rest) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inner = value.get(1..)?;
            inner.split_once(quote)?
        }
        _ => {
            let end = value.find([' ', '\t', ';', '#']);
            value.split_at(end.unwrap_or(value.len()))
        }
    };
    let rest = rest.trim_start_matches([' ', '\t', ';']);
    let plain = !value.contains(['$', '`', '\\', '(', '&', '|'])
        && (rest.is_empty() || rest.starts_with('#'));
    plain.then(|| (name, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Variables {
        let mut variables = Variables::default();
        variables.source(&Source::new("f", text));
        variables
    }

    #[test]
    fn quotes_and_comments_are_as_in_a_shell() {
        let set = read("A=yes # no\nB=\"x y\"\n#C=1\nexport D='#'\nA=no;\n");
        let all = ["A", "B", "C", "D"].map(|name| set.get(name));
        assert_eq!(all, [Some("no"), Some("x y"), None, Some("#")]);
        assert!(set.unknown.is_empty());
    }

    #[test]
    fn what_a_shell_works_out_is_unknown() {
        let set = read("A=$(true)\nif true; then\nB=1 C=2\nD=\"x\n");
        assert_eq!(set.unknown.len(), 4);
    }
}
