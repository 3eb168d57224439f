use std::{
    fs,
    io::{ErrorKind, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use crate::{
    Snapshot,
    memcached::{Start, instances},
    snapshot::{Content, File, SecretForm},
};

/// The files of a snapshot. A name that ends in "/*.conf" stands for every
/// such file of a directory.
const FILES: &[&str] = &[
    "/etc/hosts",
    "/etc/iptables/rules.v4",
    "/etc/iptables/rules.v6",
    "/etc/memcached.conf",
    "/etc/memsec/guard.nft",
    "/etc/nftables.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/sysconfig/ip6tables",
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/memcached",
    "/etc/systemd/system/memcached.service",
    "/etc/systemd/system/memcached.service.d/*.conf",
    "/etc/systemd/system/memsec-guard.service",
    "/lib/systemd/system/memcached.service",
    "/usr/lib/systemd/system/memcached.service",
];

/// More than this of one file is not configuration.
const MOST: u64 = 64 << 20;

/// Puts those of [`FILES`] that are there into a snapshot.
pub(super) fn read(snapshot: &mut Snapshot, root: &Path) {
    for path in FILES.iter().flat_map(|name| expand(root, name)) {
        if let Some(file) = file(root, &path) {
            snapshot.files.insert(path, file);
        }
    }
}

/// Puts the authentication files that an instance names into a snapshot, by
/// their form only.
pub(super) fn secrets(snapshot: &mut Snapshot, root: &Path) {
    let found = instances(snapshot, None).unwrap_or_default();
    let paths = found.iter().filter_map(|instance| match &instance.start {
        Start::Runs(running) => running.options.get(&'Y'),
        Start::Exits(_) => None,
    });
    let paths: Vec<_> = paths.map(|word| word.text.clone()).collect();
    for path in paths {
        if let Some(mut file) = file(root, &path) {
            file.content = form(&file.content);
            snapshot.files.insert(path, file);
        }
    }
}

/// One user a line, as `name:password`; memcached takes no other form.
fn form(content: &Content) -> Content {
    let well_formed = |text: &str| text.lines().all(|line| line.contains(':'));
    Content::Secret(match content {
        Content::Text(text) if text.is_empty() => SecretForm::Empty,
        Content::Text(text) if well_formed(text) => SecretForm::WellFormed,
        Content::Error(error) => return Content::Error(error.clone()),
        _ => SecretForm::Malformed,
    })
}

fn expand(root: &Path, name: &str) -> Vec<String> {
    let Some(directory) = name.strip_suffix("/*.conf") else {
        return vec![name.to_owned()];
    };
    let entries = fs::read_dir(inside(root, directory));
    let names = entries.into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.ends_with(".conf").then(|| format!("{directory}/{name}"))
    });
    names.collect()
}

fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// A file, or why it could not be read; `None` if there is none.
fn file(root: &Path, path: &str) -> Option<File> {
    let real = inside(root, path);
    match fs::metadata(&real) {
        Ok(meta) => Some(File {
            content: bytes(&real).map_or_else(|e| unread(&e), Content::from),
            mode: Some(meta.mode() & 0o7777),
            uid: Some(meta.uid()),
            gid: Some(meta.gid()),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(unread(&error).into()),
    }
}

fn unread(error: &std::io::Error) -> Content {
    let number = error.raw_os_error().unwrap_or_default();
    Content::Error(format!("{:?}", Errno::from_raw(number)))
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_with_its_mode_and_a_missing_one_is_none() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(file(root, "/Cargo.toml").unwrap().mode.is_some());
        assert_eq!(file(root, "/no-such-file"), None);
    }

    #[test]
    fn one_that_cannot_be_read_says_why() {
        // A directory opens, and then cannot be read.
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = file(root, "/src").unwrap();
        assert_eq!(file.content, Content::Error("EISDIR".to_owned()));
    }

    #[test]
    fn of_a_secret_only_the_form_is_kept() {
        let of = |text: &str| form(&Content::Text(text.to_owned()));
        assert_eq!(of(""), Content::Secret(SecretForm::Empty));
        assert_eq!(of("a:b\n"), Content::Secret(SecretForm::WellFormed));
        assert_eq!(of("a"), Content::Secret(SecretForm::Malformed));
    }
}
