/* From the events of a cluster to the reports that change by them. */
#include "services/collector/tracking.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "services/collector/status.h"
#include "support/check.h"
#include "base/poison.h"

static bool next_change(tracking *t, ov_str *ret_id, ov_buf *body)
{
    ov_mono ignored;
    return tracking_next_change(t, NULL, ret_id, body, &ignored);
}

static void event(tracking *t, cluster_event_type type, unsigned section)
{
    tracking_on_event(t, &(cluster_event){.type = type, .section = section});
}

static void give(tracking *t, unsigned section, const char *kind, const char *name, const char *json)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    CHECK_OK(ov_json_tree(ov_str_of(json), &tree, &err), &err);
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_OBJECT,
                                          .section = section,
                                          .kind = ov_str_of(kind),
                                          .ns = OV_STR("d"),
                                          .name = ov_str_of(name),
                                          .object = tree});
}

static void take(tracking *t, const char *kind, const char *name)
{
    tracking_on_event(
        t, &(cluster_event){.type = CLUSTER_GONE, .kind = ov_str_of(kind), .ns = OV_STR("d"), .name = ov_str_of(name)});
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
    while (next_change(t, &id, &body)) {
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
    CHECK(next_change(t, &id, &body));
    CHECK_OK(report_decode(ov_buf_str(&body), &r, &err), &err);
    CHECK_INT(r.count, 100);
    CHECK_INT(r.version_count, 0);
    CHECK_INT(r.reason, REPORT_SOME_FAILED);
    CHECK(memmem(r.message.ptr, r.message.len, "2000 bytes", 10) != NULL);
    report_clear(&r);
    CHECK(!next_change(t, &id, &body));
    tracking_touch(t);
    body.max = REPORT_BYTES_MAX;
    CHECK(next_change(t, &id, &body));
    CHECK(body.len > 2000);
}

static void test_body(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    give_pod(t, 0, "p1", "x", "r/a:1.0");
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    ov_str id;
    CHECK(next_change(t, &id, &body));
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
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_OBJECT,
                                          .kind = ov_str_of(kind),
                                          .ns = ov_str_of(ns),
                                          .name = ov_str_of(name),
                                          .json = ov_str_of(json)});
}

static void add_kind(void *arg, ov_str event_kind, const tracker_kind *kind)
{
    ov_buf_printf(arg, "%.*s %.*s %.*s;", OV_STR_ARG(event_kind), OV_STR_ARG(kind->api_version),
                  OV_STR_ARG(kind->kind));
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

static void section_event(tracking *t, cluster_event_type type, const char *kind)
{
    tracking_on_event(t, &(cluster_event){.type = type, .section = 5, .kind = ov_str_of(kind)});
}

static void trackers_are_read(tracking *t)
{
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_READY, .kind = OV_STR(CLUSTER_TRACKERS)});
}

/* The ids whose report is due now, with the time until the next one. */
static const char *due(tracking *t, int64_t now_ms, int64_t *ret_wait_ms)
{
    static char out[512];
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    tracking_pace pace = {.now = {now_ms}, .gather_ms = 200, .by_kind = true};
    size_t len = 0;
    ov_str id;
    ov_mono next;
    out[0] = '\0';
    while (tracking_next_change(t, &pace, &id, &body, &next))
        len += (size_t)snprintf(out + len, sizeof out - len, "%.*s;", OV_STR_ARG(id));
    *ret_wait_ms = next.ms == INT64_MAX ? -1 : next.ms - now_ms;
    return out;
}

