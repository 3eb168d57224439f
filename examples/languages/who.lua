-- luajit who.lua SNAPSHOT: by LuaJIT's ffi, as in OpenResty.
local ffi = require("ffi")
ffi.cdef([[
typedef struct memsec_snapshot memsec_snapshot;
typedef struct memsec_report memsec_report;
typedef struct memsec_exposure memsec_exposure;
typedef struct memsec_plan memsec_plan;
typedef struct memsec_error memsec_error;
int32_t memsec_snapshot_from_json(const char *, size_t, memsec_snapshot **,
                                  memsec_error **);
int32_t memsec_audit(const memsec_snapshot *, const void *, memsec_report **,
                     memsec_error **);
size_t memsec_report_exposure_len(const memsec_report *);
const memsec_exposure *memsec_report_exposure(const memsec_report *, size_t);
uint32_t memsec_exposure_proto(const memsec_exposure *);
uint16_t memsec_exposure_port(const memsec_exposure *);
const char *memsec_exposure_interface(const memsec_exposure *);
const char *memsec_exposure_may(const memsec_exposure *, size_t);
int32_t memsec_plan_new(const memsec_report *, memsec_plan **,
                        memsec_error **);
int32_t memsec_plan_render(const memsec_plan *, uint32_t, char **,
                           memsec_error **);
const char *memsec_error_message(const memsec_error *);
void memsec_error_free(memsec_error *);
void memsec_string_free(char *);
void memsec_plan_free(memsec_plan *);
void memsec_report_free(memsec_report *);
void memsec_snapshot_free(memsec_snapshot *);
]])
local c = ffi.load("libmemsec.so.0")
local UDP, DIFF = 17, 1

-- What a function makes is freed with the value.
local function make(kind, free, call)
  local out = ffi.new(kind .. " *[1]")
  local err = ffi.new("memsec_error *[1]")
  if call(out, err) ~= 0 then
    io.stderr:write(ffi.string(c.memsec_error_message(err[0])), "\n")
    os.exit(2)
  end
  return ffi.gc(out[0], free)
end

local function may(exposure)
  local networks = {}
  local network = c.memsec_exposure_may(exposure, 0)
  while network ~= nil do
    networks[#networks + 1] = ffi.string(network)
    network = c.memsec_exposure_may(exposure, #networks)
  end
  return #networks > 0 and table.concat(networks, " ") or "nobody"
end

local json = assert(io.open(arg[1], "rb")):read("*a")
local snapshot = make("memsec_snapshot", c.memsec_snapshot_free,
  function(...) return c.memsec_snapshot_from_json(json, #json, ...) end)
local report = make("memsec_report", c.memsec_report_free,
  function(...) return c.memsec_audit(snapshot, nil, ...) end)
local plan = make("memsec_plan", c.memsec_plan_free,
  function(...) return c.memsec_plan_new(report, ...) end)
local diff = make("char", c.memsec_string_free,
  function(...) return c.memsec_plan_render(plan, DIFF, ...) end)
for i = 0, tonumber(c.memsec_report_exposure_len(report)) - 1 do
  local exposure = c.memsec_report_exposure(report, i)
  print(string.format("%s %d by %s: %s",
    c.memsec_exposure_proto(exposure) == UDP and "udp" or "tcp",
    c.memsec_exposure_port(exposure),
    ffi.string(c.memsec_exposure_interface(exposure)), may(exposure)))
end
io.write(ffi.string(diff))
