/* The objects of one tracker: what changes them, what takes them away, how a report counts them. */
#include "services/collector/observed.h"

#include <stdio.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

typedef struct {
    observed o;
    texts t;
} world;

static void world_clear(world *w)
{
    observed_clear(&w->o, &w->t);
    CHECK_INT(w->t.kept, 0);
    texts_clear(&w->t);
}
#define WORLD OV_CLEANUP(world_clear) world w = {0}

static bool set_from(world *w, const char *key, unsigned section, unsigned round, const char *version, const char *from)
{
    uint32_t object = texts_add(&w->t, ov_str_of(key));
    bool changed = observed_set(&w->o, &w->t, object, section, round, ov_str_of(version), ov_str_of(from),
                                version ? NULL : "no tag");
    texts_drop(&w->t, object);
    return changed;
}

static bool set(world *w, const char *key, unsigned section, unsigned round, const char *version)
{
    return set_from(w, key, section, round, version, "image");
}

static bool remove_key(world *w, const char *key)
{
    uint32_t object = texts_find(&w->t, ov_str_of(key));
    return object && observed_remove(&w->o, &w->t, object);
}

static void test_change(void)
{
    WORLD;
    CHECK(set(&w, "ns/a", 0, 1, "1.0"));
    CHECK(!set(&w, "ns/a", 0, 2, "1.0"));
    CHECK(set(&w, "ns/a", 0, 2, "1.1"));
    CHECK(set(&w, "ns/a", 0, 2, NULL));
    CHECK_INT(w.o.failed, 1);
    CHECK(!set(&w, "ns/a", 0, 3, NULL));
    CHECK_INT(w.o.failed, 1);
    CHECK(set(&w, "ns/a", 0, 3, "1.1"));
    CHECK_INT(w.o.failed, 0);
    CHECK(set_from(&w, "ns/a", 0, 3, "1.1", "other image"));
}

static void test_remove(void)
{
    WORLD;
    set(&w, "ns/a", 0, 1, NULL);
    CHECK(!remove_key(&w, "ns/b"));
    CHECK(remove_key(&w, "ns/a"));
    CHECK(!remove_key(&w, "ns/a"));
    CHECK_INT(w.o.failed, 0);
    CHECK_INT(w.o.count, 0);
}

static void test_sweep(void)
{
    WORLD;
    set(&w, "ns/old", 0, 1, "1");
    set(&w, "ns/new", 0, 2, "1");
    set(&w, "ns/other", 1, 1, NULL);
    CHECK(observed_sweep(&w.o, &w.t, 0, 2));
    CHECK(!observed_sweep(&w.o, &w.t, 0, 2));
    CHECK_INT(w.o.count, 2);
    CHECK(!w.o.overlaps);
    set(&w, "ns/other", 0, 2, "1"); /* moved to another section: the old one's sweep leaves it */
    CHECK(w.o.overlaps);
    CHECK(!observed_sweep(&w.o, &w.t, 1, 2));
}

/* Many objects come and go in an order of their own: what stands is what was put and not removed. */
static void test_many(void)
{
    WORLD;
    enum { MANY = 2000 };
    char key[32];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "ns/%u", i);
        CHECK(set(&w, key, i % 3, 1, i % 2 ? "1" : NULL));
    }
    for (unsigned i = 0; i < MANY; i += 2) {
        snprintf(key, sizeof key, "ns/%u", i * 7 % MANY);
        CHECK(remove_key(&w, key));
    }
    CHECK_INT(w.o.count, MANY / 2);
    CHECK_INT(w.o.failed, 0);
    CHECK(observed_sweep(&w.o, &w.t, 1, 2));
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "ns/%u", i);
        CHECK_INT(remove_key(&w, key), i % 2 == 1 && i % 3 != 1);
    }
    CHECK_INT(w.o.count, 0);
    CHECK(w.o.cap <= 8);
}

static void test_summary(void)
{
    WORLD;
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    report r = {0};
    ov_err message = {0};
    set(&w, "b/1", 0, 1, "2.0");
    set(&w, "a/2", 0, 1, "1.0");
    set(&w, "a/1", 0, 1, "2.0");
    observed_summarize(&w.o, &w.t, OV_STR("Pods"), &r, &versions, &message);
    CHECK_INT(r.count, 3);
    CHECK_INT(r.reason, REPORT_FINE);
    if (!CHECK_INT(r.version_count, 2)) return;
    CHECK_STR(versions[0].running_version, OV_STR("2.0")); /* of a/1, the first by namespace and name */
    CHECK_INT(versions[0].resource_count, 2);
    CHECK_STR(versions[0].resource_kind, OV_STR("Pods"));
    CHECK_STR(versions[0].extracted_from, OV_STR("image"));
    CHECK_STR(versions[1].running_version, OV_STR("1.0"));
    CHECK_C(message.msg, "");
}

static void test_summary_of_failures(void)
{
    WORLD;
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    report r = {0};
    ov_err message = {0};
    set(&w, "a/2", 0, 1, NULL);
    set(&w, "a/1", 0, 1, NULL);
    set(&w, "a/3", 0, 1, "1");
    observed_summarize(&w.o, &w.t, OV_STR("Pods"), &r, &versions, &message);
    CHECK_INT(r.count, 3);
    CHECK_INT(r.version_count, 1);
    CHECK_INT(r.reason, REPORT_SOME_FAILED);
    CHECK_C(message.msg, "2 of 3 objects gave no version, for example a/1: no tag");
    CHECK_STR(r.message, ov_str_of(message.msg));
}

static void test_summary_of_nothing(void)
{
    WORLD;
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    report r = {0};
    ov_err message = {0};
    observed_summarize(&w.o, &w.t, OV_STR("Nodes"), &r, &versions, &message);
    CHECK_INT(r.count, 0);
    CHECK_INT(r.version_count, 0);
    CHECK_INT(r.reason, REPORT_NOTHING_MATCHED);
    CHECK_C(message.msg, "no Nodes match the selector and namespaces");
}

int main(void)
{
    test_change();
    test_remove();
    test_sweep();
    test_many();
    test_summary();
    test_summary_of_failures();
    test_summary_of_nothing();
    return check_end();
}