static void test_unread_kinds_wait(void)
{
    TRACKING;
    int64_t wait;
    give_tracker(t, "web", "web", "x");
    give_tracker(t, "gone", "gone", "x");
    CHECK_C(due(t, 1000, &wait), "");
    CHECK_INT(wait, -1);
    take(t, CLUSTER_TRACKERS, "gone");
    give(t, 0, CLUSTER_TRACKERS, "bad", "{\"metadata\":{\"name\":\"bad\"},\"spec\":{\"name\":\"bad\"}}");
    CHECK_C(due(t, 1000, &wait), "gone;"); /* it may be a duplicate */
    trackers_are_read(t);
    CHECK_C(due(t, 1000, &wait), "bad;");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    give_pod(t, 5, "p1", "x", "r/a:1.0");
    give_tracker(t, "late", "late", "x"); /* the reading had begun */
    CHECK_C(due(t, 1000, &wait), "");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(due(t, 1000, &wait), "web;");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    give_pod(t, 5, "p1", "x", "r/a:1.0");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(due(t, 1000, &wait), "late;");
    check_case("while a kind is read again, old objects stand beside new ones, and nothing is said");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    give_pod(t, 5, "p2", "x", "r/a:2.0");
    CHECK_C(due(t, 5000, &wait), "");
    section_event(t, CLUSTER_SNAPSHOT, "Pods"); /* the first one broke off */
    give_pod(t, 5, "p2", "x", "r/a:2.0");
    CHECK_C(due(t, 9000, &wait), "");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(due(t, 9000, &wait), "");
    CHECK_INT(wait, 200);
    CHECK_C(due(t, 9200, &wait), "web;late;");
    check_case(NULL);
}

static void test_gathering(void)
{
    TRACKING;
    int64_t wait, now_ms = 100000;
    give_tracker(t, "web", "web", "x");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(due(t, now_ms, &wait), "web;");
    check_case("the first change of a calm tracker waits for others, and no longer");
    now_ms += 10000;
    give_pod(t, 5, "p1", "x", "r/a:1.0");
    CHECK_C(due(t, now_ms, &wait), "");
    CHECK_INT(wait, 200);
    give_pod(t, 5, "p2", "x", "r/a:1.0");
    CHECK_C(due(t, now_ms + 199, &wait), "");
    CHECK_INT(wait, 1);
    CHECK_C(due(t, now_ms + 200, &wait), "web;");
    check_case("changes that do not end are told less and less often");
    int reports = 0;
    int64_t last_ms = 0, longest_ms = 0;
    for (int i = 0; i < 6000; i++, now_ms += 10) {
        char name[16];
        snprintf(name, sizeof name, "q%d", i);
        give_pod(t, 5, name, "x", "r/a:1.0");
        if (!due(t, now_ms, &wait)[0]) continue;
        if (last_ms && now_ms - last_ms > longest_ms) longest_ms = now_ms - last_ms;
        last_ms = now_ms;
        reports++;
    }
    CHECK(reports >= 5 && reports <= 15);
    CHECK(longest_ms <= 10000 + 10);
    check_case("and at once again when it was calm");
    now_ms += 60000;
    (void)due(t, now_ms, &wait);
    now_ms += 60000;
    give_pod(t, 5, "p1", "x", "r/a:2.0");
    CHECK_C(due(t, now_ms, &wait), "");
    CHECK_INT(wait, 200);
    check_case(NULL);
}

static void test_unreadable_kinds_say_so(void)
{
    TRACKING;
    give_tracker(t, "web", "web", "x");
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_PROBLEM,
                                          .section = 5,
                                          .kind = OV_STR("Pods"),
                                          .problem = CLUSTER_FORBIDDEN,
                                          .text = OV_STR("pods is forbidden")});
    int64_t wait;
    CHECK_C(due(t, 1000, &wait), "web;");
    give_tracker(t, "more", "more", "x");
    CHECK_C(changes(t), "more:0:Forbidden:;");
    tracking_on_event(
        t, &(cluster_event){.type = CLUSTER_PROBLEM, .section = 5, .kind = OV_STR("Pods"), .problem = CLUSTER_FINE});
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    give_pod(t, 5, "p1", "x", "r/a:1.0");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK(strstr(changes(t), "web:1::1.0=1,;"));
}

/* A live cluster reads a kind in each version that a tracker names. */
static void test_versions_apart(void)
{
    OV_CLEANUP(tracking_free_p) tracking *t = tracking_new(OV_STR("agent"), OV_STR("{}"));
    int64_t wait;
    tracking_read_versions_apart(t);
    give_release_tracker(t, "new", "v2", "");
    give_release_tracker(t, "old", "v1", "");
    give_tracker(t, "web", "web", "x");
    (void)rereads(t);
    CHECK_C(rereads(t), "");
    section_event(t, CLUSTER_SNAPSHOT, "helm.toolkit.fluxcd.io/v2/HelmRelease");
    give_text(t, "helm.toolkit.fluxcd.io/v2/HelmRelease", "d", "a",
              "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"chart\":{\"spec\":{\"version\":\"1.2\"}}}}");
    section_event(t, CLUSTER_READY, "helm.toolkit.fluxcd.io/v2/HelmRelease");
    CHECK_C(due(t, 1000, &wait), "new;");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(due(t, 1000, &wait), "web;");
    take(t, CLUSTER_TRACKERS, "new");
    give_release_tracker(t, "new", "v1", "");
    CHECK_C(rereads(t), "helm.toolkit.fluxcd.io/v1/HelmRelease;");
}

