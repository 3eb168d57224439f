//! MEMSEC-SYS-001, RES-002 and VER-003: what is around the daemon.

use super::{
    Check, Found, each,
    unit::{last, own_file},
};
use crate::{
    Date,
    audit::{
        Severity,
        subject::{Access, Subject},
    },
    memcached::Running,
    text::{Place, Source},
};

pub(super) const SYS_001: Check = Check {
    id: "MEMSEC-SYS-001",
    title: "The unit keeps the daemon in less than memcached's own",
    severity: Severity::Medium,
    varies: "medium where others than the clients get in, low where only \
             clients do, else info",
    why: "what breaks into memcached then sees devices, other programs' /tmp \
          and all of the file system",
    detection: "the directives of scripts/memcached.service of memcached that \
                the unit and its drop-ins lack or turn off",
    fix: "set them in a drop-in",
    references: &["systemd.exec(5)", "ANSSI R64", "BSI SYS.1.3.A16"],
    find: weaker_sandbox,
};

pub(super) const RES_002: Check = Check {
    id: "MEMSEC-RES-002",
    title: "The cache is larger than the memory that it may have",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "when it is full the kernel ends memcached, or what else runs here",
    detection: "-m, 64 megabytes if nothing is said, against MemoryMax= of \
                the unit, and in sum against nine tenths of MemTotal in \
                /proc/meminfo",
    fix: "lower -m",
    references: &["systemd.resource-control(5)", "NIST SC-5"],
    find: too_large,
};

pub(super) const VER_003: Check = Check {
    id: "MEMSEC-VER-003",
    title: "The distribution is no longer supported",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "flaws of memcached, of its libraries and of the kernel stay",
    detection: "/etc/os-release against the last day of free support, on the \
                day of the snapshot",
    fix: "move to a release that is supported, or buy longer support",
    references: &["https://endoflife.date/", "ANSSI R61"],
    find: unsupported,
};

/// What scripts/memcached.service of memcached has had since 1.5.
const UPSTREAM: [&str; 6] = [
    "CapabilityBoundingSet",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateTmp",
    "ProtectSystem",
    "RestrictAddressFamilies",
];

fn weaker_sandbox(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let lines = subject.directives(&instance.unit());
        let file = own_file(&lines)?;
        let off = |key: &&str| {
            let line = last(&lines, "Service", key);
            let value = line.map(|line| line.value.text.as_str());
            matches!(value, None | Some("" | "no" | "false" | "off" | "0"))
        };
        let missing: Vec<_> = UPSTREAM.into_iter().filter(off).collect();
        if missing.is_empty() {
            return None;
        }
        let severity = match subject.access(instance, running) {
            Access::Others => Severity::Medium,
            Access::Clients => Severity::Low,
            Access::Own => Severity::Info,
        };
        let message =
            format!("{} lacks {}", instance.unit(), missing.join(", "));
        Some(Found::new(severity, Place::whole(file), message))
    })
}

/// The megabytes of `-m`.
fn megabytes(running: &Running) -> u64 {
    let given = running.options.get(&'m');
    given.and_then(|word| word.text.trim().parse().ok()).unwrap_or(64)
}

fn too_large(subject: &Subject<'_>) -> Vec<Found> {
    let mut found = each(subject, |instance, running| {
        let lines = subject.directives(&instance.unit());
        let line = last(&lines, "Service", "MemoryMax")
            .or_else(|| last(&lines, "Service", "MemoryLimit"))?;
        let limit = bytes(&line.value.text)? >> 20;
        let wanted = megabytes(running);
        (wanted >= limit).then(|| {
            let message = format!(
                "{} wants {wanted} megabytes, and may have {limit}",
                instance.id
            );
            let place = line.value.place(&instance.source);
            Found::new(Severity::Medium, place, message)
        })
    });
    found.extend(beyond_memory(subject));
    found
}

/// That all daemons together want more than the host can give.
fn beyond_memory(subject: &Subject<'_>) -> Option<Found> {
    let file = subject.snapshot.text("/proc/meminfo").ok().flatten()?;
    let kilobytes = file.text().lines().find_map(|line| {
        let rest = line.strip_prefix("MemTotal:")?;
        rest.split_ascii_whitespace().next()?.parse::<u64>().ok()
    })?;
    let own = subject.running().filter(|(i, _)| !i.drifted());
    let sizes = own.map(|(_, running)| megabytes(running));
    let wanted = sizes.fold(0, u64::saturating_add);
    let total = kilobytes >> 10;
    (wanted > total / 10 * 9).then(|| {
        let message =
            format!("{wanted} of {total} megabytes are for memcached");
        Found::new(Severity::Medium, Place::whole(file.name()), message)
    })
}

/// A size of systemd's: bytes, or with K, M, G or T.
fn bytes(value: &str) -> Option<u64> {
    let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match value.get(digits.len()..)? {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// The last day of free support by the vendor or its LTS project:
/// wiki.debian.org/LTS, ubuntu.com/about/release-cycle, wiki.centos.org,
/// access.redhat.com, almalinux and rockylinux wikis, aws.amazon.com.
const SUPPORT: &[(&str, &str, &str)] = &[
    ("debian", "8", "2020-06-30"),
    ("debian", "9", "2022-06-30"),
    ("debian", "10", "2024-06-30"),
    ("debian", "11", "2026-08-31"),
    ("debian", "12", "2028-06-30"),
    ("ubuntu", "14.04", "2019-04-30"),
    ("ubuntu", "16.04", "2021-04-30"),
    ("ubuntu", "18.04", "2023-05-31"),
    ("ubuntu", "20.04", "2025-05-31"),
    ("centos", "6", "2020-11-30"),
    ("centos", "7", "2024-06-30"),
    ("centos", "8", "2021-12-31"),
    ("rhel", "6", "2020-11-30"),
    ("rhel", "7", "2024-06-30"),
    ("rhel", "8", "2029-05-31"),
    ("almalinux", "8", "2029-05-31"),
    ("rocky", "8", "2029-05-31"),
    ("amzn", "2018.03", "2023-12-31"),
    ("amzn", "2", "2026-06-30"),
];

const RELEASE: &str = "/etc/os-release";

/// A value of os-release(5).
fn value<'t>(file: &'t Source, name: &str) -> Option<&'t str> {
    let line = file
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(line.trim().trim_matches(['"', '\'']))
}

/// The release of a host and the last day of its support, where it is known.
pub(super) fn support(subject: &Subject<'_>) -> Option<(String, Date)> {
    let file = subject.snapshot.text(RELEASE).ok().flatten()?;
    let (id, version) = (value(&file, "ID")?, value(&file, "VERSION_ID")?);
    let major = version.split('.').next().unwrap_or_default();
    let &(_, known, day) = SUPPORT.iter().find(|(name, known, _)| {
        *name == id && (*known == version || *known == major)
    })?;
    Some((format!("{id} {known}"), day.parse().ok()?))
}

fn unsupported(subject: &Subject<'_>) -> Vec<Found> {
    let today = subject.snapshot.time.map(Date::of_time);
    let ended = support(subject).zip(today);
    let ended = ended.filter(|((_, last), today)| today > last);
    let found = ended.map(|((release, last), _)| {
        let message = format!("{release} was supported until {last}");
        Found::new(Severity::Medium, Place::whole(RELEASE), message)
    });
    found.into_iter().collect()
}
