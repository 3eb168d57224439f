/*
 * A daemon that tells syslog when more of the world can reach memcached.
 *
 *   watch [SECONDS]
 *
 * It audits this host after each change in the directories where memcached
 * and the firewalls have their files, and every SECONDS (60), because rules
 * can change without a file. It runs in the foreground, as root, and ends by
 * SIGTERM; what it logs is on standard error too.
 *
 *   cc watch.c $(pkg-config --cflags --libs memsec) -o watch
 */
#include <arpa/inet.h>
#include <errno.h>
#include <memsec.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <syslog.h>
#include <unistd.h>

/* Directories, for most programs replace a file rather than write to it. */
static const char *const directories[] = {
    "/etc",
    "/etc/conf.d",
    "/etc/csf",
    "/etc/default",
    "/etc/firewalld",
    "/etc/firewalld/zones",
    "/etc/iptables",
    "/etc/nftables.d",
    "/etc/sysconfig",
    "/etc/systemd/system",
    "/etc/systemd/system/memcached.service.d",
    "/etc/ufw",
};

struct network {
    unsigned char address[16];
    int length;
};

/* Reads "192.0.2.0/24" or "2001:db8::1": it comes from the library. */
static struct network parse(const char *text) {
    struct network network = { { 0 }, -1 };
    char address[INET6_ADDRSTRLEN] = "";
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (len >= sizeof address) return network;
    memcpy(address, text, len);
    if (inet_pton(family, address, network.address) == 1)
        network.length = slash               ? atoi(slash + 1)
                         : family == AF_INET ? 32
                                             : 128;
    return network;
}

static bool contains(const char *wide_text, const char *narrow_text) {
    struct network wide = parse(wide_text), narrow = parse(narrow_text);
    int bytes = wide.length / 8, bits = wide.length % 8;
    int mask = 0xff00 >> bits & 0xff;
    if (wide.length < 0 || wide.length > narrow.length) return false;
    return memcmp(wide.address, narrow.address, (size_t)bytes) == 0 &&
           (!bits || !((wide.address[bytes] ^ narrow.address[bytes]) & mask));
}

typedef const char *networks(const memsec_exposure *, size_t);

/* The lists are the shortest there are, so one network contains it or none. */
static bool covers(networks *list, const memsec_exposure *exposure,
                   const char *network) {
    const char *wide;
    size_t i;
    for (i = 0; (wide = list(exposure, i)) != NULL; i++)
        if (contains(wide, network)) return true;
    return false;
}

/* A network of `wide` that is not in `narrow`, or NULL. */
static const char *grown(const memsec_exposure *narrow,
                         const memsec_exposure *wide) {
    const char *network;
    size_t i;
    for (i = 0; (network = memsec_exposure_may(wide, i)) != NULL; i++)
        if (!covers(memsec_exposure_may, narrow, network)) return network;
    for (i = 0; (network = memsec_exposure_except(narrow, i)) != NULL; i++)
        if (covers(memsec_exposure_may, wide, network) &&
            !covers(memsec_exposure_except, wide, network))
            return network;
    return NULL;
}

static bool is_same(const memsec_exposure *a, const memsec_exposure *b) {
    return memsec_exposure_proto(a) == memsec_exposure_proto(b) &&
           memsec_exposure_port(a) == memsec_exposure_port(b) &&
           memsec_exposure_family(a) == memsec_exposure_family(b) &&
           strcmp(memsec_exposure_interface(a),
                  memsec_exposure_interface(b)) == 0;
}

/* The exposure in another report, or NULL, which no network reaches. */
static const memsec_exposure *find(const memsec_report *report,
                                   const memsec_exposure *exposure) {
    const memsec_exposure *found;
    size_t i;
    for (i = 0; (found = memsec_report_exposure(report, i)) != NULL; i++)
        if (is_same(found, exposure)) return found;
    return NULL;
}

/* Logs what of `wide` was not in `narrow`. */
static void compare(const memsec_report *narrow, const memsec_report *wide,
                    int priority, const char *what) {
    const memsec_exposure *exposure;
    size_t i;
    for (i = 0; (exposure = memsec_report_exposure(wide, i)) != NULL; i++) {
        const char *network = grown(find(narrow, exposure), exposure);
        if (network && memsec_exposure_scope(exposure) > MEMSEC_SCOPE_HOST)
            syslog(priority, "%s port %u by %s: %s %s",
                   memsec_exposure_proto(exposure) == MEMSEC_PROTO_UDP
                       ? "udp"
                       : "tcp",
                   (unsigned)memsec_exposure_port(exposure),
                   memsec_exposure_interface(exposure), what, network);
    }
}

/* Audits this host. NULL, and a line in the log, if that fails. */
static memsec_report *audit(void) {
    memsec_snapshot *snapshot = NULL;
    memsec_report *report = NULL;
    memsec_error *error = NULL;
    if (memsec_snapshot_collect(&snapshot, &error) ||
        memsec_audit(snapshot, NULL, &report, &error))
        syslog(LOG_ERR, "%s", memsec_error_message(error));
    memsec_error_free(error);
    memsec_snapshot_free(snapshot);
    return report;
}

/* Waits for a change, then for half a second without one. */
static void wait_for_change(int files, int seconds) {
    char events[4096];
    struct pollfd changed = { files, POLLIN, 0 };
    int timeout = seconds * 1000;
    while (poll(&changed, 1, timeout) > 0) {
        if (read(files, events, sizeof events) < 0) return;
        timeout = 500;
    }
}

static int watch_files(void) {
    size_t i;
    int files = inotify_init1(IN_CLOEXEC);
    for (i = 0; i < sizeof directories / sizeof *directories; i++)
        inotify_add_watch(files, directories[i],
                          IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVE |
                              IN_ATTRIB);
    return files;
}

int main(int argc, char **argv) {
    int seconds = argc > 1 ? atoi(argv[1]) : 60;
    int files = watch_files();
    memsec_report *then;
    openlog("memsec-watch", LOG_PERROR | LOG_PID, LOG_DAEMON);
    if (files < 0 || seconds <= 0) {
        syslog(LOG_ERR, "%s", files < 0 ? strerror(errno) : "bad SECONDS");
        return 2;
    }
    then = audit();
    syslog(LOG_INFO, "watching");
    for (;;) {
        memsec_report *now;
        wait_for_change(files, seconds);
        now = audit();
        if (!now) continue;
        compare(then, now, LOG_WARNING, "now reached from");
        compare(now, then, LOG_INFO, "no longer reached from");
        memsec_report_free(then);
        then = now;
    }
}
