//! Where a step writes, and how: at once or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{
        DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown,
    },
    path::{Path, PathBuf},
};

use nix::fcntl::OFlag;
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use crate::{Error, FileChange};

/// The file of one step. Beside it stand, while the run goes on, the old file
/// and the new one: what can fail for want of space fails before the first
/// step, and the way back needs no space.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub path: PathBuf,
    /// The directories that the step has to make, the outermost first.
    pub missing: Vec<PathBuf>,
    /// The beginning of the names of what stands beside it.
    mark: String,
}

impl Place {
    /// Looks at where a change goes; `number` is that of the step, `run` the
    /// name of the run.
    ///
    /// # Errors
    ///
    /// A path that is not plain and absolute, and one that is a link, or has
    /// a second name, unless links are to be followed.
    pub(super) fn find(
        change: &FileChange,
        run: &str,
        number: usize,
        follow_links: bool,
    ) -> Result<Self, Error> {
        let mut path = PathBuf::from(&change.path);
        if !is_plain(&change.path) {
            let what = format!("{:?} is not an absolute path", change.path);
            return Err(Error::argument(what));
        }
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() && follow_links => {
                path = fs::canonicalize(&path).map_err(|e| at(&path, &e))?;
            }
            Ok(meta) if !follow_links => plain_file(&path, &meta)?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(at(&path, &error)),
        }
        let missing = missing(&path);
        let mark = format!(".memsec-{run}-{number}");
        Ok(Self { path, missing, mark })
    }

    fn beside(&self, end: &str) -> PathBuf {
        self.path.with_file_name(format!("{}.{end}", self.mark))
    }

    /// The old file, under a second name.
    pub(super) fn old(&self) -> PathBuf {
        self.beside("old")
    }

    /// The new file, until it takes its place.
    pub(super) fn staged(&self) -> PathBuf {
        self.beside("new")
    }

    /// Writes the new file beside the old one, with the mode, the owner and
    /// the extended attributes of `like`: SELinux keeps its context there.
    pub(super) fn stage(&self, text: &str, like: &Path) -> Result<(), Error> {
        for directory in &self.missing {
            match fs::DirBuilder::new().mode(0o755).create(directory) {
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(at(directory, &e));
                }
                _ => {}
            }
        }
        let new = self.staged();
        write(&new, text.as_bytes(), like).map_err(|e| at(&new, &e))
    }

    /// Whether the file has this text now; `None` stands for no file.
    pub(super) fn holds(&self, text: Option<&str>) -> bool {
        holds(&self.path, text)
    }

    /// Puts the new file in the place of the old one.
    ///
    /// # Errors
    ///
    /// A file that is not as the plan knows it. It stays, also one that
    /// comes there while we look.
    pub(super) fn swap(&self, change: &FileChange) -> Result<(), Error> {
        let before = change.before.as_deref();
        let error = |error| at(&self.path, &error);
        if !self.holds(before) {
            return Err(stale(change));
        }
        if before.is_some() {
            fs::hard_link(&self.path, self.old()).map_err(error)?;
            if !holds(&self.old(), before) {
                return self.leave(change);
            }
        }
        self.put(change).map_err(error)?;
        if !self.took(before) {
            self.give_back(change).map_err(error)?;
            return self.leave(change);
        }
        self.clear().map_err(error)
    }

    /// The file is not the one that the plan knows.
    fn leave(&self, change: &FileChange) -> Result<(), Error> {
        fs::remove_file(self.old()).map_err(|e| at(&self.path, &e))?;
        Err(stale(change))
    }

    /// A file that is new goes where none is; one that came there meanwhile
    /// stays, and is the error. An old one is then where the new one was.
    fn put(&self, change: &FileChange) -> io::Result<()> {
        match (&change.before, &change.after) {
            (None, Some(_)) => fs::hard_link(self.staged(), &self.path),
            (Some(_), Some(_)) => exchange(&self.staged(), &self.path),
            (_, None) => fs::rename(&self.path, self.staged()),
        }
    }

    /// Whether the file that was taken away is the old one, where it can be
    /// told.
    fn took(&self, before: Option<&str>) -> bool {
        let gone = !self.staged().exists();
        before.is_none() || gone || holds(&self.staged(), before)
    }

    /// Somebody else's file goes back, and what came in its place meanwhile
    /// has the last word.
    fn give_back(&self, change: &FileChange) -> io::Result<()> {
        let Some(own) = change.after.as_deref() else {
            return fs::hard_link(self.staged(), &self.path);
        };
        exchange(&self.staged(), &self.path)?;
        match holds(&self.staged(), Some(own)) {
            true => Ok(()),
            false => exchange(&self.staged(), &self.path),
        }
    }

    fn clear(&self) -> io::Result<()> {
        match fs::remove_file(self.staged()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        sync_directory(&self.path)
    }
}

