//! The base chains that packets meet, in their order.

use crate::{
    net::Family,
    netfilter::{Base, Chain, Hook, Ruleset, Table},
};

/// A base chain and the table it is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage<'a> {
    pub table: &'a Table,
    pub index: usize,
    pub chain: &'a Chain,
    pub base: &'a Base,
}

impl Stage<'_> {
    /// Whether a nat chain of the other back end stands at the same place:
    /// which of both is asked first depends on which came first.
    pub(super) fn is_contested(&self, all: &[Self]) -> bool {
        let place = |stage: &Self| (stage.base.hook, stage.base.priority);
        self.base.nat
            && all.iter().any(|other| {
                other.base.nat
                    && other.table.legacy != self.table.legacy
                    && place(other) == place(self)
            })
    }
}

/// The base chains of hooks, in the order that packets meet them.
pub(super) fn stages<'a>(
    ruleset: &'a Ruleset,
    family: Family,
    hooks: &[Hook],
) -> Vec<Stage<'a>> {
    let mut out = Vec::new();
    for hook in hooks {
        let start = out.len();
        let tables = ruleset.tables.iter();
        for table in tables.filter(|table| table.families.contain(family)) {
            for (index, chain) in table.chains.iter().enumerate() {
                if let Some(base) = &chain.base {
                    if base.hook == *hook {
                        out.push(Stage { table, index, chain, base });
                    }
                }
            }
        }
        if let Some(of_hook) = out.get_mut(start..) {
            // net/netfilter/core.c, nf_hook_entries_grow(): of equal
            // priorities the one that was registered later runs first.
            of_hook.reverse();
            of_hook.sort_by_key(|stage: &Stage<'_>| stage.base.priority);
        }
    }
    out
}
