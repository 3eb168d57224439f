<?php
// php who.php SNAPSHOT: by the FFI of PHP 7.4 and later. A web server would
// load the declarations once, with opcache.preload and FFI::scope().
$c = FFI::cdef('
    typedef struct memsec_snapshot memsec_snapshot;
    typedef struct memsec_report memsec_report;
    typedef struct memsec_exposure memsec_exposure;
    typedef struct memsec_plan memsec_plan;
    typedef struct memsec_error memsec_error;
    int32_t memsec_snapshot_from_json(const char *, size_t,
        memsec_snapshot **, memsec_error **);
    int32_t memsec_audit(const memsec_snapshot *, const void *,
        memsec_report **, memsec_error **);
    size_t memsec_report_exposure_len(const memsec_report *);
    const memsec_exposure *memsec_report_exposure(const memsec_report *,
        size_t);
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
', 'libmemsec.so.0');

function make(string $type, string $function, ...$arguments)
{
    global $c;
    $out = $c->new("$type *");
    $error = $c->new('memsec_error *');
    $arguments[] = FFI::addr($out);
    $arguments[] = FFI::addr($error);
    if ($c->$function(...$arguments)) {
        fwrite(STDERR, $c->memsec_error_message($error) . "\n");
        exit(2);
    }
    return $out;
}

const UDP = 17, DIFF = 1;
$json = file_get_contents($argv[1]);
$snapshot = make('memsec_snapshot', 'memsec_snapshot_from_json',
    $json, strlen($json));
$report = make('memsec_report', 'memsec_audit', $snapshot, null);
$plan = make('memsec_plan', 'memsec_plan_new', $report);
$diff = make('char', 'memsec_plan_render', $plan, DIFF);
for ($i = 0; $i < $c->memsec_report_exposure_len($report); $i++) {
    $exposure = $c->memsec_report_exposure($report, $i);
    $may = [];
    while (($n = $c->memsec_exposure_may($exposure, count($may))) !== null) {
        $may[] = $n;
    }
    printf("%s %d by %s: %s\n",
        $c->memsec_exposure_proto($exposure) == UDP ? 'udp' : 'tcp',
        $c->memsec_exposure_port($exposure),
        $c->memsec_exposure_interface($exposure),
        implode(' ', $may) ?: 'nobody');
}
echo FFI::string($diff);
$c->memsec_string_free($diff);
$c->memsec_plan_free($plan);
$c->memsec_report_free($report);
$c->memsec_snapshot_free($snapshot);