fn stale(change: &FileChange) -> Error {
    Error::stale(format!("{} is not as the plan knows it", change.path))
}

/// Gives each of two files the name of the other, at once. A file system that
/// cannot do that, such as NFS, loses the second.
fn exchange(new: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, path, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => fs::rename(new, path),
        done => done.map_err(io::Error::from),
    }
}

/// Whether a file has a text; `None` stands for no file. What is there need
/// not be a file any more: a pipe that nobody writes to must not hold us up.
fn holds(path: &Path, text: Option<&str>) -> bool {
    match (read(path), text) {
        (Ok(bytes), Some(text)) => bytes == text.as_bytes(),
        (Err(error), None) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut options = OpenOptions::new();
    let mut file = options.read(true).custom_flags(flags.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn at(path: &Path, error: &io::Error) -> Error {
    Error::io(path.display().to_string(), error)
}

/// Absolute, without `..`, and no text that a system call would cut.
fn is_plain(path: &str) -> bool {
    let mut parts = path.split('/');
    path.starts_with('/')
        && !path.ends_with('/')
        && !path.contains('\0')
        && !parts.any(|part| part == "..")
}

fn plain_file(path: &Path, meta: &fs::Metadata) -> Result<(), Error> {
    let what = match () {
        () if meta.is_symlink() => "is a symbolic link",
        () if !meta.is_file() => "is not a file",
        () if meta.nlink() > 1 => "has a second name: it is a hard link",
        () => return Ok(()),
    };
    Err(Error::unsupported(format!("{} {what}", path.display())))
}

fn missing(path: &Path) -> Vec<PathBuf> {
    let above = path.ancestors().skip(1);
    let gone = above.take_while(|directory| !directory.exists());
    let mut missing: Vec<_> = gone.map(Path::to_path_buf).collect();
    missing.reverse();
    missing
}

/// Writes a file that is not there yet. `like` need not be there: a script
/// may then be run.
pub(super) fn write(path: &Path, bytes: &[u8], like: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    match fs::metadata(like) {
        Ok(meta) => {
            fchown(&file, Some(meta.uid()), Some(meta.gid()))?;
            let mode = fs::Permissions::from_mode(meta.mode() & 0o7777);
            file.set_permissions(mode)?;
            copy_attributes(like, path)?;
        }
        Err(_) => {
            let mode = match bytes.starts_with(b"#!") {
                // As csf makes it.
                true if like.ends_with("csfpre.sh") => 0o700,
                true => 0o755,
                false => 0o644,
            };
            file.set_permissions(fs::Permissions::from_mode(mode))?;
        }
    }
    file.sync_all()
}

/// As far as the file system can keep them: beside the file it can.
fn copy_attributes(from: &Path, to: &Path) -> io::Result<()> {
    let names = match xattr::list(from) {
        Err(e) if e.kind() == io::ErrorKind::Unsupported => return Ok(()),
        names => names?,
    };
    for name in names {
        if let Some(value) = xattr::get(from, &name)? {
            match xattr::set(to, &name, &value) {
                Err(e) if e.kind() == io::ErrorKind::Unsupported => {}
                set => set?,
            }
        }
    }
    Ok(())
}

/// Makes a new name in a directory last.
pub(super) fn sync_directory(of: &Path) -> io::Result<()> {
    match of.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &Path) -> FileChange {
        FileChange {
            path: path.display().to_string(),
            before: Some("old".to_owned()),
            after: Some("new".to_owned()),
        }
    }

    fn find(path: &Path, follow_links: bool) -> Result<Place, Error> {
        Place::find(&change(path), "7", 1, follow_links)
    }

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "old").unwrap();
        (directory, path)
    }

    #[test]
    fn a_new_script_may_be_run() {
        let (directory, _) = directory();
        for (name, text, mode) in [
            ("csfpre.sh", "#!/bin/sh\n", 0o700),
            ("memsec-guard", "#!/bin/sh\n", 0o755),
            ("guard.sh", "set -eu\n", 0o644),
        ] {
            let path = directory.path().join(name);
            write(
                &path,
                text.as_bytes(),
                &path.with_file_name("none").join(name),
            )
            .unwrap();
            let found = fs::metadata(&path).unwrap().mode() & 0o7777;
            assert_eq!(found, mode, "{name}");
        }
    }

    #[test]
    fn mode_and_attributes_stay() {
        let (_directory, path) = directory();
        let mode = fs::Permissions::from_mode(0o640);
        fs::set_permissions(&path, mode).unwrap();
        let marked = xattr::set(&path, "user.memsec", b"1").is_ok();
        let place = find(&path, false).unwrap();
        place.stage("new", &path).unwrap();
        place.swap(&change(&path)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        let value = xattr::get(&path, "user.memsec").unwrap_or_default();
        assert_eq!(value.is_some(), marked);
        assert_eq!(fs::read_to_string(place.old()).unwrap(), "old");
    }

    #[test]
    fn links_are_refused_unless_asked() {
        let (directory, path) = directory();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let error = find(&link, false).unwrap_err().to_string();
        assert!(error.ends_with("is a symbolic link"), "{error}");
        assert_eq!(find(&link, true).unwrap().path, path);
        fs::hard_link(&path, directory.path().join("second")).unwrap();
        let error = find(&path, false).unwrap_err().to_string();
        assert!(error.ends_with("it is a hard link"), "{error}");
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left() {
        let (_directory, path) = directory();
        let place = find(&path, false).unwrap();
        place.stage("new", &path).unwrap();
        fs::write(&path, "other").unwrap();
        assert!(place.swap(&change(&path)).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "other");
    }

    /// The file that a plan does not know is there for as long as it is
    /// looked at, and no longer.
    #[test]
    fn a_file_that_comes_after_the_last_look_goes_back() {
        let (_directory, path) = directory();
        let place = find(&path, false).unwrap();
        place.stage("new", &path).unwrap();
        fs::write(path.with_file_name("theirs"), "theirs").unwrap();
        fs::rename(path.with_file_name("theirs"), &path).unwrap();
        place.put(&change(&path)).unwrap();
        assert!(!place.took(Some("old")));
        place.give_back(&change(&path)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }

    #[test]
    fn a_file_that_is_to_go_and_is_another_goes_back() {
        let (_directory, path) = directory();
        let place = find(&path, false).unwrap();
        let gone = FileChange { after: None, ..change(&path) };
        fs::write(&path, "theirs").unwrap();
        place.put(&gone).unwrap();
        assert!(!place.took(Some("old")));
        place.give_back(&gone).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_left() {
        let (_directory, path) = directory();
        let place = find(&path, false).unwrap();
        place.stage("new", &path).unwrap();
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(place.swap(&change(&path)).is_err());
        assert!(!fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn a_new_file_takes_the_place_of_no_other() {
        let (_directory, path) = directory();
        let place = find(&path, false).unwrap();
        place.stage("new", &path).unwrap();
        let new = FileChange { before: None, ..change(&path) };
        assert!(place.put(&new).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn only_plain_paths_are_taken() {
        for path in ["a", "/a/../b", "/a\0", "/a/", ""] {
            assert!(!is_plain(path), "{path:?}");
        }
        assert!(is_plain("/etc/memcached.conf"));
    }

    #[test]
    fn directories_that_are_missing_are_named() {
        let (directory, _) = directory();
        let root = directory.path();
        let found = missing(&root.join("a/b/c"));
        assert_eq!(found, [root.join("a"), root.join("a/b")]);
    }
}
