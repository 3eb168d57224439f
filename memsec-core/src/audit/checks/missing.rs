//! What of a snapshot the checks would need, and it does not have.

use super::{credentials, modes};
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
    out
}
