//! Which connection this process belongs to.

use std::fs;

/// More processes above one another than this are none that a person makes.
const MOST: usize = 64;

/// The nearest sshd above this process: its identifier and the time of its
/// start; empty if there is none. sudo does not hide it, and sessions that
/// share one connection share it.
pub(super) fn text() -> String {
    let mut pid = std::process::id();
    for _ in 0..MOST {
        let path = format!("/proc/{pid}/stat");
        let Ok(stat) = fs::read_to_string(path) else { break };
        let Some(process) = Process::parse(&stat) else { break };
        if process.is_sshd {
            return format!("sshd {pid} {}", process.start);
        }
        pid = process.parent;
    }
    String::new()
}

struct Process {
    is_sshd: bool,
    parent: u32,
    start: u64,
}

impl Process {
    /// Reads /proc/PID/stat, see proc(5): the name may have any byte in it.
    fn parse(stat: &str) -> Option<Self> {
        let (head, rest) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1;
        let mut fields = rest.split_whitespace();
        Some(Self {
            is_sshd: name.starts_with("sshd"),
            parent: fields.nth(1)?.parse().ok()?,
            start: fields.nth(17)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = "7 (sshd) ) x) S 5 1 1 0 -1 4 1 2 3 4 5 6 7 8 9 10 11 12 \
                    777 0";
        let process = Process::parse(stat).unwrap();
        assert!(process.is_sshd);
        assert_eq!((process.parent, process.start), (5, 777));
    }

    #[test]
    fn this_process_has_a_parent() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(Process::parse(&stat).unwrap().start > 0);
    }
}
