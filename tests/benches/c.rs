//! What the way through C costs: the same audit by the core alone and by the
//! functions of the C library, from JSON text to JSON text.
//!
//! `cargo bench -p memsec-tests --bench c`

use std::{
    ffi::c_char,
    mem::MaybeUninit,
    path::Path,
    time::{Duration, Instant},
};

use memsec as c;
use memsec_core::{Policy, Snapshot, audit};

const ROUNDS: usize = 41;
const TIMES: usize = 20;

fn by_rust(text: &str) -> usize {
    let snapshot = Snapshot::from_json("snapshot", text).unwrap();
    let report = audit(&snapshot, &Policy::new()).unwrap();
    report.to_json().len()
}

/// Calls a function with an output, which it fills.
fn out<T>(call: impl FnOnce(&mut MaybeUninit<T>) -> c::memsec_status) -> T {
    let mut slot = MaybeUninit::uninit();
    assert_eq!(call(&mut slot), c::memsec_status::MEMSEC_OK);
    #[expect(unsafe_code, reason = "outputs are always written")]
    // SAFETY: the call wrote it, whatever became of it.
    unsafe {
        slot.assume_init()
    }
}

#[expect(unsafe_code, reason = "calls what is for C")]
fn by_c(text: &str) -> usize {
    let start: *const c_char = text.as_ptr().cast();
    // SAFETY: the text is as long as it says.
    let snapshot = out(|slot| unsafe {
        c::memsec_snapshot_from_json(start, text.len(), Some(slot), None)
    });
    let report = out(|slot| {
        c::memsec_audit(snapshot.as_deref(), None, Some(slot), None)
    });
    let json = out(|slot| {
        c::memsec_report_to_json(report.as_deref(), Some(slot), None)
    });
    // SAFETY: text that is given out is a C string, until it is freed.
    let len = unsafe { std::ffi::CStr::from_ptr(json) }.count_bytes();
    // SAFETY: it is given back once.
    unsafe { c::memsec_string_free(json) };
    c::memsec_report_free(report);
    c::memsec_snapshot_free(snapshot);
    len
}

fn time(what: fn(&str) -> usize, text: &str) -> Duration {
    let began = Instant::now();
    for _ in 0..TIMES {
        assert!(what(text) > 0);
    }
    began.elapsed()
}

fn main() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/host/snapshot.json");
    let text = std::fs::read_to_string(sample).unwrap();
    assert_eq!(by_rust(&text), by_c(&text));
    // In turn, so that what else runs here slows both.
    let mut pairs: Vec<_> = (0..ROUNDS)
        .map(|_| (time(by_rust, &text), time(by_c, &text)))
        .collect();
    pairs.sort_by(|a, b| {
        let ratio =
            |p: &(Duration, Duration)| p.1.as_secs_f64() / p.0.as_secs_f64();
        ratio(a).total_cmp(&ratio(b))
    });
    let (rust, c) = pairs[ROUNDS / 2];
    let each = |whole: Duration| whole / u32::try_from(TIMES).unwrap();
    let more = (c.as_secs_f64() / rust.as_secs_f64() - 1.0) * 100.0;
    println!("an audit: Rust {:?}, C {:?}: {more:+.1} %", each(rust), each(c));
    assert!(more < 10.0);
}
