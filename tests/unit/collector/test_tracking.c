/* From the events of a cluster to the reports that change by them. */
#include "services/collector/tracking.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

static void event(tracking *t, cluster_event_type type, unsigned section)
{
    tracking_on_event(t, &(cluster_event){.type = type, .section = section});
}

static void give(tracking *t, unsigned section, const char *kind, const char *name, const char *json)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    CHECK_OK(ov_json_tree(ov_str_of(json), &tree, &err), &err);
    tracking_on_event(
        t, &(cluster_event){CLUSTER_OBJECT, section, ov_str_of(kind), OV_STR("d"), ov_str_of(name), tree, {0}});
}

static void take(tracking *t, const char *kind, const char *name)
{
    tracking_on_event(t, &(cluster_event){CLUSTER_GONE, 0, ov_str_of(kind), OV_STR("d"), ov_str_of(name), NULL, {0}});
}

/* A tracker of all Pods with the label app; name is the object's, id the spec's. */
static void give_tracker_at(tracking *t, unsigned section, const char *name, const char *id, const char *app,
                            const char *created)
{
    char json[512];
    snprintf(
        json, sizeof json,
        "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"creationTimestamp\":\"%s\"},\"spec\":{\"name\":\"%s\","
        "\"resources\":{\"strategy\":\"Pods\",\"selector\":{\"matchLabels\":{\"app\":\"%s\"}}},"
        "\"localVersion\":{\"strategy\":\"ImageTag\"}}}",
        name, created, id, app);
    give(t, section, CLUSTER_TRACKERS, name, json);
}

static void give_tracker(tracking *t, const char *name, const char *id, const char *app)
{
    give_tracker_at(t, 0, name, id, app, "2026-01-01T00:00:00Z");
}

static void give_pod(tracking *t, unsigned section, const char *name, const char *app, const char *image)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"labels\":{\"app\":\"%s\"}},"
             "\"spec\":{\"containers\":[{\"image\":\"%s\"}]}}",
             name, app, image);
    give(t, section, "Pods", name, json);
}

/* Every change as "id:count:reason:version=count,...;", "id:gone;", sorted as they come. */
static const char *changes(tracking *t)
{
    static char out[1024];
    ov_str id;
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    out[0] = '\0';
    size_t len = 0;
    while (tracking_next_change(t, NULL, NULL, &id, &body)) {
        report r = {0};
        ov_err err = {0};
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s:", OV_STR_ARG(id));
        if (body.len == 0) {
            len += (size_t)snprintf(out + len, sizeof out - len, "gone;");
            continue;
        }
        CHECK_OK(report_decode(ov_buf_str(&body), &r, &err), &err);
        CHECK_STR(r.id, id);
        len += (size_t)snprintf(out + len, sizeof out - len, "%d:%s:", (int)r.count, report_reason_name(r.reason));
        for (size_t i = 0; i < r.version_count; i++)
            len += (size_t)snprintf(out + len, sizeof out - len, "%.*s=%d,", OV_STR_ARG(r.versions[i].running_version),
                                    (int)r.versions[i].resource_count);
        len += (size_t)snprintf(out + len, sizeof out - len, ";");
        report_clear(&r);
    }
    return out;
}

static tracking *begin(void)
{
    tracking *t = tracking_new(OV_STR("agent"), OV_STR("{\"env\":\"test\"}"));
    event(t, CLUSTER_SNAPSHOT, 0);
    return t;
}

/* The kinds whose objects must be given again: "Pods;", "everything;". */
static const char *rereads(tracking *t)
{
    static char out[256];
    ov_str kind;
    size_t len = 0;
    out[0] = '\0';
    while (tracking_takes_reread(t, &kind))
        len +=
            (size_t)snprintf(out + len, sizeof out - len, "%.*s;", OV_STR_ARG(kind.len ? kind : OV_STR("everything")));
    return out;
}

static void tracking_free_p(tracking **t)
{
    tracking_free(*t);
}
#define TRACKING OV_CLEANUP(tracking_free_p) tracking *t = begin()

