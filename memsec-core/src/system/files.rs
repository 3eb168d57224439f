use std::{
    fs,
    io::{self, ErrorKind, Read},
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, OpenOptionsExt},
    },
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, OpenHow, ResolveFlag, openat2},
};

use crate::{
    Snapshot, audit,
    managers::csf,
    memcached::{
        Start, UNIT_DIRECTORIES, environment_files, instances, part_matches,
    },
    snapshot::{Content, File, SecretForm},
};

/// The files of a snapshot. A last part with a star stands for every such
/// file of its directory.
const FILES: &[&str] = &[
    "/etc/alpine-release",
    "/etc/centos-release",
    "/etc/conf.d/memcached*",
    "/etc/csf/csf.allow",
    "/etc/csf/csf.blocklists",
    "/etc/csf/csf.conf",
    "/etc/csf/csf.deny",
    "/etc/csf/csf.disable",
    "/etc/csf/csf.dyndns",
    "/etc/csf/csf.error",
    "/etc/csf/csf.redirect",
    "/etc/csf/csf.sips",
    "/etc/csf/csfpost.sh",
    "/etc/csf/csfpre.sh",
    "/etc/debian_version",
    "/etc/default/memcached",
    "/etc/default/netfilter-persistent",
    "/etc/default/ufw",
    "/etc/docker/daemon.json",
    "/etc/firewalld/*.xml",
    "/etc/firewalld/*/*.xml",
    "/etc/firewalld/firewalld.conf",
    "/etc/firewalld/zones/*/*.xml",
    "/etc/gentoo-release",
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/init.d/memcached*",
    "/etc/init.d/memsec-guard",
    "/etc/iptables.rules",
    "/etc/iptables.up.rules",
    "/etc/iptables/ip6tables.rules",
    "/etc/iptables/iptables.rules",
    "/etc/iptables/rules.v4",
    "/etc/iptables/rules.v6",
    "/etc/memcached.conf",
    "/etc/memcached/memcached.conf",
    "/etc/memcached_*.conf",
    "/etc/memsec/guard.nft",
    "/etc/memsec/guard.sh",
    "/etc/network/if-pre-up.d/*",
    "/etc/network/if-up.d/*",
    "/etc/network/interfaces",
    "/etc/network/iptables.up.rules",
    "/etc/nftables.conf",
    "/etc/nftables.d/*.nft",
    "/etc/nftables/*.nft",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/rc.d/init.d/memcached",
    "/etc/rc.local",
    "/etc/redhat-release",
    "/etc/resolv.conf",
    "/etc/sasl2/memcached.conf",
    "/etc/selinux/config",
    "/etc/services",
    "/etc/SuSE-release",
    "/etc/sysconfig/ip6tables",
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/memcached*",
    "/etc/sysconfig/nftables.conf",
    "/etc/system-release",
    "/etc/systemd/system/memsec-guard.service",
    "/etc/ufw/*.init",
    "/etc/ufw/*.rules",
    "/etc/ufw/applications.d/*",
    "/etc/ufw/ufw.conf",
    "/sys/fs/selinux/enforce",
    "/usr/lib/firewalld/policies/*.xml",
    "/usr/lib/firewalld/services/*.xml",
    "/usr/lib/firewalld/zones/*.xml",
    "/usr/lib/os-release",
    "/usr/local/csf/bin/csfpost.sh",
    "/usr/local/csf/bin/csfpre.sh",
    "/usr/share/memcached/scripts/start-memcached",
    "/usr/share/memcached/scripts/systemd-memcached-wrapper",
    "/var/lib/csf/csf.block.*",
    "/var/lib/csf/csf.gallow",
    "/var/lib/csf/csf.gdeny",
    "/var/lib/csf/csf.tempallow",
    "/var/lib/csf/csf.tempban",
    "/var/lib/csf/csf.tempdyn",
    "/var/lib/csf/csf.tempgdyn",
    "/var/lib/csf/zone/*.zone",
    "/var/lib/csf/zone/*.zone6",
    "/var/lib/memsec/*/journal",
    "/var/lib/selinux/*/active/ports.local",
];

/// Below each directory of units: the units and what belongs to them.
const UNITS: &[&str] = &[
    "*memcached*.service",
    "memcached.service.d/*.conf",
    "memcached@*.service.d/*.conf",
    "service.d/*.conf",
    "*.wants/memcached@*.service",
];

/// More than this of one file is not configuration.
const MOST: u64 = 64 << 20;

/// Puts those of [`FILES`] and of [`UNITS`] that are there into a snapshot,
/// and the environment files that the units name.
pub(super) fn read(snapshot: &mut Snapshot, root: &Path) {
    patterns().for_each(|pattern| add(snapshot, root, &pattern));
    let named = environment_files(snapshot).unwrap_or_default();
    named.iter().for_each(|pattern| add(snapshot, root, pattern));
}

