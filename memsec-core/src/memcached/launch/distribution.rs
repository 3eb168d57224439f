//! Which distribution a snapshot is of, as far as it decides how memcached
//! is started.

use std::collections::BTreeMap;

use super::env_file::assignments;
use crate::{Error, Snapshot, memcached::Version};

/// What is started where no unit and no script is in the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Debian's and Ubuntu's: /etc/memcached.conf, with systemd.
    Debian,
    /// The same up to Debian 7 and Ubuntu 14.10: the init script.
    DebianSysv,
    /// Enterprise Linux 6 and older: the init script.
    El6,
    /// Enterprise Linux 7: `$PORT`.
    El7,
    /// Enterprise Linux from 8 and Fedora from 25: `${PORT}`.
    El8,
    Suse,
    /// openSUSE up to 42.2: `User=memcached`.
    OldSuse,
    Alpine,
    Gentoo,
    ClearLinux,
    Unknown,
}

/// Where a release says what it is, besides os-release.
const RELEASES: [&str; 4] = [
    "/etc/redhat-release",
    "/etc/centos-release",
    "/etc/system-release",
    "/etc/SuSE-release",
];
const RED_HAT: [&str; 9] = [
    "rhel",
    "centos",
    "rocky",
    "almalinux",
    "ol",
    "scientific",
    "cloudlinux",
    "virtuozzo",
    "eurolinux",
];

pub(super) fn family(snapshot: &Snapshot) -> Result<Family, Error> {
    let release = os_release(snapshot)?;
    let of = |key: &str| release.get(key).map_or("", String::as_str);
    let version = number(of("VERSION_ID"));
    let ids = [of("ID"), of("ID_LIKE")];
    let ids = ids.iter().flat_map(|ids| ids.split_whitespace());
    for id in ids {
        let family = by_id(id, version);
        if family != Family::Unknown {
            return Ok(family);
        }
    }
    for path in RELEASES {
        if let Some(text) = snapshot.text(path)? {
            return Ok(by_release(text.text()));
        }
    }
    if let Some(version) = snapshot.text("/etc/debian_version")? {
        return Ok(by_id("debian", number(version.text().trim())));
    }
    let alpine = snapshot.files.contains_key("/etc/alpine-release");
    let gentoo = snapshot.files.contains_key("/etc/gentoo-release");
    Ok(match (alpine, gentoo) {
        (true, _) => Family::Alpine,
        (_, true) => Family::Gentoo,
        _ => Family::Unknown,
    })
}

/// What enables an init script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InitScripts {
    OpenRc,
    UpdateRc,
    Chkconfig,
}

/// What enables the init scripts of a host; `None` where systemd does without
/// them, or where that is not known. `alone` says that systemd is not there.
///
/// # Errors
///
/// A file that says which release it is and is not UTF-8.
pub(crate) fn init_scripts(
    snapshot: &Snapshot,
    alone: bool,
) -> Result<Option<InitScripts>, Error> {
    Ok(match family(snapshot)? {
        Family::Alpine | Family::Gentoo => Some(InitScripts::OpenRc),
        Family::DebianSysv => Some(InitScripts::UpdateRc),
        Family::Debian if alone => Some(InitScripts::UpdateRc),
        Family::El6 => Some(InitScripts::Chkconfig),
        _ => None,
    })
}

fn by_id(id: &str, version: Option<(u32, u32)>) -> Family {
    let before = |major, minor| version.is_some_and(|v| v < (major, minor));
    match id {
        "debian" | "raspbian" if before(8, 0) => Family::DebianSysv,
        "ubuntu" if before(15, 4) => Family::DebianSysv,
        "debian" | "raspbian" | "ubuntu" => Family::Debian,
        "fedora" if before(25, 0) => Family::El7,
        "fedora" => Family::El8,
        // Amazon Linux AMI is of 2012 to 2018, its successors 2 and 2023.
        "amzn" if !before(2012, 0) && before(2019, 0) => Family::El6,
        "amzn" if before(3, 0) => Family::El7,
        "amzn" => Family::El8,
        id if RED_HAT.contains(&id) => enterprise(version),
        "alpine" => Family::Alpine,
        "gentoo" => Family::Gentoo,
        "clear-linux-os" => Family::ClearLinux,
        "opensuse" | "opensuse-leap"
            if before(15, 0) || !before(42, 0) && before(42, 3) =>
        {
            Family::OldSuse
        }
        id if id.starts_with("opensuse") || id.starts_with("sle") => {
            Family::Suse
        }
        "suse" => Family::Suse,
        _ => Family::Unknown,
    }
}

fn enterprise(version: Option<(u32, u32)>) -> Family {
    match version {
        Some((..7, _)) => Family::El6,
        Some((7, _)) => Family::El7,
        _ => Family::El8,
    }
}

/// "CentOS release 6.10 (Final)".
fn by_release(text: &str) -> Family {
    let mut words = text.split_whitespace();
    let version = words.find_map(number);
    let text = text.to_lowercase();
    if text.contains("suse") {
        return Family::Suse;
    }
    let id = ["fedora", "amazon"].into_iter().find(|id| text.contains(id));
    match id {
        Some("fedora") => by_id("fedora", version),
        Some(_) => by_id("amzn", version),
        None => enterprise(version),
    }
}

