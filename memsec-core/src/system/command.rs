use std::{
    process::{Command, Stdio},
    sync::Arc,
};

use crate::snapshot::Output;

/// Where the programs are that a plain user's PATH may lack.
pub(super) const PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a shell says of a command that is not there.
const NOT_FOUND: i32 = 127;

/// Runs a command, without a shell, and keeps what it prints.
pub(super) fn run(line: &[&str]) -> Output {
    let Some((program, arguments)) = line.split_first() else {
        return Output { status: NOT_FOUND, ..Output::default() };
    };
    let path = match std::env::var("PATH") {
        Ok(path) => format!("{path}:{PATH}"),
        Err(_) => PATH.to_owned(),
    };
    let ran = Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match ran {
        Ok(output) => Output {
            stdout: Arc::new(
                String::from_utf8_lossy(&output.stdout).into_owned(),
            ),
            status: output.status.code().unwrap_or(-1),
        },
        Err(_) => Output { status: NOT_FOUND, ..Output::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_not_there_has_status_127() {
        assert_eq!(run(&["no-such-program-anywhere"]).status, 127);
    }

    #[test]
    fn what_it_prints_and_how_it_ends_are_kept() {
        let echo = run(&["echo", "a b"]);
        assert_eq!((echo.stdout.as_str(), echo.status), ("a b\n", 0));
        assert_eq!(run(&["false"]).status, 1);
    }
}
