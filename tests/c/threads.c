/* Eight threads read the same objects, and all see the same. */
#include <memsec.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define THREADS 8
#define TIMES 1

static memsec_snapshot *snapshot;
static memsec_policy *policy;
static memsec_report *report;
static memsec_plan *plan;

/* What each call gives, as text. */
struct seen {
    char *texts[6];
    int failed;
};

static void see(struct seen *seen) {
    static const char packet[] = "{\"from\": \"192.0.2.20\", \"in\": \"eth0\"}";
    memsec_report *own_report = NULL;
    memsec_plan *own_plan = NULL;
    char **texts = seen->texts;
    seen->failed =
        memsec_snapshot_to_json(snapshot, &texts[0], NULL) ||
        memsec_audit(snapshot, policy, &own_report, NULL) ||
        memsec_report_to_json(own_report, &texts[1], NULL) ||
        memsec_plan_new(report, &own_plan, NULL) ||
        memsec_plan_to_json(own_plan, &texts[2], NULL) ||
        memsec_plan_render(plan, MEMSEC_RENDER_TEXT, &texts[3], NULL) ||
        memsec_explain(snapshot, packet, MEMSEC_NUL_TERMINATED, &texts[4],
                       NULL) ||
        memsec_policy_to_json(policy, &texts[5], NULL) ||
        memsec_report_severity(report) != memsec_report_severity(own_report) ||
        strcmp(memsec_step_summary(memsec_plan_step(plan, 0)),
               memsec_step_summary(memsec_plan_step(own_plan, 0)));
    memsec_plan_free(own_plan);
    memsec_report_free(own_report);
}

static void forget(struct seen *seen) {
    int i;
    for (i = 0; i < 6; i++) memsec_string_free(seen->texts[i]);
}

static void *run(void *first) {
    const struct seen *wanted = first;
    int i, time;
    for (time = 0; time < TIMES; time++) {
        struct seen seen = { { NULL }, 0 };
        see(&seen);
        for (i = 0; i < 6 && !seen.failed; i++)
            seen.failed = strcmp(seen.texts[i], wanted->texts[i]) != 0;
        forget(&seen);
        if (seen.failed) return first;
    }
    return NULL;
}

static int make(void) {
    static const char addresses[] =
        "[{\"ifname\": \"eth0\", \"addr_info\": [{\"family\": \"inet\", "
        "\"local\": \"192.0.2.10\", \"prefixlen\": 24}]}]";
    snapshot = memsec_snapshot_new();
    policy = memsec_policy_new();
    return memsec_snapshot_add_file(snapshot, "/etc/memcached.conf",
                                    "-l 0.0.0.0\n-u memcache\n",
                                    MEMSEC_NUL_TERMINATED, NULL) ||
           memsec_snapshot_add_command(snapshot, "ip -j address", 0, addresses,
                                       MEMSEC_NUL_TERMINATED, NULL) ||
           memsec_snapshot_add_command(snapshot, "iptables-save", 0, "", 0,
                                       NULL) ||
           memsec_audit(snapshot, policy, &report, NULL) ||
           memsec_plan_new(report, &plan, NULL);
}

int main(void) {
    pthread_t threads[THREADS];
    struct seen first = { { NULL }, 0 };
    int i, failed = make();
    see(&first);
    failed = failed || first.failed;
    for (i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run, &first)) return 2;
    for (i = 0; i < THREADS; i++) {
        void *result = NULL;
        failed |= pthread_join(threads[i], &result) || result;
    }
    forget(&first);
    memsec_plan_free(plan);
    memsec_report_free(report);
    memsec_policy_free(policy);
    memsec_snapshot_free(snapshot);
    if (!failed) printf("all threads agree\n");
    return failed;
}
