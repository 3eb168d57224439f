//! The way back after a power cut, where systemd starts the host: a unit that
//! is there as long as the run is not finished.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::{place, run::Run};

const UNITS: &str = "/etc/systemd/system";
/// A unit that is wanted here is started at boot, enabled or not.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

/// The unit of a run, and the link that has it started.
pub(super) fn paths(run: &str) -> [PathBuf; 2] {
    let name = format!("memsec-{run}-boot.service");
    [UNITS, WANTS].map(|directory| Path::new(directory).join(&name))
}

/// The directory that `arm` will have to make.
pub(super) fn missing() -> Option<&'static Path> {
    let wants = Path::new(WANTS);
    (is_systemd() && !wants.exists()).then_some(wants)
}

pub(super) fn is_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// After the boot, since undoing may restart services.
fn text(run: &Run) -> String {
    format!(
        "[Unit]\n\
         Description=memsec: undo a plan that was cut off\n\
         After=multi-user.target\n\n\
         [Service]\n\
         Type=simple\n\
         ExecStart=/bin/sh {} watch\n",
        run.path("rollback.sh").display()
    )
}

/// Has the run undone at the next boot unless it is confirmed.
pub(super) fn arm(run: &Run) -> io::Result<()> {
    if !is_systemd() {
        return Ok(());
    }
    let [unit, link] = paths(&run.name);
    place::write(&unit, text(run).as_bytes(), Path::new(""))?;
    fs::create_dir_all(WANTS)?;
    symlink(&unit, &link)?;
    place::sync_directory(&link)?;
    place::sync_directory(&unit)
}