/// [`FILES`] and [`UNITS`], as paths with stars.
pub(super) fn patterns() -> impl Iterator<Item = String> {
    let units = UNIT_DIRECTORIES.iter().flat_map(|directory| {
        UNITS.iter().map(move |name| format!("{directory}/{name}"))
    });
    FILES.iter().map(|&path| path.to_owned()).chain(units)
}

fn add(snapshot: &mut Snapshot, root: &Path, pattern: &str) {
    for path in expand(root, pattern) {
        if !snapshot.files.contains_key(&path) {
            let found = file(root, &path);
            snapshot.files.extend(found.map(|file| (path, file)));
        }
    }
    included(snapshot, root);
    csf::leave_out_secrets(snapshot);
}

/// Puts the files with passwords and with keys that an instance names into a
/// snapshot, by their form only.
pub(super) fn secrets(snapshot: &mut Snapshot, root: &Path) {
    let found = instances(snapshot, None).unwrap_or_default();
    let secrets = found.iter().filter_map(|instance| match &instance.start {
        Start::Runs(running) => Some(audit::secrets(running)),
        Start::Exits(_) => None,
    });
    for (path, letter) in secrets.flatten() {
        if let Some(mut file) = file(root, &path) {
            file.content = form(&file.content, letter);
            snapshot.files.insert(path, file);
        }
    }
}

/// The form of a file by the option that names it: `-Y` has one user a line,
/// as `name:password`, and a key is in PEM; memcached takes no other. What
/// SASL keeps is of many forms.
fn form(content: &Content, letter: char) -> Content {
    let good = |text: &str| match letter {
        'Y' => text.lines().all(|line| line.contains(':')),
        'o' => text.contains("-----BEGIN "),
        _ => true,
    };
    Content::Secret(match content {
        Content::Text(text) if text.is_empty() => SecretForm::Empty,
        Content::Text(text) if good(text) => SecretForm::WellFormed,
        Content::Bytes(_) if letter == 'S' => SecretForm::WellFormed,
        Content::Error(error) => return Content::Error(error.clone()),
        _ => SecretForm::Malformed,
    })
}

/// The paths that a pattern stands for: each part may have stars.
fn expand(root: &Path, pattern: &str) -> Vec<String> {
    let mut paths = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let next = paths.iter().flat_map(|path| match part.contains('*') {
            false => vec![format!("{path}/{part}")],
            true => matching(root, path, part),
        });
        paths = next.collect();
    }
    paths
}

fn matching(root: &Path, directory: &str, part: &str) -> Vec<String> {
    // The root itself has no name before its slash.
    let entries = open(root, &format!("{directory}/"), OFlag::O_DIRECTORY);
    // The one that was opened, whatever its name leads to by now.
    let entries = entries.and_then(|open| {
        fs::read_dir(format!("/proc/self/fd/{}", open.as_raw_fd()))
    });
    let names = entries.into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        part_matches(part, &name).then(|| format!("{directory}/{name}"))
    });
    names.collect()
}

/// Puts the files that csf's lists include into a snapshot, as far as they
/// are csf's own: any other could be a secret.
fn included(snapshot: &mut Snapshot, root: &Path) {
    let mut known = std::collections::BTreeSet::new();
    loop {
        let paths = csf::included(snapshot);
        let new = paths.into_iter().filter(|path| known.insert(path.clone()));
        let new: Vec<_> = new.collect();
        if new.is_empty() {
            return;
        }
        for path in new {
            let own = path.starts_with("/etc/csf/") && !path.contains("..");
            let found = match own {
                true => file(root, &path),
                false => open(root, &path, OFlag::O_PATH)
                    .is_ok()
                    .then(|| unread_as(Errno::EPERM).into()),
            };
            if let Some(found) = found {
                snapshot.files.insert(path, found);
            }
        }
    }
}

/// Opens what a path leads to for a process whose root directory is `root`:
/// a link in an unpacked archive leads to a file of that archive. What is
/// opened does not wait for anybody, as a FIFO would.
fn open(root: &Path, path: &str, flags: OFlag) -> io::Result<fs::File> {
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let how = OpenHow::new().flags(flags);
    let how = how.resolve(ResolveFlag::RESOLVE_IN_ROOT);
    match openat2(&fs::File::open(root)?, path, how) {
        Ok(opened) => Ok(fs::File::from(opened)),
        // Before Linux 5.6, and where a sandbox knows no such call.
        Err(Errno::ENOSYS | Errno::EPERM) => {
            let path = root.join(path.trim_start_matches('/'));
            let mut options = fs::OpenOptions::new();
            options.read(true).custom_flags(flags.bits()).open(path)
        }
        Err(error) => Err(error.into()),
    }
}

