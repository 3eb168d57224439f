// npm install koffi && node who.js SNAPSHOT
'use strict';
const fs = require('fs');
const koffi = require('koffi');

const UDP = 17, DIFF = 1;
const c = koffi.load('libmemsec.so.0');
const snapshotFromJson = c.func('int32_t memsec_snapshot_from_json(const void *json, size_t length, _Out_ void **out, _Out_ void **error)');
const audit = c.func('int32_t memsec_audit(void *snapshot, void *policy, _Out_ void **out, _Out_ void **error)');
const exposureLen = c.func('size_t memsec_report_exposure_len(void *report)');
const exposureAt = c.func('void *memsec_report_exposure(void *report, size_t index)');
const proto = c.func('uint32_t memsec_exposure_proto(void *exposure)');
const port = c.func('uint16_t memsec_exposure_port(void *exposure)');
const nameOfInterface = c.func('const char *memsec_exposure_interface(void *exposure)');
const may = c.func('const char *memsec_exposure_may(void *exposure, size_t index)');
const planNew = c.func('int32_t memsec_plan_new(void *report, _Out_ void **out, _Out_ void **error)');
const planRender = c.func('int32_t memsec_plan_render(void *plan, uint32_t form, _Out_ void **out, _Out_ void **error)');
const errorMessage = c.func('const char *memsec_error_message(void *error)');
const free = (kind, object) => c.func(`void memsec_${kind}_free(void *object)`)(object);

function make(call, ...words) {
  const out = [null], error = [null];
  if (call(...words, out, error) !== 0) {
    console.error(errorMessage(error[0]));
    process.exit(2);
  }
  return out[0];
}

const json = fs.readFileSync(process.argv[2]);
const snapshot = make(snapshotFromJson, json, json.length);
const report = make(audit, snapshot, null);
const plan = make(planNew, report);
const diff = make(planRender, plan, DIFF);
for (let i = 0; i < exposureLen(report); i++) {
  const exposure = exposureAt(report, i);
  const networks = [];
  for (let n; (n = may(exposure, networks.length)) !== null;) networks.push(n);
  console.log(`${proto(exposure) === UDP ? 'udp' : 'tcp'} ${port(exposure)} by ${nameOfInterface(exposure)}: ${networks.join(' ') || 'nobody'}`);
}
process.stdout.write(koffi.decode(diff, 'char', -1));
free('string', diff);
free('plan', plan);
free('report', report);
free('snapshot', snapshot);
