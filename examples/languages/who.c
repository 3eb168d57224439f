/* cc who.c $(pkg-config --cflags --libs memsec) -o who && ./who SNAPSHOT */
#include <memsec.h>
#include <stdio.h>

static void print(const memsec_exposure *exposure) {
    const char *network;
    size_t i;
    printf("%s %u by %s:",
           memsec_exposure_proto(exposure) == MEMSEC_PROTO_UDP ? "udp" : "tcp",
           (unsigned)memsec_exposure_port(exposure),
           memsec_exposure_interface(exposure));
    for (i = 0; (network = memsec_exposure_may(exposure, i)) != NULL; i++)
        printf(" %s", network);
    printf("%s\n", i ? "" : " nobody");
}

int main(int argc, char **argv) {
    static char json[1 << 20];
    FILE *file = fopen(argv[argc - 1], "rb");
    size_t i, len = file ? fread(json, 1, sizeof json, file) : 0;
    memsec_snapshot *snapshot = NULL;
    memsec_report *report = NULL;
    memsec_plan *plan = NULL;
    memsec_error *error = NULL;
    char *diff = NULL;
    if (memsec_snapshot_from_json(json, len, &snapshot, &error) ||
        memsec_audit(snapshot, NULL, &report, &error) ||
        memsec_plan_new(report, &plan, &error) ||
        memsec_plan_render(plan, MEMSEC_RENDER_DIFF, &diff, &error))
        fprintf(stderr, "%s\n", memsec_error_message(error));
    for (i = 0; i < memsec_report_exposure_len(report); i++)
        print(memsec_report_exposure(report, i));
    printf("%s", diff ? diff : "");
    memsec_string_free(diff);
    memsec_plan_free(plan);
    memsec_report_free(report);
    memsec_snapshot_free(snapshot);
    memsec_error_free(error);
    return diff ? 0 : 2;
}
