//! What a test needs of the machine that it runs on.

use std::{
    env,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
};

/// True if this machine has the named programs, and this process is root and
/// may make namespaces. If not, prints what is missing; in CI, where
/// everything must run, that is a failure.
///
/// # Panics
///
/// If something is missing and the environment has `CI=true`.
pub fn met(programs: &[&str]) -> bool {
    complain(missing(programs))
}

/// True if this machine has a device. If not, as [`met`].
///
/// # Panics
///
/// If it is missing and the environment has `CI=true`.
pub fn met_device(path: &str) -> bool {
    let there = Path::new(path).exists();
    complain((!there).then(|| format!("no {path}")))
}

fn complain(missing: Option<String>) -> bool {
    let Some(missing) = missing else { return true };
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!ci, "in CI nothing is skipped: {missing}");
    println!("skipped: {missing}");
    false
}

fn missing(programs: &[&str]) -> Option<String> {
    if !is_root() {
        return Some("needs root".to_owned());
    }
    if let Some(program) = programs.iter().find(|name| !is_program(name)) {
        return Some(format!("no {program}"));
    }
    (!has_namespaces()).then(|| "no namespaces".to_owned())
}

fn is_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|process| process.uid() == 0)
}

/// A path, or a name to look for where root would.
fn is_program(name: &str) -> bool {
    let path = env::var("PATH").unwrap_or_default();
    let directories = path.split(':').chain(["/usr/sbin", "/sbin"]);
    directories.into_iter().any(|at| Path::new(at).join(name).is_file())
}

fn has_namespaces() -> bool {
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "true"])
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
