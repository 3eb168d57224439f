/*
 * Loads the library, uses it and unloads it a thousand times, as a host of
 * plug-ins does: neither the process grows, nor is anything of it changed.
 *
 *   load LIBRARY
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <memsec.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* One more than the last. */
#define SIGNALS 65

/* The library's functions are found by dlsym alone. */
#define FIND(library, name) (*(void **)(&name) = dlsym(library, "memsec_" #name))

static int use(const char *path) {
    memsec_snapshot *(*snapshot_new)(void);
    void (*snapshot_free)(memsec_snapshot *);
    memsec_status (*audit)(const memsec_snapshot *, const memsec_policy *,
                           memsec_report **, memsec_error **);
    memsec_status (*policy_allow)(memsec_policy *, const char *,
                                  memsec_error **);
    void (*report_free)(memsec_report *);
    void (*error_free)(memsec_error *);
    memsec_snapshot *snapshot;
    memsec_report *report = NULL;
    memsec_error *error = NULL;
    int failed;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library || !FIND(library, snapshot_new) ||
        !FIND(library, snapshot_free) || !FIND(library, audit) ||
        !FIND(library, policy_allow) || !FIND(library, report_free) ||
        !FIND(library, error_free)) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    snapshot = snapshot_new();
    failed = audit(snapshot, NULL, &report, NULL);
    failed |= policy_allow(NULL, NULL, &error) != MEMSEC_ERR_ARGUMENT;
    error_free(error);
    report_free(report);
    snapshot_free(snapshot);
    return failed | dlclose(library);
}

/* Kilobytes in memory. */
static long resident(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*s %ld", &pages) != 1) pages = -1;
    if (file) fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* What a library has no business with. */
struct process {
    struct sigaction actions[SIGNALS];
    sigset_t blocked;
    char *directory;
    char **environment;
    size_t variables;
    mode_t mask;
    int next_file;
};

static void look(struct process *process) {
    int i;
    memset(process, 0, sizeof *process);
    for (i = 1; i < SIGNALS; i++)
        sigaction(i, NULL, &process->actions[i]);
    sigprocmask(SIG_BLOCK, NULL, &process->blocked);
    process->directory = getcwd(NULL, 0);
    process->environment = environ;
    while (environ[process->variables]) process->variables++;
    process->mask = umask(0);
    umask(process->mask);
    process->next_file = open("/dev/null", O_RDONLY);
    close(process->next_file);
}

static int same(const struct process *a, const struct process *b) {
    int i;
    for (i = 1; i < SIGNALS; i++)
        if (a->actions[i].sa_handler != b->actions[i].sa_handler) return 0;
    return memcmp(&a->blocked, &b->blocked, sizeof a->blocked) == 0 &&
           strcmp(a->directory, b->directory) == 0 &&
           a->environment == b->environment && a->variables == b->variables &&
           a->mask == b->mask && a->next_file == b->next_file;
}

int main(int argc, char **argv) {
    struct process before, after;
    long size;
    int i;
    if (argc != 2) return 2;
    look(&before);
    for (i = 0; i < 100; i++)
        if (use(argv[1])) return 1;
    size = resident();
    for (i = 0; i < 900; i++)
        if (use(argv[1])) return 1;
    look(&after);
    if (resident() > size + 256) {
        printf("from %ld KiB to %ld KiB\n", size, resident());
        return 1;
    }
    if (!same(&before, &after)) {
        printf("the process is not as it was\n");
        return 1;
    }
    free(before.directory);
    free(after.directory);
    printf("as it was\n");
    return 0;
}
