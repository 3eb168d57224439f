//! Runs the command of a step.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::system::command::PATH;

/// How long to wait before looking again: first, and at most.
const PAUSE: [Duration; 2] =
    [Duration::from_millis(1), Duration::from_millis(20)];

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit status; -1 where it has none.
    pub status: i32,
    /// What went wrong, if something did.
    pub problem: Option<String>,
}

impl Ended {
    /// Of no command.
    pub(super) fn nothing() -> Self {
        Self { status: 0, problem: None }
    }

    fn failed(problem: String) -> Self {
        Self { status: -1, problem: Some(problem) }
    }
}

/// Runs a command without a shell and with nothing of our environment. What
/// it prints goes to `output`: a daemon that it leaves behind does not hold
/// us up. If it takes longer than `limit`, it is killed with all that it
/// started.
pub(super) fn execute(
    line: &[String],
    output: &File,
    limit: Duration,
) -> Ended {
    match start(line, output) {
        Ok(child) => wait(child, line, limit),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ended::failed(format!("{}: no such program", name(line)))
        }
        Err(error) => Ended::failed(format!("{}: {error}", name(line))),
    }
}

fn name(line: &[String]) -> &str {
    line.first().map_or("", String::as_str)
}

fn start(line: &[String], output: &File) -> io::Result<Child> {
    Command::new(name(line))
        .args(line.iter().skip(1))
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .env("HOME", "/")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .process_group(0)
        .spawn()
}

fn wait(mut child: Child, line: &[String], limit: Duration) -> Ended {
    let start = Instant::now();
    let [mut pause, longest] = PAUSE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                let problem = format!("{}: {status}", name(line));
                return Ended {
                    status: status.code().unwrap_or(-1),
                    problem: (!status.success()).then_some(problem),
                };
            }
            Err(error) => return Ended::failed(error.to_string()),
            Ok(None) => {}
        }
        if start.elapsed() >= limit {
            end(&mut child);
            return Ended::failed(format!(
                "{}: no end after {} s",
                name(line),
                limit.as_secs_f32()
            ));
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

    fn run(line: &[&str], millis: u64) -> (Ended, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line: Vec<_> = line.iter().map(|&word| word.to_owned()).collect();
        let limit = Duration::from_millis(millis);
        let ended = execute(&line, file.as_file(), limit);
        (ended, std::fs::read_to_string(file.path()).unwrap())
    }

    #[test]
    fn it_has_nothing_of_our_environment() {
        let (ended, output) = run(&["env"], 5000);
        assert_eq!(ended.status, 0);
        assert_eq!(output.lines().count(), 3, "{output}");
    }

    #[test]
    fn a_command_that_fails_says_so() {
        assert_eq!(run(&["false"], 5000).0.status, 1);
        let problem = run(&["/no/such"], 5000).0.problem.unwrap();
        assert_eq!(problem, "/no/such: no such program");
    }

    #[test]
    fn one_that_hangs_is_killed_with_what_it_started() {
        let line = ["sh", "-c", "echo $$; sleep 60 & wait"];
        let (ended, output) = run(&line, 200);
        assert!(ended.problem.unwrap().starts_with("sh: no end after"));
        let group: i32 = output.trim().parse().unwrap();
        let start = Instant::now();
        while killpg(Pid::from_raw(group), None).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(5));
            thread::sleep(Duration::from_millis(5));
        }
    }
}
