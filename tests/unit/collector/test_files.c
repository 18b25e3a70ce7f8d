/* A folder of dumps that changes between two looks: what is given, what stands, what is told of what cannot be read. */
#include "services/collector/cluster/files.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

/* A folder of its own, the cluster over it, and everything that the last step gave. */
typedef struct {
    char dir[64];
    cluster c;
    ov_metrics *metrics;
    ov_metric *errors;
    ov_mono now;
    ov_buf said; /* "snapshot 0;" "tracker d/a;" "object d/p;" "ready 0;" */
} world;

static void write_file(const world *w, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) abort();
}

static void remove_file(const world *w, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    if (unlink(path) != 0) abort();
}

/* Files are made old, so that none counts as written while it was read; each call another time. */
static void set_age(const world *w, const char *name, int seconds)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    struct timespec times[2] = {{.tv_sec = 1700000000 + seconds}, {.tv_sec = 1700000000 + seconds}};
    if (utimensat(AT_FDCWD, path, times, 0) != 0) abort();
}

static void put_file(const world *w, const char *name, const char *text, int seconds)
{
    write_file(w, name, text);
    set_age(w, name, seconds);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void world_clear(world *w)
{
    if (w->c.free) w->c.free(w->c.self);
    nftw(w->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    ov_metrics_free(w->metrics);
    ov_buf_clear(&w->said);
}

static void note(void *arg, const cluster_event *e)
{
    world *w = arg;
    bool is_tracker = ov_str_eq(e->kind, OV_STR(CLUSTER_TRACKERS));
    if (e->type == CLUSTER_SNAPSHOT) ov_buf_printf(&w->said, "snapshot %u;", e->section);
    if (e->type == CLUSTER_READY) ov_buf_printf(&w->said, "ready %u;", e->section);
    if (e->type != CLUSTER_OBJECT) return;
    ov_buf_printf(&w->said, "%s %.*s/%.*s;", is_tracker ? "tracker" : "object", OV_STR_ARG(e->ns), OV_STR_ARG(e->name));
    CHECK(!e->object && memmem(e->json.ptr, e->json.len, "\"metadata\"", 10));
}

static void world_init(world *w)
{
    *w = (world){.dir = "/tmp/opvic-files-XXXXXX", .metrics = ov_metrics_new(), .said = OV_BUF(65536)};
    if (!mkdtemp(w->dir)) abort();
    w->errors = ov_metrics_add(w->metrics, OV_METRIC_COUNTER, "errors", "Errors.", NULL, 1);
    ov_err err = {0};
    CHECK_OK(files_open(w->dir, w->errors, note, w, &w->c, &err), &err);
}
#define WORLD(w)                     \
    OV_CLEANUP(world_clear) world w; \
    world_init(&w)

static ov_status step_now(world *w, ov_err *err)
{
    ov_mono next = {0};
    ov_buf_reset(&w->said);
    ov_status st = w->c.step(w->c.self, w->now, &next, err);
    CHECK(next.ms > w->now.ms && next.ms <= w->now.ms + FILES_CHECK_MS);
    return st;
}

/* What a step a second later gives; it must read everything. */
static const char *step(world *w)
{
    ov_err err = {0};
    w->now = ov_mono_after(w->now, FILES_CHECK_MS);
    CHECK_OK(step_now(w, &err), &err);
    ov_buf_append_char(&w->said, '\0');
    return w->said.ptr;
}

/* The same where something cannot be read; says is in the error. */
static const char *step_failing(world *w, const char *says)
{
    ov_err err = {0};
    w->now = ov_mono_after(w->now, FILES_CHECK_MS);
    CHECK_STATUS(step_now(w, &err), OV_FAILED, &err);
    if (!CHECK(strstr(err.msg, says) != NULL)) fprintf(stderr, "got: %s\n", err.msg);
    ov_buf_append_char(&w->said, '\0');
    return w->said.ptr;
}

#define POD(name) "apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: d}\n"
#define TRACKER(name) \
    "apiVersion: opvic.skillz.com/v1alpha1\nkind: VersionTracker\nmetadata: {name: " name ", namespace: d}\n"

static void test_trackers_come_first(void)
{
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    put_file(&w, "b.json", "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n\"}}", 0);
    put_file(&w, "c.yml", POD("p2") "---\n" TRACKER("t"), 0);
    CHECK(!w.c.is_complete(w.c.self));
    const char *said = step(&w);
    CHECK(w.c.is_complete(w.c.self));
    const char *tracker = strstr(said, "tracker d/t;"), *p1 = strstr(said, "object d/p1;"),
               *n = strstr(said, "object /n;");
    const char *p2 = strstr(said, "object d/p2;"), *ready = strstr(said, "ready ");
    if (!CHECK(tracker && p1 && n && p2 && ready)) return;
    CHECK(tracker < p1 && p1 < n && n < p2 && p2 < ready);
}

static void test_only_changes_are_given(void)
{
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    put_file(&w, "b.yaml", POD("p2"), 0);
    (void)step(&w);
    CHECK_C(step(&w), "");
    put_file(&w, "b.yaml", POD("p3"), 1);
    const char *said = step(&w);
    CHECK(strstr(said, "object d/p3;") != NULL);
    CHECK(strstr(said, "p1") == NULL);
    CHECK_C(step(&w), "");
    set_age(&w, "b.yaml", 2); /* touched */
    CHECK(strstr(step(&w), "object d/p3;") != NULL);
}

static void test_same_size_and_time_but_another_file(void)
{
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    put_file(&w, "new", POD("p2"), 0);
    (void)step(&w);
    char from[256], to[256];
    snprintf(from, sizeof from, "%s/new", w.dir);
    snprintf(to, sizeof to, "%s/a.yaml", w.dir);
    CHECK(rename(from, to) == 0);
    CHECK(strstr(step(&w), "object d/p2;") != NULL);
}

/* A write within the file system's tick leaves the same stamp: what was just written is read once more. */
static void test_written_while_it_was_read(void)
{
    WORLD(w);
    write_file(&w, "a.yaml", POD("p1"));
    (void)step(&w);
    CHECK(strstr(step(&w), "object d/p1;") != NULL);
}

static void test_looks_once_a_second(void)
{
    WORLD(w);
    ov_err err = {0};
    (void)step(&w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    w.now.ms += FILES_CHECK_MS - 1;
    CHECK_OK(step_now(&w, &err), &err);
    CHECK_INT(w.said.len, 0);
    w.now.ms += 1;
    CHECK_OK(step_now(&w, &err), &err);
    CHECK(w.said.len > 0);
}

static void test_gone(void)
{
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    (void)step(&w);
    remove_file(&w, "a.yaml");
    CHECK_C(step(&w), "snapshot 0;ready 0;");
    CHECK_C(step(&w), "");
    put_file(&w, "b.yaml", POD("p2"), 0);
    CHECK_C(step(&w), "snapshot 0;object d/p2;ready 0;"); /* the section is used again */
}

static void test_moved(void)
{
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    (void)step(&w);
    remove_file(&w, "a.yaml");
    put_file(&w, "b.yaml", POD("p1"), 0);
    CHECK_C(step(&w), "snapshot 0;snapshot 1;object d/p1;ready 0;ready 1;");
}

static void test_broken_stands(void)
{
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    put_file(&w, "b.yaml", POD("p2"), 0);
    (void)step(&w);
    put_file(&w, "a.yaml", "apiVersion: v1\nitems:\n- {kind: Pod", 1);
    CHECK_C(step_failing(&w, "a.yaml: line "), ""); /* no snapshot: what it held stands */
    CHECK_INT(ov_metric_get(w.errors, NULL), 1);
    CHECK(w.c.is_complete(w.c.self));
    CHECK_C(step_failing(&w, "a.yaml: line "), "");
    CHECK_INT(ov_metric_get(w.errors, NULL), 1); /* told once */
    put_file(&w, "b.yaml", POD("p3"), 1);        /* the others go on */
    CHECK(strstr(step_failing(&w, "a.yaml"), "object d/p3;") != NULL);
    put_file(&w, "a.yaml", "", 2);
    CHECK_C(step_failing(&w, "a.yaml: empty"), "");
    CHECK_INT(ov_metric_get(w.errors, NULL), 2);
    put_file(&w, "a.yaml", POD("p1"), 3);
    CHECK(strstr(step(&w), "object d/p1;") != NULL);
    remove_file(&w, "a.yaml");
    (void)step(&w);
}

static void test_broken_from_the_start(void)
{
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    put_file(&w, "b.json", "{", 0);
    CHECK(strstr(step_failing(&w, "b.json: line 1"), "object d/p1;") != NULL);
    CHECK(!w.c.is_complete(w.c.self));
    remove_file(&w, "b.json");
    CHECK(strstr(step(&w), "p1") == NULL);
    CHECK(w.c.is_complete(w.c.self));
}

static void test_ignored(void)
{
    WORLD(w);
    char path[256];
    put_file(&w, "notes.txt", "{", 0);
    put_file(&w, ".hidden.yaml", "{", 0);
    put_file(&w, "pods.yaml.bak", "{", 0);
    snprintf(path, sizeof path, "%s/folder.yaml", w.dir);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/pipe.yaml", w.dir);
    CHECK(mkfifo(path, 0600) == 0);
    snprintf(path, sizeof path, "%s/dangling.yaml", w.dir);
    CHECK(symlink("nowhere", path) == 0);
    CHECK_C(step(&w), "");
    CHECK(w.c.is_complete(w.c.self));
}

static void test_too_large(void)
{
    WORLD(w);
    char path[256];
    put_file(&w, "a.yaml", "", 0);
    snprintf(path, sizeof path, "%s/a.yaml", w.dir);
    CHECK(truncate(path, (off_t)FILES_BYTES_MAX + 1) == 0);
    CHECK_C(step_failing(&w, "a.yaml: 268435457 bytes: expected at most 268435456"), "");
}

static void test_reread(void)
{
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    put_file(&w, "b.yaml", TRACKER("t"), 0);
    (void)step(&w);
    ov_err err = {0};
    w.c.reread(w.c.self, OV_STR("")); /* the step gave everything behind the trackers already */
    CHECK_OK(step_now(&w, &err), &err);
    CHECK_INT(w.said.len, 0);
    put_file(&w, "b.yaml", TRACKER("u"), 1);
    CHECK(strstr(step(&w), "p1") == NULL);
    w.c.reread(w.c.self, OV_STR(""));
    CHECK_OK(step_now(&w, &err), &err); /* at once, not at the next look */
    ov_buf_append_char(&w.said, '\0');
    CHECK(strstr(w.said.ptr, "object d/p1;") != NULL);
    w.c.reread(w.c.self, OV_STR(""));
    CHECK_OK(step_now(&w, &err), &err);
    CHECK_INT(w.said.len, 0);
}

static void test_folder(void)
{
    cluster c = {0};
    ov_err err = {0};
    CHECK_STATUS(files_open("/nonexistent/dumps", NULL, note, NULL, &c, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "cluster.files: \"/nonexistent/dumps\": No such file or directory");
    WORLD(w);
    put_file(&w, "a.yaml", POD("p1"), 0);
    (void)step(&w);
    char away[96];
    snprintf(away, sizeof away, "%s.away", w.dir);
    CHECK(rename(w.dir, away) == 0);
    CHECK_C(step_failing(&w, "No such file"), "");
    CHECK_C(step_failing(&w, "No such file"), "");
    CHECK_INT(ov_metric_get(w.errors, NULL), 1);
    CHECK(rename(away, w.dir) == 0);
    CHECK_C(step(&w), "");
}

/* Dumps that do not fit together are read a second time when their turn comes. */
static void test_many_large_dumps(void)
{
    WORLD(w);
    enum { LABEL_BYTES = FILES_KEPT_MAX / 3 };
    OV_CLEANUP(ov_free_p) char *label = ov_alloc(LABEL_BYTES + 1);
    memset(label, 'x', LABEL_BYTES);
    label[LABEL_BYTES] = '\0';
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(LABEL_BYTES + 1024);
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.json", i);
        ov_buf_reset(&text);
        ov_buf_printf(
            &text,
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p%d\",\"namespace\":\"d\"},\"x\":\"", i);
        ov_buf_append_c(&text, label);
        ov_buf_append(&text, "\"}", 3);
        put_file(&w, name, text.ptr, 0);
    }
    const char *said = step(&w);
    CHECK(strstr(said, "object d/p0;object d/p1;object d/p2;object d/p3;") != NULL);
    CHECK_C(step(&w), "");
}

int main(void)
{
    ov_log_setup("test", OV_LOG_ERROR + 1, OV_LOG_LOGFMT);
    test_trackers_come_first();
    test_only_changes_are_given();
    test_same_size_and_time_but_another_file();
    test_written_while_it_was_read();
    test_looks_once_a_second();
    test_gone();
    test_moved();
    test_broken_stands();
    test_broken_from_the_start();
    test_ignored();
    test_too_large();
    test_reread();
    test_folder();
    test_many_large_dumps();
    return check_end();
}
