// go run who.go SNAPSHOT: by cgo.
package main

/*
#cgo pkg-config: memsec
#include <memsec.h>
#include <stdlib.h>
*/
import "C"

import (
	"fmt"
	"os"
	"strings"
	"unsafe"
)

func check(status C.memsec_status, err *C.memsec_error) {
	defer C.memsec_error_free(err)
	if status != C.MEMSEC_OK {
		fmt.Fprintln(os.Stderr, C.GoString(C.memsec_error_message(err)))
		os.Exit(2)
	}
}

func may(exposure *C.memsec_exposure) string {
	var networks []string
	for i := C.size_t(0); i < C.memsec_exposure_may_len(exposure); i++ {
		networks = append(networks, C.GoString(C.memsec_exposure_may(exposure, i)))
	}
	if networks == nil {
		return "nobody"
	}
	return strings.Join(networks, " ")
}

func main() {
	var snapshot *C.memsec_snapshot
	var report *C.memsec_report
	var plan *C.memsec_plan
	var diff *C.char
	var err *C.memsec_error
	json, _ := os.ReadFile(os.Args[1])
	text := (*C.char)(C.CBytes(json))
	defer C.free(unsafe.Pointer(text))
	status := C.memsec_snapshot_from_json(text, C.size_t(len(json)), &snapshot, &err)
	check(status, err)
	defer C.memsec_snapshot_free(snapshot)
	status = C.memsec_audit(snapshot, nil, &report, &err)
	check(status, err)
	defer C.memsec_report_free(report)
	status = C.memsec_plan_new(report, &plan, &err)
	check(status, err)
	defer C.memsec_plan_free(plan)
	status = C.memsec_plan_render(plan, C.MEMSEC_RENDER_DIFF, &diff, &err)
	check(status, err)
	defer C.memsec_string_free(diff)
	for i := C.size_t(0); i < C.memsec_report_exposure_len(report); i++ {
		exposure := C.memsec_report_exposure(report, i)
		proto := "tcp"
		if C.memsec_exposure_proto(exposure) == C.MEMSEC_PROTO_UDP {
			proto = "udp"
		}
		fmt.Printf("%s %d by %s: %s\n", proto, C.memsec_exposure_port(exposure),
			C.GoString(C.memsec_exposure_interface(exposure)), may(exposure))
	}
	fmt.Print(C.GoString(diff))
}
