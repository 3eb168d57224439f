//! Options that stand in a systemd unit: its ExecStart.

use std::ops::Range;

use crate::memcached::launch::UNIT_DIRECTORIES;

/// The file of memsec's own drop-in: the last of its directory, so that no
/// other one's ExecStart takes its place.
const DROP_IN: &str = "zz-memsec.conf";

/// Whether a path is one of a unit or a drop-in.
pub(crate) fn is_unit(path: &str) -> bool {
    UNIT_DIRECTORIES.iter().any(|directory| {
        path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Whether a unit is the administrator's own to change.
pub(super) fn is_own(path: &str) -> bool {
    path.starts_with("/etc/systemd/system/")
}

/// Where memsec puts the ExecStart of a unit that belongs to a package.
pub(super) fn drop_in(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    format!("/etc/systemd/system/{name}.d/{DROP_IN}")
}

/// A drop-in that replaces the ExecStart of a unit by that of a text.
pub(super) fn replacing(text: &str) -> Option<String> {
    let exec = text.get(exec_start(text)?)?;
    Some(format!("[Service]\nExecStart=\n{exec}\n"))
}

/// The last ExecStart of a unit that says something, to the end of its last
/// line; a backslash joins lines.
pub(super) fn exec_start(text: &str) -> Option<Range<usize>> {
    let (mut found, mut open, mut at) = (None, None, 0);
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let line = line.trim_end_matches(['\r', '\n']);
        let first = open.take().or_else(|| starts(line).then_some(start));
        let Some(first) = first else { continue };
        match line.ends_with('\\') {
            true => open = Some(first),
            false => found = Some(first..start + line.trim_end().len()),
        }
    }
    found
}

fn starts(line: &str) -> bool {
    let value = line.trim_start().strip_prefix("ExecStart");
    let value = value.and_then(|rest| rest.trim_start().strip_prefix('='));
    value.is_some_and(|value| !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_says_something_counts() {
        let table = [
            ("[Service]\nExecStart=/a -l b \n", Some("ExecStart=/a -l b")),
            ("ExecStart=a\nExecStart=\n ExecStart = b", Some("ExecStart = b")),
            ("ExecStart=a \\\n -l b\nUser=c\n", Some("ExecStart=a \\\n -l b")),
            ("ExecStartPre=a\n", None),
            ("ExecStart=a \\", None),
        ];
        for (text, expected) in table {
            let found = exec_start(text).and_then(|range| text.get(range));
            assert_eq!(found.map(str::trim_start), expected, "{text:?}");
        }
    }

    #[test]
    fn a_drop_in_begins_anew() {
        let text = "[Unit]\n[Service]\nExecStart=/a -v\n";
        let expected = "[Service]\nExecStart=\nExecStart=/a -v\n";
        assert_eq!(replacing(text).as_deref(), Some(expected));
        let path = "/usr/lib/systemd/system/memcached.service";
        assert!(is_unit(path) && !is_own(path));
        let expected = "/etc/systemd/system/memcached.service.d/zz-memsec.conf";
        assert_eq!(drop_in(path), expected);
    }
}
