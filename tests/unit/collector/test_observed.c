/* The objects of one tracker: what changes them, what takes them away, how a report counts them. */
#include "services/collector/observed.h"

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

static bool set(observed *o, const char *key, unsigned section, unsigned round, const char *version)
{
    return observed_set(o, ov_str_of(key), section, round, ov_str_of(version), OV_STR("image"),
                        version ? NULL : "no tag");
}

static void test_change(void)
{
    OV_CLEANUP(observed_clear) observed o = {0};
    CHECK(set(&o, "ns/a", 0, 1, "1.0"));
    CHECK(!set(&o, "ns/a", 0, 2, "1.0"));
    CHECK(set(&o, "ns/a", 0, 2, "1.1"));
    CHECK(set(&o, "ns/a", 0, 2, NULL));
    CHECK_INT(o.failed, 1);
    CHECK(!set(&o, "ns/a", 0, 3, NULL));
    CHECK_INT(o.failed, 1);
    CHECK(set(&o, "ns/a", 0, 3, "1.1"));
    CHECK_INT(o.failed, 0);
    CHECK(observed_set(&o, OV_STR("ns/a"), 0, 3, OV_STR("1.1"), OV_STR("other image"), NULL));
}

static void test_remove(void)
{
    OV_CLEANUP(observed_clear) observed o = {0};
    set(&o, "ns/a", 0, 1, NULL);
    CHECK(!observed_remove(&o, OV_STR("ns/b")));
    CHECK(observed_remove(&o, OV_STR("ns/a")));
    CHECK(!observed_remove(&o, OV_STR("ns/a")));
    CHECK_INT(o.failed, 0);
    CHECK_INT(o.objects.count, 0);
}

static void test_sweep(void)
{
    OV_CLEANUP(observed_clear) observed o = {0};
    set(&o, "ns/old", 0, 1, "1");
    set(&o, "ns/new", 0, 2, "1");
    set(&o, "ns/other", 1, 1, NULL);
    CHECK(observed_sweep(&o, 0, 2));
    CHECK(!observed_sweep(&o, 0, 2));
    CHECK_INT(o.objects.count, 2);
    CHECK(!o.overlaps);
    set(&o, "ns/other", 0, 2, "1"); /* moved to another section: the old one's sweep leaves it */
    CHECK(o.overlaps);
    CHECK(!observed_sweep(&o, 1, 2));
}

static void test_summary(void)
{
    OV_CLEANUP(observed_clear) observed o = {0};
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    report r = {0};
    ov_err message = {0};
    set(&o, "b/1", 0, 1, "2.0");
    set(&o, "a/2", 0, 1, "1.0");
    set(&o, "a/1", 0, 1, "2.0");
    observed_summarize(&o, "Pods", &r, &versions, &message);
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
    OV_CLEANUP(observed_clear) observed o = {0};
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    report r = {0};
    ov_err message = {0};
    set(&o, "a/2", 0, 1, NULL);
    set(&o, "a/1", 0, 1, NULL);
    set(&o, "a/3", 0, 1, "1");
    observed_summarize(&o, "Pods", &r, &versions, &message);
    CHECK_INT(r.count, 3);
    CHECK_INT(r.version_count, 1);
    CHECK_INT(r.reason, REPORT_SOME_FAILED);
    CHECK_C(message.msg, "2 of 3 objects gave no version, for example a/1: no tag");
    CHECK_STR(r.message, ov_str_of(message.msg));
}

static void test_summary_of_nothing(void)
{
    OV_CLEANUP(observed_clear) observed o = {0};
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    report r = {0};
    ov_err message = {0};
    observed_summarize(&o, "Nodes", &r, &versions, &message);
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
    test_summary();
    test_summary_of_failures();
    test_summary_of_nothing();
    return check_end();
}
