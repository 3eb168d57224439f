//! What a run has done so far: one record a line, only ever added to, each
//! on the disk before what it announces is begun.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use nix::fcntl::{FallocateFlags, fallocate};

use super::session::Moment;

/// Room for the records of a run, so that a full disk does not end one.
const ROOM: i64 = 64 << 10;

/// One record. The rollback script reads and writes them as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// A step is about to be carried out.
    Begin(usize),
    /// A step was not needed: what it would do was there.
    Skip(usize),
    /// The command of a step ended: with this status, or -1, and with what
    /// it printed from here to there in the run's output.
    Ran { step: usize, status: i32, from: u64, to: u64 },
    /// A step is done and its check holds.
    Done(usize),
    /// A step, or with 0 the run, failed, and why.
    Failed(usize, String),
    /// When the confirmation began to be awaited.
    Since(Moment),
    /// Every step is done and checked, and the confirmation is awaited.
    Applied,
    /// It stays.
    Confirmed,
    /// The way back is begun.
    RollingBack,
    /// A step is undone.
    Undone(usize),
    /// The host is what it was.
    RolledBack,
    /// It is not, as far as could be done.
    RollbackFailed,
}

impl Record {
    fn line(&self) -> String {
        match self {
            Self::Begin(step) => format!("begin {step}"),
            Self::Skip(step) => format!("skip {step}"),
            Self::Ran { step, status, from, to } => {
                format!("ran {step} {status} {from} {to}")
            }
            Self::Done(step) => format!("done {step}"),
            Self::Failed(step, why) => {
                format!("failed {step} {}", why.replace('\n', " "))
            }
            Self::Since(Moment { boot, since }) => {
                format!("since {since} {boot}")
            }
            Self::Applied => "applied".to_owned(),
            Self::Confirmed => "confirmed".to_owned(),
            Self::RollingBack => "rolling-back".to_owned(),
            Self::Undone(step) => format!("undone {step}"),
            Self::RolledBack => "rolled-back".to_owned(),
            Self::RollbackFailed => "rollback-failed".to_owned(),
        }
    }

    /// `None` for a line that is not one, as a crash can leave it.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let (word, number, rest) = (words.next()?, words.next(), words.next());
        let step = || number?.parse::<usize>().ok();
        Some(match word {
            "begin" => Self::Begin(step()?),
            "skip" => Self::Skip(step()?),
            "ran" => ran(step()?, rest?)?,
            "done" => Self::Done(step()?),
            "failed" => Self::Failed(step()?, rest?.to_owned()),
            "since" => Self::Since(Moment {
                since: number?.parse().ok()?,
                boot: rest?.to_owned(),
            }),
            "applied" => Self::Applied,
            "confirmed" => Self::Confirmed,
            "rolling-back" => Self::RollingBack,
            "undone" => Self::Undone(step()?),
            "rolled-back" => Self::RolledBack,
            "rollback-failed" => Self::RollbackFailed,
            _ => return None,
        })
    }
}

fn ran(step: usize, rest: &str) -> Option<Record> {
    let mut words = rest.split(' ');
    Some(Record::Ran {
        step,
        status: words.next()?.parse().ok()?,
        from: words.next()?.parse().ok()?,
        to: words.next()?.parse().ok()?,
    })
}

/// A journal to write to.
#[derive(Debug)]
pub(super) struct Journal(File);

impl Journal {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        // Not every file system can.
        let keep = FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let _ = fallocate(&file, keep, 0, ROOM);
        Ok(Self(file))
    }

    /// Writes a record through to the disk. Its first byte ends a line that
    /// a crash has cut.
    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        self.0.write_all(format!("\n{}\n", record.line()).as_bytes())?;
        self.0.sync_data()
    }
}

/// The records of a journal.
pub(super) fn read(path: &Path) -> io::Result<Vec<Record>> {
    let bytes = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(Record::parse).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("journal");
        let records = [
            Record::Begin(1),
            Record::Skip(2),
            Record::Ran { step: 1, status: -1, from: 0, to: 9 },
            Record::Done(1),
            Record::Failed(3, "no such program".to_owned()),
            Record::Since(Moment { boot: "a-b".to_owned(), since: 7 }),
            Record::Applied,
            Record::Confirmed,
            Record::RollingBack,
            Record::Undone(1),
            Record::RolledBack,
            Record::RollbackFailed,
        ];
        let mut journal = Journal::open(&path).unwrap();
        for record in &records {
            journal.write(record).unwrap();
        }
        assert_eq!(read(&path).unwrap(), records);
    }

    #[test]
    fn a_record_that_was_cut_hides_none_after_it() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("journal");
        std::fs::write(&path, "\nbegin 1\n\nappl").unwrap();
        let mut journal = Journal::open(&path).unwrap();
        journal.write(&Record::Confirmed).unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found, [Record::Begin(1), Record::Confirmed]);
    }
}
