//! What of a snapshot the checks would need, and it does not have.

use super::{confinement, credentials, modes, sandbox::support};
use crate::{
    audit::{Unknown, subject::Subject},
    text::Place,
};

/// Files whose owner and mode decide a check.
type Files = fn(&Subject<'_>) -> Vec<String>;

const NEEDED: &[(&str, &str, Files)] = &[
    ("MEMSEC-AUTH-003", "who can read it", |subject| {
        secrets(subject, |running| {
            let all = credentials::auth_files(running).into_iter();
            // SASL's own stores are there only where they are used.
            all.filter(|(_, option)| *option == 'Y').collect()
        })
    }),
    ("MEMSEC-TLS-004", "who can read it", |subject| {
        secrets(subject, credentials::key_files)
    }),
    ("MEMSEC-FILE-001", "who can change it", |subject| {
        let all = modes::configuration(subject).into_iter();
        let known = |path: &String| subject.snapshot.files.contains_key(path);
        all.map(|(path, _)| path).filter(known).collect()
    }),
];

fn secrets(
    subject: &Subject<'_>,
    files: fn(&crate::memcached::Running) -> Vec<(String, char)>,
) -> Vec<String> {
    let all = subject.running().flat_map(|(_, running)| files(running));
    all.map(|(path, _)| path).collect()
}

/// The checks that are not decided, and what is missing for it.
pub(in super::super) fn missing(subject: &Subject<'_>) -> Vec<Unknown> {
    let mut out = Vec::new();
    for (check, what, files) in NEEDED {
        for path in files(subject) {
            let file = subject.snapshot.files.get(&path);
            if file.is_none_or(|file| file.mode.is_none()) {
                out.push(Unknown {
                    what: format!(
                        "the mode and owner of {path}, and so {what} \
                         ({check} is not decided)"
                    ),
                    place: Place::whole(path),
                });
            }
        }
    }
    out.extend(support(subject).and_then(|(release, _)| {
        subject.snapshot.time.is_none().then(|| Unknown {
            what: format!(
                "the time of the snapshot, and so whether {release} is \
                 still supported (MEMSEC-VER-003 is not decided)"
            ),
            place: Place::whole("/etc/os-release"),
        })
    }));
    let certificates = subject.running().filter_map(|(_, running)| {
        running.options.get(&'Z')?;
        running.suboptions.get("ssl_chain_cert")?.clone()
    });
    out.extend(certificates.map(|path| Unknown {
        what: format!(
            "the certificate in {path}, and so until when it holds \
             (MEMSEC-TLS-003 is decided by the versions alone)"
        ),
        place: Place::whole(path),
    }));
    out.extend(confinement::unknown(subject));
    out
}
