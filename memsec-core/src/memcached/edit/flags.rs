//! Options without a value, which may be in one word with others.

use std::collections::BTreeMap;

use super::{Wanted, editor::Editor};
use crate::memcached::options::Takes;

/// How many of some options may stay.
struct Left(BTreeMap<char, usize>);

impl Left {
    fn of(wanted: &Wanted) -> Self {
        let none = wanted.removed.iter().map(|&flag| (flag, 0));
        Self(none.chain(wanted.single.iter().map(|&flag| (flag, 1))).collect())
    }

    fn stays(&mut self, flag: char) -> bool {
        let Some(left) = self.0.get_mut(&flag) else { return true };
        let stays = *left > 0;
        *left = left.saturating_sub(1);
        stays
    }
}

impl Editor<'_> {
    /// Takes options away that are not wanted, or not so often.
    pub(super) fn thin(&mut self, wanted: &Wanted) -> Result<(), String> {
        let mut left = Left::of(wanted);
        let own = |flag: &char| left.0.contains_key(flag);
        let of = self.given.iter().map(|g| (g.words.0, g.option.letter));
        let mut own: Vec<_> = of.filter(|(_, flag)| own(flag)).collect();
        own.dedup_by_key(|(index, _)| *index);
        for (index, flag) in own {
            let words = self.instance.argv.get(index);
            let word = words.filter(|_| !self.has_value(index));
            let word = word
                .ok_or_else(|| format!("-{flag} is in one word with others"))?;
            let text = match word.text.starts_with("--") {
                true if left.stays(flag) => word.text.clone(),
                true => String::new(),
                false => word.text.chars().filter(|&c| left.stays(c)).collect(),
            };
            match text.as_str() {
                "" | "-" => self.cut(index..index + 1)?,
                _ => self.replace(word, text)?,
            }
        }
        Ok(())
    }

    /// Whether an option of the word takes a value.
    fn has_value(&self, index: usize) -> bool {
        self.given.iter().any(|given| {
            given.words.0 == index && given.option.takes == Takes::Value
        })
    }
}
