/*
 * One input through the entry points: the first byte says which, the rest is
 * the text. libFuzzer calls it, or random.c with inputs of its own. A result
 * may be anything but a panic.
 */
#include <memsec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
    "/etc/memcached.conf",       "/etc/sysconfig/memcached",
    "/etc/default/memcached",    "/etc/conf.d/memcached",
    "/etc/csf/csf.allow",        "/etc/csf/csf.conf",
    "/etc/ufw/user.rules",       "/etc/firewalld/zones/public.xml",
    "/etc/nftables.conf",        "/etc/hosts",
    "/etc/passwd",               "/etc/systemd/system/memcached.service",
};

static const char *const commands[] = {
    "iptables-save",      "ip6tables-save",
    "ipset save",         "nft -j list ruleset",
    "nft list ruleset",   "ip -j address",
    "ip -j route",        "ss -lntupxH",
    "memcached -V",       "systemctl cat memcached.service",
    "docker inspect",     "sysctl -a",
};

#define LEN(array) (sizeof(array) / sizeof *(array))

/* What a call gave: only a bug in memsec is a failure here. */
static void settle(memsec_status status, memsec_error **at) {
    const memsec_error *error = *at;
    if (status == MEMSEC_ERR_PANIC || status != memsec_error_status(error)) {
        fprintf(stderr, "%s: %s\n", memsec_status_name(status),
                memsec_error_message(error));
        abort();
    }
    memsec_error_free(*at);
    *at = NULL;
}

static void read_exposures(const memsec_report *report) {
    size_t i, j;
    for (i = 0; i < memsec_report_exposure_len(report); i++) {
        const memsec_exposure *exposure = memsec_report_exposure(report, i);
        for (j = 0; j < memsec_exposure_may_len(exposure); j++)
            if (!*memsec_exposure_may(exposure, j)) abort();
        if (memsec_exposure_may(exposure, j)) abort();
    }
}

static void render(const memsec_plan *plan) {
    uint32_t form;
    for (form = MEMSEC_RENDER_TEXT; form <= MEMSEC_RENDER_SHELL; form++) {
        memsec_error *error = NULL;
        char *text = NULL;
        settle(memsec_plan_render(plan, form, &text, &error), &error);
        memsec_string_free(text);
    }
}

/* All that can be asked of a host. */
static void use(const memsec_snapshot *snapshot, const memsec_policy *policy) {
    memsec_report *report = NULL;
    memsec_plan *plan = NULL;
    memsec_error *error = NULL;
    char *json = NULL;
    settle(memsec_audit(snapshot, policy, &report, &error), &error);
    read_exposures(report);
    if (report) {
        settle(memsec_report_to_json(report, &json, &error), &error);
        memsec_string_free(json);
        settle(memsec_report_to_text(report, true, 40, &json, &error), &error);
        memsec_string_free(json);
        settle(memsec_report_to_sarif(report, &json, &error), &error);
        memsec_string_free(json);
        settle(memsec_plan_new(report, &plan, &error), &error);
        render(plan);
        settle(memsec_report_to_html(report, plan, &json, &error), &error);
        memsec_string_free(json);
    }
    memsec_plan_free(plan);
    memsec_report_free(report);
}

static void from_json(const char *text, size_t len) {
    memsec_snapshot *snapshot = NULL;
    memsec_error *error = NULL;
    settle(memsec_snapshot_from_json(text, len, &snapshot, &error), &error);
    if (snapshot) use(snapshot, NULL);
    memsec_snapshot_free(snapshot);
}

static void policy_from_json(const char *text, size_t len) {
    memsec_snapshot *snapshot = memsec_snapshot_new();
    memsec_policy *policy = NULL;
    memsec_error *error = NULL;
    settle(memsec_policy_from_json(text, len, &policy, &error), &error);
    if (policy) use(snapshot, policy);
    memsec_policy_free(policy);
    memsec_snapshot_free(snapshot);
}

static void policy_words(const char *text) {
    memsec_policy *policy = memsec_policy_new();
    memsec_error *error = NULL;
    settle(memsec_policy_allow(policy, text, &error), &error);
    settle(memsec_policy_bind(policy, text, &error), &error);
    memsec_policy_free(policy);
}

static void explain(const char *text, size_t len) {
    memsec_snapshot *snapshot = memsec_snapshot_new();
    memsec_error *error = NULL;
    char *json = NULL;
    settle(memsec_explain(snapshot, text, len, &json, &error), &error);
    memsec_string_free(json);
    memsec_snapshot_free(snapshot);
}

static void add(uint8_t which, const char *text, size_t len) {
    memsec_snapshot *snapshot = memsec_snapshot_new();
    memsec_error *error = NULL;
    size_t at = which % (LEN(paths) + LEN(commands) + 1);
    memsec_status status =
        at < LEN(paths)
            ? memsec_snapshot_add_file(snapshot, paths[at], text, len, &error)
        : at < LEN(paths) + LEN(commands)
            ? memsec_snapshot_add_command(
                  snapshot, commands[at - LEN(paths)], 0, text, len, &error)
            : memsec_snapshot_add_process(snapshot, text, len, &error);
    settle(status, &error);
    use(snapshot, NULL);
    memsec_snapshot_free(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text;
    if (size == 0) return 0;
    text = malloc(size);
    if (!text) return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0]) {
    case 0: from_json(text, size - 1); break;
    case 1: policy_from_json(text, size - 1); break;
    case 2: policy_words(text); break;
    case 3: explain(text, size - 1); break;
    default: add((uint8_t)(data[0] - 4), text, size - 1);
    }
    free(text);
    return 0;
}
