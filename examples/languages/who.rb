# ruby who.rb SNAPSHOT: by Fiddle, of the standard library.
require 'fiddle/import'

module C
  extend Fiddle::Importer
  dlload 'libmemsec.so.0'
  extern 'int memsec_snapshot_from_json(const char *, size_t, void *, void *)'
  extern 'int memsec_audit(void *, void *, void *, void *)'
  extern 'size_t memsec_report_exposure_len(void *)'
  extern 'void *memsec_report_exposure(void *, size_t)'
  extern 'unsigned int memsec_exposure_proto(void *)'
  extern 'unsigned short memsec_exposure_port(void *)'
  extern 'void *memsec_exposure_interface(void *)'
  extern 'void *memsec_exposure_may(void *, size_t)'
  extern 'int memsec_plan_new(void *, void *, void *)'
  extern 'int memsec_plan_render(void *, unsigned int, void *, void *)'
  extern 'void *memsec_error_message(void *)'
  extern 'void memsec_string_free(void *)'
  extern 'void memsec_plan_free(void *)'
  extern 'void memsec_report_free(void *)'
  extern 'void memsec_snapshot_free(void *)'
end

UDP = 17
DIFF = 1

def make(function, *arguments)
  out, error = Array.new(2) { Fiddle::Pointer.malloc(8, Fiddle::RUBY_FREE) }
  status = C.send(function, *arguments, out, error)
  abort C.memsec_error_message(error.ptr).to_s unless status.zero?
  out.ptr
end

def may(exposure)
  networks = (0..).lazy.map { |i| C.memsec_exposure_may(exposure, i) }
  networks.take_while { |network| !network.null? }.map(&:to_s).to_a
end

json = File.binread(ARGV[0])
snapshot = make(:memsec_snapshot_from_json, json, json.bytesize)
report = make(:memsec_audit, snapshot, nil)
plan = make(:memsec_plan_new, report)
diff = make(:memsec_plan_render, plan, DIFF)
C.memsec_report_exposure_len(report).times do |i|
  exposure = C.memsec_report_exposure(report, i)
  proto = C.memsec_exposure_proto(exposure) == UDP ? 'udp' : 'tcp'
  port = C.memsec_exposure_port(exposure)
  interface = C.memsec_exposure_interface(exposure)
  networks = may(exposure)
  networks = ['nobody'] if networks.empty?
  puts "#{proto} #{port} by #{interface}: #{networks.join(' ')}"
end
print diff.to_s
C.memsec_string_free(diff)
C.memsec_plan_free(plan)
C.memsec_report_free(report)
C.memsec_snapshot_free(snapshot)
