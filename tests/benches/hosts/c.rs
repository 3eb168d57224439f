//! The same through the C library: what Rust itself takes is `audited`.

use std::mem::MaybeUninit;

use divan::Bencher;
use memsec::{
    memsec_audit, memsec_report, memsec_snapshot, memsec_snapshot_from_json,
    memsec_status,
};

use crate::{USUAL, host};

/// An audit of a usual host alone.
#[divan::bench]
fn audited(bencher: Bencher<'_, '_>) {
    let snapshot = snapshot(&host(USUAL).to_json());
    bencher.bench(|| {
        let mut report = MaybeUninit::new(None);
        let snapshot = snapshot.as_deref();
        memsec_audit(snapshot, None, Some(&mut report), None);
        let report: Option<Box<memsec_report>> = made(report);
        report.expect("rules")
    });
}

#[expect(unsafe_code, reason = "calls what is made for C")]
fn snapshot(json: &str) -> Option<Box<memsec_snapshot>> {
    let mut out = MaybeUninit::new(None);
    let (text, len) = (json.as_ptr().cast(), json.len());
    // SAFETY: the text is as long as is said.
    let status =
        unsafe { memsec_snapshot_from_json(text, len, Some(&mut out), None) };
    assert_eq!(status, memsec_status::MEMSEC_OK);
    made(out)
}

#[expect(unsafe_code, reason = "reads what a function for C wrote")]
fn made<T>(out: MaybeUninit<Option<Box<T>>>) -> Option<Box<T>> {
    // SAFETY: it was made with a value, which may have become another.
    unsafe { out.assume_init() }
}