static void problem_event(tracking *t, const char *kind, cluster_problem problem)
{
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_PROBLEM,
                                          .section = 5,
                                          .kind = ov_str_of(kind),
                                          .problem = problem,
                                          .text = OV_STR("no such kind")});
}

static void test_kinds_that_appear(void)
{
    TRACKING;
    int64_t wait;
    give_tracker(t, "web", "web", "x");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    section_event(t, CLUSTER_READY, "Pods");
    problem_event(t, "Pods", CLUSTER_UNKNOWN_KIND);
    CHECK_C(due(t, 1000, &wait), "web;");
    problem_event(t, "Pods", CLUSTER_FINE);
    CHECK_C(due(t, 9000, &wait), ""); /* nothing is known before it was read */
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    give_pod(t, 5, "p1", "x", "r/a:1.0");
    CHECK_C(due(t, 9000, &wait), "");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(changes(t), "web:1::1.0=1,;");
}

/* Takes the next status; its hash in *ret_hash, the reason that it gives returned; "" when there is none. */
static const char *status(tracking *t, uint64_t *ret_hash)
{
    static char reason[64];
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(STATUS_BYTES_MAX);
    OV_CLEANUP(ov_json_tree_p) cJSON *patch = NULL;
    ov_str key;
    ov_err err = {0};
    reason[0] = '\0';
    if (!tracking_next_status(t, (ov_wall){1767323045678}, &key, &body, ret_hash)) return reason;
    CHECK_OK(ov_json_tree(ov_buf_str(&body), &patch, &err), &err);
    const cJSON *conditions = ov_json_member(ov_json_member(patch, "status"), "conditions");
    const cJSON *ready = cJSON_GetArrayItem(conditions, 0);
    snprintf(reason, sizeof reason, "%.*s", OV_STR_ARG(ov_json_member_str(ready, "reason")));
    return reason;
}

static void test_statuses(void)
{
    TRACKING;
    uint64_t hash = 0, before;
    int64_t wait;
    check_case("nothing is said before the kind was read");
    trackers_are_read(t);
    give_tracker(t, "web", "web", "x");
    CHECK_C(status(t, &hash), "");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    give_pod(t, 5, "p1", "x", "r/a:1.0");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(status(t, &hash), ""); /* the report comes first */
    CHECK_C(due(t, 1000, &wait), "web;");
    CHECK_C(status(t, &hash), "Extracted");
    check_case("one at a time, again after a failure, not again when it was written or refused");
    CHECK_C(status(t, &before), "");
    tracking_status_done(t, OV_STR("d/web"), hash, TRACKING_STATUS_RETRY);
    CHECK_C(status(t, &before), "Extracted");
    CHECK(before == hash);
    tracking_status_done(t, OV_STR("d/web"), hash, TRACKING_STATUS_WRITTEN);
    tracking_touch(t);
    CHECK_C(due(t, 100000, &wait), "");
    CHECK_C(due(t, 100200, &wait), "web;");
    CHECK_C(status(t, &before), "");
    check_case("a change is written");
    give_pod(t, 5, "p2", "x", "untagged");
    (void)due(t, 200000, &wait);
    CHECK_C(due(t, 200200, &wait), "web;");
    CHECK_C(status(t, &before), "SomeFailed");
    CHECK(before != hash);
    tracking_status_done(t, OV_STR("d/web"), before, TRACKING_STATUS_REFUSED);
    check_case("a duplicate says so");
    give_tracker_at(t, 0, "younger", "web", "x", "2030-01-01T00:00:00Z");
    (void)due(t, 300000, &wait);
    CHECK_C(status(t, &hash), "DuplicateName");
    tracking_status_done(t, OV_STR("d/nobody"), hash, TRACKING_STATUS_WRITTEN);
    check_case(NULL);
}