/// A file, or why it could not be read; `None` if there is none.
fn file(root: &Path, path: &str) -> Option<File> {
    let read = || {
        let file = open(root, path, OFlag::O_RDONLY)?;
        let meta = file.metadata()?;
        Ok((bytes(&file, &meta), meta))
    };
    match read() {
        Ok((read, meta)) => Some(File {
            content: read.map_or_else(|e| unread(&e), Content::from),
            mode: Some(meta.mode() & 0o7777),
            uid: Some(meta.uid()),
            gid: Some(meta.gid()),
        }),
        Err(error) => not_opened(root, path, &error),
    }
}

/// Of a file that may not be opened the mode can still be known.
fn not_opened(root: &Path, path: &str, why: &io::Error) -> Option<File> {
    if is_missing(why.kind()) {
        return None;
    }
    let mut file = File::from(unread(why));
    let meta = open(root, path, OFlag::O_PATH).and_then(|f| f.metadata());
    if let Ok(meta) = meta {
        file.mode = Some(meta.mode() & 0o7777);
        file.uid = Some(meta.uid());
        file.gid = Some(meta.gid());
    }
    Some(file)
}

/// Below what is no directory there is nothing either.
fn is_missing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unread(error: &std::io::Error) -> Content {
    let number = error.raw_os_error().unwrap_or_default();
    unread_as(Errno::from_raw(number))
}

fn unread_as(reason: Errno) -> Content {
    Content::Error(format!("{reason:?}"))
}

/// The content of a file; no other thing of the file system has one.
fn bytes(mut file: &fs::File, meta: &fs::Metadata) -> io::Result<Vec<u8>> {
    if !meta.is_file() {
        let what = if meta.is_dir() { Errno::EISDIR } else { Errno::EINVAL };
        return Err(what.into());
    }
    let mut bytes = Vec::new();
    file.by_ref().take(MOST).read_to_end(&mut bytes)?;
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
    fn a_star_stands_for_any_text() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(expand(root, "/src/lib.*"), ["/src/lib.rs"]);
        assert_eq!(expand(root, "/Carg*.toml"), ["/Cargo.toml"]);
        assert!(expand(root, "/src/*.c").is_empty());
    }

    #[test]
    fn one_that_cannot_be_read_says_why() {
        // A directory opens, and then cannot be read.
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = file(root, "/src").unwrap();
        assert_eq!(file.content, Content::Error("EISDIR".to_owned()));
    }

    #[test]
    fn a_star_stands_for_names() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(expand(root, "/Car*.toml"), ["/Cargo.toml"]);
        assert_eq!(expand(root, "/s*/lib.r*"), ["/src/lib.rs"]);
        assert!(expand(root, "/none/*").is_empty());
        assert_eq!(expand(root, "/none"), ["/none"]);
    }

    #[test]
    fn of_a_secret_only_the_form_is_kept() {
        let of =
            |letter, text: &str| form(&Content::Text(text.to_owned()), letter);
        let good = Content::Secret(SecretForm::WellFormed);
        let bad = Content::Secret(SecretForm::Malformed);
        assert_eq!(of('Y', ""), Content::Secret(SecretForm::Empty));
        assert_eq!(of('Y', "a:b\n"), good);
        assert_eq!(of('Y', "a"), bad);
        assert_eq!(of('o', "-----BEGIN PRIVATE KEY-----\n"), good);
        assert_eq!(of('o', "a:b\n"), bad);
        let bytes = Content::Bytes(vec![0xff]);
        assert_eq!(form(&bytes, 'S'), good);
        assert_eq!(form(&bytes, 'o'), bad);
    }

    #[test]
    fn a_link_leads_to_a_file_of_the_same_root() {
        let root = tempfile::TempDir::new().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/hosts"), "own").unwrap();
        let link = root.path().join("etc/link");
        std::os::unix::fs::symlink("/etc/hosts", link).unwrap();
        let up = root.path().join("up");
        std::os::unix::fs::symlink("../../../etc", up).unwrap();
        for path in ["/etc/link", "/up/hosts"] {
            let file = file(root.path(), path).unwrap();
            assert_eq!(file.content, Content::Text("own".to_owned()));
        }
        assert_eq!(expand(root.path(), "/up/h*"), ["/up/hosts"]);
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let root = tempfile::TempDir::new().unwrap();
        let path = root.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).unwrap();
        let file = file(root.path(), "/fifo").unwrap();
        assert_eq!(file.content, Content::Error("EINVAL".to_owned()));
    }

    #[test]
    fn a_loop_of_links_is_an_error() {
        let root = tempfile::TempDir::new().unwrap();
        std::os::unix::fs::symlink("a", root.path().join("a")).unwrap();
        let file = file(root.path(), "/a").unwrap();
        assert_eq!(file.content, Content::Error("ELOOP".to_owned()));
    }
}
