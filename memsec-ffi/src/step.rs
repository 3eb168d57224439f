use std::ffi::{CString, c_char};

use memsec_core::{Step, StepKind};

use crate::boundary::{borrowed, c_string, nth, texts};

/// One change. It belongs to its plan, and all that its functions return lives
/// as long as that.
#[derive(Debug)]
pub struct memsec_step {
    kind: memsec_step_kind,
    summary: CString,
    settles: Vec<CString>,
    file: CString,
    command: Vec<CString>,
}

/// What a step changes.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_step_kind {
    /// Nothing: there is no step.
    None = 0,
    /// A configuration file.
    Edit = 1,
    /// memsec's own firewall table.
    Guard = 2,
    /// The host's own firewall.
    Manager = 3,
    /// A service, which it restarts.
    Service = 4,
    /// What comes back at the next boot.
    Persist = 5,
    /// Connections that are open.
    Cut = 6,
}

impl From<StepKind> for memsec_step_kind {
    fn from(kind: StepKind) -> Self {
        match kind {
            StepKind::Edit => Self::Edit,
            StepKind::Guard => Self::Guard,
            StepKind::Manager => Self::Manager,
            StepKind::Service => Self::Service,
            StepKind::Persist => Self::Persist,
            StepKind::Cut => Self::Cut,
        }
    }
}

impl From<&Step> for memsec_step {
    fn from(step: &Step) -> Self {
        let file = step.file.as_ref().map(|file| file.path.as_str());
        Self {
            kind: step.kind.into(),
            summary: c_string(&step.summary),
            settles: texts(&step.settles),
            file: c_string(file.unwrap_or_default()),
            command: texts(&step.command),
        }
    }
}

/// What a step changes; MEMSEC_STEP_KIND_NONE for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_step_get_kind(
    step: Option<&memsec_step>,
) -> memsec_step_kind {
    step.map_or(memsec_step_kind::None, |step| step.kind)
}

/// One line for a person. Never NULL: empty for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_step_summary(
    step: Option<&memsec_step>,
) -> *const c_char {
    borrowed(step.map(|step| &step.summary))
}

/// The number of checks whose findings a step settles; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_step_settles_len(step: Option<&memsec_step>) -> usize {
    step.map_or(0, |step| step.settles.len())
}

/// The identifier of a check whose findings a step settles, or NULL past the
/// end.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_step_settles(
    step: Option<&memsec_step>,
    index: usize,
) -> *const c_char {
    nth(step.map(|step| &step.settles), index)
}

/// The path of the file that a step writes first. Never NULL: empty if it
/// writes none, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_step_file(
    step: Option<&memsec_step>,
) -> *const c_char {
    borrowed(step.map(|step| &step.file))
}

/// The number of words of the command that a step then runs; 0 if it runs
/// none, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_step_command_len(step: Option<&memsec_step>) -> usize {
    step.map_or(0, |step| step.command.len())
}

/// A word of the command that a step then runs, the program first, or NULL
/// past the end. No shell is meant to read them.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_step_command(
    step: Option<&memsec_step>,
    index: usize,
) -> *const c_char {
    nth(step.map(|step| &step.command), index)
}