/* Writes what there is to write; how many. */
static int write_statuses(tracking *t, tracking_status_outcome of_a, tracking_status_outcome of_others)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(STATUS_BYTES_MAX);
    ov_str key;
    uint64_t hash;
    int count = 0;
    for (; tracking_next_status(t, (ov_wall){0}, &key, &body, &hash); count++)
        tracking_status_done(t, key, hash, ov_str_eq(key, OV_STR("d/a")) ? of_a : of_others);
    return count;
}

static void test_outdated_definitions(void)
{
    TRACKING;
    int64_t wait;
    give_tracker(t, "a", "a", "x");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(due(t, 1000, &wait), "a;");
    check_case("what was pruned or refused is not tried again");
    CHECK_INT(write_statuses(t, TRACKING_STATUS_PRUNED, TRACKING_STATUS_WRITTEN), 1);
    CHECK_INT(tracking_count_outdated(t), 1);
    give_tracker(t, "b", "b", "x");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(due(t, 1000, &wait), "b;");
    CHECK_INT(write_statuses(t, TRACKING_STATUS_PRUNED, TRACKING_STATUS_REFUSED), 1);
    CHECK_INT(tracking_count_outdated(t), 2);
    check_case("once one is kept whole, what was pruned is written again");
    give_pod(t, 5, "p1", "x", "r/a:1.0");
    (void)due(t, 10000, &wait);
    CHECK_C(due(t, 10200, &wait), "a;b;");
    CHECK_INT(write_statuses(t, TRACKING_STATUS_PRUNED, TRACKING_STATUS_REFUSED), 2);
    give_tracker(t, "c", "c", "y");
    section_event(t, CLUSTER_SNAPSHOT, "Pods");
    give_pod(t, 5, "p1", "x", "r/a:1.0");
    section_event(t, CLUSTER_READY, "Pods");
    CHECK_C(due(t, 11000, &wait), "c;");
    CHECK_INT(write_statuses(t, TRACKING_STATUS_WRITTEN, TRACKING_STATUS_WRITTEN), 2);
    CHECK_INT(tracking_count_outdated(t), 1);
    check_case("who is gone is not outdated");
    take(t, CLUSTER_TRACKERS, "b");
    CHECK_INT(tracking_count_outdated(t), 0);
    check_case(NULL);
}

static void test_a_status_under_way(void)
{
    TRACKING;
    uint64_t hash, again;
    int64_t wait;
    trackers_are_read(t);
    give(t, 0, CLUSTER_TRACKERS, "bad", "{\"metadata\":{\"name\":\"bad\"},\"spec\":{\"name\":\"bad\"}}");
    CHECK_C(due(t, 1000, &wait), "bad;");
    CHECK_C(status(t, &hash), "InvalidSpec");
    check_case("a changed spec waits for it");
    give(t, 0, CLUSTER_TRACKERS, "bad",
         "{\"metadata\":{\"name\":\"bad\",\"generation\":2},\"spec\":{\"name\":\"worse\"}}");
    CHECK_C(due(t, 1000, &wait), "bad;worse;");
    CHECK_C(status(t, &again), "");
    tracking_status_done(t, OV_STR("d/bad"), hash, TRACKING_STATUS_WRITTEN);
    CHECK_C(status(t, &again), "InvalidSpec");
    CHECK(again != hash);
    check_case("another object of its name does not");
    take(t, CLUSTER_TRACKERS, "bad");
    give(t, 0, CLUSTER_TRACKERS, "bad",
         "{\"metadata\":{\"name\":\"bad\",\"generation\":2},\"spec\":{\"name\":\"worse\"}}");
    (void)due(t, 1000, &wait);
    tracking_status_done(t, OV_STR("d/bad"), again, TRACKING_STATUS_GONE);
    CHECK_C(status(t, &hash), "InvalidSpec");
    CHECK(again == hash);
    check_case(NULL);
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
    test_unread_kinds_wait();
    test_gathering();
    test_unreadable_kinds_say_so();
    test_versions_apart();
    test_kinds_that_appear();
    test_statuses();
    test_outdated_definitions();
    test_a_status_under_way();
    return check_end();
}
