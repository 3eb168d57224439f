use std::{
    ffi::{CString, c_char},
    mem::MaybeUninit,
};

#[cfg(feature = "host")]
use memsec_core::system::{Ended, Outcome};

use crate::{
    boundary::{self, borrowed, make, nth, print, required},
    error::memsec_error,
    plan::memsec_plan,
    run,
    status::memsec_status,
};

/// What became of a plan that was carried out. It belongs to the caller, and
/// is never changed; ask memsec_outcome_read() how a run goes on.
#[derive(Debug)]
pub struct memsec_outcome {
    name: CString,
    state: memsec_outcome_state,
    message: CString,
    left: Vec<CString>,
    json: String,
}

/// How a run ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum memsec_outcome_state {
    /// There is no outcome.
    None = 0,
    /// There was nothing to do.
    Unchanged = 1,
    /// The plan is carried out and stays.
    Confirmed = 2,
    /// The plan is carried out, and undone unless it is confirmed in time.
    Waiting = 3,
    /// The host is what it was.
    RolledBack = 4,
    /// The host is not what it was: see memsec_outcome_left().
    RollbackFailed = 5,
    /// It was cut off, or is under way.
    Unfinished = 6,
}

#[cfg(feature = "host")]
impl From<Ended> for memsec_outcome_state {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Unchanged => Self::Unchanged,
            Ended::Confirmed => Self::Confirmed,
            Ended::Waiting => Self::Waiting,
            Ended::RolledBack => Self::RolledBack,
            Ended::RollbackFailed => Self::RollbackFailed,
            Ended::Unfinished => Self::Unfinished,
        }
    }
}

#[cfg(feature = "host")]
impl From<Outcome> for memsec_outcome {
    fn from(outcome: Outcome) -> Self {
        let message = outcome.message.as_deref();
        Self {
            name: boundary::c_string(&outcome.name),
            state: outcome.state.into(),
            message: boundary::c_string(message.unwrap_or_default()),
            left: boundary::texts(&outcome.left),
            json: outcome.to_json(),
        }
    }
}

/// Carries a plan out on this host, looks that it took hold, and undoes all
/// if it did not: the outcome says so. With `confirm_seconds` above 0 it is
/// also undone after so many seconds, whatever becomes of this process, unless
/// memsec_confirm() is called before. It runs commands, and waits for them: 90
/// seconds at most for each. On an error nothing was changed:
/// MEMSEC_ERR_STALE if the host is not what the plan was made for,
/// MEMSEC_ERR_BUSY if another run is not finished, MEMSEC_ERR_UNSUPPORTED if
/// the plan does not hold or the library was built without it.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_plan_apply(
    plan: Option<&memsec_plan>,
    confirm_seconds: u32,
    out: Option<&mut MaybeUninit<Option<Box<memsec_outcome>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        let plan = &required(plan, "plan")?.plan;
        Ok(run::apply(plan, confirm_seconds)?)
    })
}

/// Makes a run stay that waits for its confirmation, by its name. Any process
/// may do it, but not over the connection that the plan was carried out from:
/// that it still lives proves nothing.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_confirm(
    name: *const c_char,
    out: Option<&mut MaybeUninit<Option<Box<memsec_outcome>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        // SAFETY: as this function's own contract.
        let name = unsafe { boundary::text(name, usize::MAX, "name") }?;
        Ok(run::confirm(name)?)
    })
}

/// Undoes a run by its name, whether it waits, was cut off or is confirmed.
/// Any process may do it.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_rollback(
    name: *const c_char,
    out: Option<&mut MaybeUninit<Option<Box<memsec_outcome>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        // SAFETY: as this function's own contract.
        let name = unsafe { boundary::text(name, usize::MAX, "name") }?;
        Ok(run::rollback(name)?)
    })
}

/// What became of a run so far, by its name. It does not wait.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_outcome_read(
    name: *const c_char,
    out: Option<&mut MaybeUninit<Option<Box<memsec_outcome>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        // SAFETY: as this function's own contract.
        let name = unsafe { boundary::text(name, usize::MAX, "name") }?;
        Ok(run::outcome(name)?)
    })
}

/// The name of the run, for memsec_confirm() and memsec_rollback(). It lives
/// as long as the outcome. Never NULL: empty if there was nothing to do, and
/// for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_outcome_name(
    outcome: Option<&memsec_outcome>,
) -> *const c_char {
    borrowed(outcome.map(|outcome| &outcome.name))
}

/// How it ended; MEMSEC_OUTCOME_STATE_NONE for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_outcome_get_state(
    outcome: Option<&memsec_outcome>,
) -> memsec_outcome_state {
    outcome.map_or(memsec_outcome_state::None, |outcome| outcome.state)
}

/// Why it did not go on. It lives as long as the outcome. Never NULL: empty if
/// it did, and for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_outcome_message(
    outcome: Option<&memsec_outcome>,
) -> *const c_char {
    borrowed(outcome.map(|outcome| &outcome.message))
}

/// The number of things that are left to do by hand; 0 for NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_outcome_left_len(
    outcome: Option<&memsec_outcome>,
) -> usize {
    outcome.map_or(0, |outcome| outcome.left.len())
}

/// What is left to do by hand, where the way back failed, or NULL past the
/// end. It lives as long as the outcome.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_outcome_left(
    outcome: Option<&memsec_outcome>,
    index: usize,
) -> *const c_char {
    nth(outcome.map(|outcome| &outcome.left), index)
}

/// Writes an outcome as JSON, step by step, for memsec_string_free().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_outcome_to_json(
    outcome: Option<&memsec_outcome>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || Ok(required(outcome, "outcome")?.json.clone()))
}

/// Frees an outcome; the run goes on. NULL is fine.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_outcome_free(outcome: Option<Box<memsec_outcome>>) {
    drop(outcome);
}
