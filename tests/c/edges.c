/*
 * Every function with NULL for every argument, with bad text, and with lengths
 * that are not those of a C string. Outputs are always written.
 */
#include <memsec.h>
#include <stdio.h>
#include <string.h>

static int failed;

#define CHECK(what)                                                           \
    do {                                                                      \
        if (!(what)) {                                                        \
            printf("edges.c:%d: %s\n", __LINE__, #what);                      \
            failed = 1;                                                       \
        }                                                                     \
    } while (0)

/* Anything that is not NULL, to see that an output is written. */
static char junk;
#define JUNK ((void *)&junk)

#define NUL MEMSEC_NUL_TERMINATED

/* A call that takes `&err` last gives `wanted` and an error that says so. */
#define GIVES(wanted, call)                                                   \
    do {                                                                      \
        memsec_error *err = JUNK;                                             \
        CHECK((call) == (wanted));                                            \
        CHECK(memsec_error_status(err) == (wanted));                          \
        CHECK(((wanted) == MEMSEC_OK) == (err == NULL));                      \
        CHECK((err == NULL) == (*memsec_error_message(err) == '\0'));         \
        if (err != JUNK) memsec_error_free(err);                              \
    } while (0)

/* As GIVES, for a call that fails with `&out` before; `out` becomes NULL. */
#define GIVES_NULL(type, wanted, call)                                        \
    do {                                                                      \
        type *out = JUNK;                                                     \
        GIVES(wanted, call);                                                  \
        CHECK(out == NULL);                                                   \
    } while (0)

/* A call that makes text: it must contain `part`. */
#define PRINTS(part, call)                                                    \
    do {                                                                      \
        char *out = NULL;                                                     \
        GIVES(MEMSEC_OK, call);                                               \
        CHECK(out && strstr(out, part));                                      \
        memsec_string_free(out);                                              \
    } while (0)

#define ARGUMENT MEMSEC_ERR_ARGUMENT
#define PARSE MEMSEC_ERR_PARSE

static int is(const char *text, const char *wanted) {
    return text && strcmp(text, wanted) == 0;
}

static void version(void) {
    CHECK(is(memsec_version(), MEMSEC_VERSION));
    CHECK(memsec_version_number() == MEMSEC_VERSION_NUMBER);
    CHECK(memsec_has_host() || !memsec_has_host());
    CHECK(is(memsec_status_name(MEMSEC_OK), "OK"));
    CHECK(is(memsec_status_name(ARGUMENT), "ERR_ARGUMENT"));
    CHECK(is(memsec_status_name(PARSE), "ERR_PARSE"));
    CHECK(is(memsec_status_name(MEMSEC_ERR_UNSUPPORTED), "ERR_UNSUPPORTED"));
    CHECK(is(memsec_status_name(MEMSEC_ERR_IO), "ERR_IO"));
    CHECK(is(memsec_status_name(MEMSEC_ERR_PANIC), "ERR_PANIC"));
    CHECK(is(memsec_status_name(MEMSEC_ERR_STALE), "ERR_STALE"));
    CHECK(is(memsec_status_name(MEMSEC_ERR_BUSY), "ERR_BUSY"));
    CHECK(is(memsec_status_name(6), "UNKNOWN"));
    CHECK(is(memsec_status_name(-1), "UNKNOWN"));
}

static void null_is_freed(void) {
    memsec_error_free(NULL);
    memsec_string_free(NULL);
    memsec_snapshot_free(NULL);
    memsec_policy_free(NULL);
    memsec_report_free(NULL);
    memsec_plan_free(NULL);
    memsec_outcome_free(NULL);
}

static void null_has_empty_values(void) {
    CHECK(memsec_error_status(NULL) == MEMSEC_OK);
    CHECK(is(memsec_error_message(NULL), ""));
    CHECK(is(memsec_error_source(NULL), ""));
    CHECK(memsec_error_line(NULL) == 0);
    CHECK(memsec_error_column(NULL) == 0);

    CHECK(memsec_report_exposure_len(NULL) == 0);
    CHECK(memsec_report_exposure(NULL, 0) == NULL);
    CHECK(memsec_report_finding_len(NULL) == 0);
    CHECK(memsec_report_finding(NULL, 0) == NULL);
    CHECK(memsec_report_severity(NULL) == MEMSEC_SEVERITY_NONE);
    CHECK(memsec_report_unknown_len(NULL) == 0);
    CHECK(memsec_report_unknown(NULL, 0) == NULL);

    CHECK(is(memsec_exposure_instance(NULL), ""));
    CHECK(memsec_exposure_proto(NULL) == MEMSEC_PROTO_NONE);
    CHECK(memsec_exposure_port(NULL) == 0);
    CHECK(memsec_exposure_family(NULL) == MEMSEC_FAMILY_NONE);
    CHECK(is(memsec_exposure_interface(NULL), ""));
    CHECK(memsec_exposure_destination_len(NULL) == 0);
    CHECK(memsec_exposure_destination(NULL, 0) == NULL);
    CHECK(memsec_exposure_scope(NULL) == MEMSEC_SCOPE_HOST);
    CHECK(!memsec_exposure_exact(NULL));
    CHECK(memsec_exposure_may_len(NULL) == 0);
    CHECK(memsec_exposure_may(NULL, 0) == NULL);
    CHECK(memsec_exposure_except_len(NULL) == 0);
    CHECK(memsec_exposure_except(NULL, 0) == NULL);
    CHECK(memsec_exposure_must_len(NULL) == 0);
    CHECK(memsec_exposure_must(NULL, SIZE_MAX) == NULL);

    CHECK(is(memsec_finding_id(NULL), ""));
    CHECK(memsec_finding_severity(NULL) == MEMSEC_SEVERITY_NONE);
    CHECK(is(memsec_finding_title(NULL), ""));
    CHECK(is(memsec_finding_message(NULL), ""));
    CHECK(is(memsec_finding_fix(NULL), ""));
    CHECK(is(memsec_finding_source(NULL), ""));
    CHECK(memsec_finding_line(NULL) == 0);
    CHECK(!memsec_finding_accepted(NULL));

    CHECK(is(memsec_outcome_name(NULL), ""));
    CHECK(memsec_outcome_get_state(NULL) == MEMSEC_OUTCOME_STATE_NONE);
    CHECK(is(memsec_outcome_message(NULL), ""));
    CHECK(memsec_outcome_left_len(NULL) == 0);
    CHECK(memsec_outcome_left(NULL, 0) == NULL);

    CHECK(memsec_plan_len(NULL) == 0);
    CHECK(memsec_plan_step(NULL, 0) == NULL);
    CHECK(!memsec_plan_holds(NULL));
    CHECK(memsec_plan_claim_len(NULL) == 0);
    CHECK(memsec_plan_claim(NULL, 0) == NULL);
    CHECK(memsec_claim_get_kind(NULL) == MEMSEC_CLAIM_KIND_NONE);
    CHECK(!memsec_claim_holds(NULL));
    CHECK(is(memsec_claim_witness(NULL), ""));
    CHECK(memsec_step_get_kind(NULL) == MEMSEC_STEP_KIND_NONE);
    CHECK(is(memsec_step_summary(NULL), ""));
    CHECK(memsec_step_settles_len(NULL) == 0);
    CHECK(memsec_step_settles(NULL, 0) == NULL);
    CHECK(is(memsec_step_file(NULL), ""));
    CHECK(memsec_step_command_len(NULL) == 0);
    CHECK(memsec_step_command(NULL, 0) == NULL);
}

static void snapshot_takes_null(memsec_snapshot *s) {
    GIVES_NULL(memsec_snapshot, ARGUMENT,
               memsec_snapshot_from_json(NULL, NUL, &out, &err));
    GIVES(ARGUMENT, memsec_snapshot_from_json("{}", NUL, NULL, &err));
    GIVES(ARGUMENT, memsec_snapshot_collect(NULL, &err));
    GIVES(ARGUMENT, memsec_snapshot_read_tree("/", NULL, &err));
    GIVES_NULL(memsec_snapshot, ARGUMENT,
               memsec_snapshot_read_tree(NULL, &out, &err));
    GIVES_NULL(memsec_snapshot, ARGUMENT,
               memsec_snapshot_read_tree("\xff", &out, &err));
    GIVES_NULL(memsec_snapshot, MEMSEC_ERR_IO,
               memsec_snapshot_read_tree("/no/such", &out, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_file(NULL, "/a", "", NUL, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_file(s, NULL, "", NUL, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_file(s, "/a", NULL, 0, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_command(NULL, "a", 0, "", 0, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_command(s, NULL, 0, "", 0, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_command(s, "a", 0, NULL, 0, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_process(NULL, "{}", NUL, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_process(s, NULL, NUL, &err));
    GIVES_NULL(char, ARGUMENT, memsec_snapshot_to_json(NULL, &out, &err));
    GIVES(ARGUMENT, memsec_snapshot_to_json(s, NULL, &err));
    CHECK(memsec_snapshot_to_json(s, NULL, NULL) == ARGUMENT);
}

static void policy_takes_null(memsec_policy *p) {
    GIVES_NULL(memsec_policy, ARGUMENT,
               memsec_policy_from_json(NULL, NUL, &out, &err));
    GIVES(ARGUMENT, memsec_policy_from_json("{}", NUL, NULL, &err));
    GIVES(ARGUMENT, memsec_policy_allow(NULL, "10.0.0.0/8", &err));
    GIVES(ARGUMENT, memsec_policy_allow(p, NULL, &err));
    GIVES(ARGUMENT, memsec_policy_bind(NULL, "10.0.0.1", &err));
    GIVES(ARGUMENT, memsec_policy_bind(p, NULL, &err));
    GIVES_NULL(char, ARGUMENT, memsec_policy_to_json(NULL, &out, &err));
    GIVES(ARGUMENT, memsec_policy_to_json(p, NULL, &err));
}

static void the_rest_takes_null(const memsec_snapshot *s) {
    memsec_report *report = NULL;
    GIVES(MEMSEC_OK, memsec_audit(s, NULL, &report, &err));
    GIVES_NULL(memsec_report, ARGUMENT, memsec_audit(NULL, NULL, &out, &err));
    GIVES(ARGUMENT, memsec_audit(s, NULL, NULL, &err));
    GIVES_NULL(char, ARGUMENT, memsec_report_to_json(NULL, &out, &err));
    GIVES(ARGUMENT, memsec_report_to_json(report, NULL, &err));
    GIVES_NULL(char, ARGUMENT,
               memsec_report_to_text(NULL, false, 0, &out, &err));
    GIVES(ARGUMENT, memsec_report_to_text(report, false, 0, NULL, &err));
    GIVES_NULL(char, ARGUMENT, memsec_report_to_html(NULL, NULL, &out, &err));
    GIVES(ARGUMENT, memsec_report_to_html(report, NULL, NULL, &err));
    GIVES_NULL(char, ARGUMENT, memsec_report_to_sarif(NULL, &out, &err));
    GIVES(ARGUMENT, memsec_report_to_sarif(report, NULL, &err));
    GIVES_NULL(memsec_plan, ARGUMENT, memsec_plan_new(NULL, &out, &err));
    GIVES(ARGUMENT, memsec_plan_new(report, NULL, &err));
    GIVES_NULL(memsec_plan, ARGUMENT,
               memsec_plan_from_json(NULL, NUL, &out, &err));
    GIVES(ARGUMENT, memsec_plan_from_json("{}", NUL, NULL, &err));
    GIVES_NULL(memsec_plan, PARSE,
               memsec_plan_from_json("{}", NUL, &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_plan_render(NULL, 0, &out, &err));
    GIVES(ARGUMENT, memsec_plan_render(NULL, 0, NULL, &err));
    GIVES_NULL(char, ARGUMENT, memsec_plan_to_json(NULL, &out, &err));
    GIVES(ARGUMENT, memsec_plan_to_json(NULL, NULL, &err));
    GIVES_NULL(char, ARGUMENT, memsec_explain(NULL, "{}", NUL, &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_explain(s, NULL, NUL, &out, &err));
    GIVES(ARGUMENT, memsec_explain(s, "{}", NUL, NULL, &err));
    GIVES_NULL(char, ARGUMENT, memsec_schema_to_json(NULL, &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_schema_to_json("none", &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_schema_to_json("\xff", &out, &err));
    GIVES(ARGUMENT, memsec_schema_to_json("plan", NULL, &err));
    GIVES(ARGUMENT, memsec_checks_to_json(NULL, &err));
    CHECK(memsec_checks_to_json(NULL, NULL) == ARGUMENT);
    memsec_report_free(report);
}

static void snapshot_text(memsec_snapshot *s) {
    /* Not the whole of what is there. */
    GIVES(MEMSEC_OK, memsec_snapshot_add_file(s, "/cut", "-p 1XX", 4, &err));
    PRINTS("\"-p 1\"", memsec_snapshot_to_json(s, &out, &err));
    /* Content is bytes, and may be empty, or have a NUL. */
    GIVES(MEMSEC_OK, memsec_snapshot_add_file(s, "/bad", "\xff", 1, &err));
    PRINTS("\"/w==\"", memsec_snapshot_to_json(s, &out, &err));
    GIVES(MEMSEC_OK, memsec_snapshot_add_file(s, "/bad", "a\0b", 3, &err));
    PRINTS("a\\u0000b", memsec_snapshot_to_json(s, &out, &err));
    GIVES(MEMSEC_OK, memsec_snapshot_add_file(s, "/bad", "", 0, &err));
    /* Names and outputs are text. */
    GIVES(ARGUMENT, memsec_snapshot_add_file(s, "\xff", "", 0, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_command(s, "\xff", 0, "", 0, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_command(s, "a", 0, "\xff", 1, &err));
    GIVES(ARGUMENT,
          memsec_snapshot_add_command(s, "a", 0, "", SIZE_MAX - 1, &err));
    GIVES(MEMSEC_OK,
          memsec_snapshot_add_command(s, "a", 127, "out", NUL, &err));
    PRINTS("127", memsec_snapshot_to_json(s, &out, &err));
    GIVES(PARSE, memsec_snapshot_add_process(s, "{\"pid\": -1}", NUL, &err));
    GIVES(PARSE, memsec_snapshot_add_process(s, "", 0, &err));
    GIVES(ARGUMENT, memsec_snapshot_add_process(s, "[1]", NUL, &err));
    GIVES(MEMSEC_OK,
          memsec_snapshot_add_process(s, "{\"pid\": 8127}", NUL, &err));
    PRINTS("8127", memsec_snapshot_to_json(s, &out, &err));
}

/* No run is begun here, and there is none of such a name. */
static void runs(void) {
    GIVES_NULL(memsec_outcome, ARGUMENT,
               memsec_plan_apply(NULL, 0, &out, &err));
    GIVES(ARGUMENT, memsec_plan_apply(NULL, 0, NULL, &err));
    GIVES_NULL(memsec_outcome, ARGUMENT, memsec_confirm(NULL, &out, &err));
    GIVES_NULL(memsec_outcome, ARGUMENT, memsec_confirm("none", &out, &err));
    GIVES_NULL(memsec_outcome, ARGUMENT, memsec_confirm("../a", &out, &err));
    GIVES(ARGUMENT, memsec_confirm("none", NULL, &err));
    GIVES_NULL(memsec_outcome, ARGUMENT, memsec_rollback(NULL, &out, &err));
    GIVES_NULL(memsec_outcome, ARGUMENT, memsec_rollback("none", &out, &err));
    GIVES_NULL(memsec_outcome, ARGUMENT, memsec_rollback("\xff", &out, &err));
    GIVES(ARGUMENT, memsec_rollback("none", NULL, &err));
    GIVES_NULL(memsec_outcome, ARGUMENT,
               memsec_outcome_read(NULL, &out, &err));
    GIVES_NULL(memsec_outcome, ARGUMENT,
               memsec_outcome_read("none", &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_outcome_to_json(NULL, &out, &err));
}

/* Lengths that no text has are refused before anything is read. */
static void lengths_are_bounded(memsec_snapshot *s) {
    static const size_t lengths[] = { ((size_t)1 << 30) + 1, SIZE_MAX / 2,
                                      SIZE_MAX - 1 };
    memsec_policy *policy = JUNK;
    size_t i;
    for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t n = lengths[i];
        GIVES_NULL(memsec_snapshot, ARGUMENT,
                   memsec_snapshot_from_json("{}", n, &out, &err));
        GIVES_NULL(memsec_policy, ARGUMENT,
                   memsec_policy_from_json("{}", n, &out, &err));
        GIVES(ARGUMENT, memsec_snapshot_add_file(s, "/a", "", n, &err));
        GIVES(ARGUMENT, memsec_snapshot_add_command(s, "a", 0, "", n, &err));
        GIVES(ARGUMENT, memsec_snapshot_add_process(s, "{}", n, &err));
        GIVES_NULL(char, ARGUMENT, memsec_explain(s, "{}", n, &out, &err));
    }
    /* None is not too short; only JSON is never empty. */
    GIVES(MEMSEC_OK, memsec_snapshot_add_file(s, "", "", 0, &err));
    GIVES(MEMSEC_OK, memsec_snapshot_add_command(s, "", 0, "", 0, &err));
    GIVES_NULL(memsec_snapshot, PARSE,
               memsec_snapshot_from_json("", 0, &out, &err));
    CHECK(memsec_policy_from_json("", 0, &policy, NULL) == PARSE);
    CHECK(policy == NULL);
}

static void json_text(void) {
    GIVES_NULL(memsec_snapshot, PARSE,
               memsec_snapshot_from_json("{\"schema\": 1", NUL, &out, &err));
    GIVES_NULL(memsec_snapshot, PARSE,
               memsec_snapshot_from_json("{}", 1, &out, &err));
    GIVES_NULL(memsec_snapshot, PARSE,
               memsec_snapshot_from_json("{}\0", 3, &out, &err));
    GIVES_NULL(memsec_snapshot, ARGUMENT,
               memsec_snapshot_from_json("\xc3", 1, &out, &err));
    GIVES_NULL(memsec_policy, PARSE,
               memsec_policy_from_json("[", NUL, &out, &err));
    GIVES_NULL(memsec_policy, ARGUMENT,
               memsec_policy_from_json("\xff", NUL, &out, &err));
}

static void error_has_a_place(void) {
    memsec_policy *policy = JUNK;
    memsec_error *err = NULL;
    CHECK(memsec_policy_from_json("{\n  7", NUL, &policy, &err) == PARSE);
    CHECK(policy == NULL);
    CHECK(is(memsec_error_source(err), "json"));
    CHECK(memsec_error_line(err) == 2);
    CHECK(memsec_error_column(err) == 3);
    CHECK(strchr(memsec_error_message(err), '\n') == NULL);
    memsec_error_free(err);
}

static void policy_text(memsec_policy *p) {
    GIVES(ARGUMENT, memsec_policy_allow(p, "10.0.0.1/8", &err));
    GIVES(ARGUMENT, memsec_policy_allow(p, "", &err));
    GIVES(ARGUMENT, memsec_policy_allow(p, "\xff", &err));
    GIVES(ARGUMENT, memsec_policy_bind(p, "10.0.0.0/8", &err));
    GIVES(ARGUMENT, memsec_policy_bind(p, "\xff", &err));
    GIVES(MEMSEC_OK, memsec_policy_allow(p, "10.20.0.0/24", &err));
    GIVES(MEMSEC_OK, memsec_policy_bind(p, "2001:db8::1", &err));
    CHECK(memsec_policy_allow(p, "2001:db8::/32", NULL) == MEMSEC_OK);
    PRINTS("10.20.0.0/24", memsec_policy_to_json(p, &out, &err));
    PRINTS("2001:db8::1", memsec_policy_to_json(p, &out, &err));
}

static void plan(const memsec_report *report) {
    memsec_plan *made = NULL;
    GIVES(MEMSEC_OK, memsec_plan_new(report, &made, &err));
    CHECK(memsec_plan_step(made, memsec_plan_len(made)) == NULL);
    CHECK(memsec_plan_step(made, SIZE_MAX) == NULL);
    CHECK(memsec_plan_claim(made, SIZE_MAX) == NULL);
    CHECK(memsec_plan_claim_len(made) == 5);
    CHECK(memsec_claim_get_kind(memsec_plan_claim(made, 0)) ==
          MEMSEC_CLAIM_KIND_ONLY_ALLOWED);
    PRINTS("\"proof\"", memsec_plan_to_json(made, &out, &err));
    PRINTS("<!doctype", memsec_report_to_html(report, made, &out, &err));
    PRINTS("", memsec_plan_render(made, MEMSEC_RENDER_TEXT, &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_plan_render(made, 5, &out, &err));
    GIVES(ARGUMENT, memsec_plan_to_json(made, NULL, &err));
    GIVES(ARGUMENT, memsec_plan_render(made, 0, NULL, &err));
    memsec_plan_free(made);
}

static void report(void) {
    memsec_snapshot *s = memsec_snapshot_new();
    memsec_policy *p = memsec_policy_new();
    memsec_report *made = NULL;
    GIVES(MEMSEC_OK, memsec_audit(s, p, &made, &err));
    /* A report outlives what it was made from. */
    memsec_snapshot_free(s);
    memsec_policy_free(p);
    CHECK(memsec_report_finding(made, SIZE_MAX) == NULL);
    CHECK(memsec_report_exposure(made, SIZE_MAX) == NULL);
    PRINTS("\"exposures\"", memsec_report_to_json(made, &out, &err));
    PRINTS("", memsec_report_to_text(made, true, 80, &out, &err));
    PRINTS("", memsec_report_to_text(made, false, SIZE_MAX, &out, &err));
    PRINTS("<!doctype", memsec_report_to_html(made, NULL, &out, &err));
    PRINTS("2.1.0", memsec_report_to_sarif(made, &out, &err));
    plan(made);
    memsec_report_free(made);
}

/* A finding that the policy accepts is there, and does not count. */
static void accepted(void) {
    memsec_snapshot *s = memsec_snapshot_new();
    memsec_policy *p = NULL;
    memsec_report *made = NULL;
    size_t i, known = 0, other = 0;
    GIVES(MEMSEC_OK, memsec_policy_from_json(
                         "{\"accept\": [{\"id\": \"MEMSEC-PRIV-001\", "
                         "\"because\": \"a test\"}]}",
                         NUL, &p, &err));
    GIVES(MEMSEC_OK,
          memsec_snapshot_add_process(
              s, "{\"pid\": 7, \"uid\": 0, \"argv\": [\"-u\", \"root\"]}", NUL,
              &err));
    GIVES(MEMSEC_OK, memsec_audit(s, p, &made, &err));
    for (i = 0; i < memsec_report_finding_len(made); i++) {
        const memsec_finding *finding = memsec_report_finding(made, i);
        if (is(memsec_finding_id(finding), "MEMSEC-PRIV-001"))
            known += memsec_finding_accepted(finding);
        else
            other += memsec_finding_accepted(finding);
    }
    CHECK(known == 1 && other == 0);
    memsec_report_free(made);
    memsec_policy_free(p);
    memsec_snapshot_free(s);
}

static void diff(const memsec_snapshot *s) {
    PRINTS("\"changes\": []", memsec_diff(s, s, NULL, &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_diff(NULL, s, NULL, &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_diff(s, NULL, NULL, &out, &err));
    GIVES(ARGUMENT, memsec_diff(s, s, NULL, NULL, &err));
}

static void explain(const memsec_snapshot *s) {
    GIVES_NULL(char, PARSE, memsec_explain(s, "{}", NUL, &out, &err));
    GIVES_NULL(char, PARSE, memsec_explain(s, "{}", 0, &out, &err));
    GIVES_NULL(char, ARGUMENT, memsec_explain(s, "\xff", 1, &out, &err));
    GIVES_NULL(char, PARSE,
               memsec_explain(s, "{\"from\": \"x\"}", NUL, &out, &err));
}

int main(void) {
    memsec_snapshot *s = memsec_snapshot_new();
    memsec_policy *p = memsec_policy_new();
    version();
    null_is_freed();
    null_has_empty_values();
    snapshot_takes_null(s);
    policy_takes_null(p);
    the_rest_takes_null(s);
    runs();
    lengths_are_bounded(s);
    json_text();
    error_has_a_place();
    policy_text(p);
    report();
    explain(s);
    accepted();
    diff(s);
    snapshot_text(s);
    PRINTS("\"checks\"", memsec_checks_to_json(&out, &err));
    PRINTS("\"steps\"", memsec_schema_to_json("plan", &out, &err));
    PRINTS("\"netns\"", memsec_schema_to_json("snapshot", &out, &err));
    memsec_snapshot_free(s);
    memsec_policy_free(p);
    if (!failed) printf("all edges hold\n");
    return failed;
}
