//! Runs the command of a step.

use std::{
    fs::File,
    io::{self, ErrorKind},
    process::Child,
    time::Duration,
};

use crate::system::command::{NOT_FOUND, PATH, TOO_LONG, command, wait};

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit status: 127 where it is not there, 124 where it took too
    /// long, and -1 where it has none.
    pub status: i32,
    /// What went wrong, if something did.
    pub problem: Option<String>,
}

impl Ended {
    /// Of no command.
    pub(super) fn nothing() -> Self {
        Self { status: 0, problem: None }
    }
}

/// Runs a command. What it prints goes to `output`: a daemon that it leaves
/// behind does not hold us up.
pub(super) fn execute(
    line: &[String],
    output: &File,
    limit: Duration,
) -> Ended {
    let name = line.first().map_or("", String::as_str);
    let failed = |status, problem: String| Ended {
        status,
        problem: Some(format!("{name}: {problem}")),
    };
    let started = start(line, output);
    match started.and_then(|mut child| wait(&mut child, limit)) {
        Ok(Some(status)) if status.success() => Ended::nothing(),
        Ok(Some(status)) => {
            failed(status.code().unwrap_or(-1), status.to_string())
        }
        Ok(None) => {
            let limit = limit.as_secs_f32();
            failed(TOO_LONG, format!("no end after {limit} s"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            failed(NOT_FOUND, "no such program".to_owned())
        }
        Err(error) => failed(-1, error.to_string()),
    }
}

fn start(line: &[String], output: &File) -> io::Result<Child> {
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    command(&words, PATH)
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .spawn()
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use nix::{sys::signal::killpg, unistd::Pid};

    use super::*;

    fn run(line: &[&str], millis: u64) -> (Ended, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line: Vec<_> = line.iter().map(|&word| word.to_owned()).collect();
        let limit = Duration::from_millis(millis);
        let ended = execute(&line, file.as_file(), limit);
        (ended, std::fs::read_to_string(file.path()).unwrap())
    }

    #[test]
    fn a_command_that_fails_says_so() {
        assert_eq!(run(&["false"], 5000).0.status, 1);
        let ended = run(&["/no/such"], 5000).0;
        assert_eq!(ended.status, NOT_FOUND);
        assert_eq!(ended.problem.unwrap(), "/no/such: no such program");
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
