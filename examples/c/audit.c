/*
 * Who can reach memcached on a host, what is wrong, and how to make it right.
 *
 *   audit [NAME=FILE]...
 *
 * Each NAME=FILE puts the content of FILE into the snapshot: as the file of
 * the host NAME if that begins with a slash, else as what the command NAME
 * printed there. With no argument a sample is audited.
 *
 *   cc audit.c $(pkg-config --cflags --libs memsec) -o audit
 *   ./audit /etc/memcached.conf=/etc/memcached.conf
 *
 * Exit status: 0 no finding, 1 findings, 2 an error.
 */
#include <errno.h>
#include <memsec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const severities[] = { "none",   "info", "low",
                                          "medium", "high", "critical" };

/* Says why something failed, and frees it. */
static int fail(memsec_error *error) {
    fprintf(stderr, "audit: %s\n", memsec_error_message(error));
    memsec_error_free(error);
    return 2;
}

/* Reads a whole file; NULL if that fails. */
static char *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t room = 0, got = 0, n = 0;
    if (!file) return NULL;
    do {
        char *more;
        got += n;
        if (got == room) {
            room = room ? 2 * room : 4096;
            more = realloc(text, room);
            if (!more) break;
            text = more;
        }
        n = fread(text + got, 1, room - got, file);
    } while (n > 0);
    if (ferror(file) || got == room) {
        free(text);
        text = NULL;
    }
    fclose(file);
    *len = got;
    return text;
}

static int add(memsec_snapshot *snapshot, char *argument) {
    memsec_error *error = NULL;
    char *path = strchr(argument, '=');
    char *text;
    size_t len = 0;
    if (!path) {
        fprintf(stderr, "audit: %s: not NAME=FILE\n", argument);
        return 2;
    }
    *path++ = '\0';
    text = read_file(path, &len);
    if (!text) {
        fprintf(stderr, "audit: %s: %s\n", path, strerror(errno));
        return 2;
    }
    if (argument[0] == '/')
        memsec_snapshot_add_file(snapshot, argument, text, len, &error);
    else
        memsec_snapshot_add_command(snapshot, argument, 0, text, len, &error);
    free(text);
    return error ? fail(error) : 0;
}

/* A host that listens to everybody and has no firewall. */
static int add_sample(memsec_snapshot *snapshot) {
    static const char *const commands[][2] = {
        { "memcached -V", "memcached 1.6.18\n" },
        { "iptables-save", "" },
        { "ip6tables-save", "" },
        { "ip -j address",
          "[{\"ifname\":\"eth0\",\"link_type\":\"ether\",\"addr_info\":["
          "{\"family\":\"inet\",\"local\":\"192.0.2.10\",\"prefixlen\":24}"
          "]}]" },
    };
    memsec_error *error = NULL;
    size_t i;
    memsec_snapshot_add_file(snapshot, "/etc/memcached.conf",
                             "-l 0.0.0.0\n-U 11211\n-u memcache\n",
                             MEMSEC_NUL_TERMINATED, &error);
    for (i = 0; !error && i < sizeof commands / sizeof *commands; i++)
        memsec_snapshot_add_command(snapshot, commands[i][0], 0,
                                    commands[i][1], MEMSEC_NUL_TERMINATED,
                                    &error);
    return error ? fail(error) : 0;
}

static void print_exposure(const memsec_exposure *exposure) {
    const char *interface = memsec_exposure_interface(exposure);
    size_t i;
    printf("exposure: %s port %u by %s:",
           memsec_exposure_proto(exposure) == MEMSEC_PROTO_UDP ? "udp" : "tcp",
           (unsigned)memsec_exposure_port(exposure),
           *interface ? interface : "any interface");
    for (i = 0; i < memsec_exposure_may_len(exposure); i++)
        printf(" %s", memsec_exposure_may(exposure, i));
    for (i = 0; i < memsec_exposure_except_len(exposure); i++)
        printf(" but %s", memsec_exposure_except(exposure, i));
    printf("%s\n", memsec_exposure_exact(exposure) ? "" : " (at most)");
}

static void print_report(const memsec_report *report) {
    size_t i, findings = memsec_report_finding_len(report);
    for (i = 0; i < memsec_report_exposure_len(report); i++)
        print_exposure(memsec_report_exposure(report, i));
    for (i = 0; i < findings; i++) {
        const memsec_finding *finding = memsec_report_finding(report, i);
        printf("%s: %s: %s\n", memsec_finding_id(finding),
               severities[memsec_finding_severity(finding)],
               memsec_finding_message(finding));
    }
    printf("%lu findings\n", (unsigned long)findings);
}

/* Prints the shell script that would make it right, or why there is none. */
static int print_plan(const memsec_report *report) {
    memsec_plan *plan = NULL;
    memsec_error *error = NULL;
    char *text = NULL;
    uint32_t form;
    int holds;
    if (memsec_plan_new(report, &plan, &error) != MEMSEC_OK)
        return fail(error);
    holds = memsec_plan_holds(plan);
    form = holds ? MEMSEC_RENDER_SHELL : MEMSEC_RENDER_TEXT;
    if (memsec_plan_render(plan, form, &text, &error) == MEMSEC_OK)
        printf("\n%s", text);
    memsec_string_free(text);
    memsec_plan_free(plan);
    if (error) return fail(error);
    return holds ? 0 : 2;
}

static int audit(const memsec_snapshot *snapshot) {
    memsec_report *report = NULL;
    memsec_error *error = NULL;
    int status;
    if (memsec_audit(snapshot, NULL, &report, &error) != MEMSEC_OK)
        return fail(error);
    print_report(report);
    status = print_plan(report);
    if (!status && memsec_report_severity(report) != MEMSEC_SEVERITY_NONE)
        status = 1;
    memsec_report_free(report);
    return status;
}

int main(int argc, char **argv) {
    memsec_snapshot *snapshot = memsec_snapshot_new();
    int i, status = argc > 1 ? 0 : add_sample(snapshot);
    for (i = 1; !status && i < argc; i++)
        status = add(snapshot, argv[i]);
    if (!status)
        status = audit(snapshot);
    memsec_snapshot_free(snapshot);
    return status;
}