static void test_a_life(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    give_pod(t, 0, "p2", "x", "r/a:1.1");
    give_pod(t, 0, "p3", "y", "r/a:9.9");
    event(t, CLUSTER_READY, 0);
    CHECK_C(changes(t), "web:2::1.0=1,1.1=1,;");
    CHECK_C(changes(t), "");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    CHECK_C(changes(t), "");
    give_pod(t, 0, "p1", "x", "r/a:1.1");
    CHECK_C(changes(t), "web:2::1.1=2,;");
    give_pod(t, 0, "p1", "y", "r/a:1.1"); /* another label: no match any more */
    CHECK_C(changes(t), "web:1::1.1=1,;");
    take(t, "Pods", "p2");
    CHECK_C(changes(t), "web:0:NothingMatched:;");
    take(t, CLUSTER_TRACKERS, "web");
    CHECK_C(changes(t), "web:gone;");
    CHECK_C(changes(t), "");
}

static void test_snapshot_sweeps(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    give_tracker(t, "old", "old", "x");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    give_pod(t, 0, "p2", "x", "r/a:1.0");
    event(t, CLUSTER_READY, 0);
    (void)changes(t);
    event(t, CLUSTER_SNAPSHOT, 0);
    give_tracker(t, "web", "web", "x");
    give_pod(t, 0, "p2", "x", "r/a:1.0");
    CHECK_C(changes(t), ""); /* what stood before stands until the section is ready */
    event(t, CLUSTER_READY, 0);
    CHECK_C(changes(t), "old:gone;web:1::1.0=1,;");
}

static void test_problems(void)
{
    TRACKING;
    give(t, 0, CLUSTER_TRACKERS, "bad", "{\"metadata\":{\"name\":\"bad\"},\"spec\":{\"name\":\"bad\"}}");
    give(t, 0, CLUSTER_TRACKERS, "none", "{\"metadata\":{\"name\":\"none\"}}");
    give_tracker(t, "web", "web", "x");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    give_pod(t, 0, "p2", "x", "r/a@sha256:0000000000000000000000000000000000000000000000000000000000000000");
    event(t, CLUSTER_READY, 0);
    const char *said = changes(t);
    CHECK(strstr(said, "bad:0:InvalidSpec:;") != NULL);
    CHECK(strstr(said, "none:0:InvalidSpec:;") != NULL);
    CHECK(strstr(said, "web:2:SomeFailed:1.0=1,;") != NULL);
    tracking_counts counts;
    tracking_count(t, &counts);
    CHECK_INT(counts.trackers, 3);
    CHECK_INT(counts.invalid, 2);
    CHECK_INT(counts.objects, 2);
    CHECK_INT(counts.failed, 1);
}

static void test_duplicates(void)
{
    TRACKING;
    give_tracker_at(t, 0, "younger", "web", "y", "2026-02-01T00:00:00Z");
    give_tracker_at(t, 0, "older", "web", "x", "2026-01-01T00:00:00Z");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    give_pod(t, 0, "p2", "y", "r/a:2.0");
    event(t, CLUSTER_READY, 0);
    CHECK_C(changes(t), "web:1::1.0=1,;");
    tracking_counts counts;
    tracking_count(t, &counts);
    CHECK_INT(counts.duplicates, 1);
    take(t, CLUSTER_TRACKERS, "older");
    CHECK_C(changes(t), "web:1::2.0=1,;"); /* never gone: the younger one takes the name over */
    give_tracker_at(t, 0, "oldest", "web", "x", "2025-01-01T00:00:00Z");
    CHECK_C(rereads(t), "Pods;");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    CHECK_C(changes(t), "web:1::1.0=1,;");
}

static void test_same_age_is_settled_by_name(void)
{
    TRACKING;
    give_tracker(t, "b", "web", "y");
    give_tracker(t, "a", "web", "x");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    event(t, CLUSTER_READY, 0);
    CHECK_C(changes(t), "web:1::1.0=1,;");
}

static void test_rereads(void)
{
    TRACKING;
    CHECK_C(rereads(t), "");
    give_tracker(t, "web", "web", "x");
    CHECK_C(rereads(t), "Pods;");
    CHECK_C(rereads(t), "");
    give_tracker(t, "web", "web", "x");
    CHECK_C(rereads(t), "");
    give_tracker(t, "web", "web", "y");
    CHECK_C(rereads(t), "Pods;");
    give_tracker(t, "web", "other", "y");
    CHECK_C(rereads(t), "Pods;");
    event(t, CLUSTER_READY, 0);
    CHECK_C(changes(t), "other:0:NothingMatched:;"); /* web was never told */
}

