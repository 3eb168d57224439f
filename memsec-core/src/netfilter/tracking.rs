//! Whether conntrack looks at packets: it does once a rule wants it, of any
//! table for the family (nf_conntrack_proto.c, nf_ct_netns_get).

use super::{Action, Chain, Marking, Match, Rule, Ruleset, Test};
use crate::net::Family;

impl Ruleset {
    /// `None` where a rule that is not known may want it.
    pub(crate) fn tracks(&self, family: Family) -> Option<bool> {
        let tables = self.tables.iter();
        let tables = tables.filter(|table| table.families.contain(family));
        let chains = tables.flat_map(|table| &table.chains);
        let rules = chains.flat_map(Chain::each_kind);
        let mut said = Some(false);
        for rule in rules {
            match wants(rule) {
                Some(false) => {}
                Some(true) => return Some(true),
                None => said = None,
            }
        }
        said
    }
}

fn wants(rule: &Rule) -> Option<bool> {
    let action = match rule.action() {
        Action::Translate(_) | Action::Zone => Some(true),
        Action::Mark(Marking::Packet(_)) => Some(false),
        Action::Mark(Marking::Unknown) | Action::Unknown(_) => None,
        Action::Mark(_) => Some(true),
        _ => Some(false),
    };
    asked(rule.matches(), action)
}

/// Whether one of some conditions wants it, or else what is `said` so far.
fn asked(all: &[Match], mut said: Option<bool>) -> Option<bool> {
    for one in all {
        let wants = match &one.test {
            Test::State(_)
            | Test::Connection { .. }
            | Test::ConnectionMark { .. } => Some(true),
            Test::Undecided | Test::Unknown => None,
            Test::Either(lists) => lists
                .iter()
                .map(|list| asked(list, Some(false)))
                .find(|said| *said != Some(false))
                .unwrap_or(Some(false)),
            _ => Some(false),
        };
        match wants {
            Some(true) => return Some(true),
            Some(false) => {}
            None if said == Some(false) => said = None,
            None => {}
        }
    }
    said
}
