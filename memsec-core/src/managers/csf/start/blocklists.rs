//! csf.blocklists: lists of addresses to stop, which lfd fetches.

use std::collections::BTreeSet;

use super::{
    super::{address::check, line::Command, text::latin},
    STATE, Start, Step, Stop, UNDECIDED,
};
use crate::{net::Family, text::Place};

/// The file that names the lists.
const PATH: &str = "/etc/csf/csf.blocklists";

/// As much of a name as csf keeps.
const LONGEST: usize = 25;

impl Start<'_> {
    /// The names of the lists; csf takes them in no order.
    pub(super) fn blocklist_names(&mut self) -> Result<BTreeSet<String>, Stop> {
        let lines = self.lines(PATH)?;
        let names = lines.iter().filter_map(|line| {
            line.entry()?;
            let text = latin(line.trimmed());
            let name = text.split('|').next().unwrap_or_default();
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(word) {
                return None;
            }
            let mut name = name.to_ascii_uppercase();
            name.truncate(LONGEST);
            let own = name.starts_with("CXS_");
            Some(if own { format!("X_{name}") } else { name })
        });
        Ok(names.collect())
    }

    /// The rules of the lists.
    pub(super) fn blocklists(&mut self) -> Step {
        let target = match self.conf.on("DROP_IP_LOGGING") {
            true => "BLOCKDROP".to_owned(),
            false => self.conf.get("DROP").to_owned(),
        };
        for name in self.blocklist_names()? {
            self.blocklist(&name, &target)?;
            self.both("", |d| format!("-A LOCALINPUT {} -j {name}", d.input4))?;
        }
        Ok(())
    }

    fn blocklist(&mut self, name: &str, target: &str) -> Step {
        let path = format!("{STATE}csf.block.{name}");
        let what = format!("{path} comes from elsewhere");
        self.unknown.push((what, Place::whole(PATH)));
        let entries = self.kept_entries(&path);
        if self.setup.ipset {
            self.set_entries(["bl_", "bl_6_"], name, &entries)?;
            self.both("LF_IPSET", |d| {
                let set = set_of(["bl_", "bl_6_"], name, d.family);
                format!("-A {name} -m set --match-set {set} src -j {target}")
            })?;
        } else {
            self.fast(|start| start.block_rules(name, target, &entries))?;
        }
        if self.not_looked_for(&path) {
            let rule = format!("-A {name} {UNDECIDED} -j {target}");
            self.both("", |_| rule.clone())?;
        }
        for device in self.conf.list("LF_BOGON_SKIP") {
            if name == "BOGON" {
                let rule = format!("-I BOGON -i {device} -j RETURN");
                self.v4("LF_BOGON_SKIP", rule)?;
            }
        }
        Ok(())
    }

    fn block_rules(
        &mut self,
        name: &str,
        target: &str,
        entries: &[(String, Place)],
    ) -> Step {
        for (entry, place) in entries {
            let Some(address) = check(entry) else { continue };
            if address.family == Family::Ipv6 && !self.setup.ipv6 {
                continue;
            }
            let words = format!("-A {name} -s {} -j {target}", address.text);
            let rule = Command::Rule(address.family, words);
            self.call(rule, Some(place.clone()))?;
        }
        Ok(())
    }

    /// Makes the sets of a list, by the beginnings of their names, and fills
    /// each with one `ipset restore`.
    pub(super) fn set_entries(
        &mut self,
        prefixes: [&str; 2],
        name: &str,
        entries: &[(String, Place)],
    ) -> Step {
        let ipv6 = self.setup.ipv6;
        for family in Family::BOTH {
            if family == Family::Ipv6 && !ipv6 {
                continue;
            }
            let set = set_of(prefixes, name, family);
            self.sets.create(&set);
            for (entry, place) in entries {
                let address = check(entry).filter(|a| a.family == family);
                let Some(address) = address else { continue };
                // ipset goes up to the first entry that it refuses.
                let done = self.sets.add(&set, &address.text, Some(place));
                let refused = done.is_err();
                self.judge(done, false, Some(place.clone()))?;
                if refused {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The set of a list and a family.
pub(super) fn set_of(
    [v4, v6]: [&str; 2],
    name: &str,
    family: Family,
) -> String {
    match family {
        Family::Ipv4 => format!("{v4}{name}"),
        Family::Ipv6 => format!("{v6}{name}"),
    }
}
