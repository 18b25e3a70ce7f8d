/* What a large cluster costs in bytes: many pods under many trackers, and a day of changes. */
#include <malloc.h>
#include <stdio.h>

#include "base/log.h"
#include "services/collector/tracking.h"
#include "support/check.h"
#include "base/poison.h"

enum {
    PODS = 10000,
    APPS = 100,
    FEW_MAX = 1536 * 1024,      /* PODS under APPS trackers, each pod under one */
    MANY_MAX = 8 * 1024 * 1024, /* more, when each pod is under 10 of 1,000 */
    CHANGES = 100000,
    CHURN_MAX = 64 * 1024
};

/* A sanitizer's allocator counts nothing: all sizes are 0 there, and what is kept is checked all the same. */
static size_t heap(void)
{
    return mallinfo2().uordblks;
}

static void tracking_free_p(tracking **t)
{
    tracking_free(*t);
}

static void give(tracking *t, const char *kind, const char *ns, const char *name, const char *json)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    if (!CHECK_OK(ov_json_tree(ov_str_of(json), &tree, &err), &err)) return;
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_OBJECT,
                                          .kind = ov_str_of(kind),
                                          .ns = ov_str_of(ns),
                                          .name = ov_str_of(name),
                                          .object = tree});
}

static void give_trackers(tracking *t, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[32], json[640];
        snprintf(name, sizeof name, "tracker-%04u", i);
        snprintf(
            json, sizeof json,
            "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"opvic\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\"},"
            "\"spec\":{\"name\":\"%s\",\"resources\":{\"strategy\":\"Pods\",\"selector\":{\"matchLabels\":"
            "{\"app.kubernetes.io/name\":\"app-%u\"}}},\"localVersion\":{\"strategy\":\"ImageTag\"},"
            "\"remoteVersion\":{\"provider\":\"github\",\"strategy\":\"releases\",\"repo\":\"example/app-%u\"}}}",
            name, name, i % APPS, i);
        give(t, CLUSTER_TRACKERS, "opvic", name, json);
    }
}

static void name_pod(char out[64], unsigned i, unsigned generation)
{
    snprintf(out, 64, "app-%u-7d4b9c6f%02x-%05x", i % APPS, generation & 0xff, i);
}

static void give_pod(tracking *t, unsigned i, unsigned generation)
{
    char ns[32], name[64], json[512];
    snprintf(ns, sizeof ns, "team-%02u", i % APPS);
    name_pod(name, i, generation);
    snprintf(json, sizeof json,
             "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"labels\":{\"app.kubernetes.io/name\":\"app-%u\"}},"
             "\"spec\":{\"containers\":[{\"image\":\"registry.example.com/team/app-%u:1.%u.%u\"}]}}",
             name, ns, i % APPS, i % APPS, generation, i % 3);
    give(t, "Pods", ns, name, json);
}

static void take_pod(tracking *t, unsigned i, unsigned generation)
{
    char ns[32], name[64];
    snprintf(ns, sizeof ns, "team-%02u", i % APPS);
    name_pod(name, i, generation);
    tracking_on_event(
        t,
        &(cluster_event){.type = CLUSTER_GONE, .kind = OV_STR("Pods"), .ns = ov_str_of(ns), .name = ov_str_of(name)});
}

static tracking *fill(unsigned trackers)
{
    tracking *t = tracking_new(OV_STR("agent"), OV_STR("{}"));
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_SNAPSHOT});
    give_trackers(t, trackers);
    for (unsigned i = 0; i < PODS; i++) give_pod(t, i, 0);
    tracking_on_event(t, &(cluster_event){.type = CLUSTER_READY});
    return t;
}

static size_t objects_of(const tracking *t)
{
    tracking_counts counts;
    tracking_count(t, &counts);
    return counts.objects;
}

static size_t test_size(unsigned trackers, size_t max)
{
    size_t before = heap();
    OV_CLEANUP(tracking_free_p) tracking *t = fill(trackers);
    size_t used = heap() - before;
    CHECK_INT(objects_of(t), PODS * trackers / APPS);
    fprintf(stderr, "%d pods, %u trackers: %zu KiB\n", PODS, trackers, used / 1024);
    CHECK(used <= max);
    return used;
}

/* Every change takes a pod away and brings another one with another name and image. */
static void churn(tracking *t, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        take_pod(t, i % PODS, i / PODS);
        give_pod(t, i % PODS, i / PODS + 1);
    }
}

static void test_churn(void)
{
    OV_CLEANUP(tracking_free_p) tracking *t = fill(APPS);
    churn(t, 0, CHANGES / 10);
    size_t before = heap();
    churn(t, CHANGES / 10, CHANGES);
    size_t after = heap();
    CHECK_INT(objects_of(t), PODS);
    fprintf(stderr, "%d changes: %zu KiB before, %zu KiB after\n", CHANGES, before / 1024, after / 1024);
    CHECK(after <= before + CHURN_MAX);
}

static void test_unmatched(void)
{
    OV_CLEANUP(tracking_free_p) tracking *t = tracking_new(OV_STR("agent"), OV_STR("{}"));
    give_trackers(t, 1);
    size_t before = heap();
    for (unsigned i = 0; i < PODS; i++)
        if (i % APPS) give_pod(t, i, 0);
    CHECK_INT(heap(), before);
    CHECK_INT(objects_of(t), 0);
}

int main(void)
{
    ov_log_setup("test", OV_LOG_ERROR + 1, OV_LOG_LOGFMT);
    size_t few = test_size(APPS, FEW_MAX);
    test_size(10 * APPS, few + MANY_MAX);
    test_churn();
    test_unmatched();
    return check_end();
}
