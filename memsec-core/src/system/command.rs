//! Commands: without a shell, with nothing of our environment, and only for
//! so long.

use std::{
    io::{self, ErrorKind, Read},
    os::unix::process::CommandExt,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::snapshot::Output;

/// Where the programs are that a plain user's PATH may lack.
pub(super) const PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a shell says of a command that is not there.
pub(super) const NOT_FOUND: i32 = 127;
/// What timeout(1) says of one that took too long.
pub(super) const TOO_LONG: i32 = 124;

/// How long a command that only prints may take. A million rules are printed
/// in less; a daemon that it asks may never answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before looking again: first, and at most.
const PAUSE: [Duration; 2] =
    [Duration::from_millis(1), Duration::from_millis(20)];

/// Runs a command and keeps what it prints. The caller's PATH comes first:
/// not every system has its programs where others do.
pub(super) fn run(line: &[&str]) -> Output {
    run_within(line, PATIENCE)
}

fn run_within(line: &[&str], limit: Duration) -> Output {
    let own = std::env::var("PATH");
    let path = own.map_or_else(|_| PATH.to_owned(), |p| format!("{p}:{PATH}"));
    let mut command = command(line, &path);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let (stdout, status) = match command.spawn() {
        Ok(child) => printed(child, limit),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            (Vec::new(), NOT_FOUND)
        }
        Err(_) => (Vec::new(), -1),
    };
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    Output { stdout: Arc::new(stdout), status }
}

/// What a command prints, and how it ends. What was not printed to its end is
/// not kept: half a rule set is another one.
fn printed(mut child: Child, limit: Duration) -> (Vec<u8>, i32) {
    let start = Instant::now();
    let pipe = child.stdout.take();
    let stdout = pipe.and_then(|pipe| read_within(pipe, limit));
    let left = limit.saturating_sub(start.elapsed());
    let status = wait(&mut child, left);
    match (stdout, status) {
        (Some(stdout), Ok(Some(status))) => {
            (stdout, status.code().unwrap_or(-1))
        }
        (_, Ok(_)) => (Vec::new(), TOO_LONG),
        (_, Err(_)) => (Vec::new(), -1),
    }
}

/// Reads to the end, in a thread of its own: one that a command leaves behind
/// can hold the pipe for ever.
fn read_within(mut pipe: ChildStdout, limit: Duration) -> Option<Vec<u8>> {
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).ok().map(|_| bytes)
    });
    let start = Instant::now();
    let [mut pause, longest] = PAUSE;
    while !reader.is_finished() {
        if start.elapsed() >= limit {
            return None;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
    reader.join().ok().flatten()
}

/// A command that is yet to run, in a group of processes of its own.
pub(super) fn command(line: &[&str], path: &str) -> Command {
    let mut command = Command::new(line.first().copied().unwrap_or_default());
    command
        .args(line.iter().skip(1))
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .env("HOME", "/")
        .current_dir("/")
        .stdin(Stdio::null())
        .process_group(0);
    command
}

/// Waits until a command ends. If it takes longer than `limit`, it is killed
/// with all that it started, and the answer is `None`.
pub(super) fn wait(
    child: &mut Child,
    limit: Duration,
) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    let [mut pause, longest] = PAUSE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            end(child);
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(longest);
    }
}

fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        // It may have ended just now.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(line: &[&str], millis: u64) -> (String, i32) {
        let output = run_within(line, Duration::from_millis(millis));
        (output.stdout.to_string(), output.status)
    }

    #[test]
    fn a_command_that_is_not_there_has_status_127() {
        assert_eq!(run(&["no-such-program-anywhere"]).status, NOT_FOUND);
        assert_eq!(run(&[]).status, NOT_FOUND);
    }

    #[test]
    fn what_it_prints_and_how_it_ends_are_kept() {
        let echo = run(&["echo", "a b"]);
        assert_eq!((echo.stdout.as_str(), echo.status), ("a b\n", 0));
        assert_eq!(run(&["false"]).status, 1);
        assert_eq!(run(&["sh", "-c", "kill -9 $$"]).status, -1);
    }

    #[test]
    fn it_has_nothing_of_our_environment() {
        let names = run(&["env"]).stdout;
        let mut names: Vec<_> =
            names.lines().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "LC_ALL", "PATH"]);
    }

    #[test]
    fn one_that_takes_too_long_is_ended() {
        let silent = ["sleep", "60"];
        assert_eq!(within(&silent, 100), (String::new(), TOO_LONG));
        let half = ["sh", "-c", "echo half; sleep 60"];
        assert_eq!(within(&half, 100), (String::new(), TOO_LONG));
        let closed = ["sh", "-c", "exec >&-; sleep 60"];
        assert_eq!(within(&closed, 100), (String::new(), TOO_LONG));
    }

    #[test]
    fn one_that_it_leaves_behind_does_not_hold_us_up() {
        let script = "setsid sleep 3 & echo left";
        let start = Instant::now();
        assert_eq!(within(&["sh", "-c", script], 100).1, TOO_LONG);
        assert!(start.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn more_than_a_pipe_holds_is_kept() {
        let output = run(&["seq", "100000"]);
        assert!(output.stdout.ends_with("\n100000\n"));
    }
}
