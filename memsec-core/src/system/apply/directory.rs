//! The directory of the runs, and its lock.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    thread,
    time::{Duration, Instant, SystemTime},
};

use nix::fcntl::{Flock, FlockArg};

use super::{Runs, run::Run};
use crate::Error;

impl Runs {
    fn error(&self, error: &io::Error) -> Error {
        Error::io(self.directory.display().to_string(), error)
    }

    /// Only its owner may look into it.
    pub(super) fn make_directory(&self) -> Result<(), Error> {
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .and_then(|()| fs::symlink_metadata(&self.directory));
        let meta = made.map_err(|error| self.error(&error))?;
        let own = meta.uid() == nix::unistd::geteuid().as_raw();
        if meta.is_dir() && own && meta.mode() & 0o022 == 0 {
            return Ok(());
        }
        let path = self.directory.display();
        Err(Error::unsupported(format!("others can write to {path}")))
    }

    pub(super) fn lock(
        &self,
        patience: Duration,
    ) -> Result<Flock<File>, Error> {
        let start = Instant::now();
        loop {
            let mut options = OpenOptions::new();
            options.append(true).create(true).mode(0o600);
            let file = options.open(self.directory.join("lock"));
            let file = file.map_err(|error| self.error(&error))?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(lock),
                Err(_) if start.elapsed() < patience => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(_) => return Err(Error::busy("another run is under way")),
            }
        }
    }

    fn at_name(&self, name: String) -> Run {
        Run { directory: self.directory.join(&name), name }
    }

    pub(super) fn find(&self, name: &str) -> Result<Run, Error> {
        let run = self.at_name(name.to_owned());
        if number(name).is_some() && run.directory.is_dir() {
            return Ok(run);
        }
        Err(Error::argument(format!("there is no run {name:?}")))
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(self.error(&error)),
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        Ok(names.filter_map(|name| name.into_string().ok()).collect())
    }

    /// Every run, the earliest first.
    pub(super) fn all(&self) -> Result<Vec<Run>, Error> {
        let names = self.names()?.into_iter();
        let names = names.filter(|name| number(name).is_some());
        let mut runs: Vec<_> = names.map(|name| self.at_name(name)).collect();
        runs.sort_by_key(number_of);
        Ok(runs)
    }

    /// Named by the time, and after every other also if the clock is not.
    pub(super) fn next(&self) -> Result<Run, Error> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = since.map(|since| since.as_secs()).unwrap_or_default();
        let last = self.all()?.last().and_then(number_of);
        let after = last.map_or(0, |last| last.saturating_add(1));
        Ok(self.at_name(now.max(after).to_string()))
    }

    /// Removes what a crash left of runs that were never written down.
    pub(super) fn sweep(&self) {
        for name in self.names().unwrap_or_default() {
            let half = name.strip_prefix('.').and_then(number);
            if half.is_some() {
                let _ = fs::remove_dir_all(self.directory.join(name));
            }
        }
    }
}

pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| digits)
}

pub(super) fn number_of(run: &Run) -> Option<u64> {
    number(&run.name)
}
