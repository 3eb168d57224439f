//! What came of all the hosts.

use std::collections::BTreeMap;

use memsec_tests::probe::Row;

use crate::case::Case;

/// Of how many plans one may be refused: for what a host is, such as one that
/// drops all that comes. More than that is a defect.
const REFUSED: usize = 12;

/// Counts, and what is to be said of single hosts.
#[derive(Default)]
pub struct Figures {
    hosts: usize,
    hardened: usize,
    rows: usize,
    recorded: usize,
    unlike: Vec<String>,
    not_rebuilt: Vec<String>,
    refused: BTreeMap<String, Vec<String>>,
    undecided: Vec<String>,
    wrong: Vec<String>,
}

impl Figures {
    pub fn loaded(&mut self, unlike: Vec<&Row>, case: &Case) {
        self.hosts += 1;
        self.recorded += case.recorded.len();
        let name = &case.name;
        self.unlike.extend(unlike.iter().map(|row| format!("{name}: {row:?}")));
    }

    pub fn not_rebuilt(&mut self, case: &str, why: &str) {
        self.not_rebuilt.push(format!("{case}: {why}"));
    }

    pub fn hardened(&mut self) {
        self.hardened += 1;
    }

    pub fn row(&mut self) {
        self.rows += 1;
    }

    pub fn refused(&mut self, what: &str, why: &str) {
        self.refused.entry(why.to_owned()).or_default().push(what.to_owned());
    }

    pub fn undecided(&mut self, what: &str, line: &str) {
        self.undecided.push(format!("{what}: {line}"));
    }

    pub fn wrong(&mut self, what: &str, line: &str) {
        // A long run is worth to be looked at before it ends.
        println!("{what}: {line}");
        self.wrong.push(format!("{what}: {line}"));
    }

    pub fn add(&mut self, other: Self) {
        self.hosts += other.hosts;
        self.hardened += other.hardened;
        self.rows += other.rows;
        self.recorded += other.recorded;
        self.unlike.extend(other.unlike);
        self.not_rebuilt.extend(other.not_rebuilt);
        self.undecided.extend(other.undecided);
        self.wrong.extend(other.wrong);
        for (why, cases) in other.refused {
            self.refused.entry(why).or_default().extend(cases);
        }
    }

    /// Prints them all.
    ///
    /// # Panics
    ///
    /// If a host did not obey.
    pub fn judge(&self) {
        list("not rebuilt", &self.not_rebuilt);
        list("answered otherwise than recorded", &self.unlike);
        list(
            "left open by the model, and otherwise than before",
            &self.undecided,
        );
        let refused: Vec<_> = self
            .refused
            .iter()
            .map(|(why, cases)| format!("{why}: {}", cases.join("; ")))
            .collect();
        list("refused", &refused);
        list("WRONG", &self.wrong);
        let number: usize = self.refused.values().map(Vec::len).sum();
        println!(
            "hosts: {} rebuilt ({} of {} recorded rows as recorded), {} not; \
             {} times hardened and undone, {} rows compared, {} left open by \
             the model, {number} plans refused, {} disagreements",
            self.hosts,
            self.recorded - self.unlike.len(),
            self.recorded,
            self.not_rebuilt.len(),
            self.hardened,
            self.rows,
            self.undecided.len(),
            self.wrong.len(),
        );
        assert!(
            number <= (self.hardened + number).div_ceil(REFUSED),
            "too many plans are refused"
        );
        assert!(self.wrong.is_empty(), "hosts do not obey");
    }
}

fn list(title: &str, lines: &[String]) {
    if !lines.is_empty() {
        println!("{title}:");
    }
    lines.iter().for_each(|line| println!("  {line}"));
}