static void test_renamed_after_it_was_told(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    event(t, CLUSTER_READY, 0);
    CHECK_C(changes(t), "web:0:NothingMatched:;");
    give_tracker(t, "web", "other", "x");
    CHECK_C(changes(t), "web:gone;other:0:NothingMatched:;");
}

/* The same object in two dumps: when the one that gave it last goes, the other one must be read again. */
static void test_overlapping_sections(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    event(t, CLUSTER_READY, 0);
    event(t, CLUSTER_SNAPSHOT, 1);
    give_pod(t, 1, "p1", "x", "r/a:1.0");
    event(t, CLUSTER_READY, 1);
    (void)rereads(t);
    event(t, CLUSTER_SNAPSHOT, 1);
    event(t, CLUSTER_READY, 1);
    CHECK_C(rereads(t), "everything;");
}

static void test_moved_between_sections(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    event(t, CLUSTER_READY, 0);
    (void)changes(t);
    event(t, CLUSTER_SNAPSHOT, 0);
    event(t, CLUSTER_SNAPSHOT, 1);
    give_tracker_at(t, 1, "web", "web", "x", "2026-01-01T00:00:00Z");
    give_pod(t, 1, "p1", "x", "r/a:1.0");
    event(t, CLUSTER_READY, 0);
    event(t, CLUSTER_READY, 1);
    CHECK_C(changes(t), "");
}

static void test_too_large(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    for (int i = 0; i < 100; i++) {
        char name[16], image[32];
        snprintf(name, sizeof name, "p%d", i);
        snprintf(image, sizeof image, "r/a:1.0.%d", i);
        give_pod(t, 0, name, "x", image);
    }
    event(t, CLUSTER_READY, 0);
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(2000);
    ov_str id;
    report r = {0};
    ov_err err = {0};
    CHECK(tracking_next_change(t, NULL, NULL, &id, &body));
    CHECK_OK(report_decode(ov_buf_str(&body), &r, &err), &err);
    CHECK_INT(r.count, 100);
    CHECK_INT(r.version_count, 0);
    CHECK_INT(r.reason, REPORT_SOME_FAILED);
    CHECK(memmem(r.message.ptr, r.message.len, "2000 bytes", 10) != NULL);
    report_clear(&r);
    CHECK(!tracking_next_change(t, NULL, NULL, &id, &body));
    tracking_touch(t);
    body.max = REPORT_BYTES_MAX;
    CHECK(tracking_next_change(t, NULL, NULL, &id, &body));
    CHECK(body.len > 2000);
}

static void test_body(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    ov_str id;
    CHECK(tracking_next_change(t, NULL, NULL, &id, &body));
    CHECK_STR(
        ov_buf_str(&body),
        OV_STR("{\"agentId\":\"agent\",\"agentTags\":{\"env\":\"test\"},\"version\":{\"id\":\"web\",\"namespace\":"
               "\"d\",\"count\":1,\"uniqVersions\":[\"1.0\"],\"versions\":[{\"runningVersion\":\"1.0\","
               "\"resourceCount\":1,\"resourceKind\":\"Pods\",\"extractedFrom\":\"r/a:1.0\"}]}}"));
}

static void give_release_tracker(tracking *t, const char *name, const char *version, const char *more)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"name\":\"%s\",\"resources\":{\"apiVersion\":"
             "\"helm.toolkit.fluxcd.io/%s\",\"kind\":\"HelmRelease\",\"selector\":{}%s},\"localVersion\":{\"strategy\":"
             "\"FieldSelection\",\"fieldSelector\":\".spec.chart.spec.version\"}}}",
             name, name, version, more);
    give(t, 0, CLUSTER_TRACKERS, name, json);
}

static void give_text(tracking *t, const char *kind, const char *ns, const char *name, const char *json)
{
    tracking_on_event(
        t, &(cluster_event){CLUSTER_OBJECT, 0, ov_str_of(kind), ov_str_of(ns), ov_str_of(name), NULL, ov_str_of(json)});
}

static void add_kind(void *arg, const tracker_kind *kind)
{
    ov_buf_printf(arg, "%.*s %.*s %.*s;", OV_STR_ARG(kind->all), OV_STR_ARG(kind->api_version), OV_STR_ARG(kind->kind));
}

