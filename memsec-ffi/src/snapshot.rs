use std::{ffi::c_char, mem::MaybeUninit};

use memsec_core::{
    Error, Snapshot,
    snapshot::{Content, Output, Process},
};

use crate::{
    boundary::{self, make, print, required, run},
    error::memsec_error,
    status::memsec_status,
};

/// What was found on a host at one moment, as text: files by their path,
/// outputs of commands by their command line, and the memcached daemons that
/// run. It is only data: the same snapshot gives the same answers anywhere.
/// What is not in it is unknown, not empty.
#[derive(Debug)]
pub struct memsec_snapshot(pub(crate) Snapshot);

/// Makes an empty snapshot, for the caller to free. Never NULL.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_snapshot_new() -> Option<Box<memsec_snapshot>> {
    Some(Box::new(memsec_snapshot(Snapshot::new())))
}

/// Makes a snapshot from JSON, as memsec_snapshot_to_json() writes it. The
/// text is copied. MEMSEC_ERR_PARSE if it is not a snapshot.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_snapshot_from_json(
    json: *const c_char,
    json_len: usize,
    out: Option<&mut MaybeUninit<Option<Box<memsec_snapshot>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        // SAFETY: as this function's own contract.
        let json = unsafe { boundary::text(json, json_len, "json") }?;
        Ok(memsec_snapshot(Snapshot::from_json("json", json)?))
    })
}

/// Reads this host. It only reads, runs only commands that list, and asks the
/// memcached daemons of this host for their version and settings. What it may
/// not read is noted in the snapshot; it needs root to see all. It waits for
/// what it runs: seconds, on a slow host. MEMSEC_ERR_UNSUPPORTED if the library
/// was built without it: see memsec_has_host().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_snapshot_collect(
    out: Option<&mut MaybeUninit<Option<Box<memsec_snapshot>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || Ok(memsec_snapshot(collect()?)))
}

/// Reads the files of the host whose root directory is `root`: a mounted
/// disk, a container, an unpacked archive. What only a running host can tell
/// is not in the snapshot, and so unknown. MEMSEC_ERR_IO if `root` cannot be
/// read, MEMSEC_ERR_UNSUPPORTED if the library was built without it.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_snapshot_read_tree(
    root: *const c_char,
    out: Option<&mut MaybeUninit<Option<Box<memsec_snapshot>>>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    make(out, err, || {
        // SAFETY: as this function's own contract.
        let root = unsafe { boundary::text(root, usize::MAX, "root") }?;
        Ok(memsec_snapshot(read_tree(root)?))
    })
}

#[cfg(feature = "host")]
fn collect() -> Result<Snapshot, Error> {
    memsec_core::system::collect()
}

#[cfg(feature = "host")]
fn read_tree(root: &str) -> Result<Snapshot, Error> {
    memsec_core::system::read_tree(root.as_ref())
}

#[cfg(not(feature = "host"))]
fn collect() -> Result<Snapshot, Error> {
    Err(Error::unsupported("this library was built not to read the host"))
}

#[cfg(not(feature = "host"))]
fn read_tree(_: &str) -> Result<Snapshot, Error> {
    collect()
}

/// Puts a file into a snapshot: its absolute path, and its content, which may
/// be any bytes. Both are copied. A file of the same path is replaced. On
/// failure the snapshot is as it was.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_snapshot_add_file(
    snapshot: Option<&mut memsec_snapshot>,
    path: *const c_char,
    content: *const c_char,
    content_len: usize,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    run(err, || {
        let snapshot = required(snapshot, "snapshot")?;
        // SAFETY: as this function's own contract.
        let path = unsafe { boundary::text(path, usize::MAX, "path") }?;
        // SAFETY: as this function's own contract.
        let content =
            unsafe { boundary::bytes(content, content_len, "content") }?;
        let file = Content::from(content.to_vec()).into();
        snapshot.0.files.insert(path.to_owned(), file);
        Ok(())
    })
}

/// Puts what a command printed into a snapshot: its command line, for example
/// "iptables-save", its exit status (127 where there is no such command) and
/// its standard output, which is text. Both are copied. An output of the same
/// command is replaced. On failure the snapshot is as it was.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_snapshot_add_command(
    snapshot: Option<&mut memsec_snapshot>,
    command: *const c_char,
    exit_status: i32,
    text: *const c_char,
    text_len: usize,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    run(err, || {
        let snapshot = required(snapshot, "snapshot")?;
        // SAFETY: as this function's own contract.
        let command =
            unsafe { boundary::text(command, usize::MAX, "command") }?;
        // SAFETY: as this function's own contract.
        let text = unsafe { boundary::text(text, text_len, "text") }?;
        let output =
            Output { stdout: text.to_owned().into(), status: exit_status };
        snapshot.0.commands.insert(command.to_owned(), output);
        Ok(())
    })
}

/// Puts a running memcached into a snapshot, from JSON:
/// {"pid": 812, "argv": ["-l", "0.0.0.0"], "version": "1.6.18"}. `argv` leaves
/// out the name of the program. MEMSEC_ERR_PARSE if it is not a process. On
/// failure the snapshot is as it was.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_snapshot_add_process(
    snapshot: Option<&mut memsec_snapshot>,
    json: *const c_char,
    json_len: usize,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    run(err, || {
        let snapshot = required(snapshot, "snapshot")?;
        // SAFETY: as this function's own contract.
        let json = unsafe { boundary::text(json, json_len, "json") }?;
        snapshot.0.processes.push(process(json)?);
        Ok(())
    })
}

fn process(json: &str) -> Result<Process, Error> {
    // serde also takes an array for a struct, member by member.
    if json.trim_start().starts_with('[') {
        return Err(Error::argument("json: not a JSON object"));
    }
    serde_json::from_str(json).map_err(|error| Error::json("json", &error))
}

/// Writes a snapshot as JSON, for memsec_string_free().
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_snapshot_to_json(
    snapshot: Option<&memsec_snapshot>,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || Ok(required(snapshot, "snapshot")?.0.to_json()))
}

/// Frees a snapshot. Reports and plans made from it stay. NULL is fine.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "exported to C")]
pub extern "C" fn memsec_snapshot_free(snapshot: Option<Box<memsec_snapshot>>) {
    drop(snapshot);
}
