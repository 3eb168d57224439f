"""python3 who.py SNAPSHOT: by ctypes, without the package of memsec."""

import ctypes
import sys

c = ctypes.CDLL("libmemsec.so.0")
for name in ("snapshot_from_json", "audit", "plan_new", "plan_render"):
    getattr(c, "memsec_" + name).restype = ctypes.c_int32
for name in ("error_message", "exposure_interface", "exposure_may"):
    getattr(c, "memsec_" + name).restype = ctypes.c_char_p
c.memsec_report_exposure.restype = ctypes.c_void_p
c.memsec_report_exposure_len.restype = ctypes.c_size_t
c.memsec_exposure_port.restype = ctypes.c_uint16
UDP, DIFF = 17, 1


def make(function, *arguments):
    out, error = ctypes.c_void_p(), ctypes.c_void_p()
    if function(*arguments, ctypes.byref(out), ctypes.byref(error)):
        raise SystemExit(c.memsec_error_message(error).decode())
    return out


def may(exposure):
    i = 0
    while network := c.memsec_exposure_may(exposure, ctypes.c_size_t(i)):
        yield network.decode()
        i += 1


json = open(sys.argv[1], "rb").read()
size = ctypes.c_size_t(len(json))
snapshot = make(c.memsec_snapshot_from_json, json, size)
report = make(c.memsec_audit, snapshot, None)
plan = make(c.memsec_plan_new, report)
diff = make(c.memsec_plan_render, plan, ctypes.c_uint32(DIFF))
for i in range(c.memsec_report_exposure_len(report)):
    exposure = ctypes.c_void_p(
        c.memsec_report_exposure(report, ctypes.c_size_t(i))
    )
    proto = "udp" if c.memsec_exposure_proto(exposure) == UDP else "tcp"
    port = c.memsec_exposure_port(exposure)
    interface = c.memsec_exposure_interface(exposure).decode()
    networks = " ".join(may(exposure)) or "nobody"
    print(f"{proto} {port} by {interface}: {networks}")
print(ctypes.string_at(diff).decode(), end="")
c.memsec_string_free(diff)
c.memsec_plan_free(plan)
c.memsec_report_free(report)
c.memsec_snapshot_free(snapshot)
