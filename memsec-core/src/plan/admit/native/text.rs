//! Texts of nft, as people write them and as `nft list ruleset` prints them:
//! the chains at the input hook, and a rule first in them.

use super::{Accept, listing::Chain};

/// A base chain at the input hook.
pub(super) struct Head<'a> {
    pub chain: Chain,
    /// Where its first rule goes, in bytes.
    offset: usize,
    indent: &'a str,
}

impl Head<'_> {
    fn is(&self, chain: &Chain) -> bool {
        self.chain == *chain
    }
}

/// What is open at a line.
#[derive(Default)]
struct Open<'a> {
    /// The family and the name of a table.
    table: Option<[&'a str; 2]>,
    chain: Option<&'a str>,
}

impl<'a> Open<'a> {
    /// Reads a line; gives the chain that it hooks in at input.
    fn line(&mut self, words: &[&'a str]) -> Option<Chain> {
        match words {
            ["table", family, name, "{", ..] => {
                *self = Self { table: Some([*family, *name]), chain: None };
            }
            ["chain", name, "{", ..] => self.chain = Some(*name),
            ["type", "filter", "hook", "input", ..] => {
                let [family, table] = self.table?;
                let [family, table, name] =
                    [family, table, self.chain?].map(str::to_owned);
                return Some(Chain { family, table, name });
            }
            _ => {}
        }
        None
    }
}

/// The chains at the input hook: behind the line that says so their rules
/// begin.
pub(super) fn heads(text: &str) -> Vec<Head<'_>> {
    let mut open = Open::default();
    let (mut all, mut offset) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        offset += line.len();
        let code = line.split('#').next().unwrap_or_default();
        let words: Vec<_> = code.split_whitespace().collect();
        let indent = line.len() - line.trim_start().len();
        all.extend(open.line(&words).map(|chain| Head {
            chain,
            offset,
            indent: line.get(..indent).unwrap_or_default(),
        }));
    }
    all
}

/// The text with the rule first in some chains; `None` where one is missing.
pub(super) fn with(
    text: &str,
    chains: &[Chain],
    accept: &Accept,
) -> Option<String> {
    let heads = heads(text);
    let own = |chain| heads.iter().find(|head| head.is(chain));
    let mut places = chains.iter().map(own).collect::<Option<Vec<_>>>()?;
    places.sort_by_key(|head| head.offset);
    let (mut out, mut from) = (String::with_capacity(text.len() + 256), 0);
    for head in places {
        out += text.get(from..head.offset)?;
        out += &format!("{}{}\n", head.indent, accept.words().join(" "));
        from = head.offset;
    }
    Some(out + text.get(from..)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Chain {
        let [family, table, name] =
            ["inet", "filter", "input"].map(str::to_owned);
        Chain { family, table, name }
    }

    fn written(text: &str) -> Option<String> {
        let clients = "10.0.0.0/8".parse().unwrap();
        let accept = Accept { clients, proto: "tcp", port: 11211 };
        let rule = accept.words().join(" ");
        let text = with(text, &[chain()], &accept)?;
        Some(text.replace(&rule, "accept"))
    }

    #[test]
    fn a_text_gets_the_rule_first_in_its_chain() {
        let head = "table inet filter {\n\tchain output {\n\t\ttype filter \
                    hook output priority 0;\n\t}\n\tchain input { # in\n\t\t\
                    type filter hook input priority 0; policy drop;\n";
        let tail = "\t\tiif lo accept\n\t}\n}\n";
        let new = written(&format!("{head}{tail}"));
        assert_eq!(new, Some(format!("{head}\t\taccept\n{tail}")));
    }

    #[test]
    fn a_text_without_the_chain_stays() {
        let text = "table ip filter {\n\tchain input {\n\t\ttype filter hook \
                    input priority 0;\n\t}\n}\n";
        assert_eq!(written(text), None);
    }

    #[test]
    fn a_chain_of_another_table_stays() {
        let text = "table inet filter {\n}\ntable inet other {\n\tchain \
                    input {\n\t\ttype filter hook input priority 0;\n\t}\n}\n";
        assert_eq!(written(text), None);
    }
}
