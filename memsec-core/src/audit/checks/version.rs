//! MEMSEC-VER: which memcached it is.

use super::{Check, Found};
use crate::{
    Proto,
    audit::{Severity, subject::Subject},
    memcached::{
        ADVISORIES, Advisory, Applies, Instance, Kind, Rating, Running, Version,
    },
    snapshot::Process,
    text::Place,
};

pub(super) const VER_001: Check = Check {
    id: "MEMSEC-VER-001",
    title: "A version with known flaws",
    severity: Severity::Critical,
    varies: "as published where others than the clients get in by that \
              protocol, else low",
    why: "whoever reaches a listener can use what is known to be wrong with \
          this version, as it is configured here",
    detection: "the version and options against the published flaws, and their \
              fixes in packages",
    fix: "upgrade memcached; a distribution brings fixes to an older version: \
          the changelog of its package names them",
    references: &["NIST SI-2", "memcached release notes", "cvelistV5"],
    find: flaws,
};

pub(super) const VER_002: Check = Check {
    id: "MEMSEC-VER-002",
    title: "The daemon that runs is not the one that is installed",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "an upgrade helps only after a restart",
    detection: "the version of the process against `memcached -V`, and a program \
              that is deleted",
    fix: "restart the daemon",
    references: &["NIST SI-2"],
    find: outdated,
};

fn flaws(subject: &Subject<'_>) -> Vec<Found> {
    let found = |(instance, _): (&Instance, &Running)| {
        let known = known(subject, instance);
        known.into_iter().chain(possible(subject, instance))
    };
    subject.running().flat_map(found).collect()
}

/// The flaws that a daemon has, or could have.
fn of(instance: &Instance, applies: Applies) -> Vec<&'static Advisory> {
    let flaws = ADVISORIES.iter().filter(|a| a.kind == Kind::Flaw);
    flaws.filter(|a| a.applies(instance) == applies).collect()
}

/// One upgrade is against all of them, so they are one finding.
fn known(subject: &Subject<'_>, instance: &Instance) -> Option<Found> {
    let mut all = of(instance, Applies::Yes);
    let severity = |a: &Advisory| severity(subject, instance, a);
    all.sort_by_key(|advisory| std::cmp::Reverse(severity(advisory)));
    Some(Found {
        severity: severity(all.first()?),
        message: message(subject, instance, &all),
        place: Place::whole(&instance.source),
    })
}

/// As published; low where nobody gets in that should not.
fn severity(
    subject: &Subject<'_>,
    instance: &Instance,
    advisory: &Advisory,
) -> Severity {
    let by = |proto| !advisory.is_of_udp() || proto == Proto::Udp;
    let reached = subject.of(&instance.id);
    let open = reached.filter(|r| by(r.proto)).any(|r| subject.is_open(r));
    let rated = Severity::from(advisory.rating);
    if open { rated } else { Severity::Low }
}

impl From<Rating> for Severity {
    fn from(rating: Rating) -> Self {
        match rating {
            Rating::Low => Self::Low,
            Rating::Medium => Self::Medium,
            Rating::High => Self::High,
            Rating::Critical => Self::Critical,
        }
    }
}

fn message(
    subject: &Subject<'_>,
    instance: &Instance,
    flaws: &[&Advisory],
) -> String {
    let version = instance.version.map(|v| v.to_string()).unwrap_or_default();
    let (worst, others) = flaws.split_at(flaws.len().min(EXPLAINED));
    let named = worst.iter().map(|a| format!("{} ({})", a.id, a.impact));
    let others = others.iter().map(|a| a.id.to_owned());
    let named: Vec<_> = named.chain(others).collect();
    let fixed = flaws.iter().filter_map(|a| a.fixed).max();
    let fixed = fixed.filter(|_| flaws.len() > 1);
    let fixed = fixed.map(|fixed| format!("; {fixed} has none of them"));
    let backport = distribution(subject, instance)
        .map(|package| format!("; {package} may have the fixes"));
    format!(
        "{} is {version}, which has {}{}{}",
        instance.id,
        named.join(", "),
        fixed.unwrap_or_default(),
        backport.unwrap_or_default()
    )
}

