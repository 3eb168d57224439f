//! What watches over a run from outside of it.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{boot, run::Run};
use crate::{Error, system::command::PATH};

/// How long a watcher may take until it watches.
const PATIENCE: Duration = Duration::from_secs(15);

/// Starts the watcher and waits until it watches. Where systemd runs it is a
/// unit of its own, since a login session can end with all its processes;
/// else a process of a session of its own.
pub(super) fn arm(run: &Run) -> Result<(), Error> {
    let _ = fs::remove_file(run.path("armed"));
    let by_systemd =
        boot::is_systemd() && starts(&mut systemd_run(run)) && is_armed(run);
    if by_systemd || starts(&mut detached(run)) && is_armed(run) {
        return Ok(());
    }
    let what = "nothing can be started that would undo the plan if this \
                process ended";
    Err(Error::unsupported(what))
}

fn systemd_run(run: &Run) -> Command {
    let mut command = Command::new("systemd-run");
    command
        .args(["--quiet", "--unit", &format!("memsec-{}", run.name)])
        .args(["--description", "memsec: undoes a plan that is cut off"])
        .arg("/bin/sh")
        .arg(run.path("rollback.sh"))
        .arg("watch");
    command
}

fn detached(run: &Run) -> Command {
    let mut command = Command::new("sh");
    let line = "setsid sh \"$1\" watch </dev/null >>\"$2\" 2>&1 &";
    command
        .args(["-c", line, "sh"])
        .arg(run.path("rollback.sh"))
        .arg(run.path("rollback.log"));
    command
}

fn starts(command: &mut Command) -> bool {
    command
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_armed(run: &Run) -> bool {
    let start = Instant::now();
    while !run.path("armed").exists() {
        if start.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}