fn number(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    let minor = minor.split('.').next().unwrap_or_default();
    Some((major.parse().ok()?, minor.parse().unwrap_or(0)))
}

fn os_release(snapshot: &Snapshot) -> Result<BTreeMap<String, String>, Error> {
    let mut text = snapshot.text("/etc/os-release")?;
    if text.is_none() {
        text = snapshot.text("/usr/lib/os-release")?;
    }
    let pairs = text.iter().flat_map(|text| assignments(text.text(), 0));
    Ok(pairs.map(|pair| (pair.key, pair.value.text())).collect())
}

impl Family {
    /// Whether it reads /etc/memcached.conf as Debian does, or may.
    pub(super) fn has_conf(self) -> bool {
        matches!(self, Self::Debian | Self::DebianSysv | Self::Unknown)
    }

    /// The text of the unit that its package has, where that reads
    /// /etc/sysconfig/memcached.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::El7 => UNBRACED,
            Self::Suse => SUSE,
            Self::OldSuse => OLD_SUSE,
            Self::ClearLinux => CLEAR_LINUX,
            _ => BRACED,
        }
    }
}

/// Before this one a backslash does not keep a `#` (Debian's 1.4.24-2).
pub(super) const ESCAPED_COMMENTS: Version = Version(1, 4, 24);
/// The same in start-memcached, where it was changed first.
pub(super) const ESCAPED_COMMENTS_SYSV: Version = Version(1, 4, 18);

const BRACED: &str = "[Service]
EnvironmentFile=/etc/sysconfig/memcached
ExecStart=/usr/bin/memcached -p ${PORT} -u ${USER} -m ${CACHESIZE} \
    -c ${MAXCONN} $OPTIONS
";
const UNBRACED: &str = "[Service]
EnvironmentFile=-/etc/sysconfig/memcached
ExecStart=/usr/bin/memcached -u $USER -p $PORT -m $CACHESIZE -c $MAXCONN \
    $OPTIONS
";
const SUSE: &str = "[Service]
EnvironmentFile=/etc/sysconfig/memcached
ExecStart=/usr/sbin/memcached -u $MEMCACHED_USER $MEMCACHED_PARAMS
";
const OLD_SUSE: &str = "[Service]
User=memcached
EnvironmentFile=/etc/sysconfig/memcached
ExecStart=/usr/sbin/memcached $MEMCACHED_PARAMS
";
const CLEAR_LINUX: &str = "[Service]
Environment=USER=memcached PORT=11211 MAXCONN=1024 CACHESIZE=64
EnvironmentFile=-/etc/memcached/memcached.conf
ExecStart=/usr/bin/memcached -u $USER -p $PORT -m $CACHESIZE -c $MAXCONN \
    $OPTIONS
";
/// Upstream's memcached@.service, from 1.5.6.
pub(super) const TEMPLATE: &str = "[Service]
EnvironmentFile=/etc/sysconfig/memcached
EnvironmentFile=-/etc/sysconfig/memcached.%i
ExecStart=/usr/bin/memcached -p %i -u ${USER} -m ${CACHESIZE} \
    -c ${MAXCONN} $OPTIONS
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_say_how_memcached_is_started() {
        let os = "/etc/os-release";
        for (path, text, expected) in [
            (os, "ID=\"rhel\"\nVERSION_ID=\"7.9\"\n", Family::El7),
            (
                os,
                "ID=rocky\nID_LIKE=\"rhel fedora\"\nVERSION_ID=9.3",
                Family::El8,
            ),
            (os, "ID=foo\nID_LIKE=\"rhel\"\nVERSION_ID=6.1", Family::El6),
            (os, "ID=fedora\nVERSION_ID=24\n", Family::El7),
            (os, "ID=\"amzn\"\nVERSION_ID=\"2\"\n", Family::El7),
            (os, "ID=\"amzn\"\nVERSION_ID=\"2018.03\"\n", Family::El6),
            (os, "ID=\"amzn\"\nVERSION_ID=\"2023\"\n", Family::El8),
            (
                os,
                "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"14.04\"",
                Family::DebianSysv,
            ),
            (os, "ID=debian\nVERSION_ID=\"12\"\n", Family::Debian),
            (os, "ID=debian\n", Family::Debian),
            (os, "ID=\"opensuse-leap\"\nVERSION_ID=\"15.5\"", Family::Suse),
            (os, "ID=opensuse\nVERSION_ID=\"42.2\"", Family::OldSuse),
            (os, "ID=\"sles\"\nVERSION_ID=\"12.5\"", Family::Suse),
            (os, "ID=alpine\nVERSION_ID=3.19.0\n", Family::Alpine),
            ("/etc/redhat-release", "CentOS release 6.10 (Final)", Family::El6),
            (
                "/etc/redhat-release",
                "CentOS Linux release 7.9.2009 (Core)",
                Family::El7,
            ),
            ("/etc/debian_version", "7.11\n", Family::DebianSysv),
            ("/etc/debian_version", "bookworm/sid\n", Family::Debian),
            ("/etc/hosts", "", Family::Unknown),
        ] {
            let snapshot = Snapshot::new().with_file(path, text);
            assert_eq!(family(&snapshot).unwrap(), expected, "{text:?}");
        }
    }
}
