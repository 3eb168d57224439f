//! Which connection this process belongs to, and since when there is one.

use std::{fs, time::Duration};

use nix::{
    time::{ClockId, clock_gettime},
    unistd::{SysconfVar, sysconf},
};
/// More processes above one another than this are none that a person makes.
const MOST: usize = 64;

/// What tells a new connection from one that was there before.
///
/// That a connection lives which was open before proves nothing: its packets
/// belong to an established one. A new one was let in by the rules as they
/// are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The boot of the kernel that it was at.
    pub boot: String,
    /// Nanoseconds since that boot.
    pub since: u64,
}

impl Moment {
    /// Now.
    pub(super) fn now() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let since = clock_gettime(ClockId::CLOCK_BOOTTIME);
        let since = since.map(Duration::from).unwrap_or_default();
        Self {
            boot: boot.unwrap_or_default().trim_end().to_owned(),
            since: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Whether the connection that this process belongs to was opened before;
    /// one that comes from no sshd is at the host itself, or of a program
    /// that has its own way to it.
    pub(super) fn saw_our_connection(&self) -> bool {
        let same_boot = self.boot == Self::now().boot;
        same_boot && opened().is_some_and(|opened| opened <= self.since)
    }
}

/// When the connection was opened that this process belongs to: the start of
/// the nearest sshd above it. sudo does not hide it, and sessions that share
/// one connection share it. A terminal that was detached from its connection
/// has none above it, and is taken to be as old as what keeps it.
fn opened() -> Option<u64> {
    let mut pid = std::process::id();
    let mut detached = None;
    let mut in_terminal = false;
    for _ in 0..MOST {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        let Some(process) = stat.and_then(|s| Process::parse(&s)) else {
            break;
        };
        if process.is_sshd {
            return process.since();
        }
        in_terminal |= process.has_terminal;
        if in_terminal && came_by_ssh(pid) {
            detached = process.since();
        }
        pid = process.parent;
    }
    detached
}

/// Whether the environment that a process was started with is of a
/// connection; sudo takes that out, and leaves what is above it as it was.
fn came_by_ssh(pid: u32) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ"));
    let environment = environment.unwrap_or_default();
    let mut pairs = environment.split(|&byte| byte == 0);
    pairs.any(|pair| pair.starts_with(b"SSH_CONNECTION="))
}

struct Process {
    is_sshd: bool,
    parent: u32,
    has_terminal: bool,
    /// In ticks of the clock since the boot.
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
            has_terminal: fields.nth(2)? != "0",
            start: fields.nth(14)?.parse().ok()?,
        })
    }

    /// Nanoseconds since the boot.
    fn since(&self) -> Option<u64> {
        let ticks = sysconf(SysconfVar::CLK_TCK).ok()??;
        let nanos = 1_000_000_000 / u64::try_from(ticks).ok()?.max(1);
        self.start.checked_mul(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = "7 (sshd) ) x) S 5 1 1 34816 -1 4 1 2 3 4 5 6 7 8 9 10 11 12 \
                    777 0";
        let process = Process::parse(stat).unwrap();
        assert!(process.is_sshd);
        assert!(process.has_terminal);
        assert_eq!((process.parent, process.start), (5, 777));
    }

    #[test]
    fn this_process_started_before_now() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let started = Process::parse(&stat).unwrap().since().unwrap();
        assert!(started <= Moment::now().since);
    }

    #[test]
    fn of_another_boot_nothing_was_seen() {
        let boot = "another".to_owned();
        let other = Moment { boot, since: u64::MAX };
        assert!(!other.saw_our_connection());
    }
}
