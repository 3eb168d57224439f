use std::{ffi::c_char, mem::MaybeUninit};

use memsec_core::{Packet, explain};

use crate::{
    boundary::{self, print, required},
    error::memsec_error,
    snapshot::memsec_snapshot,
    status::memsec_status,
};

/// Says what becomes of one packet on a host, with the rules that it meets, as
/// JSON, for memsec_string_free(). The packet is JSON too: {"from":
/// "192.0.2.20", "proto": "tcp", "port": 11211, "in": "eth0"}, where only
/// "from" is needed. MEMSEC_ERR_PARSE if it is not a packet.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "reads text from C")]
pub unsafe extern "C" fn memsec_explain(
    snapshot: Option<&memsec_snapshot>,
    packet: *const c_char,
    packet_len: usize,
    out: Option<&mut MaybeUninit<*mut c_char>>,
    err: Option<&mut MaybeUninit<Option<Box<memsec_error>>>>,
) -> memsec_status {
    print(out, err, || {
        let snapshot = &required(snapshot, "snapshot")?.0;
        // SAFETY: as this function's own contract.
        let json = unsafe { boundary::text(packet, packet_len, "packet") }?;
        let packet = Packet::from_json("packet", json)?;
        Ok(explain(snapshot, &packet)?.to_json())
    })
}
