//! MEMSEC-SYS, PRIV-003 and LOG-001: what the launcher adds.

use super::{Check, Found, each};
use crate::{
    audit::{
        Severity,
        subject::{Access, Subject},
    },
    memcached::{Directive, Instance, Launcher, ignored_by_systemd},
    text::{Place, Span},
};

pub(super) const SYS_002: Check = Check {
    id: "MEMSEC-SYS-002",
    title: "The unit lets every address in",
    severity: Severity::Low,
    varies: "low where others than the clients get in, info where only \
             clients do, nothing where only this host does",
    why: "IPAddressAllow= holds even while the firewall is down",
    detection: "a unit without IPAddressDeny=, and a way in from other hosts",
    fix: "a drop-in with IPAddressDeny=any, IPAddressAllow=localhost and the \
          clients",
    references: &["systemd.resource-control(5)"],
    find: every_address,
};

pub(super) const SYS_003: Check = Check {
    id: "MEMSEC-SYS-003",
    title: "systemd passes over what was written",
    severity: Severity::High,
    varies: "high where what is lost looks like an option or others than the \
             clients get in, else low",
    why: "a quote in the wrong place, and -l is no option any more: memcached \
          listens on every address",
    detection: "the words of Environment= and the lines of the unit and of \
                its environment files that assign nothing",
    fix: "write NAME=\"VALUE\", with the quotes around all of the value, and \
          no export",
    references: &["systemd.exec(5)", "systemd.syntax(7)"],
    find: passed_over,
};

pub(super) const SYS_004: Check = Check {
    id: "MEMSEC-SYS-004",
    title: "Syntax of a shell in the options",
    severity: Severity::Medium,
    varies: "the same whoever gets in",
    why: "systemd hands it to memcached as words, and memcached passes over \
          them; Debian's wrapper hands all the options to a shell, as root",
    detection: "redirections, pipes, \";\", \"$\" or backquotes among the \
                words, or in Debian's conf",
    fix: "remove it; StandardOutput= of the unit says where output goes",
    references: &["systemd.service(5)"],
    find: shell_syntax,
};

pub(super) const PRIV_003: Check = Check {
    id: "MEMSEC-PRIV-003",
    title: "A crash leaves the cache in a file",
    severity: Severity::Low,
    varies: "the same whoever gets in",
    why: "a core dump has every key and value, and the passwords",
    detection: "-r, or a LimitCORE= other than 0, unless LimitCORE=0 follows",
    fix: "remove -r, and set LimitCORE=0",
    references: &["core(5)", "CWE-528"],
    find: core_dumps,
};

pub(super) const LOG_001: Check = Check {
    id: "MEMSEC-LOG-001",
    title: "Nobody sees wrong passwords or failed starts",
    severity: Severity::Low,
    varies: "the same whoever gets in",
    why: "who tries passwords leaves no trace",
    detection: "-S or -Y without -v, or -d in a systemd unit, after which \
                the journal gets nothing",
    fix: "add one -v, and leave -d out",
    references: &["NIST AU-12", "ANSSI R72"],
    find: unlogged,
};

/// The last line of a section that sets a name.
pub(super) fn last<'d>(
    lines: &'d [Directive],
    section: &str,
    key: &str,
) -> Option<&'d Directive> {
    let mut lines = lines.iter().rev();
    lines.find(|line| line.section == section && line.key == key)
}

/// The file of a unit itself; `None` where the snapshot does not have it.
pub(super) fn own_file(lines: &[Directive]) -> Option<&str> {
    let mut spans = lines.iter().filter_map(|line| line.value.span.as_ref());
    spans.next().map(Span::source_name)
}

fn every_address(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let lines = subject.directives(&instance.unit());
        let own = own_file(&lines)?;
        if last(&lines, "Service", "IPAddressDeny").is_some() {
            return None;
        }
        let access = subject.access(instance, running);
        let severity = access.graded(Severity::Low, Severity::Info)?;
        let message = format!("{} has no IPAddressDeny=", instance.unit());
        Some(Found::new(severity, Place::whole(own), message))
    })
}

fn passed_over(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let mut lost = Vec::new();
        for line in subject.directives(&instance.unit()) {
            let place = line.value.place(&instance.source);
            let words = line.ignored().into_iter();
            lost.extend(words.map(|word| (word, place.clone())));
        }
        if instance.launcher == Launcher::Systemd {
            let file = subject.snapshot.text(&instance.source);
            let file = file.ok().flatten();
            let file = file.filter(|f| !f.name().ends_with(".service"));
            let lines = file.iter().flat_map(ignored_by_systemd);
            lost.extend(lines.map(|l| (l.text().to_owned(), l.place())));
        }
        let open = subject.access(instance, running) == Access::Others;
        let found = lost.into_iter().map(|(text, place)| {
            let bad = open || text.contains("-l") || text.contains("-U");
            let severity = if bad { Severity::High } else { Severity::Low };
            let message = format!("systemd passes over {:?}", text.trim());
            Found::new(severity, place, message)
        });
        found.collect::<Vec<_>>()
    })
}

/// Beginnings of words that only a shell understands.
const WORDS: [&str; 7] = [">", "1>", "2>", "|", "&", ";", "`"];

fn shell_syntax(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, _| match instance.launcher {
        Launcher::Debian => debian_shell(subject, instance),
        Launcher::Systemd => {
            let shell =
                |text: &str| WORDS.iter().any(|word| text.starts_with(word));
            let word = instance.argv.iter().find(|word| shell(&word.text))?;
            let message = format!(
                "{} gets {:?} as a word, and passes over it",
                instance.id, word.text
            );
            let place = word.place(&instance.source);
            Some(Found::new(Severity::Medium, place, message))
        }
        _ => None,
    })
}

fn debian_shell(subject: &Subject<'_>, instance: &Instance) -> Option<Found> {
    let conf = subject.snapshot.text(&instance.source).ok().flatten()?;
    let options = |line: &Span| line.text().trim_start().starts_with('-');
    let code = |line: &Span| {
        let text = line.text().split('#').next().unwrap_or_default();
        text.contains(['>', '<', '|', '&', ';', '$', '`'])
    };
    let line = conf.lines().filter(options).find(code)?;
    let message =
        format!("a shell, as root, reads the options of {}", instance.id);
    Some(Found::new(Severity::Medium, line.place(), message))
}

fn core_dumps(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let lines = subject.directives(&instance.unit());
        let limit = last(&lines, "Service", "LimitCORE");
        let none = limit.is_some_and(|line| line.value.text.starts_with('0'));
        let place = match limit {
            _ if none => return None,
            _ if running.options.contains_key(&'r') => instance.place('r'),
            Some(line) => line.value.place(&instance.source),
            None => return None,
        };
        let message = format!("{} may leave core dumps", instance.id);
        Some(Found::new(Severity::Low, place, message))
    })
}

fn unlogged(subject: &Subject<'_>) -> Vec<Found> {
    each(subject, |instance, running| {
        let has = |letter| running.options.contains_key(&letter);
        let unseen = running.asks() && !has('v');
        let away = has('d') && instance.launcher == Launcher::Systemd;
        let (option, what) = match (unseen, away) {
            (true, _) => ('Y', "logs no wrong passwords: there is no -v"),
            (_, true) => ('d', "leaves its standard error by -d"),
            _ => return None,
        };
        let message = format!("{} {what}", instance.id);
        Some(Found::new(Severity::Low, instance.place(option), message))
    })
}
