//! The text and the JSON of the same rules are the same model.

use std::{fs, path::Path};

use super::{Native, listed, tables};
use crate::text::Source;

/// A rule set, a line for each chain and each rule.
fn shown(natives: &[Native]) -> Vec<String> {
    let mut out = Vec::new();
    for native in natives {
        let (family, name, dormant) =
            (&native.family, &native.name, native.dormant);
        let mut chains: Vec<_> = native.table.chains.iter().collect();
        let names: Vec<_> = chains.iter().map(|c| c.name.clone()).collect();
        chains.sort_by(|a, b| a.name.cmp(&b.name));
        for chain in chains {
            let base = chain.base.as_ref().map(|base| {
                (base.hook, base.priority, base.accepts, base.nat)
            });
            let own = format!("{family} {name} {dormant} {}", chain.name);
            out.push(format!("{own} {base:?}"));
            out.extend(chain.rules.iter().map(|rule| {
                let action = match super::super::calls::target(rule.action()) {
                    Some(at) => format!("calls {}", names[at]),
                    None => format!("{:?}", rule.action()),
                };
                let (origin, matches) = (rule.origin, rule.matches());
                format!("{own}: {origin:?} {matches:?} {action}")
            }));
        }
    }
    out.sort_by(|a, b| a.split(": ").next().cmp(&b.split(": ").next()));
    out
}

fn json(text: &str) -> Vec<Native> {
    tables(&Source::new("nft -j list ruleset", text)).unwrap()
}

fn text(text: &str) -> Vec<Native> {
    listed(&Source::new("nft list ruleset", text)).unwrap()
}

#[test]
fn scratch() {
    let a = json(&fs::read_to_string("/tmp/rd_b.json").unwrap());
    let b = text(&fs::read_to_string("/tmp/rd_b.txt").unwrap());
    let (a, b) = (shown(&a), shown(&b));
    for (a, b) in a.iter().zip(&b) {
        if a != b {
            println!("JSON {a}\nTEXT {b}\n");
        } else {
            println!("SAME {a}");
        }
    }
    println!("{} {}", a.len(), b.len());
    let _ = Path::new("");
}
