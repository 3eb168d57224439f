/*
 * How long an audit takes, in microseconds: the least of many.
 *
 *   time SNAPSHOT COUNT
 */
#define _POSIX_C_SOURCE 199309L
#include <memsec.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* One audit, as a daemon does it: who reaches what, read once. */
static double audit(const memsec_snapshot *snapshot) {
    double began = now();
    memsec_report *report = NULL;
    size_t i, networks = 0;
    if (memsec_audit(snapshot, NULL, &report, NULL)) return -1;
    for (i = 0; i < memsec_report_exposure_len(report); i++)
        networks += memsec_exposure_may_len(memsec_report_exposure(report, i));
    memsec_report_free(report);
    return networks ? now() - began : -1;
}

int main(int argc, char **argv) {
    static char json[1 << 20];
    memsec_snapshot *snapshot = NULL;
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    size_t len = file ? fread(json, 1, sizeof json, file) : 0;
    long i, count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    double least = 1e12;
    if (memsec_snapshot_from_json(json, len, &snapshot, NULL)) return 2;
    for (i = 0; i < count; i++) {
        double took = audit(snapshot);
        if (took < 0) return 2;
        if (took < least) least = took;
    }
    memsec_snapshot_free(snapshot);
    fclose(file);
    printf("%.1f\n", least);
    return 0;
}
