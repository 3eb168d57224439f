//! The file of nft that the rules are loaded from at boot.

use super::{Accept, listing::Chain};
use crate::{FileChange, plan::draft::Draft};

/// The files that nftables.service loads.
const FILES: [&str; 2] = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];

/// The same rule in the file that the chain is loaded from at boot.
pub(super) fn kept(
    draft: &Draft<'_>,
    chain: &Chain,
    accept: &Accept,
) -> Option<FileChange> {
    FILES.into_iter().find_map(|path| {
        let before = draft.text(path)?;
        let after = written(&before, chain, &accept.words().join(" "))?;
        let path = path.to_owned();
        Some(FileChange { path, before: Some(before), after: Some(after) })
    })
}

/// A file of nft with a rule first in a chain: after the line that says where
/// the chain hooks in.
fn written(text: &str, chain: &Chain, rule: &str) -> Option<String> {
    let [family, table, name] = chain.words();
    let heads = [format!("table {family} {table}"), format!("chain {name}")];
    let mut open = 0;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        offset += line.len();
        let code = line.split('#').next().unwrap_or_default();
        let words: Vec<_> = code.split_whitespace().collect();
        let head = words.join(" ").replace('{', "");
        if words.first() == Some(&"table") {
            open = 0;
        }
        match heads.get(open) {
            Some(wanted) if head.trim() == *wanted => open += 1,
            None if words.first() == Some(&"type") => {
                let (before, after) = text.split_at_checked(offset)?;
                let indent = line.len() - line.trim_start().len();
                let indent = line.get(..indent)?;
                return Some(format!("{before}{indent}{rule}\n{after}"));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Chain {
        let [family, table, name] =
            ["inet", "filter", "input"].map(str::to_owned);
        Chain { family, table, name }
    }

    #[test]
    fn a_file_gets_the_rule_first_in_its_chain() {
        let head = "table inet filter {\n\tchain output {\n\t\ttype filter \
                    hook output priority 0;\n\t}\n\tchain input { # in\n\t\t\
                    type filter hook input priority 0; policy drop;\n";
        let tail = "\t\tiif lo accept\n\t}\n}\n";
        let new = written(&format!("{head}{tail}"), &chain(), "accept");
        assert_eq!(new, Some(format!("{head}\t\taccept\n{tail}")));
    }

    #[test]
    fn a_file_without_the_chain_stays() {
        let text = "table ip filter {\n\tchain input {\n\t\ttype filter hook \
                    input priority 0;\n\t}\n}\n";
        assert_eq!(written(text, &chain(), "accept"), None);
    }

    #[test]
    fn a_chain_of_another_table_stays() {
        let text = "table inet filter {\n}\ntable inet other {\n\tchain \
                    input {\n\t\ttype filter hook input priority 0;\n\t}\n}\n";
        assert_eq!(written(text, &chain(), "accept"), None);
    }
}