#define RELEASE "helm.toolkit.fluxcd.io/HelmRelease"

static void test_any_kind(void)
{
    TRACKING;
    give_release_tracker(t, "all", "v2", "");
    give_release_tracker(t, "some", "v2beta1", ",\"namespaces\":[\"d\"]");
    CHECK_C(rereads(t), RELEASE ";");
    give_text(
        t, RELEASE, "d", "a",
        "{\"metadata\":{\"name\":\"a\",\"namespace\":\"d\"},\"spec\":{\"chart\":{\"spec\":{\"version\":\"1.2\"}}}}");
    give_text(t, RELEASE, "", "b",
              "{\"metadata\":{\"name\":\"b\"},\"spec\":{\"chart\":{\"spec\":{\"version\":\"1.3\"}}}}");
    give_text(t, "x.io/HelmRelease", "d", "c", "not even parsed");
    event(t, CLUSTER_READY, 0);
    CHECK_C(changes(t), "all:2::1.3=1,1.2=1,;some:1::1.2=1,;"); /* /b stands before d/a */
    take(t, RELEASE, "a");
    CHECK_C(changes(t), "all:1::1.3=1,;some:0:NothingMatched:;");
}

static void test_kinds(void)
{
    TRACKING;
    OV_CLEANUP(ov_buf_clear) ov_buf said = OV_BUF(1024);
    tracking_each_kind(t, add_kind, &said);
    CHECK_INT(said.len, 0);
    give_tracker(t, "web", "web", "x");
    give_tracker(t, "too", "too", "x");
    give(t, 0, CLUSTER_TRACKERS, "bad", "{\"metadata\":{\"name\":\"bad\"},\"spec\":{\"name\":\"bad\"}}");
    tracking_each_kind(t, add_kind, &said);
    CHECK_STR(ov_buf_str(&said), OV_STR("Pods v1 Pod;"));
    take(t, CLUSTER_TRACKERS, "web");
    take(t, CLUSTER_TRACKERS, "too");
    give_release_tracker(t, "chart", "v2", "");
    ov_buf_reset(&said);
    tracking_each_kind(t, add_kind, &said);
    CHECK_STR(ov_buf_str(&said), OV_STR(RELEASE " helm.toolkit.fluxcd.io/v2 HelmRelease;"));
}

static bool is_not(void *arg, ov_str kind)
{
    return !ov_str_eq(kind, ov_str_of(arg));
}

static void test_incomplete_kinds_wait(void)
{
    TRACKING;
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    ov_str id;
    char pods[] = "Pods";
    give_tracker(t, "web", "web", "x");
    give_tracker(t, "gone", "gone", "x");
    (void)changes(t);
    take(t, CLUSTER_TRACKERS, "gone");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    give(t, 0, CLUSTER_TRACKERS, "bad", "{\"metadata\":{\"name\":\"bad\"},\"spec\":{\"name\":\"bad\"}}");
    give_release_tracker(t, "chart", "v2", "");
    static const char *const told[] = {"gone", "bad", "chart"};
    for (size_t i = 0; i < OV_COUNT(told); i++) {
        check_case(told[i]);
        if (CHECK(tracking_next_change(t, is_not, pods, &id, &body))) CHECK_STR(id, ov_str_of(told[i]));
    }
    check_case(NULL);
    CHECK(!tracking_next_change(t, is_not, pods, &id, &body));
    CHECK_C(changes(t), "web:1::1.0=1,;");
}

static void add_failed(void *arg, const char *id, size_t failed)
{
    (void)id;
    *(size_t *)arg += failed;
}

static void test_failures_by_tracker(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    give_pod(t, 0, "p1", "x", "untagged");
    size_t failed = 0;
    tracking_each_failed(t, add_failed, &failed);
    CHECK_INT(failed, 1);
}

int main(void)
{
    ov_log_setup("test", OV_LOG_ERROR + 1, OV_LOG_LOGFMT);
    test_a_life();
    test_snapshot_sweeps();
    test_problems();
    test_duplicates();
    test_same_age_is_settled_by_name();
    test_rereads();
    test_renamed_after_it_was_told();
    test_overlapping_sections();
    test_moved_between_sections();
    test_too_large();
    test_body();
    test_failures_by_tracker();
    test_any_kind();
    test_kinds();
    test_incomplete_kinds_wait();
    return check_end();
}