/// Of so many flaws, the worst, it is said what becomes of them.
const EXPLAINED: usize = 3;

fn process<'a>(
    subject: &Subject<'a>,
    instance: &Instance,
) -> Option<&'a Process> {
    let pid = instance.pid?;
    subject.snapshot.processes.iter().find(|process| process.pid == pid)
}

/// The package whose maker may have brought fixes to an older version.
fn distribution(subject: &Subject<'_>, instance: &Instance) -> Option<String> {
    let process = process(subject, instance);
    if let Some(package) = process.and_then(|p| p.package.as_ref()) {
        return Some(format!("the package {package}"));
    }
    let exe = process.map(|process| process.exe.as_str()).unwrap_or_default();
    if OWN_BUILDS.iter().any(|directory| exe.starts_with(directory)) {
        return None;
    }
    let release = subject.snapshot.text("/etc/os-release").ok().flatten()?;
    let id = release.text().lines().find_map(|l| l.strip_prefix("ID="))?;
    let id = id.trim_matches(['"', '\'']);
    let rolling = ROLLING.contains(&id);
    (!rolling).then(|| format!("the package of {id}"))
}

/// Where no distribution puts a program (FHS 3.0).
const OWN_BUILDS: [&str; 3] = ["/usr/local/", "/opt/", "/home/"];
/// Distributions that bring new versions, and no fixes to old ones.
const ROLLING: [&str; 2] = ["arch", "gentoo"];

/// What a daemon of an unknown version could have, in one finding.
fn possible(subject: &Subject<'_>, instance: &Instance) -> Option<Found> {
    let all = of(instance, Applies::Perhaps);
    let newest = all.iter().filter_map(|a| a.fixed).max()?;
    let open = subject.of(&instance.id).any(|r| subject.is_open(r));
    let ids: Vec<_> = all.iter().map(|advisory| advisory.id).collect();
    Some(Found {
        severity: if open { Severity::Low } else { Severity::Info },
        message: format!(
            "the version of {} is not known; before {newest} it can have {}",
            instance.id,
            ids.join(", ")
        ),
        place: Place::whole(&instance.source),
    })
}

fn outdated(subject: &Subject<'_>) -> Vec<Found> {
    let installed = installed(subject);
    let found = |(instance, _): (&Instance, &Running)| {
        let process = process(subject, instance)?;
        let why = replaced(process, installed)?;
        Some(Found {
            severity: Severity::Medium,
            message: format!("{}: {why}", instance.id),
            place: Place::whole(format!("process {}", process.pid)),
        })
    };
    subject.running().filter_map(found).collect()
}

fn installed(subject: &Subject<'_>) -> Option<Version> {
    let output = subject.snapshot.output("memcached -V")?;
    let mut words = output.text().split_whitespace();
    words.find(|word| *word == "memcached")?;
    words.next()?.parse().ok()
}

/// That the program of a process is no longer the one of that path. Where it
/// is another than the installed one it has nothing to do with that.
fn replaced(process: &Process, installed: Option<Version>) -> Option<String> {
    let runs: Option<Version> =
        process.version.as_ref().and_then(|v| v.parse().ok());
    let newer = runs.zip(installed).filter(|(runs, there)| runs < there);
    let own = OWN_BUILDS.iter().any(|dir| process.exe.starts_with(dir));
    match newer.filter(|_| !own) {
        Some((runs, there)) => {
            Some(format!("{runs} runs, and {there} is installed"))
        }
        None if process.exe.ends_with(" (deleted)") => {
            let exe = process.exe.trim_end_matches(" (deleted)");
            Some(format!("the program that runs is no longer {exe}"))
        }
        None => None,
    }
}
