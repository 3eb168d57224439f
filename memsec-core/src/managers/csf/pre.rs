//! csfpre.sh, which csf runs once it has emptied its tables and before it
//! makes its own rules: there a guard of iptables comes back.

use super::{conf::PATH, is_enabled};
use crate::{Error, FileChange, Snapshot, managers::guard, snapshot::Content};

/// Where a script of csf may be; the first that is there runs.
const DIRECTORIES: [&str; 2] = ["/usr/local/csf/bin", "/etc/csf"];

/// csf runs it as a program, and puts a line for bash first where there is
/// none.
const NEW: &str = "#!/bin/sh\n\
    # csf runs this once it has emptied the tables of iptables.\n";
const BASH: &str = "#!/bin/bash\n";

/// The script of a name, where it is or, if it is nowhere, may be put.
pub(super) fn path(snapshot: &Snapshot, name: &str) -> String {
    let paths = DIRECTORIES.map(|directory| format!("{directory}/{name}"));
    let there = |path: &&String| snapshot.files.contains_key(*path);
    let found = paths.iter().find(there).or(paths.last());
    found.cloned().unwrap_or_default()
}

/// The script by which each start of csf loads the guard of iptables, as it
/// is and as it is to be; `None` where csf does not start, and empties
/// nothing.
///
/// # Errors
///
/// A script that is not known as text.
pub(crate) fn loading_guard(
    snapshot: &Snapshot,
) -> Result<Option<FileChange>, Error> {
    if !is_enabled(snapshot) || !snapshot.files.contains_key(PATH) {
        return Ok(None);
    }
    let path = path(snapshot, "csfpre.sh");
    let content = snapshot.files.get(&path).map(|file| &file.content);
    let before = match content {
        None => None,
        Some(Content::Text(text)) => Some(text.clone()),
        Some(_) => {
            let what = format!("{path}: it is to load the guard, and no text");
            return Err(Error::unsupported(what));
        }
    };
    let after = Some(with_guard(before.as_deref()));
    Ok(Some(FileChange { path, before, after }))
}

/// The script with the line that loads the guard before all that it does.
fn with_guard(text: Option<&str>) -> String {
    let Some(text) = text else { return format!("{NEW}{}\n", line()) };
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|l| !l.is_empty() && !l.starts_with('#'));
    if first.is_some_and(loads_guard) {
        return text.to_owned();
    }
    let (head, rest) = match text.split_once('\n') {
        Some((head, rest)) if text.starts_with("#!") => {
            (format!("{head}\n"), rest)
        }
        None if text.starts_with("#!") => (format!("{text}\n"), ""),
        _ => (BASH.to_owned(), text),
    };
    format!("{head}{}\n{rest}", line())
}

fn line() -> String {
    format!("sh {}", guard::SCRIPT)
}

/// Whether a line loads the guard, and does nothing else.
pub(super) fn loads_guard(line: &str) -> bool {
    let words: Vec<_> = line.split_whitespace().collect();
    let [shell, path] = words[..] else { return false };
    ["sh", "/bin/sh"].contains(&shell) && path == guard::SCRIPT
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "sh /etc/memsec/guard.sh\n";

    fn csf() -> Snapshot {
        Snapshot::new().with_file("/etc/csf/csf.conf", "TESTING = \"0\"\n")
    }

    fn change(host: &Snapshot) -> FileChange {
        loading_guard(host).unwrap().unwrap()
    }

    #[test]
    fn a_script_that_is_not_there_is_made() {
        let FileChange { path, before, after } = change(&csf());
        assert_eq!((path.as_str(), before), ("/etc/csf/csfpre.sh", None));
        let after = after.unwrap();
        assert!(after.starts_with("#!/bin/sh\n"), "{after}");
        assert!(after.ends_with(SCRIPT), "{after}");
    }

    #[test]
    fn the_script_that_csf_runs_is_changed() {
        let own = "/usr/local/csf/bin/csfpre.sh";
        let both = csf().with_file("/etc/csf/csfpre.sh", "").with_file(own, "");
        assert_eq!(change(&both).path, own);
    }

    /// The line goes before whatever may end the script.
    #[test]
    fn one_line_is_added_and_only_once() {
        for (before, after) in [
            ("#!/bin/sh\nexit 0\n", format!("#!/bin/sh\n{SCRIPT}exit 0\n")),
            ("#!/bin/bash", format!("#!/bin/bash\n{SCRIPT}")),
            ("date\n", format!("#!/bin/bash\n{SCRIPT}date\n")),
            ("", format!("#!/bin/bash\n{SCRIPT}")),
        ] {
            let host = csf().with_file("/etc/csf/csfpre.sh", before);
            assert_eq!(change(&host).after.as_ref(), Some(&after), "{before}");
            let host = host.with_file("/etc/csf/csfpre.sh", &after);
            let again = change(&host);
            assert_eq!(again.before, again.after);
        }
    }

    #[test]
    fn where_csf_does_not_start_it_is_left_alone() {
        let off = csf().with_file("/etc/csf/csf.disable", "");
        for host in [off, Snapshot::new()] {
            assert!(loading_guard(&host).unwrap().is_none());
        }
    }

    #[test]
    fn a_script_that_could_not_be_read_is_named() {
        let mut host = csf();
        let lost = Content::Error("denied".to_owned());
        host.files.insert("/etc/csf/csfpre.sh".to_owned(), lost.into());
        let error = loading_guard(&host).unwrap_err().to_string();
        assert!(error.contains("/etc/csf/csfpre.sh"), "{error}");
    }
}
